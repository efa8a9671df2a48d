// Asks the PBX of a suspected holder for a sign of life: SIP OPTIONS to its address, on a worker.
//
// In fast mode nobody takes a service from a holder whose PBX still answers. An answer of any kind is a sign;
// silence for kPatience, or a way there that does not exist, is none. Thread safety: one loop's thread.
// Source: docs/failover.md, "Suspicion".
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/workers.h"
#include "common/sys/cancel.h"
#include "common/wire/loop.h"

namespace ha::failover {

class OwnerProbe {
 public:
  using OnEnd = std::function<void(const std::string& service, const std::string& owner, bool dead)>;
  static constexpr Duration kPatience = std::chrono::milliseconds(400);

  // `loop` outlives it.
  OwnerProbe(wire::Loop& loop, const std::vector<std::string>& services, OnEnd on_end);
  ~OwnerProbe();
  OwnerProbe(const OwnerProbe&) = delete;
  OwnerProbe& operator=(const OwnerProbe&) = delete;

  // `endpoint`: "192.0.2.10:5060". Nothing while one for that service is under way.
  void probe(const std::string& service, const std::string& owner, const std::string& endpoint);

 private:
  struct Line {
    explicit Line(Workers& workers) : strand(workers) {}
    Strand strand;
    bool busy = false;
  };
  wire::Loop& loop_;
  OnEnd on_end_;
  sys::Cancel cancel_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::map<std::string, std::unique_ptr<Line>> lines_;
  Workers workers_;  // last: its threads end before what they use
};

}  // namespace ha::failover
