// Helpers for the session tests: virtual time, actions by type, positions.
#pragma once

#include <boost/test/unit_test.hpp>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "replicator/session/receiver.h"
#include "replicator/session/sender.h"

namespace ha::replicator {

inline SteadyTime at(double seconds) {
  return SteadyTime(std::chrono::hours(1)) +
         std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

inline Position position(std::uint64_t sequence, std::uint64_t sum = 0, std::uint64_t id = 7) {
  return {id, 1, sequence, {0, sum == 0 ? sequence : sum}};
}

// The first action that is a T, if there is one.
template <typename T, typename Action>
std::optional<T> find(const std::vector<Action>& actions) {
  for (const Action& action : actions) {
    if (const auto* found = std::get_if<T>(&action)) {
      return *found;
    }
  }
  return std::nullopt;
}

// The first message that is a T.
template <typename T, typename Action>
std::optional<T> find_message(const std::vector<Action>& actions) {
  for (const Action& action : actions) {
    const auto* message = std::get_if<SetMessage>(&action);
    if (message != nullptr && std::holds_alternative<T>(*message)) {
      return std::get<T>(*message);
    }
  }
  return std::nullopt;
}

}  // namespace ha::replicator
