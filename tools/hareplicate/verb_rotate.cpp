// hareplicate keys rotate
#include <algorithm>
#include <filesystem>

#include "common/base/bytes.h"
#include "common/sys/file.h"
#include "replicator/config_digest.h"
#include "schemas/control.pb.h"
#include "tools/hareplicate/context.h"
#include "tools/hareplicate/daemon.h"
#include "tools/hareplicate/key_file.h"
#include "tools/hareplicate/key_rotation.h"
#include "tools/hareplicate/pair_files.h"
#include "tools/hareplicate/site_edit.h"

namespace ha::tool {
namespace {

namespace pb = ha::schemas::control;

constexpr std::string_view kAgain = "      hareplicate keys rotate\n";
constexpr std::string_view kDistribute =
    "next: hareplicate config push            (cluster.toml to every site; or copy it to each, and there:\n"
    "                                         systemctl reload replicator)\n"
    "      hareplicate config confirm\n";

struct Place {
  const Context& context;
  const replicator::Config& config;
  std::string file;
  std::string next_file;
  KeyFacts facts;
};

Result<Place> look(const Context& context, const replicator::Config& config) {
  Place out{
      context, config, config.secret_key_file().string(), config.secret_key_file().string() + ".next", {}};
  HA_TRY(const wire::PublicKey key, public_key_of(out.file));
  const replicator::SiteConfig& self = config.self();
  out.facts = {self.name, self.key, self.next_key, key.z85(), std::nullopt};
  auto next = public_key_of(out.next_file);
  if (next.ok()) {
    out.facts.announced_file = next->z85();
  } else if (next.error().code() != Code::NotFound) {
    return std::move(next).error();
  }
  return out;
}

// cluster.toml with these keys of this site; the file stays as it was unless the result says exactly that.
Status write_keys(const Place& place, const std::string& key, const std::string& next_key) {
  HA_TRY(replicator::ConfigTexts texts, read_config_texts(place.context.globals.config));
  HA_TRY(texts.cluster,
         change_site_keys(texts.cluster_file.string(), texts.cluster, place.facts.site, key, next_key));
  ConfigProblems problems;
  const auto after = replicator::Config::parse(texts, problems);
  if (!after.ok() || after->self().key != key || after->self().next_key != next_key ||
      after->sites().size() != place.config.sites().size()) {
    return Error(Code::Invalid, "cluster.toml is written in a way that cannot be changed here",
                 "by hand, in [[site]] " + place.facts.site + ": key = \"" + key + "\"" +
                     (next_key.empty() ? ", and no next_key" : ", next_key = \"" + next_key + "\""));
  }
  return replace_config(texts.cluster_file, texts.cluster);
}

Result<sys::Directory> key_directory(const Place& place) {
  return sys::Directory::open_root(std::filesystem::path(place.file).parent_path().string());
}

std::string name_of(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

Status remove_next_file(const Place& place) {
  HA_TRY(const sys::Directory directory, key_directory(place));
  HA_CHECK(directory.unlink(name_of(place.next_file)));
  return directory.sync();
}

Outcome announce(const Place& place) {
  std::string next = place.facts.announced_file.value_or("");
  if (next.empty()) {
    HA_TRY(const wire::PublicKey made, make_key_file(place.next_file));
    next = made.z85();
  }
  HA_CHECK(write_keys(place, place.facts.key, next));
  print("step 1 of 3: the next key of site " + place.facts.site + " is announced: " + next + "\n");
  talk(place.context, std::string(kDistribute) + std::string(kAgain));
  return ExitCode::Good;
}

Result<pb::Status> ask_replicator(const Context& context) {
  HA_TRY(Daemon daemon, Daemon::open(context));
  pb::Status status;
  HA_CHECK(daemon.ask(new_request("status"), [&](const pb::Reply& reply) {
    status = reply.status();
    return true;
  }));
  return status;
}

// Asked of the replicator, and what that does not know, of the operator.
Result<bool> may_switch(const Place& place) {
  if (place.context.has("force-cut-off") || place.config.sites().size() < 2) {
    return true;
  }
  const auto status = ask_replicator(place.context);
  if (!status.ok()) {
    return confirm(place.context,
                   "The replicator here does not answer, so it cannot be seen whether every site has the "
                   "cluster.toml with the next key. A site that has not is cut off.");
  }
  std::vector<LinkFact> links;
  for (const pb::Link& link : status->links()) {
    links.push_back({link.peer(), link.state() == "up", link.config_equal()});
  }
  HA_CHECK(check_switch(replicator::config_digest(place.config), status->config_digest(), links));
  for (const replicator::SiteConfig& site : place.config.sites()) {
    const bool linked =
        std::any_of(links.begin(), links.end(), [&](const LinkFact& link) { return link.peer == site.name; });
    if (!linked && site.name != place.facts.site) {
      return confirm(place.context,
                     "This site has no link with " + site.name +
                         ", so it cannot be seen whether it has the cluster.toml with the next "
                         "key. If it has not, it is cut off.");
    }
  }
  return true;
}

// A replicator that does not run cannot run with the old key.
Status may_finish(const Place& place) {
  const auto status = ask_replicator(place.context);
  if (!status.ok() || place.context.has("force-cut-off")) {
    return ok();
  }
  HA_TRY(const sys::Directory directory, key_directory(place));
  HA_TRY(const sys::Stat file, directory.stat(name_of(place.file)));
  return check_finish(status->started_ns(), file.ctime.seconds * 1'000'000'000 + file.ctime.nanoseconds);
}

Outcome switch_over(const Place& place) {
  HA_TRY(const bool go_on, may_switch(place));
  if (!go_on) {
    talk(place.context, "Nothing was changed.\n");
    return ExitCode::NotGood;
  }
  HA_TRY(const sys::Directory directory, key_directory(place));
  HA_CHECK(
      directory.rename(name_of(place.file), directory, name_of(place.next_file), sys::RenameMode::Exchange));
  HA_CHECK(directory.sync());
  print("step 2 of 3: " + escape(place.file) + " has the next key\n");
  talk(place.context,
       "next: systemctl restart replicator       (on this site; the others find the new key by themselves)\n"
       "      hareplicate status                 (when all links are up again:)\n" +
           std::string(kAgain));
  return ExitCode::Good;
}

Outcome finish(const Place& place) {
  HA_CHECK(may_finish(place));
  for (const FinishPart part : finish_parts(place.facts)) {
    HA_CHECK(part == FinishPart::DropNextFile ? remove_next_file(place)
                                              : write_keys(place, place.facts.next_key, ""));
  }
  print("step 3 of 3: site " + place.facts.site + " has a new key, and the old one is gone from here\n");
  talk(place.context, std::string(kDistribute));
  return ExitCode::Good;
}

Outcome cancel(const Place& place) {
  HA_CHECK(check_no_trial(place.config));
  HA_CHECK(check_rotation_cancel(place.facts));
  if (!place.facts.next_key.empty()) {
    HA_CHECK(write_keys(place, place.facts.key, ""));
  }
  if (place.facts.announced_file) {
    HA_CHECK(remove_next_file(place));
  }
  print("the change of key was taken back\n");
  if (!place.facts.next_key.empty()) {
    talk(place.context, std::string(kDistribute));
  }
  return ExitCode::Good;
}

}  // namespace

Outcome run_keys_rotate(const Context& context) {
  HA_TRY(const replicator::Config config, load_config(context));
  HA_TRY(const Place place, look(context, config));
  if (context.has("cancel")) {
    return cancel(place);
  }
  HA_TRY(const RotationStep step, next_rotation_step(place.facts));
  if (context.has("dry-run")) {
    constexpr const char* kWords[] = {"1 of 3: would make a next key and announce it in cluster.toml",
                                      "2 of 3: would exchange the key files",
                                      "3 of 3: would make the next key the only one, and remove the old one"};
    print(std::string("step ") + kWords[static_cast<std::size_t>(step)] + "\n");
    return ExitCode::Good;
  }
  HA_CHECK(check_no_trial(config));
  HA_CHECK(check_writable(context.globals.config));
  switch (step) {
    case RotationStep::Announce:
      return announce(place);
    case RotationStep::Switch:
      return switch_over(place);
    case RotationStep::Finish:
      return finish(place);
  }
  return Error(Code::Internal, "no such step");
}

}  // namespace ha::tool
