#include "replicator/config_digest.h"

#include "common/base/bytes.h"
#include "common/sys/digest.h"

namespace ha::replicator {

std::string config_digest(const Config& config) {
  // Not a secret: a fixed key, so that all sites agree.
  const auto key = sys::DigestKey::from_bytes(Bytes(32, '\0'));
  return key.ok() ? hex(sys::digest(*key, config.canonical())) : std::string();
}

}  // namespace ha::replicator
