// The kernel guard: cuts a service's ports off when nobody says in time that they may stay open.
//
// The kernel counts, so it cuts also while this process is stopped, swapped out or gone. Table inet
// hareplicate (guard_rules.h) and no other is touched. After a crash what was open stays so for the rest of
// its time.
//
// By libnftables, not by nft(8): opening again is one call of 0.08 ms (median of 2000 on Linux 6.18), where
// starting nft takes 8 ms on an idle host and was seen to take 600 ms on a busy one, which is when it counts.
// Each change is one transaction of the kernel.
//
// `nft flush ruleset`, as in Debian's /etc/nftables.conf, takes the table away: then all is open until
// ensure(), which is to be called every second or so: it lists the table only when something in nftables has
// changed since it was right. Thread safety: one thread. Needs CAP_NET_ADMIN.
// Errors: Denied, Unsupported (no nf_tables in this kernel), Io with what libnftables says.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "failover/action/guard_rules.h"
#include "failover/action/nft_generation.h"

struct nft_ctx;

namespace ha::failover {

class Guard {
 public:
  // Makes the table. What an earlier process has opened stays open. Invalid for a wrong service.
  [[nodiscard]] static Result<Guard> open(std::vector<GuardedService> services);
  Guard(Guard&&) noexcept;
  Guard& operator=(Guard&&) noexcept;
  // The table stays: what is closed stays closed.
  ~Guard();

  // Packets of the service pass until then, and not longer. Also extends. TimedOut if that time was over
  // before the kernel had it (we were stopped): then it is closed. NotFound: no such service.
  [[nodiscard]] Status open_until(std::string_view service, SteadyTime until);
  [[nodiscard]] Status close(std::string_view service);
  // Only for the service's local networks, without an end.
  [[nodiscard]] Status keep_local(std::string_view service);
  // Puts the table back if somebody has taken it away or changed it; nothing that is open closes.
  [[nodiscard]] Status ensure();
  // Takes the table away, so that all ports are open: only when an operator asks for it.
  [[nodiscard]] Status remove();

 private:
  struct Free {
    void operator()(nft_ctx* context) const noexcept;
  };
  Guard(std::unique_ptr<nft_ctx, Free> context, std::vector<GuardedService> services);
  [[nodiscard]] Status run(const std::string& commands);
  [[nodiscard]] Status run_or_restore(const std::string& commands);
  [[nodiscard]] Status find(std::string_view service) const;
  [[nodiscard]] Status set_up();
  [[nodiscard]] Result<std::string> rules();

  std::unique_ptr<nft_ctx, Free> context_;
  std::vector<GuardedService> services_;
  std::string rules_;  // as the kernel shows them when they are right
  NftGeneration generation_ = NftGeneration::open();
  std::optional<std::uint32_t> right_at_;  // the generation at which they were
};

}  // namespace ha::failover
