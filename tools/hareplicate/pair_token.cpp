#include "tools/hareplicate/pair_token.h"

#include <algorithm>

#include "common/base/bytes.h"
#include "replicator/config_parts.h"

namespace ha::tool {
namespace {

constexpr std::string_view kPrefix = "hr1.";
constexpr char kFormat = 1;
constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kFixedBytes = 1 + wire::kCurveKeyBytes + kTokenSecretBytes + 4;
constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";  // RFC 4648
constexpr std::size_t kRawBytesMax = (kTokenTextMax - kPrefix.size()) * 5 / 8;

std::string base32(BytesView bytes) {
  std::string out;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char byte : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(byte);
    for (count += 8; count >= 5; count -= 5) {
      out += kAlphabet[bits >> (count - 5) & 31U];
    }
  }
  return count == 0 ? out : out + kAlphabet[bits << (5 - count) & 31U];
}

// False for another character, or when the last one holds bits of no byte.
bool from_base32(std::string_view text, Bytes& out) {
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char each : text) {
    const char lower = each >= 'A' && each <= 'Z' ? static_cast<char>(each - 'A' + 'a') : each;
    const std::size_t digit = kAlphabet.find(lower);
    if (digit == std::string_view::npos) {
      return false;
    }
    bits = (bits << 5 | static_cast<std::uint32_t>(digit)) & 0xfffU;
    count += 5;
    if (count >= 8) {
      count -= 8;
      out += static_cast<char>(bits >> count & 0xffU);
    }
  }
  return count < 5 && (bits & ((1U << count) - 1)) == 0;
}

// CRC-32 of IEEE 802.3: finds what people do to a text that they copy.
std::uint32_t checksum(BytesView bytes) {
  std::uint32_t crc = 0xffffffffU;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      crc = crc >> 1 ^ ((crc & 1U) != 0 ? 0xedb88320U : 0U);
    }
  }
  return ~crc;
}

void put_text(Bytes& out, std::string_view text) {
  out += static_cast<char>(text.size());
  out += text;
}

// The next text and its length byte; false when it does not end before `in` does.
bool take_text(BytesView& in, std::string& out) {
  if (in.empty() || in.size() - 1 < static_cast<unsigned char>(in[0])) {
    return false;
  }
  const std::size_t length = static_cast<unsigned char>(in[0]);
  out = in.substr(1, length);
  in.remove_prefix(1 + length);
  return true;
}

Error mistyped() {
  return Error(Code::Invalid, "the token was cut or mistyped: its checksum does not fit",
               "copy the whole line again, from hr1. to its end; nothing was sent or written");
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kAround = " \t\r\n\"'`.,;<>";
  const std::size_t begin = std::min(text.find_first_not_of(kAround), text.size());
  const std::size_t end = text.find_last_not_of(kAround);
  return text.substr(begin, end == std::string_view::npos ? 0 : end + 1 - begin);
}

bool has_prefix(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() &&
         std::equal(prefix.begin(), prefix.end(), text.begin(), [](char want, char is) {
           return want == is || (is >= 'A' && is <= 'Z' && want == is + 32);
         });
}

Result<std::vector<std::string>> read_endpoints(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty() && out.size() <= kTokenEndpointsMax) {
    const std::size_t end = std::min(text.find(','), text.size());
    out.emplace_back(text.substr(0, end));
    if (!replicator::check_address("tcp://" + out.back()).ok()) {
      return mistyped();
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out.empty() || out.size() > kTokenEndpointsMax ? Result<std::vector<std::string>>(mistyped()) : out;
}

}  // namespace

Result<std::string> encode_token(const PairToken& token) {
  HA_ASSERT(token.secret.size() == kTokenSecretBytes);
  Bytes raw(1, kFormat);
  raw += token.server_key.view();
  raw += token.secret.bytes();
  put_u32(raw, static_cast<std::uint32_t>(std::chrono::system_clock::to_time_t(token.expires)));
  put_text(raw, token.site);
  put_text(raw, std::string_view(token.cluster).substr(0, kTokenClusterBytes));
  std::string where;
  std::size_t taken = 0;
  for (const std::string& endpoint : token.endpoints) {
    const std::size_t more = endpoint.size() + (where.empty() ? 0 : 1);
    if (taken++ == kTokenEndpointsMax ||
        raw.size() + 1 + where.size() + more + kChecksumBytes > kRawBytesMax) {
      break;
    }
    where += (where.empty() ? "" : ",") + endpoint;
  }
  if (where.empty()) {
    return Error(Code::Exhausted, "the address of this host is too long for a token",
                 "give a shorter name or an IP address: --at HOST");
  }
  put_text(raw, where);
  put_u32(raw, checksum(raw));
  return std::string(kPrefix) + base32(raw);
}

Result<PairToken> decode_token(std::string_view text) {
  text = trim(text);
  if (!has_prefix(text, kPrefix)) {
    const bool other = has_prefix(text, "hr") && text.size() > 3 && text[3] == '.';
    return other ? Error(Code::Invalid, "this token is of a format that this version does not know",
                         "install the same version of hareplicate here as there")
                 : Error(Code::Invalid, "this is not a token of an invitation: it does not begin with hr1.",
                         "on a site of the cluster: hareplicate invite SITE");
  }
  Bytes raw;
  if (text.size() > kTokenTextMax || !from_base32(text.substr(kPrefix.size()), raw) ||
      raw.size() < kFixedBytes + kChecksumBytes ||
      get_u32(raw, raw.size() - kChecksumBytes) !=
          checksum(BytesView(raw).substr(0, raw.size() - kChecksumBytes))) {
    return mistyped();
  }
  PairToken token;
  HA_TRY(token.server_key, wire::PublicKey::from_bytes(BytesView(raw).substr(1, wire::kCurveKeyBytes)));
  HA_TRY(token.secret,
         sys::Secret::copy_of(BytesView(raw).substr(1 + wire::kCurveKeyBytes, kTokenSecretBytes)));
  token.expires = WallTime(std::chrono::seconds(get_u32(raw, kFixedBytes - 4)));
  BytesView rest(raw);
  rest = rest.substr(kFixedBytes, raw.size() - kFixedBytes - kChecksumBytes);
  std::string where;
  if (raw[0] != kFormat || !take_text(rest, token.site) || !take_text(rest, token.cluster) ||
      !take_text(rest, where) || !rest.empty() || !replicator::check_name(token.site).ok()) {
    return mistyped();
  }
  HA_TRY(token.endpoints, read_endpoints(where));
  return token;
}

}  // namespace ha::tool
