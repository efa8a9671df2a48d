// Which step of a change of key comes next: from the key files and cluster.toml, nothing else is remembered.
//
// Thread safety: plain functions. Pure. Source: docs/keys.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace ha::tool {

struct KeyFacts {
  std::string site;
  std::string key;                            // in cluster.toml; Z85, as all here
  std::string next_key;                       // in cluster.toml; empty: none
  std::string file;                           // public key of the key file
  std::optional<std::string> announced_file;  // of FILE.next; nothing: it is not there
};

enum class RotationStep {
  Announce,  // make FILE.next unless it is there, put it into cluster.toml as next_key
  Switch,    // exchange the two files
  Finish,    // next_key becomes key; FILE.next, the old key, goes
};
// Invalid or Refused when the facts do not fit together, with what to do.
[[nodiscard]] Result<RotationStep> next_rotation_step(const KeyFacts& facts);
// What Finish does, in this order. After a kill in between it is Finish again: were cluster.toml written
// first, the old key in FILE.next would look like one that is to be announced.
enum class FinishPart { DropNextFile, WriteKeys };
[[nodiscard]] std::vector<FinishPart> finish_parts(const KeyFacts& facts);
// Whether an announced key can be taken back: Refused when it is in use, NotFound when there is none.
[[nodiscard]] Status check_rotation_cancel(const KeyFacts& facts);

// A link as the replicator of this site reports it.
struct LinkFact {
  std::string peer;
  bool up = false;
  bool config_equal = false;
};
// Refused when a switch would cut a site off: `own_digest` of the file, `running_digest` of the replicator.
[[nodiscard]] Status check_switch(const std::string& own_digest, const std::string& running_digest,
                                  const std::vector<LinkFact>& links);

// Refused when the replicator has been running since before the switch: it has the old key, and once the
// others have forgotten that, they lose it. Both in nanoseconds since 1970.
[[nodiscard]] Status check_finish(std::int64_t replicator_started_ns, std::int64_t switched_ns);

}  // namespace ha::tool
