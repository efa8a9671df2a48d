// Answers for the tests of tsig and message, put together and signed without any code of ours: RFC 8945,
// section 4.3.3, once more.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/sys/secret.h"
#include "dnsupdater/message.h"
#include "tests/dnsupdater/samples.h"

namespace ha::dns {

inline constexpr std::uint64_t kNowS = 1'800'000'000;
inline WallTime at_second(std::uint64_t seconds) {
  return WallTime(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
}

inline TsigKey key_of(std::string_view key_name = "fra.key",
                      TsigAlgorithm algorithm = TsigAlgorithm::HmacSha256,
                      std::string_view secret = "0123456789abcdef") {
  return {name(key_name), algorithm, must(sys::Secret::copy_of(secret))};
}

inline Bytes be(std::uint64_t value, unsigned bytes) {
  Bytes out;
  for (unsigned i = bytes; i > 0; --i) {
    out += static_cast<char>(value >> 8 * (i - 1) & 0xff);
  }
  return out;
}

// What a server's signature says; the defaults are those of a good one.
struct Signature {
  std::string_view key_wire = std::string_view("\3fra\3key\0", 9);
  std::string_view algorithm_wire = std::string_view("\13hmac-sha256\0", 13);
  std::string_view secret = "0123456789abcdef";
  std::uint64_t time_s = kNowS;
  std::uint16_t error = 0;
  Bytes other = {};
  std::uint16_t original_id = 0x1234;
  bool with_mac = true;
  std::uint16_t fudge_s = 300;
};

inline Bytes with_tsig(const Bytes& message, const Bytes& request_mac, const Signature& how) {
  Bytes covered = be(request_mac.size(), 2) + request_mac + be(how.original_id, 2) + message.substr(2);
  covered += Bytes(how.key_wire) + be(255, 2) + be(0, 4) + Bytes(how.algorithm_wire) + be(how.time_s, 6) +
             be(how.fudge_s, 2) + be(how.error, 2) + be(how.other.size(), 2) + how.other;
  const auto hash =
      how.algorithm_wire.find("512") == std::string_view::npos ? sys::Hmac::Sha256 : sys::Hmac::Sha512;
  const Bytes mac = how.with_mac ? sys::hmac(hash, must(sys::Secret::copy_of(how.secret)), covered) : Bytes();
  const Bytes rdata = Bytes(how.algorithm_wire) + be(how.time_s, 6) + be(how.fudge_s, 2) + be(mac.size(), 2) +
                      mac + be(how.original_id, 2) + be(how.error, 2) + be(how.other.size(), 2) + how.other;
  Bytes out = message;
  out[11] = static_cast<char>(out[11] + 1);
  return out + Bytes(how.key_wire) + be(250, 2) + be(255, 2) + be(0, 4) + be(rdata.size(), 2) + rdata;
}

// A reply without RRs, to a question or an update about `about`.
inline Bytes empty_reply(std::uint16_t flags, const Name& about, RrType type) {
  return be(0x1234, 2) + be(flags, 2) + be(1, 2) + be(0, 6) + about.wire() +
         be(static_cast<std::uint16_t>(type), 2) + be(1, 2);
}
inline constexpr std::uint16_t kQueryReply = 0x8400;   // QR, AA
inline constexpr std::uint16_t kUpdateReply = 0xa800;  // QR, opcode 5

}  // namespace ha::dns
