#include "failover/action/fence.h"

namespace ha::failover {

FenceOutcome fence(const ActionCommand& command, const FenceWish& wish, int cancel_fd) {
  if (command.empty()) {
    return {false, "there is no fence command for " + wish.site, {}};
  }
  CommandInput input;
  input.environment = {"HA_FENCE_SITE=" + escape(wish.site), "HA_SERVICE=" + escape(wish.service),
                       "HA_EPOCH=" + std::to_string(wish.epoch), "HA_REASON=" + escape(wish.reason),
                       "HA_SITE=" + escape(wish.by)};
  input.cancel_fd = cancel_fd;
  const CommandOutcome ran = run_action(command, input);
  return {
      ran.good,
      (ran.good ? wish.site + " is off: " : "it is not known whether " + wish.site + " is off: ") + ran.words,
      ran.took};
}

}  // namespace ha::failover
