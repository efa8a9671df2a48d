// What `check` finds, from what was read: each finding with the command that comes next.
//
// Pure. Gathering is verb_check.cpp's, the rules are docs/dns.md, "check". Thread safety: plain functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dnsupdater/config.h"
#include "dnsupdater/lease.h"
#include "dnsupdater/mark.h"
#include "dnsupdater/swap.h"
#include "dnsupdater/trouble.h"

namespace ha::dns {

struct Finding {
  Mark mark = Mark::Good;
  std::string about;  // a zone, a service, a name
  std::string check;  // "key", "rights", "records", …
  std::string found;
  std::string next = {};            // a command; empty: nothing is to be done
  std::optional<Cause> cause = {};  // of Bad: what the exit code says
};
using Findings = std::vector<Finding>;

// ---------------------------------------------------------------- a zone
struct ServerFacts {
  Endpoint server;
  std::optional<std::uint32_t> serial;
  bool authoritative = false;
  std::optional<Trouble> trouble;
};
struct NameServer {
  Name name;
  bool is_known = false;  // it is in a zone of ours
  std::vector<Address> addresses = {};
};
struct RightsFacts {
  std::size_t names = 0;
  std::vector<std::string> refused = {};  // "sip.example.net A"
  std::optional<Trouble> trouble = {};    // beside these
  bool took = false;                      // it took a message whose prerequisite cannot be met
};
struct ZoneFacts {
  Name zone;
  std::optional<Trouble> trouble;  // the primary could not be asked: nothing of the rest is there
  std::optional<Duration> ahead;   // of our clock before the primary's
  std::optional<std::uint32_t> serial;
  RightsFacts rights;
  std::vector<ServerFacts> servers;
  std::vector<NameServer> delegated;        // the zone's own NS
  std::optional<std::vector<Name>> parent;  // those that the parent zone names, if it is one of ours
};
[[nodiscard]] Findings check_zone(const ZoneFacts& facts);

// ---------------------------------------------------------------- a service
struct GuardFacts {
  Name guard;
  Name zone;
  std::optional<Record> record;
  std::optional<Trouble> trouble;   // it cannot be read
  std::optional<Error> regression;  // against what this site has seen
};
struct ServiceFacts {
  std::string service;
  GuardFacts lease;
  std::vector<GuardFacts> copies;
  std::vector<RrSet> sets;  // of its records, in every zone that could be read
};
[[nodiscard]] Findings check_service(const DnsConfig& config, const ServiceFacts& facts);

struct PoolFacts {
  GuardFacts guard;
  std::vector<RrSet> sets;
};
[[nodiscard]] Findings check_pool(const DnsConfig& config, const PoolConfig& pool, const PoolFacts& facts);

// "records at epoch 6, lease at 7 of nyc1: its takeover is half done; its coordinator finishes it".
[[nodiscard]] std::string half_done_text(const Record& lease, const std::optional<Record>& copy);

}  // namespace ha::dns
