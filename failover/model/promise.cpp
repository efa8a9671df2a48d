#include "failover/model/promise.h"

#include <algorithm>

namespace ha::failover {

void GivenPromise::give(const std::string& holder, Duration length, SteadyTime now) {
  holder_ = holder;
  until_ = std::max(now + length, until_.value_or(now));
}

void PromiseRound::begin(std::uint64_t number, std::vector<std::string> from, SteadyTime sent) {
  number_ = number;
  sent_ = sent;
  missing_ = {from.begin(), from.end()};
  promised_.clear();
}

void PromiseRound::on_promise(std::uint64_t number, const std::string& site) {
  if (running() && number == number_ && missing_.erase(site) != 0) {
    promised_.insert(site);
  }
}

bool PromiseRound::complete(const std::vector<std::string>& sites) const {
  return running() && std::all_of(sites.begin(), sites.end(),
                                  [&](const std::string& site) { return promised_.count(site) != 0; });
}

}  // namespace ha::failover
