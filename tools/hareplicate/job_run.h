// Starts or follows a job of the daemon, with progress, and gives what it ended with.
//
// An interrupt ends the following, never the job. Thread safety: one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "schemas/control.pb.h"
#include "tools/hareplicate/context.h"
#include "tools/hareplicate/daemon.h"

namespace ha::tool {

struct JobEnd {
  schemas::control::Job job;
  std::vector<schemas::control::Item> items;  // that differ
};

// Cancelled or TimedOut when the job goes on without us; the hint then says how to follow it.
[[nodiscard]] Result<JobEnd> run_job(const Context& context, Daemon& daemon,
                                     const schemas::control::Request& request);

// "1 changed, 2 created, 1 mode, 3 deleted"
[[nodiscard]] std::string count_of_changes(const std::vector<schemas::control::Item>& items);

// A row per item; `would`: with that word before what would happen.
[[nodiscard]] std::string list_items(const std::vector<schemas::control::Item>& items, bool would,
                                     std::size_t limit);

// Why a part failed, as an Error; nothing if none did.
[[nodiscard]] std::optional<Error> failure_of(const schemas::control::Job& job);

}  // namespace ha::tool
