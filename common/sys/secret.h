// Secret: key material in locked memory that is wiped when it goes, and MACs made with it.
//
// Cannot be copied or printed; bytes() is for the library call that needs them, and nothing may keep it.
// Not here: key pairs and their text form (common/wire). Thread safety: const calls may run at once.
// Key files must be 0600 or stricter and belong to us or to root, as ssh demands it.
// Source: libsodium 1.0.18 (sodium_malloc, randombytes_buf, crypto_auth_hmacsha256, _hmacsha512).
#pragma once

#include <cstddef>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::sys {

inline constexpr std::size_t kSecretBytesMax = 64 * 1024;

class Secret {
 public:
  Secret() = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  // Copies `bytes`; wiping those is the caller's. Exhausted past kSecretBytesMax or if memory is.
  [[nodiscard]] static Result<Secret> copy_of(BytesView bytes);
  [[nodiscard]] static Result<Secret> random(std::size_t size);
  // From base64 with its padding (RFC 4648, section 4) and nothing else. Invalid, without a word of the text,
  // if it is none.
  [[nodiscard]] static Result<Secret> from_base64(std::string_view text);

  // Borrowed; lives as long as this.
  [[nodiscard]] BytesView bytes() const noexcept { return {data_, size_}; }
  // What a person has written into a file: up to the first CR or LF.
  [[nodiscard]] BytesView first_line() const noexcept {
    return bytes().substr(0, bytes().find_first_of("\r\n"));
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // In a time that does not depend on where they differ.
  [[nodiscard]] bool equals(BytesView other) const noexcept;

 private:
  friend Result<Secret> load_secret(BytesView path);
  [[nodiscard]] static Result<Secret> allocate(std::size_t size);
  char* data_ = nullptr;
  std::size_t size_ = 0;
};

// The file's content as it is, a final newline included. Refused, with the command that helps, if its mode is
// wider than 0600 or its owner neither we nor root; Conflict if it is no regular file or a symbolic link.
[[nodiscard]] Result<Secret> load_secret(BytesView path);

enum class Hmac { Sha256, Sha512 };
// The whole MAC (RFC 2104), 32 or 64 bytes.
[[nodiscard]] Bytes hmac(Hmac hash, const Secret& key, BytesView message);
// In a time that does not depend on where they differ.
[[nodiscard]] bool same_mac(BytesView a, BytesView b) noexcept;

// Makes the file, 0600 whatever the umask, synced with its directory. Exists if there is one: keys are never
// overwritten.
Status write_secret(BytesView path, const Secret& secret);

}  // namespace ha::sys
