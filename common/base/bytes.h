// Byte strings, fixed-width little-endian fields, and text forms of bytes.
//
// Bytes is std::string because every library beneath us (ZeroMQ, protobuf, SQLite) takes and gives it; it
// holds any byte, and is never assumed to be text. Thread safety: plain functions and values.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace ha {

using Bytes = std::string;
using BytesView = std::string_view;

// 128 bits: a content digest, an item hash, or a sum of item hashes (mod 2^128, so that it can be updated in
// O(1) and equal rows of a keyless table do not cancel, as they would with exclusive or).
struct Digest {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  auto operator<=>(const Digest&) const = default;
  [[nodiscard]] bool is_zero() const noexcept { return high == 0 && low == 0; }

  Digest& operator+=(const Digest& other) noexcept {
    const std::uint64_t sum = low + other.low;
    high += other.high + (sum < low ? 1U : 0U);
    low = sum;
    return *this;
  }
  Digest& operator-=(const Digest& other) noexcept {
    const std::uint64_t difference = low - other.low;
    high -= other.high + (difference > low ? 1U : 0U);
    low = difference;
    return *this;
  }
  friend Digest operator+(Digest a, const Digest& b) noexcept { return a += b; }
  friend Digest operator-(Digest a, const Digest& b) noexcept { return a -= b; }
};

inline constexpr std::size_t kDigestBytes = 16;

// Little-endian fields. get_* read exactly sizeof bytes from `at`; the caller has checked the length.
void put_u16(Bytes& out, std::uint16_t value);
void put_u32(Bytes& out, std::uint32_t value);
void put_u64(Bytes& out, std::uint64_t value);
void put_digest(Bytes& out, const Digest& value);  // high, then low
[[nodiscard]] std::uint16_t get_u16(BytesView in, std::size_t at) noexcept;
[[nodiscard]] std::uint32_t get_u32(BytesView in, std::size_t at) noexcept;
[[nodiscard]] std::uint64_t get_u64(BytesView in, std::size_t at) noexcept;
[[nodiscard]] Digest get_digest(BytesView in, std::size_t at) noexcept;

// A digest as 16 bytes, and back; anything but 16 bytes gives the zero digest and false.
[[nodiscard]] Bytes digest_bytes(const Digest& value);
[[nodiscard]] bool parse_digest(BytesView in, Digest& out) noexcept;

// Lower-case hexadecimal.
[[nodiscard]] std::string hex(BytesView bytes);
[[nodiscard]] std::string hex(const Digest& digest);
// Of a digit of either case; -1 for anything else.
[[nodiscard]] int hex_value(char c) noexcept;

// A name as it may be shown on a terminal or in a log: printable UTF-8 stays; control characters, bidi
// controls, invalid UTF-8 and backslash become \xNN. unescape() reads the same form back (any \xNN).
[[nodiscard]] std::string escape(BytesView bytes);
[[nodiscard]] std::string in_quotes(BytesView bytes);  // "escaped", with the quotation marks
[[nodiscard]] Bytes unescape(std::string_view text);

}  // namespace ha
