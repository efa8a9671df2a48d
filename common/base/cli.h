// Command lines from a table of verbs: PROGRAM [GLOBAL] VERB [ARGUMENTS] [FLAGS].
//
// A program describes itself in a CliProgram (constexpr). parse_command_line() gives either what to run or
// what to print (help, version, a usage error with the nearest verb or flag). The same table makes --help,
// bash completion and the test of the man page. A program without verbs (a daemon) has flags only.
//
// Not here: doing anything, reading configuration, terminals beyond color. CLI11 is in cli.cpp alone.
// Thread safety: plain functions and values. Source: operator conventions in docs/operations.md.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace ha {

enum class ExitCode {
  Good = 0,
  NotGood = 1,       // the answer is "no": differences found, some items failed, cluster degraded
  Usage = 2,         // command line or configuration
  Unreachable = 3,   // daemon or peer
  Refused = 4,       // by a safety rule
  StillRunning = 5,  // timed out; the daemon goes on with the job
  Internal = 6,
  Interrupted = 130,
};
[[nodiscard]] ExitCode exit_code_of(const Error& error) noexcept;

struct CliFlag {
  std::string_view name;  // without the dashes: "to"
  char letter = '\0';     // 'n' for -n, or none
  // "" for a switch, "SITE" for a value that must follow, "[SEC]" for one that may, as --name=value.
  std::string_view value;
  std::string_view doc;
};
struct CliArgument {
  std::string_view name;  // "SET"
  bool required = true;
  bool repeats = false;           // only the last one
  std::string_view choices = {};  // "sets|sites", for completion; empty: by its name
};
struct CliExample {
  std::string_view line;  // with the program's name
  std::string_view doc;
};
struct CliVerb {
  std::string_view name;  // may be two words: "config check"
  std::string_view summary;
  std::span<const CliArgument> arguments;
  std::span<const CliFlag> flags;
  std::span<const CliExample> examples;
  bool hidden = false;  // for programs: works, but is in no help and no reference
};
struct CliProgram {
  std::string_view name;
  std::string_view version;
  std::string_view summary;
  std::span<const CliVerb> verbs;
  std::span<const CliFlag> globals;  // without help and version, which every program has
  std::span<const CliExample> examples;
};

// The value of an environment variable.
using CliEnvironment = std::function<std::optional<std::string>(std::string_view)>;
[[nodiscard]] CliEnvironment process_environment();

// A verb's own flag hides the global one of that name.
[[nodiscard]] bool has_flag(const CliVerb& verb, std::string_view flag);
// Null if there is none.
[[nodiscard]] const CliVerb* find_verb(const CliProgram& program, std::string_view name);

struct CliInvocation {
  std::string verb;  // empty for a program without verbs
  std::vector<std::string> arguments;
  std::map<std::string, std::string, std::less<>> flags;  // what was given; a switch has the value ""

  [[nodiscard]] bool has(std::string_view flag) const { return flags.contains(flag); }
  [[nodiscard]] std::string value(std::string_view flag, std::string_view otherwise = {}) const;
};

// Nothing to run: print `out` and `err`, exit.
struct CliAnswer {
  ExitCode code = ExitCode::Good;
  std::string out;
  std::string err;
};

// `words` without the program's name. A global flag that is not given is taken from HAREPLICATE_<NAME>
// (dashes as underscores); switches understand 1 true yes, and 0 false no.
[[nodiscard]] std::variant<CliInvocation, CliAnswer> parse_command_line(const CliProgram& program,
                                                                        std::vector<std::string> words,
                                                                        const CliEnvironment& environment);

enum class OutputMode { Table, Json, Fields };
enum class ColorMode { Auto, Always, Never };

// The global flags of operators' commands (not of daemons), and their values.
[[nodiscard]] std::span<const CliFlag> operator_globals() noexcept;
struct CliGlobals {
  std::string config = "/etc/hareplicate/cluster.toml";
  std::string site;  // empty: this one
  OutputMode output = OutputMode::Table;
  ColorMode color = ColorMode::Auto;
  std::optional<Duration> watch;
  std::optional<Duration> timeout;
  bool quiet = false;
  bool no_input = false;
  bool yes = false;
};
// Invalid when a value cannot be read; the text names the flag. Flags that `verb` has itself are not looked
// at.
[[nodiscard]] Result<CliGlobals> read_globals(const CliInvocation& invocation, const CliVerb* verb = nullptr);

// Auto: a terminal, no NO_COLOR, and TERM is not "dumb".
[[nodiscard]] bool use_color(ColorMode mode, bool is_terminal, const CliEnvironment& environment);

// "hareplicate: WHAT" and, if there is one, the next step on a line of its own.
[[nodiscard]] std::string show_error(std::string_view program, const Error& error);

// Help texts: -h fits a screen; --help has the examples first and every flag with its sentence. `verb` empty:
// of the program.
[[nodiscard]] std::string cli_short_help(const CliProgram& program, std::string_view verb);
[[nodiscard]] std::string cli_full_help(const CliProgram& program, std::string_view verb);
// The whole table, a line each, fields between tabs: "global NAME LETTER VALUE DOC", "verb NAME SUMMARY",
// "argument VERB NAME", "flag VERB NAME LETTER VALUE DOC". What man page tests and completions read.
[[nodiscard]] std::string cli_reference(const CliProgram& program);
// A bash completion script for the program.
[[nodiscard]] std::string cli_bash_completion(const CliProgram& program);

}  // namespace ha
