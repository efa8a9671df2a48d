// TSIG: messages are signed with a key that both ends have, and answers are checked.
//
// Not by ldns (docs/adr/0012): the time is passed in, and the key stays in its Secret. One
// signature for one message: TCP answers of several messages (transfers) are not for us.
// Thread safety: pure functions; a TsigKey is read-only. Source: RFC 8945.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/sys/secret.h"
#include "dnsupdater/rrset.h"
#include "dnsupdater/wire.h"

namespace ha::dns {

inline constexpr std::uint16_t kTsigFudgeS = 300;
inline constexpr std::uint16_t kTypeTsig = 250;
inline constexpr std::size_t kTsigBytesMax = 512;  // what a signature adds to a message, at most

enum class TsigAlgorithm { HmacSha256, HmacSha512 };
[[nodiscard]] std::string_view tsig_algorithm_text(TsigAlgorithm algorithm) noexcept;
// "hmac-sha256" or "hmac-sha512", in any case. Unsupported for others, with these in the hint.
[[nodiscard]] Result<TsigAlgorithm> parse_tsig_algorithm(std::string_view text);

struct TsigKey {
  Name name;
  TsigAlgorithm algorithm = TsigAlgorithm::HmacSha256;
  sys::Secret secret;
};

struct SignedMessage {
  Bytes wire;
  Bytes mac;  // the answer's MAC covers it
};
// `message` is a whole message without TSIG. Exhausted if it would be longer than kMessageBytesMax.
[[nodiscard]] Result<SignedMessage> tsig_sign(BytesView message, const TsigKey& key, WallTime now);

// The fields of a TSIG RR as they came.
struct Tsig {
  Name key;
  Name algorithm;
  std::uint64_t time_s = 0;
  std::uint16_t fudge_s = 0;
  Bytes mac;
  std::uint16_t original_id = 0;
  std::uint16_t error = 0;
  Bytes other;
};

enum class TsigVerdict {
  Good,           // signed by whoever has the key, for this question, now
  NotAsked,       // the question was not signed
  Missing,        // no TSIG: anybody may have sent this
  Malformed,      // a TSIG that does not parse or is not the last RR
  OtherKey,       // of another key or algorithm
  WrongMac,       // changed on its way, or not signed with our key
  OutOfTime,      // right, but of a time that is not now
  ServerBadKey,   // the server does not know our key (not signed, as it cannot be)
  ServerBadMac,   // the server's key of that name is another one (not signed)
  ServerBadTime,  // the server's clock is not ours; signed, and so is its time
  ServerError,    // another error of RFC 8945
};
[[nodiscard]] std::string_view tsig_verdict_text(TsigVerdict verdict) noexcept;

// `wire`: the message as it came, whose last RR is `tsig`, beginning at `begin`.
[[nodiscard]] TsigVerdict tsig_verify(BytesView wire, std::size_t begin, const Tsig& tsig, const TsigKey& key,
                                      BytesView request_mac, WallTime now);
// When it says that it was signed.
[[nodiscard]] WallTime tsig_signed_at(const Tsig& tsig);
// The server's clock, of ServerBadTime.
[[nodiscard]] std::optional<WallTime> tsig_server_time(const Tsig& tsig);

}  // namespace ha::dns
