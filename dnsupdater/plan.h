// From what was read and what is wanted to one UPDATE, and to what has to be there afterwards.
//
// Every plan has a guard as its prerequisite and replaces it; RRsets are replaced as a whole, so that what
// somebody has slipped in by hand is gone and there is one TTL. No I/O, no message format: message.h makes
// the bytes. Thread safety: values. Source: RFC 2136; docs/dns.md, "A swap"; nsupdate(1) for the text.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "dnsupdater/record.h"
#include "dnsupdater/rrset.h"

namespace ha::dns {

inline constexpr std::size_t kChangesMax = 256;  // guards and RRsets of one change

// RFC 2136, section 2.4.
enum class Need {
  NameInUse,   // yxdomain
  NameUnused,  // nxdomain
  SetExists,   // yxrrset, whatever is in it
  SetIs,       // yxrrset with exactly this rdata; TTLs do not count
  SetAbsent,   // nxrrset
};
struct Prerequisite {
  Need need = Need::SetIs;
  Name name;
  RrType type = RrType::Txt;      // not of NameInUse and NameUnused
  std::vector<Rdata> rdata = {};  // of SetIs only
};

// All of a name without a type, an RRset without rdata, or one RR.
struct Deletion {
  Name name;
  std::optional<RrType> type = std::nullopt;
  std::optional<Rdata> rdata = std::nullopt;
};

// One UPDATE message. Deletions come before additions.
struct Update {
  Name zone;
  std::vector<Prerequisite> prerequisites;
  std::vector<Deletion> deletions = {};
  std::vector<RrSet> additions = {};
};

// A guard: what was read there and what it shall say.
struct GuardChange {
  Name name;
  std::optional<Record> before;
  Record after;
};

// An RRset: what was read and what shall be.
struct SetChange {
  Name name;
  RrType type = RrType::A;
  std::optional<RrSet> before;  // none: not there
  std::optional<RrSet> after;   // none: shall not be there
  bool of_service = false;      // callers come by it: it is never left empty
};

struct Change {
  Name zone;
  std::vector<GuardChange> guards;
  std::vector<SetChange> sets;
  bool renewal = false;  // writes the guards even if nothing else changes
};

struct Expected {
  Name name;
  RrType type = RrType::A;
  std::optional<RrSet> set;  // none: nothing is there
};

struct Plan {
  Update update;
  std::vector<Expected> afterwards;  // guards first; also RRsets that need no change

  // Nothing to change: nothing is to be sent.
  [[nodiscard]] bool empty() const noexcept { return update.additions.empty() && update.deletions.empty(); }
};

// Refused if an RRset of a service would be left empty. Invalid for what no swap may be: without a guard,
// outside of the zone, a guard that does not go on from what was read (unless nothing is to be sent), TTL 0,
// a CNAME beside others, the zone's own SOA or NS, two changes of one RRset. Exhausted past kChangesMax.
[[nodiscard]] Result<Plan> make_plan(const Change& change);

// What differs from the plan in what was read back: one sentence for each RRset; nothing: all is as planned.
// `found` has the RRsets of all names and types of `plan.afterwards` that exist.
[[nodiscard]] std::vector<std::string> differences(const Plan& plan, const std::vector<RrSet>& found);

// The message in nsupdate's syntax, one command a line, `send` the last one.
[[nodiscard]] std::string nsupdate_text(const Update& update);

}  // namespace ha::dns
