#include "dnsupdater/wire.h"

#include <utility>

namespace ha::dns {
namespace {

constexpr std::size_t kNameBytesMax = 255;

std::uint64_t get_be(BytesView in, std::size_t at, std::size_t bytes) noexcept {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < bytes; ++i) {
    out = out << 8U | static_cast<unsigned char>(in[at + i]);
  }
  return out;
}

void put_be(Bytes& out, std::uint64_t value, unsigned bytes) {
  for (unsigned i = bytes; i > 0; --i) {
    out.push_back(static_cast<char>(value >> 8U * (i - 1) & 0xffU));
  }
}

// Where the name at `at` ends; none if it does not end within the message. A pointer ends it: where that
// leads is for the reader of the name.
std::optional<std::size_t> end_of_name(BytesView wire, std::size_t at) {
  const std::size_t begin = at;
  while (at < wire.size() && at - begin < kNameBytesMax) {
    const auto length = static_cast<unsigned char>(wire[at]);
    if (length == 0) {
      return at + 1;
    }
    if ((length & 0xc0U) == 0xc0U) {
      return at + 2 <= wire.size() ? std::optional(at + 2) : std::nullopt;
    }
    if (length > 63) {
      return std::nullopt;
    }
    at += 1U + length;
  }
  return std::nullopt;
}

std::optional<QuestionSpan> question_at(BytesView wire, std::size_t at) {
  const auto name_end = end_of_name(wire, at);
  if (!name_end || wire.size() - *name_end < 4) {
    return std::nullopt;
  }
  return QuestionSpan{at, *name_end + 4, get_be16(wire, *name_end), get_be16(wire, *name_end + 2)};
}

std::optional<RrSpan> rr_at(BytesView wire, std::size_t at) {
  const auto name_end = end_of_name(wire, at);
  if (!name_end || wire.size() - *name_end < 10) {
    return std::nullopt;
  }
  const std::size_t rdata = *name_end + 10;
  const std::size_t length = get_be16(wire, *name_end + 8);
  if (wire.size() - rdata < length) {
    return std::nullopt;
  }
  return RrSpan{at,
                rdata,
                rdata + length,
                get_be16(wire, *name_end),
                get_be16(wire, *name_end + 2),
                get_be32(wire, *name_end + 4)};
}

}  // namespace

void put_be16(Bytes& out, std::uint16_t value) {
  put_be(out, value, 2);
}

void put_be32(Bytes& out, std::uint32_t value) {
  put_be(out, value, 4);
}

void put_be48(Bytes& out, std::uint64_t value) {
  put_be(out, value, 6);
}

std::uint16_t get_be16(BytesView in, std::size_t at) noexcept {
  return static_cast<std::uint16_t>(get_be(in, at, 2));
}

std::uint32_t get_be32(BytesView in, std::size_t at) noexcept {
  return static_cast<std::uint32_t>(get_be(in, at, 4));
}

std::uint64_t get_be48(BytesView in, std::size_t at) noexcept {
  return get_be(in, at, 6);
}

Result<Layout> lay_out(BytesView wire) {
  if (wire.size() > kMessageBytesMax) {
    return Error(Code::Exhausted, "a DNS message of more than 60000 bytes");
  }
  const Error corrupt(Code::Corrupt, "this is no whole DNS message");
  if (wire.size() < kHeaderBytes || get_be16(wire, 4) > 1) {
    return corrupt;
  }
  Layout out;
  out.id = get_be16(wire, 0);
  out.flags = get_be16(wire, 2);
  std::size_t at = kHeaderBytes;
  if (get_be16(wire, 4) == 1) {
    out.question = question_at(wire, at);
    if (!out.question) {
      return corrupt;
    }
    at = out.question->end;
  }
  // A count may promise more than there is; nothing is reserved for it.
  for (const auto& [section, place] :
       {std::pair(&out.answers, 6U), std::pair(&out.authority, 8U), std::pair(&out.additional, 10U)}) {
    for (unsigned left = get_be16(wire, place); left > 0; --left) {
      const auto rr = rr_at(wire, at);
      if (!rr) {
        return corrupt;
      }
      section->push_back(*rr);
      at = rr->end;
    }
  }
  if (at != wire.size()) {
    return corrupt;
  }
  return out;
}

}  // namespace ha::dns
