#include "common/base/bytes.h"

#include <bit>
#include <cstring>

namespace ha {
namespace {

static_assert(std::endian::native == std::endian::little, "big-endian machines need byte swaps here");

template <typename T>
void put(Bytes& out, T value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  out.append(raw, sizeof value);
}

template <typename T>
T get(BytesView in, std::size_t at) noexcept {
  T value;
  std::memcpy(&value, in.data() + at, sizeof value);
  return value;
}

constexpr char kHex[] = "0123456789abcdef";

// The length of the valid, printable UTF-8 sequence at the start of `text`; 0 if there is none.
std::size_t printable_length(BytesView text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    return first >= 0x20 && first != 0x7f && first != '\\' ? 1 : 0;
  }
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) {
    return 0;
  }
  std::uint32_t point = first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) {
      return 0;
    }
    point = point << 6 | (byte(i) & 0x3fU);
  }
  constexpr std::uint32_t kShortest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool control = point < 0xa0;
  const bool surrogate = point >= 0xd800 && point <= 0xdfff;
  const bool bidi = (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
                    (point >= 0x2060 && point <= 0x206f) || point == 0x061c || point == 0xfeff;
  return point < kShortest[length] || point > 0x10ffff || control || surrogate || bidi ? 0 : length;
}

}  // namespace

void put_u16(Bytes& out, std::uint16_t value) {
  put(out, value);
}
void put_u32(Bytes& out, std::uint32_t value) {
  put(out, value);
}
void put_u64(Bytes& out, std::uint64_t value) {
  put(out, value);
}
void put_digest(Bytes& out, const Digest& value) {
  put(out, value.high);
  put(out, value.low);
}

std::uint16_t get_u16(BytesView in, std::size_t at) noexcept {
  return get<std::uint16_t>(in, at);
}
std::uint32_t get_u32(BytesView in, std::size_t at) noexcept {
  return get<std::uint32_t>(in, at);
}
std::uint64_t get_u64(BytesView in, std::size_t at) noexcept {
  return get<std::uint64_t>(in, at);
}
Digest get_digest(BytesView in, std::size_t at) noexcept {
  return {get_u64(in, at), get_u64(in, at + 8)};
}

Bytes digest_bytes(const Digest& value) {
  Bytes out;
  put_digest(out, value);
  return out;
}

bool parse_digest(BytesView in, Digest& out) noexcept {
  out = in.size() == kDigestBytes ? get_digest(in, 0) : Digest{};
  return in.size() == kDigestBytes;
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string hex(BytesView bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    out += kHex[static_cast<unsigned char>(c) >> 4];
    out += kHex[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

std::string hex(const Digest& digest) {
  std::string out;
  for (const std::uint64_t half : {digest.high, digest.low}) {
    for (int shift = 60; shift >= 0; shift -= 4) {
      out += kHex[half >> shift & 15];
    }
  }
  return out;
}

std::string escape(BytesView bytes) {
  std::string out;
  while (!bytes.empty()) {
    if (const std::size_t length = printable_length(bytes); length > 0) {
      out += bytes.substr(0, length);
      bytes.remove_prefix(length);
    } else {
      const auto c = static_cast<unsigned char>(bytes[0]);
      out += "\\x";
      out += kHex[c >> 4];
      out += kHex[c & 15];
      bytes.remove_prefix(1);
    }
  }
  return out;
}

std::string in_quotes(BytesView bytes) {
  return "\"" + escape(bytes) + "\"";
}

Bytes unescape(std::string_view text) {
  Bytes out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i + 3 < text.size() && text[i] == '\\' && text[i + 1] == 'x' && hex_value(text[i + 2]) >= 0 &&
        hex_value(text[i + 3]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 2]) << 4 | hex_value(text[i + 3]));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace ha
