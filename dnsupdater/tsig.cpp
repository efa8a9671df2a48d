#include "dnsupdater/tsig.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace ha::dns {
namespace {

constexpr std::uint16_t kClassAny = 255;
constexpr std::uint16_t kBadMac = 16;
constexpr std::uint16_t kBadKey = 17;
constexpr std::uint16_t kBadTime = 18;
constexpr std::size_t kAdditionalCountAt = 10;
constexpr std::array<std::string_view, 2> kAlgorithms = {"hmac-sha256", "hmac-sha512"};

std::uint64_t seconds_of(WallTime time) {
  const auto since = std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
  return since < 0 ? 0 : static_cast<std::uint64_t>(since);
}

// Wire form of an algorithm's name.
Bytes algorithm_wire(TsigAlgorithm algorithm) {
  const std::string_view text = tsig_algorithm_text(algorithm);
  return static_cast<char>(text.size()) + Bytes(text) + '\0';
}

Bytes mac_of(BytesView covered, const TsigKey& key) {
  return sys::hmac(key.algorithm == TsigAlgorithm::HmacSha256 ? sys::Hmac::Sha256 : sys::Hmac::Sha512,
                   key.secret, covered);
}

// RFC 8945, section 4.3.3.
void put_variables(Bytes& out, const TsigKey& key, const Tsig& tsig) {
  out += key.name.wire();
  put_be16(out, kClassAny);
  put_be32(out, 0);
  out += algorithm_wire(key.algorithm);
  put_be48(out, tsig.time_s);
  put_be16(out, tsig.fudge_s);
  put_be16(out, tsig.error);
  put_be16(out, static_cast<std::uint16_t>(tsig.other.size()));
  out += tsig.other;
}

void put_tsig_rr(Bytes& out, const TsigKey& key, const Tsig& tsig) {
  Bytes rdata = algorithm_wire(key.algorithm);
  put_be48(rdata, tsig.time_s);
  put_be16(rdata, tsig.fudge_s);
  put_be16(rdata, static_cast<std::uint16_t>(tsig.mac.size()));
  rdata += tsig.mac;
  put_be16(rdata, tsig.original_id);
  put_be16(rdata, tsig.error);
  put_be16(rdata, static_cast<std::uint16_t>(tsig.other.size()));
  rdata += tsig.other;
  out += key.name.wire();
  put_be16(out, kTypeTsig);
  put_be16(out, kClassAny);
  put_be32(out, 0);
  put_be16(out, static_cast<std::uint16_t>(rdata.size()));
  out += rdata;
}

// The same message with another number of additional RRs.
Bytes with_additional(BytesView message, int more) {
  Bytes out(message.substr(0, kAdditionalCountAt));
  put_be16(out, static_cast<std::uint16_t>(get_be16(message, kAdditionalCountAt) + more));
  out += message.substr(kHeaderBytes);
  return out;
}

// 48 bits of seconds are more than the clock's nanoseconds can hold.
WallTime wall_time(std::uint64_t seconds) {
  constexpr std::uint64_t kSecondsMax = 9'000'000'000;
  return WallTime(std::chrono::seconds(static_cast<std::int64_t>(std::min(seconds, kSecondsMax))));
}

}  // namespace

std::string_view tsig_algorithm_text(TsigAlgorithm algorithm) noexcept {
  return kAlgorithms[static_cast<std::size_t>(algorithm)];
}

Result<TsigAlgorithm> parse_tsig_algorithm(std::string_view text) {
  if (const auto name = Name::parse(text); name.ok()) {  // in lower case, and without a last dot
    const auto found = std::find(kAlgorithms.begin(), kAlgorithms.end(), name->text());
    if (found != kAlgorithms.end()) {
      return static_cast<TsigAlgorithm>(found - kAlgorithms.begin());
    }
  }
  return Error(Code::Unsupported, "the algorithm of the key is not supported",
               "make one with: tsig-keygen -a hmac-sha256 NAME   (or hmac-sha512)");
}

Result<SignedMessage> tsig_sign(BytesView message, const TsigKey& key, WallTime now) {
  if (message.size() < kHeaderBytes) {
    return Error(Code::Internal, "a message without a header is to be signed");
  }
  if (message.size() + kTsigBytesMax > kMessageBytesMax) {
    return Error(Code::Exhausted, "a DNS message of more than 60000 bytes", "change less at once");
  }
  Tsig tsig;
  tsig.time_s = seconds_of(now);
  tsig.fudge_s = kTsigFudgeS;
  tsig.original_id = get_be16(message, 0);
  Bytes covered(message);
  put_variables(covered, key, tsig);
  tsig.mac = mac_of(covered, key);
  SignedMessage out{with_additional(message, 1), tsig.mac};
  put_tsig_rr(out.wire, key, tsig);
  return out;
}

std::string_view tsig_verdict_text(TsigVerdict verdict) noexcept {
  switch (verdict) {
    case TsigVerdict::Good:
      return "signed";
    case TsigVerdict::NotAsked:
      return "not signed, and not asked for it";
    case TsigVerdict::Missing:
      return "not signed";
    case TsigVerdict::Malformed:
      return "its signature does not parse";
    case TsigVerdict::OtherKey:
      return "signed with another key";
    case TsigVerdict::WrongMac:
      return "its signature is wrong";
    case TsigVerdict::OutOfTime:
      return "its signature is of another time";
    case TsigVerdict::ServerBadKey:
      return "the server does not know our key (BADKEY)";
    case TsigVerdict::ServerBadMac:
      return "the server has another secret for our key (BADSIG)";
    case TsigVerdict::ServerBadTime:
      return "the server's clock and ours differ (BADTIME)";
    case TsigVerdict::ServerError:
      return "the server refuses our signature";
  }
  return "unknown";
}

TsigVerdict tsig_verify(BytesView wire, std::size_t begin, const Tsig& tsig, const TsigKey& key,
                        BytesView request_mac, WallTime now) {
  if (begin < kHeaderBytes || begin > wire.size() || get_be16(wire, kAdditionalCountAt) == 0) {
    return TsigVerdict::Malformed;
  }
  // These two cannot be signed: the server has no key in common with us.
  if (tsig.error == kBadKey || tsig.error == kBadMac) {
    return tsig.error == kBadKey ? TsigVerdict::ServerBadKey : TsigVerdict::ServerBadMac;
  }
  if (tsig.key != key.name || tsig.algorithm.text() != tsig_algorithm_text(key.algorithm)) {
    return TsigVerdict::OtherKey;
  }
  Bytes covered;
  put_be16(covered, static_cast<std::uint16_t>(request_mac.size()));
  covered += request_mac;
  const std::size_t id_at = covered.size();
  covered += with_additional(wire.substr(0, begin), -1);
  // Who forwards an answer gives it another ID; the signature is over the one that the server gave it.
  Bytes original_id;
  put_be16(original_id, tsig.original_id);
  covered.replace(id_at, original_id.size(), original_id);
  put_variables(covered, key, tsig);
  if (!sys::same_mac(tsig.mac, mac_of(covered, key))) {  // truncated ones are not ours
    return TsigVerdict::WrongMac;
  }
  if (tsig.error == kBadTime) {  // its time is that of the question, which its MAC covers
    return TsigVerdict::ServerBadTime;
  }
  if (tsig.error != 0) {
    return TsigVerdict::ServerError;
  }
  const std::uint64_t now_s = seconds_of(now);
  const std::uint64_t apart_s = std::max(now_s, tsig.time_s) - std::min(now_s, tsig.time_s);
  return apart_s <= std::min(tsig.fudge_s, kTsigFudgeS) ? TsigVerdict::Good : TsigVerdict::OutOfTime;
}

WallTime tsig_signed_at(const Tsig& tsig) {
  return wall_time(tsig.time_s);
}

std::optional<WallTime> tsig_server_time(const Tsig& tsig) {
  if (tsig.error != kBadTime || tsig.other.size() != 6) {
    return std::nullopt;
  }
  return wall_time(get_be48(tsig.other, 0));
}

}  // namespace ha::dns
