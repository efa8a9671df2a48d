#include "tools/hareplicate/key_rotation.h"

#include "common/base/bytes.h"

namespace ha::tool {

Result<RotationStep> next_rotation_step(const KeyFacts& facts) {
  if (facts.file != facts.key && (facts.next_key.empty() || facts.file != facts.next_key)) {
    return Error(Code::Invalid, "cluster.toml has another key for site " + facts.site + " than its key file",
                 "hareplicate keys show");
  }
  if (facts.next_key.empty()) {
    return RotationStep::Announce;
  }
  if (facts.file == facts.next_key) {
    return RotationStep::Finish;
  }
  if (facts.announced_file != facts.next_key) {
    return Error(
        Code::Refused,
        "cluster.toml announces a next key whose secret is not in the .next file beside the key file",
        "begin anew: hareplicate keys rotate --cancel");
  }
  return RotationStep::Switch;
}

std::vector<FinishPart> finish_parts(const KeyFacts& facts) {
  if (!facts.announced_file) {
    return {FinishPart::WriteKeys};
  }
  return {FinishPart::DropNextFile, FinishPart::WriteKeys};
}

Status check_rotation_cancel(const KeyFacts& facts) {
  if (facts.next_key.empty() && !facts.announced_file) {
    return Error(Code::NotFound, "no change of key has been begun", "begin one: hareplicate keys rotate");
  }
  if (facts.file != facts.key) {
    return Error(Code::Refused, "the next key is in use already",
                 "go on: hareplicate keys rotate; then change it once more");
  }
  return ok();
}

Status check_switch(const std::string& own_digest, const std::string& running_digest,
                    const std::vector<LinkFact>& links) {
  if (own_digest != running_digest) {
    return Error(Code::Refused, "the replicator of this site does not run with the present cluster.toml",
                 "systemctl reload replicator; then again");
  }
  for (const LinkFact& link : links) {
    if (!link.up || !link.config_equal) {
      return Error(
          Code::Refused,
          "site " + escape(link.peer) +
              (link.up ? " has another cluster.toml: it may not know the next key yet"
                       : " cannot be reached: whether it knows the next key cannot be seen"),
          link.up
              ? "hareplicate config push; then again"
              : "wait until it is back; when it is gone for good: hareplicate keys rotate --force-cut-off");
    }
  }
  return ok();
}

Status check_finish(std::int64_t replicator_started_ns, std::int64_t switched_ns) {
  if (replicator_started_ns > switched_ns) {
    return ok();
  }
  return Error(
      Code::Refused,
      "the replicator of this site has not been restarted since the key was switched: it has the old one",
      "systemctl restart replicator; then again");
}

}  // namespace ha::tool
