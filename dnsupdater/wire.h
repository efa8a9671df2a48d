// Where things are in a DNS message: the header's fields and the bounds of every RR. No names, no rdata.
//
// A message is taken apart here first, so that everything after it works within bounds that were checked:
// every RR lies within the message, counts are right, and nothing is left over. Thread safety: pure
// functions. Source: RFC 1035, section 4.1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::dns {

inline constexpr std::size_t kMessageBytesMax = 60'000;  // of any message, sent or read
inline constexpr std::size_t kHeaderBytes = 12;

// Network byte order; the caller has checked the length.
void put_be16(Bytes& out, std::uint16_t value);
void put_be32(Bytes& out, std::uint32_t value);
void put_be48(Bytes& out, std::uint64_t value);
[[nodiscard]] std::uint16_t get_be16(BytesView in, std::size_t at) noexcept;
[[nodiscard]] std::uint32_t get_be32(BytesView in, std::size_t at) noexcept;
[[nodiscard]] std::uint64_t get_be48(BytesView in, std::size_t at) noexcept;

// One RR: [begin, end) of the message, its rdata [rdata, end).
struct RrSpan {
  std::size_t begin = 0;
  std::size_t rdata = 0;
  std::size_t end = 0;
  std::uint16_t type = 0;
  std::uint16_t rr_class = 0;
  std::uint32_t ttl_s = 0;
};

// Of the question (of an UPDATE: the zone): name [begin, end - 4), type and class.
struct QuestionSpan {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::uint16_t type = 0;
  std::uint16_t rr_class = 0;
};

struct Layout {
  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  std::optional<QuestionSpan> question;
  std::vector<RrSpan> answers;    // of an UPDATE: prerequisites
  std::vector<RrSpan> authority;  // of an UPDATE: what it changes
  std::vector<RrSpan> additional;

  [[nodiscard]] bool is_reply() const noexcept { return (flags & 0x8000U) != 0; }
  [[nodiscard]] unsigned opcode() const noexcept { return (flags >> 11U) & 0xfU; }
  [[nodiscard]] bool authoritative() const noexcept { return (flags & 0x0400U) != 0; }
  [[nodiscard]] bool truncated() const noexcept { return (flags & 0x0200U) != 0; }
  [[nodiscard]] unsigned rcode() const noexcept { return flags & 0xfU; }
};

// Corrupt if it is no whole message, has bytes after its end or several questions; Exhausted past
// kMessageBytesMax.
[[nodiscard]] Result<Layout> lay_out(BytesView wire);

}  // namespace ha::dns
