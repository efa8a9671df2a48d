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

// "1 changed, 2 created, 1 mode, 3 deleted, 1 taken over, and 70 more that are not listed"; empty: none.
[[nodiscard]] std::string changes_of(const JobEnd& end);
// Whether something is deleted, or may be among what is not listed.
[[nodiscard]] bool may_delete(const JobEnd& end);

// A row per item; `would`: with that word before what would happen.
[[nodiscard]] std::string list_items(const std::vector<schemas::control::Item>& items, bool would,
                                     std::size_t limit);

// Why a part failed, as an Error; nothing if none did.
[[nodiscard]] std::optional<Error> failure_of(const schemas::control::Job& job);

}  // namespace ha::tool
