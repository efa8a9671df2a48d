#include "common/wire/curve.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/wire/zmq_handle.h"

namespace ha::wire {
namespace {

void wipe_text(std::string& text) noexcept {
  ::explicit_bzero(text.data(), text.size());
}

}  // namespace

Result<PublicKey> PublicKey::parse(std::string_view z85) {
  if (z85.size() != kCurveTextBytes) {
    return Error(Code::Invalid, "a public key has 40 characters, this has " + std::to_string(z85.size()));
  }
  const Bytes raw = z85_decode(z85);
  if (raw.size() != kCurveKeyBytes) {
    return Error(Code::Invalid, "this public key is not Z85 text: " + escape(z85));
  }
  return from_bytes(raw);
}

Result<PublicKey> PublicKey::from_bytes(BytesView raw) {
  if (raw.size() != kCurveKeyBytes) {
    return Error(Code::Invalid, "a public key has 32 bytes, this has " + std::to_string(raw.size()));
  }
  PublicKey out;
  std::copy(raw.begin(), raw.end(), out.bytes.begin());
  return out;
}

std::string PublicKey::z85() const {
  return z85_encode(view());
}

bool PublicKey::operator==(const PublicKey& other) const noexcept {
  unsigned difference = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    difference |= static_cast<unsigned char>(bytes[i] ^ other.bytes[i]);
  }
  return difference == 0;
}

Result<SecretKey> SecretKey::parse(std::string_view z85) {
  if (z85.size() != kCurveTextBytes) {
    return Error(Code::Invalid, "a secret key has 40 characters, this has " + std::to_string(z85.size()));
  }
  Bytes raw = z85_decode(z85);
  if (raw.size() != kCurveKeyBytes) {
    return Error(Code::Invalid, "this secret key is not Z85 text");
  }
  SecretKey out;
  std::copy(raw.begin(), raw.end(), out.bytes_.begin());
  wipe_text(raw);
  return out;
}

SecretKey::SecretKey(SecretKey&& other) noexcept : bytes_(other.bytes_) {
  other.wipe();
}

SecretKey& SecretKey::operator=(SecretKey&& other) noexcept {
  if (this != &other) {
    bytes_ = other.bytes_;
    other.wipe();
  }
  return *this;
}

SecretKey::~SecretKey() {
  wipe();
}

void SecretKey::wipe() noexcept {
  ::explicit_bzero(bytes_.data(), bytes_.size());
}

SecretKey SecretKey::clone() const {
  SecretKey out;
  out.bytes_ = bytes_;
  return out;
}

Result<PublicKey> SecretKey::public_key() const {
  std::string text = z85();
  auto public_text = public_of(text);
  wipe_text(text);
  HA_TRY(const std::string z85_text, std::move(public_text));
  return PublicKey::parse(z85_text);
}

std::string SecretKey::z85() const {
  return z85_encode(view());
}

Result<KeyPair> KeyPair::generate() {
  HA_TRY(KeyTexts texts, make_key_pair());
  auto pair = from_secret(texts.secret_key.data());
  ::explicit_bzero(texts.secret_key.data(), texts.secret_key.size());
  return pair;
}

Result<KeyPair> KeyPair::from_secret(std::string_view z85) {
  HA_TRY(SecretKey secret, SecretKey::parse(z85));
  HA_TRY(const PublicKey public_key, secret.public_key());
  return KeyPair{public_key, std::move(secret)};
}

}  // namespace ha::wire
