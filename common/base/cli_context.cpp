#include "common/base/cli_context.h"

#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <exception>
#include <iostream>
#include <utility>
#include <variant>

#include "common/base/bytes.h"
#include "common/base/nanoseconds.h"
#include "common/base/units.h"

namespace ha {

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void talk(const Context& context, std::string_view text) {
  if (!context.globals.quiet) {
    std::fwrite(text.data(), 1, text.size(), stderr);
  }
}

Result<bool> confirm(const Context& context, const std::string& question) {
  if (context.globals.yes) {
    return true;
  }
  if (context.globals.no_input || ::isatty(STDIN_FILENO) == 0) {
    return Error(Code::Refused, question + " Nobody is there to say yes, so nothing was changed",
                 "add --yes, or --dry-run to see what would change");
  }
  std::fprintf(stderr, "%s\nGo on? [y/N] ", question.c_str());
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

Result<std::int64_t> parse_since(const std::string& text, WallTime now) {
  if (text.empty()) {
    return std::int64_t{0};
  }
  if (const auto ago = parse_duration(text); ago.ok()) {
    return nanoseconds(now) - ago->count();
  }
  const std::time_t today = std::chrono::system_clock::to_time_t(now);
  for (const char* form : {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "%H:%M:%S", "%H:%M"}) {
    std::tm parts{};
    ::localtime_r(&today, &parts);
    parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
    const char* end = ::strptime(text.c_str(), form, &parts);
    if (end != nullptr && *end == '\0') {
      parts.tm_isdst = -1;
      return std::int64_t{std::mktime(&parts)} * 1'000'000'000;
    }
  }
  return Error(Code::Invalid, "--since " + escape(text) + " is not a time",
               "use \"15m\" (ago), \"14:30\", \"2026-11-20\" or \"2026-11-20 14:30\"");
}

namespace {

Outcome run_verb(const CliProgram& program, std::span<const VerbRunner> runners,
                 const CliInvocation& invocation,
                 Status (*may_run)(const CliInvocation&, const CliGlobals&)) {
  if (invocation.verb == "completion bash") {
    print(cli_bash_completion(program));
    return ExitCode::Good;
  }
  HA_TRY(CliGlobals globals, read_globals(invocation, find_verb(program, invocation.verb)));
  if (may_run != nullptr) {
    HA_CHECK(may_run(invocation, globals));
  }
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  const Context context{invocation, globals, terminal,
                        use_color(globals.color, terminal, process_environment())};
  for (const VerbRunner& runner : runners) {
    if (runner.verb == invocation.verb) {
      return runner.run(context);
    }
  }
  return Error(Code::Internal, "verb " + in_quotes(invocation.verb) + " has no code");
}

}  // namespace

int run_program(const CliProgram& program, std::span<const VerbRunner> runners,
                std::vector<std::string> words, Status (*may_run)(const CliInvocation&, const CliGlobals&)) {
  try {
    auto parsed = parse_command_line(program, std::move(words), process_environment());
    if (const auto* answer = std::get_if<CliAnswer>(&parsed)) {
      std::fputs(answer->out.c_str(), stdout);
      std::fputs(answer->err.c_str(), stderr);
      return finish_output(program, answer->code);
    }
    const Outcome outcome = run_verb(program, runners, std::get<CliInvocation>(parsed), may_run);
    if (!outcome.ok()) {
      std::fputs(show_error(program.name, outcome.error()).c_str(), stderr);
      return finish_output(program, exit_code_of(outcome.error()));
    }
    return finish_output(program, *outcome);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", std::string(program.name).c_str(), error.what());
    return static_cast<int>(ExitCode::Internal);
  }
}

int finish_output(const CliProgram& program, ExitCode code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) {
    return static_cast<int>(code);
  }
  std::fputs(
      show_error(program.name, Error(Code::Internal, "the answer could not be written to standard output",
                                     "df -h      (is the disk of the output full?)"))
          .c_str(),
      stderr);
  return static_cast<int>(ExitCode::Internal);
}

}  // namespace ha
