// dnsupdater: DNS changes as compare-and-swap, and maintenance swaps, for operators.
#include <unistd.h>

#include <cstdio>
#include <exception>

#include "common/sys/process.h"
#include "dnsupdater/desk.h"

namespace {

using namespace ha;       // NOLINT: main only
using namespace ha::dns;  // NOLINT

struct VerbRunner {
  std::string_view verb;
  Outcome (*run)(const Context&);
};
constexpr VerbRunner kRunners[] = {
    {"show", run_show},
    {"set", run_set},
    {"delete", run_delete},
    {"swap", run_swap_site},
    {"maintenance start", run_maintenance},
    {"maintenance stop", run_maintenance},
    {"resume", run_resume},
    {"undo", run_undo},
    {"wait", run_wait},
    {"journal", run_journal},
    {"accept", run_accept},
};

Outcome run(const CliInvocation& invocation) {
  HA_TRY(CliGlobals globals, read_globals(invocation, find_verb(program(), invocation.verb)));
  const bool terminal = ::isatty(STDOUT_FILENO) == 1;
  const Context context{invocation, globals, terminal,
                        use_color(globals.color, terminal, process_environment())};
  for (const VerbRunner& runner : kRunners) {
    if (runner.verb == invocation.verb) {
      return runner.run(context);
    }
  }
  return Error(Code::Internal, "verb \"" + invocation.verb + "\" has no code");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    sys::open_standard_descriptors();
    auto parsed = parse_command_line(program(), {argv + 1, argv + argc}, process_environment());
    if (const auto* answer = std::get_if<CliAnswer>(&parsed)) {
      std::fputs(answer->out.c_str(), stdout);
      std::fputs(answer->err.c_str(), stderr);
      return finish_output(program(), answer->code);
    }
    const Outcome outcome = run(std::get<CliInvocation>(parsed));
    if (!outcome.ok()) {
      std::fputs(show_error("dnsupdater", outcome.error()).c_str(), stderr);
      return finish_output(program(), exit_code_of(outcome.error()));
    }
    return finish_output(program(), *outcome);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "dnsupdater: %s\n", error.what());
    return static_cast<int>(ExitCode::Internal);
  }
}
