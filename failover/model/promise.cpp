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
}

void PromiseRound::on_promise(std::uint64_t number, const std::string& site) {
  if (running() && number == number_) {
    missing_.erase(site);
  }
}

}  // namespace ha::failover
