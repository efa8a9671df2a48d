// Runs swaps on a real primary, and looks at what the servers of a zone answer. Blocks: for workers.
//
// Thread safety: one thread; cancel by making `cancel_fd` readable. Source: docs/dns.md.
#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "dnsupdater/operation.h"
#include "dnsupdater/primary.h"
#include "dnsupdater/swap.h"

namespace ha::dns {

// Of a change: random.
[[nodiscard]] Result<Digest> new_nonce();
// Until the verdict. Cancelled in the middle: NotSent or Unknown, as it stands.
[[nodiscard]] SwapResult run_swap(Swap& swap, Primary& primary);

// What one server answers callers with: unsigned, as they ask.
struct ServerView {
  Endpoint server;
  std::optional<RrSet> set;
  // Of the zone, if it was looked at.
  std::optional<std::uint32_t> serial;
  bool authoritative = false;              // its SOA came with AA
  bool is_signed = false;                  // its SOA came with a signature
  std::optional<WallTime> signed_until{};  // of the set, the first of several to run out
  std::optional<Trouble> trouble{};        // it could not be asked
};
// What it does not answer as wanted: "is silent", "has 192.0.2.10", "has TTL 30"; empty: all is so.
[[nodiscard]] std::string behind_text(const ServerView& view, const SetMove& wanted);
// The same, for what the primary has now; none: nothing.
[[nodiscard]] std::string behind_text(const ServerView& view, const std::optional<RrSet>& primary);
// Its data in one line: "192.0.2.10, 192.0.2.11", "nothing".
[[nodiscard]] std::string data_text(const std::optional<RrSet>& set);
// Whether our key may write these, without changing anything: updates whose prerequisite, a name that nobody
// has ever had, cannot be met. The first deletes what is not there, so that a server that does not look at
// prerequisites is not changed; one that has refused for the prerequisite is then asked to add, as BIND lets
// everybody delete an SRV that is not there. BIND 9.18 and Knot 3.2 look at rights first, name by name;
// PowerDNS knows rights for a whole zone, and what a Lua policy says only when the prerequisite is met.
struct Rights {
  std::vector<SetKey> refused;
  std::optional<Trouble> trouble;  // nothing is known
  bool took = false;               // it said NOERROR
};
[[nodiscard]] Rights probe_rights(Primary& primary, const std::vector<SetKey>& keys);

// One question, unsigned, as callers ask; over TCP when the answer is too long. Trouble: Network or Server.
[[nodiscard]] Primary::Heard<Answer> ask_plain(const Endpoint& server, const Question& question,
                                               Duration patience, int cancel_fd = -1);
enum class Look {
  Set,
  SetAndZone,
  Signatures,  // both, with what signs them
};
// All of them, one after the other, `patience` a question.
[[nodiscard]] std::vector<ServerView> view_servers(const std::vector<Endpoint>& servers, const Name& zone,
                                                   const SetKey& key, Duration patience, int cancel_fd = -1,
                                                   Look look = Look::SetAndZone);

}  // namespace ha::dns
