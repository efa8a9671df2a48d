// Runs swaps on a real primary, and looks at what the servers of a zone answer. Blocks: for workers.
//
// Thread safety: one thread; cancel by making `cancel_fd` readable. Source: docs/dns.md.
#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "dnsupdater/primary.h"
#include "dnsupdater/swap.h"

namespace ha::dns {

// Until the verdict. Cancelled in the middle: NotSent or Unknown, as it stands.
[[nodiscard]] SwapResult run_swap(Swap& swap, Primary& primary);

// What one server answers callers with: unsigned, as they ask.
struct ServerView {
  Endpoint server;
  std::optional<RrSet> set;
  std::optional<std::uint32_t> serial;
  std::optional<Trouble> trouble;  // it could not be asked
};
// All of them, one after the other, `patience` each.
[[nodiscard]] std::vector<ServerView> view_servers(const std::vector<Endpoint>& servers, const Name& zone,
                                                   const SetKey& key, Duration patience, int cancel_fd = -1);

}  // namespace ha::dns
