#include "common/base/cli_context.h"

#include <time.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <iostream>

#include "common/base/bytes.h"
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
  const auto nanoseconds = [](WallTime time) {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  };
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
