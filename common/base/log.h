// The log: events with stable names and typed fields, one line each.
//
//   log.info("session.resumed", {{"peer", id}, {"items", count}});
//
// Event names are `area.what` and are listed in docs/events.md. A line never holds a secret, and names from
// disk or network are escaped (ha::escape), so a log cannot be forged by a file name. An event that repeats
// (same level, name and fields within kLogRepeatWindow) is counted, not printed; the count comes out with the
// next one or when the window ends. The last events stay in memory for `hareplicate events`.
//
// Not a tracing or metrics tool. No singletons: a Logger is passed to who needs it and must outlive them.
// Thread safety: every member may be called from any thread. Nothing here fails: a sink that cannot write
// drops the line, as there is nobody left to tell.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"

namespace ha {

// Error: act now. Warn: degraded, retrying. Info: state changed. Debug: per change.
enum class LogLevel { Debug, Info, Warn, Error };
[[nodiscard]] std::string_view log_level_name(LogLevel level) noexcept;
// "debug", "info", "warn", "error"; Invalid with the choices in the hint.
[[nodiscard]] Result<LogLevel> parse_log_level(std::string_view text);

using LogValue = std::variant<std::string, std::int64_t, std::uint64_t, double, bool, Duration>;

struct LogField {
  LogField(std::string_view field, std::string_view text) : name(field), value(std::string(text)) {}
  LogField(std::string_view field, const std::string& text) : name(field), value(text) {}
  LogField(std::string_view field, const char* text) : name(field), value(std::string(text)) {}
  LogField(std::string_view field, bool flag) : name(field), value(flag) {}
  LogField(std::string_view field, double number) : name(field), value(number) {}
  LogField(std::string_view field, const Digest& digest) : name(field), value(hex(digest)) {}
  template <std::signed_integral N>
  LogField(std::string_view field, N number) : name(field), value(std::int64_t{number}) {}
  template <std::unsigned_integral N>
  LogField(std::string_view field, N number) : name(field), value(std::uint64_t{number}) {}
  template <typename Rep, typename Period>
  LogField(std::string_view field, std::chrono::duration<Rep, Period> span)
      : name(field), value(std::chrono::duration_cast<Duration>(span)) {}

  std::string name;
  LogValue value;
};
using LogFields = std::vector<LogField>;

struct LogEvent {
  std::uint64_t number = 0;  // counts from 1 in one run of the program
  WallTime time{};
  LogLevel level = LogLevel::Info;
  std::string name;
  LogFields fields;
  std::uint64_t repeats = 0;  // how often it came again without being printed
};

// `key=value key="with spaces"`: durations in seconds, everything else as written; one line.
[[nodiscard]] std::string log_line(const LogEvent& event);
// One JSON object with time (UTC, ISO 8601), level, event and the fields; durations in seconds.
[[nodiscard]] std::string log_json(const LogEvent& event);

enum class LogFormat {
  Automatic,  // the journal when stderr is connected to it (JOURNAL_STREAM), else Text
  Text,       // lines on stderr
  Json,       // JSON lines on stderr
  Journal,    // native journal entries: EVENT=, and each field in capitals
  Silent,     // memory only
};

// Where lines go. write() is called by one thread at a time and must not call back into the Logger.
class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(const LogEvent& event) noexcept = 0;
};
// Never null; Silent gives a sink that drops. `program` names us in the journal.
[[nodiscard]] std::unique_ptr<LogSink> make_log_sink(LogFormat format, const std::string& program);

inline constexpr std::size_t kLogEventsKept = 2000;
inline constexpr std::size_t kLogRepeatsTracked = 256;  // different events
inline constexpr std::chrono::seconds kLogRepeatWindow{60};

class Logger {
 public:
  using Clock = Now (*)();

  Logger(std::unique_ptr<LogSink> sink, LogLevel least, Clock clock = read_clocks);
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  using Fields = std::initializer_list<LogField>;
  void debug(std::string_view event, Fields fields = {}) { log(LogLevel::Debug, event, fields); }
  void info(std::string_view event, Fields fields = {}) { log(LogLevel::Info, event, fields); }
  void warn(std::string_view event, Fields fields = {}) { log(LogLevel::Warn, event, fields); }
  void error(std::string_view event, Fields fields = {}) { log(LogLevel::Error, event, fields); }
  // The same with error=, code= and hint= of an Error after the fields.
  void warn(std::string_view event, const Error& cause, Fields fields = {});
  void error(std::string_view event, const Error& cause, Fields fields = {});

  void log(LogLevel level, std::string_view event, LogFields fields);
  // Cheap: for callers that would have to compute a debug field.
  [[nodiscard]] bool logs(LogLevel level) const noexcept;

  // The events kept in memory with number > `after`, oldest first, at most `count_max` (the newest of them).
  [[nodiscard]] std::vector<LogEvent> recent(std::uint64_t after = 0,
                                             std::size_t count_max = kLogEventsKept) const;
  // Prints the counts of repeats that are due; loops may call it once in a while, the destructor prints all.
  void flush_repeats();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ha
