#include "tools/hareplicate/key_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "common/sys/secret.h"

namespace ha::tool {

Result<wire::PublicKey> make_key_file(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  if (!folder.empty() && ::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return errno_error("cannot make the directory " + escape(folder), errno)
        .hinted("mkdir -p " + escape(std::filesystem::path(folder).parent_path().string()));
  }
  HA_TRY(const wire::KeyPair pair, wire::KeyPair::generate());
  std::string text = pair.secret_key.z85();
  auto secret = sys::Secret::copy_of(text);
  text.assign(text.size(), '\0');
  HA_TRY(const sys::Secret kept, std::move(secret));
  auto written = sys::write_secret(path, kept);
  if (!written.ok() && written.error().code() == Code::Exists) {
    return std::move(written).error().hinted("a key is never overwritten; see it: hareplicate keys show " +
                                             path);
  }
  HA_CHECK(std::move(written));
  return pair.public_key;
}

Result<wire::KeyPair> key_pair_of(const std::string& path) {
  auto secret = sys::load_secret(path);
  if (!secret.ok() && secret.error().code() == Code::NotFound) {
    return std::move(secret).error().hinted("hareplicate keys new " + path);
  }
  HA_TRY(const sys::Secret text, std::move(secret));
  BytesView key = text.bytes();
  while (!key.empty() && (key.back() == '\n' || key.back() == ' ')) {
    key.remove_suffix(1);
  }
  auto pair = wire::KeyPair::from_secret(key);
  if (!pair.ok()) {
    return std::move(pair).error().in(path).hinted(
        "the file must hold a secret key as made by: hareplicate keys new FILE");
  }
  return pair;
}

Result<wire::PublicKey> public_key_of(const std::string& path) {
  HA_TRY(const wire::KeyPair pair, key_pair_of(path));
  return pair.public_key;
}

}  // namespace ha::tool
