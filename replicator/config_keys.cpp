#include "replicator/config_keys.h"

#include "common/sys/secret.h"

namespace ha::replicator {

Result<wire::KeyPair> load_keys(const Config& config) {
  auto secret = sys::load_secret(config.secret_key_file().string());
  if (!secret.ok() && secret.error().code() == Code::NotFound) {
    return std::move(secret).error().hinted("hareplicate keys new " + config.secret_key_file().string());
  }
  HA_TRY(const sys::Secret text, std::move(secret));
  BytesView key = text.bytes();
  while (!key.empty() && (key.back() == '\n' || key.back() == ' ')) {
    key.remove_suffix(1);
  }
  auto pair = wire::KeyPair::from_secret(key);
  if (!pair.ok()) {
    return std::move(pair).error().in(config.secret_key_file().string());
  }
  if (!config.self().has_key(pair->public_key.z85())) {
    return Error(
        Code::Invalid,
        "the key in " + config.secret_key_file().string() +
            " is not the one that cluster.toml has for site \"" + config.self().name + "\"",
        "set key = \"" + pair->public_key.z85() + "\" for it on every site, or restore the right key file");
  }
  return pair;
}

}  // namespace ha::replicator
