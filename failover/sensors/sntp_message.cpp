#include "failover/sensors/sntp_message.h"

namespace ha::failover {
namespace {

constexpr std::int64_t kFrom1900 = 2'208'988'800;  // to 1970, in seconds
constexpr std::size_t kOriginAt = 24;
constexpr std::size_t kReceiveAt = 32;
constexpr std::size_t kTransmitAt = 40;
constexpr unsigned char kQuestion = 0x23;  // version 4, client

std::uint64_t field(BytesView bytes, std::size_t at) {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    out = out << 8U | static_cast<unsigned char>(bytes[at + i]);
  }
  return out;
}

// Seconds and their 2^32th parts; from 2036 on they begin anew.
WallTime time_of(std::uint64_t stamp) {
  const std::uint64_t whole = stamp >> 32U;
  const auto seconds =
      static_cast<std::int64_t>(whole + (whole < 0x8000'0000U ? 1ULL << 32U : 0U)) - kFrom1900;
  const auto nanoseconds = static_cast<std::int64_t>((stamp & 0xffff'ffffU) * 1'000'000'000U >> 32U);
  return WallTime(std::chrono::seconds(seconds) + std::chrono::nanoseconds(nanoseconds));
}

}  // namespace

Bytes sntp_request(std::uint64_t token) {
  Bytes out(kSntpBytes, '\0');
  out[0] = static_cast<char>(kQuestion);
  for (std::size_t i = 0; i < 8; ++i) {
    out[kTransmitAt + i] = static_cast<char>(token >> (56U - 8U * i) & 0xffU);
  }
  return out;
}

Result<Duration> sntp_offset(BytesView reply, std::uint64_t token, WallTime sent, WallTime received) {
  if (reply.size() < kSntpBytes) {
    return Error(Code::Corrupt, "an NTP answer of " + std::to_string(reply.size()) + " bytes");
  }
  const auto first = static_cast<unsigned char>(reply[0]);
  const auto stratum = static_cast<unsigned char>(reply[1]);
  constexpr unsigned kServer = 4;
  if ((first & 7U) != kServer || field(reply, kOriginAt) != token) {
    return Error(Code::Conflict, "no answer to our NTP question");
  }
  const std::uint64_t transmitted = field(reply, kTransmitAt);
  if (first >> 6U == 3 || stratum == 0 || stratum > 15 || transmitted == 0) {
    return Error(Code::Unavailable, "the NTP server is not synchronised itself");
  }
  return ((time_of(field(reply, kReceiveAt)) - sent) + (time_of(transmitted) - received)) / 2;
}

}  // namespace ha::failover
