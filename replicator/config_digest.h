// What two sites compare to know that they have loaded the same cluster.toml.
//
// Thread safety: a plain function.
#pragma once

#include <string>

#include "common/base/bytes.h"
#include "replicator/config.h"

namespace ha::replicator {

// Hexadecimal; equal exactly when the files mean the same, but for one case in 2^128.
[[nodiscard]] std::string config_digest(const Config& config);
[[nodiscard]] Digest config_digest_of(const Config& config);

// The same for one set, of what cluster.toml says of it.
[[nodiscard]] Digest definition_digest(const SetConfig& set);

}  // namespace ha::replicator
