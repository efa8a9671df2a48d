// A site's CURVE key file: made once, 0600, never overwritten. Thread safety: plain functions.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/wire/curve.h"

namespace ha::tool {

// Exists if there is one already. Makes the file's directory (0700) if only that is missing.
[[nodiscard]] Result<wire::PublicKey> make_key_file(const std::string& path);
// Refused when others may read it; NotFound with the command that makes it.
[[nodiscard]] Result<wire::KeyPair> key_pair_of(const std::string& path);
[[nodiscard]] Result<wire::PublicKey> public_key_of(const std::string& path);

}  // namespace ha::tool
