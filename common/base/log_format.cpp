#include <charconv>

#include "common/base/json_text.h"
#include "common/base/log.h"
#include "common/base/units.h"

namespace ha {
namespace {

double seconds_of(Duration span) {
  return std::chrono::duration<double>(span).count();
}

// A value that may be mistaken for more than one word, or for none, is quoted.
std::string word(std::string_view text) {
  std::string shown = escape(text);
  const bool plain = !shown.empty() && shown.find_first_of(" \"=") == std::string::npos;
  if (plain) {
    return shown;
  }
  std::string out = "\"";
  for (const char c : shown) {
    if (c == '"') {
      out += '\\';
    }
    out += c;
  }
  return out + "\"";
}

struct AsText {
  std::string operator()(const std::string& text) const { return word(text); }
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(double number) const { return json_number(number); }
  std::string operator()(Duration span) const { return json_number(seconds_of(span)) + "s"; }
  template <std::integral N>
  std::string operator()(N number) const {
    return std::to_string(number);
  }
};

struct AsJson {
  std::string operator()(const std::string& text) const { return json_quote(text); }
  std::string operator()(bool flag) const { return flag ? "true" : "false"; }
  std::string operator()(double number) const { return json_number(number); }
  std::string operator()(Duration span) const { return json_number(seconds_of(span)); }
  template <std::integral N>
  std::string operator()(N number) const {
    return std::to_string(number);
  }
};

}  // namespace

std::string_view log_level_name(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::Debug:
      return "debug";
    case LogLevel::Info:
      return "info";
    case LogLevel::Warn:
      return "warn";
    case LogLevel::Error:
      return "error";
  }
  return "unknown";
}

Result<LogLevel> parse_log_level(std::string_view text) {
  for (const LogLevel level : {LogLevel::Debug, LogLevel::Info, LogLevel::Warn, LogLevel::Error}) {
    if (log_level_name(level) == text) {
      return level;
    }
  }
  return Error(Code::Invalid, in_quotes(text) + " is not a log level", "debug, info, warn or error");
}

std::string log_line(const LogEvent& event) {
  std::string line = escape(event.name);
  for (const LogField& field : event.fields) {
    line += " " + escape(field.name) + "=" + std::visit(AsText{}, field.value);
  }
  if (event.repeats > 0) {
    line += " repeats=" + std::to_string(event.repeats);
  }
  return line;
}

std::string log_json(const LogEvent& event) {
  std::string line = "{\"time\":\"" + show_utc(event.time, true) + "\",\"level\":\"";
  line += log_level_name(event.level);
  line += "\",\"event\":" + json_quote(event.name);
  for (const LogField& field : event.fields) {
    line += "," + json_quote(field.name) + ":" + std::visit(AsJson{}, field.value);
  }
  if (event.repeats > 0) {
    line += ",\"repeats\":" + std::to_string(event.repeats);
  }
  return line + "}";
}

}  // namespace ha
