// Pairing: whatever comes as a message decodes to something that encodes and decodes again, and whatever is
// pasted as a token is refused or reads back as itself; what it says is what a configuration may hold.
#include <cstddef>
#include <cstdint>

#include "common/base/bytes.h"
#include "replicator/config_parts.h"
#include "tools/hareplicate/pair_codec.h"
#include "tools/hareplicate/pair_token.h"

using namespace ha;        // NOLINT: a fuzzer
using namespace ha::tool;  // NOLINT

namespace {

constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz234567";

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

// The input as a token whose checksum fits, because that is no riddle that the fuzzer should solve.
std::string token_of(BytesView input) {
  Bytes raw(input);
  put_u32(raw, checksum(raw));
  std::string out = "hr1.";
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char byte : raw) {
    bits = bits << 8 | static_cast<unsigned char>(byte);
    for (count += 8; count >= 5; count -= 5) {
      out += kAlphabet[bits >> (count - 5) & 31U];
    }
  }
  return count == 0 ? out : out + kAlphabet[bits << (5 - count) & 31U];
}

void check_token(std::string_view text) {
  const auto token = decode_token(text);
  if (!token.ok()) {
    HA_ASSERT(token.error().code() == Code::Invalid && !token.error().hint().empty());
    return;
  }
  HA_ASSERT(replicator::check_name(token->site).ok());
  for (const std::string& endpoint : token->endpoints) {
    HA_ASSERT(replicator::check_address("tcp://" + endpoint).ok());
  }
  const auto again = encode_token(*token);
  HA_ASSERT(again.ok() && decode_token(*again).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const BytesView input(reinterpret_cast<const char*>(data), size);
  const auto message = decode_pair(input);
  if (message.ok()) {
    HA_ASSERT(decode_pair(encode_pair(*message)).ok());
  } else {
    HA_ASSERT(message.error().code() == Code::Corrupt);
  }
  check_token(input);
  check_token(token_of(input));
  return 0;
}
