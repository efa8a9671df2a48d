// DNS messages as bytes: questions and UPDATEs of ours, answers to them; rdata between text and wire.
//
// The only user of ldns: it knows the types' rdata and compresses names. Bytes in, bytes out: no socket, no
// clock, IDs and the time come from the caller. A Request is for one send: a resend needs a new ID and a new
// signature, so it is made anew. Thread safety: pure functions.
// Source: RFC 1035, 2136, 3597, 6891, 8945; ldns 1.8.3, and what of it is not used: docs/adr/0012.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "dnsupdater/plan.h"
#include "dnsupdater/rrset.h"
#include "dnsupdater/tsig.h"
#include "dnsupdater/wire.h"

namespace ha::dns {

inline constexpr std::size_t kRdataTextBytesMax = 16'384;
inline constexpr std::uint16_t kEdnsBytes = 1232;  // what may come over UDP in answer to EDNS

enum class Rcode : std::uint16_t {
  NoError = 0,
  FormErr = 1,
  ServFail = 2,
  NxDomain = 3,
  NotImp = 4,
  Refused = 5,
  YxDomain = 6,
  YxRrset = 7,
  NxRrset = 8,
  NotAuth = 9,
  NotZone = 10,
  BadVers = 16,
};
// "NOERROR", "NXRRSET", "RCODE11".
[[nodiscard]] std::string rcode_text(Rcode rcode);

struct Question {
  Name name;
  RrType type = RrType::Txt;
  bool chaos = false;      // class CH: version.bind and the like
  bool recursion = false;  // RD: only for resolvers
  bool dnssec = false;     // EDNS with DO: with RRSIGs
  bool nsid = false;       // EDNS with NSID: which server of several it is
};

struct Request {
  Bytes wire;
  Bytes mac;  // empty: not signed
  std::uint16_t id = 0;
  bool is_update = false;
};

// Invalid without a prerequisite or if an rdata is none of its type, Exhausted if the message would be longer
// than kMessageBytesMax.
[[nodiscard]] Result<Request> make_update(const Update& update, std::uint16_t id, const TsigKey& key,
                                          WallTime now);
// `key` null: not signed.
[[nodiscard]] Result<Request> make_query(const Question& question, std::uint16_t id, const TsigKey* key,
                                         WallTime now);

struct Reply {
  Rcode rcode = Rcode::NoError;  // with EDNS's upper bits
  bool of_update = false;        // to an UPDATE, else to a question
  bool authoritative = false;
  bool truncated = false;  // the RRs are not all: ask again over TCP
  TsigVerdict tsig = TsigVerdict::Missing;
  std::uint16_t tsig_error = 0;         // as it came, 0: none
  std::optional<WallTime> server_time;  // of ServerBadTime
  std::optional<WallTime> signed_at;    // by the server's clock, in whole seconds; of Good and OutOfTime
  // Without RRs whose owner is no Name: we never ask for such.
  std::vector<Rr> answers;
  std::vector<Rr> authority;
  Bytes nsid;  // empty: none
};
// An answer to `request`, with what its signature is worth; nothing in it may be believed unless that is Good
// (or the question was not signed). `key` is the one of the request.
// Conflict if it answers another question (ID, QR, opcode, name, type, class): a stray, to be ignored.
// Corrupt or Exhausted if it is no whole message of ours to read.
[[nodiscard]] Result<Reply> read_reply(BytesView wire, const Request& request, const TsigKey* key,
                                       WallTime now);

// Rdata from the text of a zone file; names in it are absolute, with or without the last dot. Types that
// nobody sets by hand only as unknown data, "\# 3 616263". Invalid if it does not parse, or would become
// something else than it says (ldns takes port 99999 for 34463).
[[nodiscard]] Result<Rdata> rdata_from_text(RrType type, std::string_view text);
// From wire form without compressed names. Corrupt if it is none of that type.
[[nodiscard]] Result<Rdata> rdata_from_wire(RrType type, BytesView wire);

}  // namespace ha::dns
