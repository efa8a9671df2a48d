#include "failover/model/budget.h"

#include <algorithm>
#include <numeric>

#include "common/base/units.h"

namespace ha::failover {
namespace {

BudgetPart part(std::string name, const std::optional<Duration>& measured, Duration limit) {
  return {std::move(name), measured.value_or(limit), !measured};
}

}  // namespace

std::vector<BudgetPart> budget(const BudgetFacts& facts, Loss loss) {
  std::vector<BudgetPart> out;
  Duration hidden{};  // of the start, behind what is waited for anyhow
  switch (loss) {
    case Loss::SiteDies:
      if (facts.mode == Mode::Fast) {
        out.push_back({"silence", facts.timing.suspect_after(), false});
        out.push_back({"probes", facts.probe_patience, false});
        hidden = facts.probe_patience;
      } else {
        // The version may have been seen first up to a reading after it was written.
        out.push_back({"lease", facts.timing.wait() + facts.timing.renew, false});
        hidden = out.back().length - facts.timing.suspect_after();
      }
      break;
    case Loss::PbxDies:
      out.push_back({"detection", facts.health_rise, false});
      break;
    case Loss::SwitchOver:
      out.push_back(part("stop", facts.stop, facts.stop_within));
      break;
  }
  out.push_back(part("swap", facts.swap, facts.swap_within));
  if (loss != Loss::SiteDies) {
    out.push_back({"renewal", out.back().length, out.back().at_most});  // the target renews before it serves
  }
  BudgetPart start = part("start", facts.start, facts.start_within);
  if (facts.prewarmed) {
    start.length = std::max(start.length - hidden, Duration::zero());
  }
  out.push_back(std::move(start));
  out.push_back({"TTL", facts.ttl, false});
  out.push_back({"re-REGISTER", facts.reregister, false});
  return out;
}

Duration total(const std::vector<BudgetPart>& parts) noexcept {
  return std::accumulate(parts.begin(), parts.end(), Duration::zero(),
                         [](Duration sum, const BudgetPart& each) { return sum + each.length; });
}

bool is_at_most(const std::vector<BudgetPart>& parts) noexcept {
  return std::any_of(parts.begin(), parts.end(),
                     [](const BudgetPart& each) { return each.at_most && each.length > Duration::zero(); });
}

std::string budget_text(const std::vector<BudgetPart>& parts) {
  std::string out;
  for (const BudgetPart& each : parts) {
    if (each.length > Duration::zero()) {
      out += std::string(out.empty() ? "" : " + ") + (each.at_most ? "up to " : "") + show_age(each.length) +
             " " + each.name;
    }
  }
  return out.empty() ? "0 s" : out + " = " + (is_at_most(parts) ? "up to " : "") + show_age(total(parts));
}

}  // namespace ha::failover
