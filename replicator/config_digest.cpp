#include "replicator/config_digest.h"

#include "common/base/bytes.h"
#include "common/sys/digest.h"

namespace ha::replicator {

namespace {

// Not a secret: a fixed key, so that all sites agree.
Digest digest_of(const std::string& text) {
  const auto key = sys::DigestKey::from_bytes(Bytes(32, '\0'));
  return key.ok() ? sys::digest(*key, text) : Digest();
}

}  // namespace

std::string config_digest(const Config& config) {
  return hex(config_digest_of(config));
}

Digest config_digest_of(const Config& config) {
  return digest_of(config.canonical());
}

Digest definition_digest(const SetConfig& set) {
  return digest_of(set.definition);
}

}  // namespace ha::replicator
