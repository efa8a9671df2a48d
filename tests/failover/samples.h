// What the tests of the coordinator's core share: times and records.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "failover/model/step.h"

namespace ha::failover {

inline SteadyTime at(Duration since_start) {
  return SteadyTime(std::chrono::hours(1)) + since_start;
}

inline Record held_by(const std::string& owner, std::uint64_t epoch = 1, std::uint64_t seq = 1) {
  return {owner, {epoch, seq}, Hold::Own, {}};
}

inline Record free_record(std::uint64_t epoch = 1, std::uint64_t seq = 9) {
  return {"", {epoch, seq}, Hold::Free, {}};
}

// The steps of one kind, in their order.
template <typename Kind>
std::vector<Kind> only(const Steps& steps) {
  std::vector<Kind> out;
  for (const Step& step : steps) {
    if (const auto* one = std::get_if<Kind>(&step)) {
      out.push_back(*one);
    }
  }
  return out;
}

}  // namespace ha::failover
