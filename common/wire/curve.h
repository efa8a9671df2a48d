// CURVE keys: the identity of a site on the wire.
//
// Only the keys and their text; files and their rights are common/sys, admission is zap.h.
// Thread safety: plain functions and values. Format: Z85 (ZeroMQ RFC 32), 40 characters for 32 bytes;
// Curve25519 as ZeroMQ RFC 26 uses it.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::wire {

inline constexpr std::size_t kCurveKeyBytes = 32;
inline constexpr std::size_t kCurveTextBytes = 40;

struct PublicKey {
  std::array<char, kCurveKeyBytes> bytes{};

  // Invalid unless it is exactly 40 characters of Z85.
  static Result<PublicKey> parse(std::string_view z85);
  // Invalid unless 32 bytes.
  static Result<PublicKey> from_bytes(BytesView raw);

  [[nodiscard]] std::string z85() const;
  [[nodiscard]] BytesView view() const noexcept { return {bytes.data(), bytes.size()}; }
  // Takes the same time whatever differs.
  bool operator==(const PublicKey& other) const noexcept;
};

// Wiped when it goes; moved, not copied. clone() is for the owner who must keep one.
class SecretKey {
 public:
  static Result<SecretKey> parse(std::string_view z85);

  SecretKey(SecretKey&& other) noexcept;
  SecretKey& operator=(SecretKey&& other) noexcept;
  SecretKey(const SecretKey&) = delete;
  SecretKey& operator=(const SecretKey&) = delete;
  ~SecretKey();

  [[nodiscard]] SecretKey clone() const;
  [[nodiscard]] Result<PublicKey> public_key() const;
  // For the key file only. The caller wipes the text.
  [[nodiscard]] std::string z85() const;
  [[nodiscard]] BytesView view() const noexcept { return {bytes_.data(), bytes_.size()}; }

 private:
  SecretKey() = default;
  void wipe() noexcept;
  std::array<char, kCurveKeyBytes> bytes_{};
};

struct KeyPair {
  PublicKey public_key;
  SecretKey secret_key;

  // From the operating system's random numbers. Unsupported when this libzmq was built without CURVE.
  static Result<KeyPair> generate();
  // The pair that belongs to a secret key's text.
  static Result<KeyPair> from_secret(std::string_view z85);
  [[nodiscard]] KeyPair clone() const { return {public_key, secret_key.clone()}; }
};

// A site that may talk to us.
struct PeerKey {
  std::string site;
  PublicKey public_key;
};

}  // namespace ha::wire
