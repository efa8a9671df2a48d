// This site's key pair, as its configuration says.
//
// Errors: Invalid when the key file is not the one that cluster.toml has. Thread safety: a plain function.
#pragma once

#include "common/base/result.h"
#include "common/wire/curve.h"
#include "replicator/config.h"

namespace ha::replicator {

[[nodiscard]] Result<wire::KeyPair> load_keys(const Config& config);

}  // namespace ha::replicator
