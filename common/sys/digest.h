// Keyed digests: 128-bit xxHash (XXH3) with a secret made from a 32-byte key, and random bytes for such keys.
//
// Not a cryptographic hash: the key, which never leaves the encrypted session, is what keeps a stranger who
// can write files from making two contents with one digest. The zero digest is reserved (it marks "none" and
// runs of zeros), so it is never the digest of data.
//
// Thread safety: a DigestKey is a value, read-only after it is made; one Hasher per thread.
// Source: xxHash 0.8 (XXH3_generateSecret, XXH3_128bits_withSecret); getrandom(2).
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::sys {

inline constexpr std::size_t kDigestKeyBytes = 32;

// What digests of one set are keyed with. Copyable, and on purpose without any way to print or read it back:
// whoever has to store the key keeps the 32 bytes it was made from.
class DigestKey {
 public:
  // Invalid if `key` is not kDigestKeyBytes long.
  static Result<DigestKey> from_bytes(BytesView key);

 private:
  friend class Hasher;
  friend Digest digest(const DigestKey& key, BytesView data);

  static constexpr std::size_t kSecretBytes = 192;
  DigestKey() = default;
  std::array<unsigned char, kSecretBytes> secret_{};
};

// The digest of `data`; never zero.
[[nodiscard]] Digest digest(const DigestKey& key, BytesView data);

// The same digest, from pieces. finish() may be called once.
class Hasher {
 public:
  explicit Hasher(const DigestKey& key);
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void update(BytesView data);
  [[nodiscard]] Digest finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// `count` bytes of the kernel's generator. Io if it fails.
[[nodiscard]] Result<Bytes> random_bytes(std::size_t count);

}  // namespace ha::sys
