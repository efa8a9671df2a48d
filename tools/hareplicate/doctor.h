// What a host needs to run a replicator well, checked one by one, each with the command that mends it.
//
// Looks only; changes nothing. Connecting to peers is plain TCP: whether their key fits is told by status.
// Thread safety: one thread. Source: docs/operations.md, "Doctor".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "replicator/config.h"
#include "tools/hareplicate/context.h"

namespace ha::tool {

enum class Health { Good, Warning, Bad };

struct Check {
  Health health = Health::Good;
  std::string what;  // "kernel: openat2"
  std::string found;
  std::string fix;  // a command or a sentence; empty when nothing is to be done
};

[[nodiscard]] std::string_view health_word(Health health) noexcept;  // "ok", "WARNING", "BAD"

[[nodiscard]] std::vector<Check> check_host();  // rights, kernel, limits, clock, congestion control
[[nodiscard]] std::vector<Check> check_site(const replicator::Config& config);        // directories and keys
[[nodiscard]] Check check_peer(const std::string& site, const std::string& address);  // by plain TCP
[[nodiscard]] std::vector<Check> check_peers(const replicator::Config& config);
// Those, and the configuration and the replicator.
[[nodiscard]] std::vector<Check> all_checks(const Context& context);

}  // namespace ha::tool
