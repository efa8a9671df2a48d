#include "failover/model/ranking.h"

#include <algorithm>
#include <tuple>

namespace ha::failover {
namespace {

Lag lag_of(const Candidate& candidate, const std::string& service) {
  const auto found = candidate.lag.find(service);
  return found == candidate.lag.end() ? Lag::Behind : found->second;
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
  if (std::find(wanted.sites.begin(), wanted.sites.end(), candidate.site) == wanted.sites.end()) {
    return "it is not among the sites of " + wanted.service;
  }
  if (!candidate.unfit.empty()) {
    return candidate.unfit;
  }
  if (candidate.room == 0) {
    return "it holds as many services as it can";
  }
  return lag_of(candidate, wanted.service) == Lag::TooFar ? "its copies are too far behind" : "";
}

std::vector<std::string> ranked(const Wanted& wanted, const std::vector<Candidate>& candidates) {
  using Key = std::tuple<bool, Lag, std::ptrdiff_t, std::string>;
  std::vector<Key> keys;
  for (const Candidate& candidate : candidates) {
    const auto place = std::find(wanted.sites.begin(), wanted.sites.end(), candidate.site);
    const Lag lag = lag_of(candidate, wanted.service);
    if (why_not(wanted, candidate).empty()) {
      keys.emplace_back(candidate.other_config, lag, place - wanted.sites.begin(), candidate.site);
    }
  }
  std::sort(keys.begin(), keys.end());
  std::vector<std::string> out;
  std::transform(keys.begin(), keys.end(), std::back_inserter(out),
                 [](const Key& key) { return std::get<std::string>(key); });
  return out;
}

std::map<std::string, std::string> assigned(const std::vector<Wanted>& wanted,
                                            const std::vector<Candidate>& candidates) {
  std::vector<Candidate> left = candidates;
  std::map<std::string, std::string> out;
  for (const Wanted& each : wanted) {
    const std::vector<std::string> order = ranked(each, left);
    if (order.empty()) {
      continue;
    }
    out[each.service] = order[0];
    const auto taken = std::find_if(left.begin(), left.end(),
                                    [&](const Candidate& candidate) { return candidate.site == order[0]; });
    --taken->room;
  }
  return out;
}

}  // namespace ha::failover
