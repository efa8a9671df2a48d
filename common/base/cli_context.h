// What every verb of an operators' command gets, and what it gives back: an exit code or an Error.
//
// Answers go to stdout, talk and prompts to stderr. Thread safety: one thread; for programs, not libraries.
// Source: docs/operations.md, "Conventions".
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/cli.h"
#include "common/base/result.h"

namespace ha {

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

void print(std::string_view text);                 // to stdout
void talk(const Context&, std::string_view text);  // to stderr, unless --quiet

// Asks on the terminal; default is no. --yes answers. Refused when nobody can be asked.
[[nodiscard]] Result<bool> confirm(const Context& context, const std::string& question);

// "15m" ago, "14:30", "2026-11-20", "2026-11-20 14:30[:05]" in local time, as nanoseconds since 1970; empty:
// 0.
[[nodiscard]] Result<std::int64_t> parse_since(const std::string& text, WallTime now);

struct VerbRunner {
  std::string_view verb;
  Outcome (*run)(const Context&);
};
// What main does but for setting up the process: parses `words`, runs the verb, shows its error, returns the
// exit code. "completion bash" needs no runner. `may_run`: what must not be is refused first.
[[nodiscard]] int run_program(const CliProgram& program, std::span<const VerbRunner> runners,
                              std::vector<std::string> words,
                              Status (*may_run)(const CliInvocation&, const CliGlobals&) = nullptr);

// What main returns: `code`, unless the answer did not get out: a script must not take half of one for the
// whole.
[[nodiscard]] int finish_output(const CliProgram& program, ExitCode code);

}  // namespace ha
