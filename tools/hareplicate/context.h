// What every verb of hareplicate gets, and what it gives back: an exit code or an Error.
//
// Answers go to stdout, talk and prompts to stderr. Thread safety: one thread; a program, not a library.
// Source: docs/operations.md, "Conventions".
#pragma once

#include <string>
#include <string_view>

#include "common/base/cli.h"
#include "common/base/result.h"

namespace ha::tool {

struct Context {
  const CliInvocation& invocation;
  CliGlobals globals;
  bool out_is_terminal = false;
  bool color = false;

  [[nodiscard]] bool has(std::string_view flag) const { return invocation.has(flag); }
  [[nodiscard]] std::string argument(std::size_t number) const {
    return number < invocation.arguments.size() ? invocation.arguments[number] : std::string();
  }
  [[nodiscard]] bool json() const { return globals.output == OutputMode::Json; }
};

using Outcome = Result<ExitCode>;

[[nodiscard]] const CliProgram& program() noexcept;

// The verbs; `completion` is done by main.
[[nodiscard]] Outcome run_status(const Context& context);
[[nodiscard]] Outcome run_resync(const Context& context);
[[nodiscard]] Outcome run_verify(const Context& context);
[[nodiscard]] Outcome run_diff(const Context& context);
[[nodiscard]] Outcome run_jobs(const Context& context);
[[nodiscard]] Outcome run_hold(const Context& context);
[[nodiscard]] Outcome run_release(const Context& context);
[[nodiscard]] Outcome run_stranded(const Context& context);
[[nodiscard]] Outcome run_stranded_merge(const Context& context);
[[nodiscard]] Outcome run_history(const Context& context);
[[nodiscard]] Outcome run_events(const Context& context);
[[nodiscard]] Outcome run_config_check(const Context& context);
[[nodiscard]] Outcome run_config_show(const Context& context);
[[nodiscard]] Outcome run_config_diff(const Context& context);
[[nodiscard]] Outcome run_config_push(const Context& context);
[[nodiscard]] Outcome run_config_confirm(const Context& context);
[[nodiscard]] Outcome run_config_undo(const Context& context);
[[nodiscard]] Outcome run_keys_new(const Context& context);
[[nodiscard]] Outcome run_keys_show(const Context& context);
[[nodiscard]] Outcome run_keys_rotate(const Context& context);
[[nodiscard]] Outcome run_invite(const Context& context);
[[nodiscard]] Outcome run_join(const Context& context);
[[nodiscard]] Outcome run_doctor(const Context& context);
[[nodiscard]] Outcome run_init(const Context& context);
[[nodiscard]] Outcome run_support_bundle(const Context& context);
[[nodiscard]] Outcome run_help(const Context& context);
[[nodiscard]] Outcome run_completion_names(const Context& context);

void print(std::string_view text);                 // to stdout
void talk(const Context&, std::string_view text);  // to stderr, unless --quiet

// Asks on the terminal; default is no. --yes answers. Refused when nobody can be asked.
[[nodiscard]] Result<bool> confirm(const Context& context, const std::string& question);

// "15m" ago, "14:30", "2026-11-20", "2026-11-20 14:30[:05]" in local time, as nanoseconds since 1970; empty:
// 0.
[[nodiscard]] Result<std::int64_t> parse_since(const std::string& text, WallTime now);

}  // namespace ha::tool
