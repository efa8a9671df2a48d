// The change of cluster.toml that lets a new machine in, worked out and checked before anything is written.
//
// Thread safety: plain functions. Pure. Source: docs/pairing.md, "The edit of cluster.toml".
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "replicator/config.h"
#include "tools/hareplicate/pair_codec.h"

namespace ha::tool {

struct AdmissionCase {
  replicator::ConfigTexts texts;      // of the inviter, as they are now
  std::string site;                   // its name
  std::string address;                // what `invite --address` says; may be empty
  std::vector<std::string> services;  // of `invite --eligible`
  std::string key;                    // of its connection
  std::string seen_from;              // its numeric address, as seen by the inviter
  std::string comment;                // for the block in cluster.toml
};

struct Admission {
  std::string cluster_text;  // to be written, and to be sent
  bool was_member = false;   // cluster_text is what was there
  std::vector<std::string> addresses;
  std::string warning;  // for the operator; may be empty
};

// Refused: the name or the key is taken. Invalid: what would come out is no good configuration.
[[nodiscard]] Result<Admission> plan_admission(const AdmissionCase& about, const PairRequest& request);

}  // namespace ha::tool
