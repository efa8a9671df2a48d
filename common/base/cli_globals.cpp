// What every operator's command has in common: global flags, colors, exit codes, errors.
#include <array>

#include "common/base/bytes.h"
#include "common/base/cli.h"
#include "common/base/units.h"

namespace ha {
namespace {

constexpr std::array kOperatorGlobals = {
    CliFlag{"config", 'c', "FILE", "cluster.toml to use (default /etc/hareplicate/cluster.toml)."},
    CliFlag{"site", '\0', "SITE", "Ask that site's daemon, through this one."},
    CliFlag{"output", 'o', "table|json|fields", "How to print the answer (default table)."},
    CliFlag{"json", '\0', "", "The same as -o json."},
    CliFlag{"watch", 'w', "[SEC]", "Again and again, every 2 seconds or so many."},
    CliFlag{"quiet", 'q', "", "Only the answer, no talk."},
    CliFlag{"color", '\0', "auto|always|never", "auto: on a terminal, unless NO_COLOR is set."},
    CliFlag{"no-input", '\0', "", "Never ask; refuse what would need an answer."},
    CliFlag{"yes", 'y', "", "Answer yes; never covers a --force-… flag."},
    CliFlag{"timeout", '\0', "DURATION", "Stop waiting after that long, e.g. 30s; the job itself goes on."},
};
constexpr std::chrono::seconds kWatchEvery{2};

Error bad_choice(std::string_view flag, const std::string& value, std::string_view choices) {
  return Error(Code::Invalid,
               "--" + std::string(flag) + " " + escape(value) + ": use " + std::string(choices));
}

Result<OutputMode> read_output(const CliInvocation& invocation) {
  const std::string mode = invocation.has("json") ? "json" : invocation.value("output", "table");
  if (mode == "table") {
    return OutputMode::Table;
  }
  if (mode == "json") {
    return OutputMode::Json;
  }
  if (mode == "fields") {
    return OutputMode::Fields;
  }
  return bad_choice("output", mode, "table, json or fields");
}

Result<ColorMode> read_color(const CliInvocation& invocation) {
  const std::string mode = invocation.value("color", "auto");
  if (mode == "auto") {
    return ColorMode::Auto;
  }
  if (mode == "always") {
    return ColorMode::Always;
  }
  if (mode == "never") {
    return ColorMode::Never;
  }
  return bad_choice("color", mode, "auto, always or never");
}

Result<Duration> read_span(std::string_view flag, const std::string& text) {
  auto span = parse_duration(text);
  if (!span) {
    const std::string hint = span.error().hint();
    return std::move(span).error().in("--" + std::string(flag)).hinted(hint);
  }
  if (span.value() == Duration::zero()) {
    return Error(Code::Invalid, "--" + std::string(flag) + " must be longer than 0");
  }
  return span;
}

}  // namespace

std::span<const CliFlag> operator_globals() noexcept {
  return kOperatorGlobals;
}

std::string CliInvocation::value(std::string_view flag, std::string_view otherwise) const {
  const auto found = flags.find(flag);
  return found != flags.end() ? found->second : std::string(otherwise);
}

Result<CliGlobals> read_globals(const CliInvocation& given, const CliVerb* verb) {
  CliInvocation invocation = given;
  if (verb != nullptr) {
    for (const CliFlag& flag : verb->flags) {
      invocation.flags.erase(std::string(flag.name));
    }
  }
  CliGlobals globals;
  globals.config = invocation.value("config", globals.config);
  globals.site = invocation.value("site");
  HA_TRY(globals.output, read_output(invocation));
  HA_TRY(globals.color, read_color(invocation));
  if (invocation.has("watch")) {
    const std::string every = invocation.value("watch");
    const bool bare_number = !every.empty() && every.find_first_not_of("0123456789.") == std::string::npos;
    globals.watch = kWatchEvery;
    if (!every.empty()) {
      HA_TRY(globals.watch, read_span("watch", bare_number ? every + "s" : every));
    }
  }
  if (invocation.has("timeout")) {
    HA_TRY(globals.timeout, read_span("timeout", invocation.value("timeout")));
  }
  globals.quiet = invocation.has("quiet");
  globals.no_input = invocation.has("no-input");
  globals.yes = invocation.has("yes");
  return globals;
}

bool use_color(ColorMode mode, bool is_terminal, const CliEnvironment& environment) {
  switch (mode) {
    case ColorMode::Always:
      return true;
    case ColorMode::Never:
      return false;
    case ColorMode::Auto:
      break;
  }
  // no-color.org: set and not empty.
  return is_terminal && environment("NO_COLOR").value_or("").empty() &&
         environment("TERM").value_or("") != "dumb";
}

ExitCode exit_code_of(const Error& error) noexcept {
  switch (error.code()) {
    case Code::Invalid:
    case Code::Unsupported:
      return ExitCode::Usage;
    case Code::Unavailable:
      return ExitCode::Unreachable;
    case Code::Refused:
    case Code::Held:
    case Code::HeldByHand:
    case Code::Denied:
      return ExitCode::Refused;
    case Code::TimedOut:
      return ExitCode::StillRunning;
    case Code::Cancelled:
      return ExitCode::Interrupted;
    case Code::Internal:
      return ExitCode::Internal;
    case Code::NotFound:
    case Code::Exists:
    case Code::Conflict:
    case Code::Corrupt:
    case Code::Exhausted:
    case Code::NoSpace:
    case Code::Io:
      break;
  }
  return ExitCode::NotGood;
}

std::string show_error(std::string_view program, const Error& error) {
  std::string hint = error.hint();
  if (hint.empty() && error.code() == Code::Denied) {
    hint = "the same command as root, with sudo in front";
  } else if (hint.empty() && error.code() == Code::NoSpace) {
    hint = "df -h      (make room), then the same command again";
  }
  const std::string out = std::string(program) + ": " + error.what() + "\n";
  return hint.empty() ? out : out + "  next: " + hint + "\n";
}

}  // namespace ha
