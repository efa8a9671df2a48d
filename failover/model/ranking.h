// Who is to take which service first: an order for speed, never for safety.
//
// Pure. Every site works it out for itself, from the arbiter-held configuration and what heartbeats say;
// views may differ, and then the arbiter's swap decides. Thread safety: plain functions. Source:
// docs/failover.md, "Ranking".
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "failover/model/record.h"

namespace ha::failover {

enum class Lag {
  InSync,
  Behind,  // within what the service allows
  TooFar,  // beyond it: what is not there would be lost
};
[[nodiscard]] std::string_view lag_text(Lag lag) noexcept;

// A site as a candidate.
struct Candidate {
  std::string site;
  std::string unfit = {};  // why it cannot; empty: it can
  unsigned score = 0;      // of its health; 0 is perfect
  unsigned room = 0;       // services that it could hold beside those that it holds
  bool other_config = false;
  std::map<std::string, Lag> lag = {};  // by service; not in it: Behind
  std::set<std::string> unable = {};    // services whose last start or stop there went wrong
};

// A service that somebody should take, with its eligible sites by preference.
struct Wanted {
  std::string service;
  std::vector<std::string> sites;
};

// Why this one may not have it; empty: it may.
[[nodiscard]] std::string why_not(const Wanted& wanted, const Candidate& candidate);
// The candidates of one service, best first: those that may have it. Same configuration before another,
// then the class of lag, then preference.
[[nodiscard]] std::vector<std::string> ranked(const Wanted& wanted, const std::vector<Candidate>& candidates);

// Each service, in this order, to the best candidate that has room left. Services for which nobody has are
// left out.
[[nodiscard]] std::map<std::string, std::string> assigned(const std::vector<Wanted>& wanted,
                                                          const std::vector<Candidate>& candidates);

}  // namespace ha::failover
