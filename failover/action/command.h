// One command of the operator's: how it is run, and how it ended in words.
//
// Every command of this folder runs so: no shell unless it asks for one, in /, with umask 077, its variables
// beside ours, ended at its limit (SIGTERM, 2 s, SIGKILL to its process group). Thread safety: plain
// functions. Source: docs/failover.md, "Actions".
#pragma once

#include <string>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"

namespace ha::failover {

inline constexpr std::size_t kActionOutputMax = 4096;  // the last of it

struct ActionCommand {
  std::vector<std::string> argv = {};  // of a shell: one text
  Duration limit = std::chrono::seconds(10);
  bool shell = false;
  std::string user = {};  // empty: we

  [[nodiscard]] bool empty() const noexcept { return argv.empty(); }
};
// Invalid: nothing to run, a program without a path, a shell with several texts.
[[nodiscard]] Status check_action(const ActionCommand& command);

struct CommandInput {
  std::vector<std::string> environment = {};  // "HA_EVENT=role.promoted"
  Bytes stdin_bytes = {};
  int cancel_fd = -1;
};

struct CommandOutcome {
  bool good = false;
  int exit_status = -1;     // -1: it did not end by itself, or never began
  bool in_time = true;      // false: it was ended at its limit
  std::string words = {};   // "fence_ipmilan did what it should, in 0.3 s", "… ended with 2: no route"
  std::string output = {};  // the last of it, as it may be shown
  Duration took{};
};
[[nodiscard]] CommandOutcome run_action(const ActionCommand& step, const CommandInput& input);

}  // namespace ha::failover
