// A primary as RFC 2136 has it, of names and RRsets: what swaps race for in simulations and tests.
//
// Not a model of what real servers do wrong: those are started for real (tests/e2e). Thread safety: none.
#pragma once

#include <map>
#include <vector>

#include "dnsupdater/message.h"
#include "dnsupdater/plan.h"
#include "dnsupdater/swap.h"

namespace ha::sim {

class DnsPrimary {
 public:
  // All of it or nothing.
  dns::Rcode apply(const dns::Update& update);
  [[nodiscard]] std::vector<dns::RrSet> read(const std::vector<dns::SetKey>& keys) const;
  // Every record that the guard has ever had, in order.
  [[nodiscard]] const std::vector<dns::Record>& history() const noexcept { return history_; }
  void watch(const dns::Name& guard, std::string id) {
    guard_ = guard;
    id_ = std::move(id);
  }

 private:
  [[nodiscard]] dns::Rcode check(const dns::Prerequisite& need) const;
  [[nodiscard]] bool in_use(const dns::Name& name) const;
  void remove(const dns::Deletion& deletion);

  std::map<dns::SetKey, dns::RrSet> sets_;
  std::vector<dns::Record> history_;
  dns::Name guard_;
  std::string id_;
};

}  // namespace ha::sim
