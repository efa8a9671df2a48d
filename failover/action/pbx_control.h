// Starts and stops this site's PBX by the operator's commands, with hooks around them, and says what came of
// it.
//
// Whether it runs is asked before and after, so that everything may be asked for twice. A hook before that
// fails vetoes: nothing is done. A PBX that does not stop is killed if that is configured, else it is Failed,
// as a service must not be given away while it is still served. Blocks, for workers. Thread safety: one
// thread. Source: docs/failover.md, "Actions".
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "failover/action/command.h"
#include "failover/sensors/process_find.h"

namespace ha::failover {

struct PbxConfig {
  ActionCommand start;
  ActionCommand stop;
  ActionCommand restart = {};  // none: stop, then start
  ActionCommand prewarm = {};  // none: start
  // Whether it runs, as LSB and systemd say it: 0 yes, 1 to 3 no. None: by its process.
  ActionCommand status = {};
  std::string process =
      {};  // its name, and the file with its id: one of them at least, unless there is `status`
  std::string pidfile = {};
  bool kill = false;  // what does not stop in time gets SIGKILL, with all that it has started
  std::vector<ActionCommand> before_start = {};
  std::vector<ActionCommand> after_start = {};
  std::vector<ActionCommand> before_stop = {};
  std::vector<ActionCommand> after_stop = {};
};
// Invalid: a command that is none, or no way to see whether it runs; kill without process and pidfile.
[[nodiscard]] Status check_pbx(const PbxConfig& config);

enum class PbxState { Running, Stopped, Unknown };

enum class PbxResult {
  Done,
  AlreadySo,
  Vetoed,  // by a hook before it; the PBX is as it was
  Failed,  // it is not as it should be, or a hook after it has failed
};
[[nodiscard]] std::string_view pbx_result_text(PbxResult result) noexcept;

struct PbxOutcome {
  PbxResult result = PbxResult::Failed;
  std::string words;
  Duration took{};
  bool killed = false;
  PbxState state = PbxState::Unknown;  // afterwards
};

class PbxControl {
 public:
  // `config` was checked. `proc`: where processes are looked for; tests have their own.
  explicit PbxControl(PbxConfig config, std::string proc = "/proc");

  // `input`: what its commands and hooks get beside HA_PBX_ACTION; cancel_fd also ends waiting.
  [[nodiscard]] PbxOutcome start(const CommandInput& input);
  [[nodiscard]] PbxOutcome prewarm(const CommandInput& input);
  [[nodiscard]] PbxOutcome stop(const CommandInput& input);
  [[nodiscard]] PbxOutcome restart(const CommandInput& input);
  [[nodiscard]] PbxState state(const CommandInput& input, std::string* words = nullptr);

 private:
  struct Act;
  [[nodiscard]] PbxOutcome run(const Act& act, const CommandInput& input);
  [[nodiscard]] std::optional<std::string> run_hooks(const std::vector<ActionCommand>& hooks,
                                                     const CommandInput& input);
  [[nodiscard]] PbxState wait_for(PbxState wanted, SteadyTime until, const CommandInput& input);
  [[nodiscard]] SteadyTime look_until(PbxState wanted, const CommandOutcome& ran, SteadyTime until) const;
  [[nodiscard]] bool kill_all(std::string& words);

  PbxConfig config_;
  std::optional<ProcessFinder> finder_;
};

}  // namespace ha::failover
