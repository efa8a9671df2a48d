#include "failover/model/ranking.h"

#include <algorithm>
#include <optional>
#include <tuple>

namespace ha::failover {
namespace {

Lag lag_of(const Candidate& candidate, const std::string& service) {
  const auto found = candidate.lag.find(service);
  return found == candidate.lag.end() ? Lag::Behind : found->second;
}

// With that much room left; empty: it may have it.
std::string why_not_with(const Wanted& wanted, const Candidate& candidate, unsigned room) {
  if (std::find(wanted.sites.begin(), wanted.sites.end(), candidate.site) == wanted.sites.end()) {
    return "it is not among the sites of " + wanted.service;
  }
  if (!candidate.unfit.empty()) {
    return candidate.unfit;
  }
  if (room == 0) {
    return "it holds as many services as it can";
  }
  if (candidate.unable.count(wanted.service) != 0) {
    return "its last start or stop there went wrong";
  }
  return lag_of(candidate, wanted.service) == Lag::TooFar ? "its copies are too far behind" : "";
}

// The order of those that may have it: a site has one place among the sites of a service.
using Key = std::tuple<bool, Lag, std::ptrdiff_t>;

// None: it may not have it.
std::optional<Key> key_of(const Wanted& wanted, const Candidate& candidate, unsigned room) {
  if (!why_not_with(wanted, candidate, room).empty()) {
    return std::nullopt;
  }
  const auto place = std::find(wanted.sites.begin(), wanted.sites.end(), candidate.site);
  return Key{candidate.other_config, lag_of(candidate, wanted.service), place - wanted.sites.begin()};
}

}  // namespace

std::string_view lag_text(Lag lag) noexcept {
  switch (lag) {
    case Lag::InSync:
      return "in sync";
    case Lag::Behind:
      return "behind";
    case Lag::TooFar:
      return "too far behind";
  }
  return "?";
}

std::string why_not(const Wanted& wanted, const Candidate& candidate) {
  return why_not_with(wanted, candidate, candidate.room);
}

std::vector<std::string> ranked(const Wanted& wanted, const std::vector<Candidate>& candidates) {
  std::vector<std::pair<Key, const Candidate*>> able;
  for (const Candidate& candidate : candidates) {
    if (const auto key = key_of(wanted, candidate, candidate.room)) {
      able.emplace_back(*key, &candidate);
    }
  }
  std::sort(able.begin(), able.end(),
            [](const auto& one, const auto& other) { return one.first < other.first; });
  std::vector<std::string> out;
  out.reserve(able.size());
  std::transform(able.begin(), able.end(), std::back_inserter(out),
                 [](const auto& each) { return each.second->site; });
  return out;
}

std::map<std::string, std::string> assigned(const std::vector<Wanted>& wanted,
                                            const std::vector<Candidate>& candidates) {
  std::vector<unsigned> room(candidates.size());
  std::transform(candidates.begin(), candidates.end(), room.begin(),
                 [](const auto& each) { return each.room; });
  std::map<std::string, std::string> out;
  for (const Wanted& each : wanted) {
    std::optional<Key> best;
    std::size_t taker = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      const auto key = key_of(each, candidates[i], room[i]);
      if (key && (!best || *key < *best)) {
        best = key;
        taker = i;
      }
    }
    if (best) {
      out[each.service] = candidates[taker].site;
      --room[taker];
    }
  }
  return out;
}

}  // namespace ha::failover
