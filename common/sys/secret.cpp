#include "common/sys/secret.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "common/sys/file.h"

namespace ha::sys {
namespace {

struct KeyPlace {
  Directory directory;
  Bytes name;
};

Result<KeyPlace> place_of(BytesView path) {
  const std::size_t slash = path.rfind('/');
  const BytesView directory = slash == BytesView::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  HA_TRY(Directory opened, Directory::open_root(directory));
  return KeyPlace{std::move(opened), Bytes(slash == BytesView::npos ? path : path.substr(slash + 1))};
}

}  // namespace

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    ::sodium_free(data_);  // wipes; null is allowed
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

Secret::~Secret() {
  ::sodium_free(data_);
}

Result<Secret> Secret::allocate(std::size_t size) {
  if (::sodium_init() < 0) {  // harmless to repeat
    return Error(Code::Unsupported, "cannot start libsodium");
  }
  if (size > kSecretBytesMax) {
    return Error(Code::Exhausted, "a secret of more than " + std::to_string(kSecretBytesMax) + " bytes");
  }
  Secret out;
  out.data_ = static_cast<char*>(::sodium_malloc(size));
  if (out.data_ == nullptr) {
    return errno_error("cannot get locked memory for a secret", ENOMEM);
  }
  out.size_ = size;
  return out;
}

Result<Secret> Secret::copy_of(BytesView bytes) {
  HA_TRY(Secret out, allocate(bytes.size()));
  if (!bytes.empty()) {
    std::memcpy(out.data_, bytes.data(), bytes.size());
  }
  return out;
}

Result<Secret> Secret::random(std::size_t size) {
  HA_TRY(Secret out, allocate(size));
  ::randombytes_buf(out.data_, size);
  return out;
}

Result<Secret> Secret::from_base64(std::string_view text) {
  HA_TRY(Secret out, allocate(text.size() / 4 * 3));
  std::size_t size = 0;
  if (::sodium_base642bin(reinterpret_cast<unsigned char*>(out.data_), out.size_, text.data(), text.size(),
                          nullptr, &size, nullptr, sodium_base64_VARIANT_ORIGINAL) != 0) {
    return Error(Code::Invalid, "this is not base64");
  }
  out.size_ = size;  // the padding is not part of it
  return out;
}

bool Secret::equals(BytesView other) const noexcept {
  return other.size() == size_ && (size_ == 0 || ::sodium_memcmp(data_, other.data(), size_) == 0);
}

Bytes hmac(Hmac hash, const Secret& key, BytesView message) {
  const auto* key_bytes = reinterpret_cast<const unsigned char*>(key.bytes().data());
  const auto* bytes = reinterpret_cast<const unsigned char*>(message.data());
  std::array<unsigned char, crypto_auth_hmacsha512_BYTES> mac{};
  std::size_t mac_bytes = crypto_auth_hmacsha512_BYTES;
  // None of these can fail. The state has parts of the key.
  if (hash == Hmac::Sha256) {
    mac_bytes = crypto_auth_hmacsha256_BYTES;
    crypto_auth_hmacsha256_state state;
    ::crypto_auth_hmacsha256_init(&state, key_bytes, key.size());
    ::crypto_auth_hmacsha256_update(&state, bytes, message.size());
    ::crypto_auth_hmacsha256_final(&state, mac.data());
    ::sodium_memzero(&state, sizeof state);
  } else {
    crypto_auth_hmacsha512_state state;
    ::crypto_auth_hmacsha512_init(&state, key_bytes, key.size());
    ::crypto_auth_hmacsha512_update(&state, bytes, message.size());
    ::crypto_auth_hmacsha512_final(&state, mac.data());
    ::sodium_memzero(&state, sizeof state);
  }
  return Bytes(reinterpret_cast<const char*>(mac.data()), mac_bytes);
}

bool same_mac(BytesView a, BytesView b) noexcept {
  return a.size() == b.size() && (a.empty() || ::sodium_memcmp(a.data(), b.data(), a.size()) == 0);
}

Result<Secret> load_secret(BytesView path) {
  HA_TRY(const KeyPlace place, place_of(path));
  HA_TRY(const FileHandle file, place.directory.open_regular(place.name));
  HA_TRY(const Stat stat, file.stat());
  const std::string shown = escape(path);
  if ((stat.mode & 07177U) != 0) {
    return Error(Code::Refused, "the key file \"" + shown + "\" may be read or written by others",
                 "chmod 600 " + shown);
  }
  if (stat.uid != 0 && stat.uid != ::geteuid()) {
    const std::string us = std::to_string(::geteuid());
    return Error(
        Code::Refused,
        "the key file \"" + shown + "\" belongs to user " + std::to_string(stat.uid) + ", not to " + us,
        "chown " + us + " " + shown);
  }
  HA_TRY(Secret out, Secret::allocate(static_cast<std::size_t>(stat.size)));
  HA_TRY(const std::size_t length, file.read_at(0, out.data_, out.size_));
  if (length != out.size_) {
    return Error(Code::Conflict, "the key file \"" + shown + "\" became shorter while it was read");
  }
  return out;
}

Status write_secret(BytesView path, const Secret& secret) {
  HA_TRY(const KeyPlace place, place_of(path));
  HA_TRY(TemporaryFile out, place.directory.create_temporary(0600));
  const auto written = [&]() -> Status {
    if (::fchmod(out.file.fd(), 0600) != 0) {
      return path_error("cannot set the mode of", path, errno);
    }
    HA_CHECK(out.file.write_at(0, secret.bytes()));
    HA_CHECK(out.file.sync());
    return place.directory.link_temporary(out, place.name);  // half a key is none
  }();
  if (!written.ok() && !out.name.empty()) {
    static_cast<void>(place.directory.unlink(out.name));
  }
  HA_CHECK(written);
  return place.directory.sync();
}

}  // namespace ha::sys
