#include "common/base/log_sinks.h"

#include <cstdlib>
#include <cstring>

#include <sys/stat.h>

#include <spdlog/logger.h>
#include <spdlog/sinks/ansicolor_sink.h>

#include "common/base/units.h"

namespace ha {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return spdlog::level::debug;
    case LogLevel::Info:
      return spdlog::level::info;
    case LogLevel::Warn:
      return spdlog::level::warn;
    case LogLevel::Error:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

class StderrSink : public LogSink {
 public:
  explicit StderrSink(bool json) : json_(json), log_("", make_color_sink(json)) {
    log_.set_level(spdlog::level::trace);
    log_.flush_on(spdlog::level::trace);
    // spdlog would print a failure of stderr to stderr.
    log_.set_error_handler([](const std::string&) {});
  }

  void write(const LogEvent& event) noexcept override {
    // spdlog and string growth may throw; a line that cannot be written is dropped (log.h).
    try {
      if (json_) {
        log_.log(spdlog_level(event.level), spdlog::string_view_t(log_json(event)));
        return;
      }
      const std::string line = show_local(event.time) + " " + log_line(event);
      log_.log(spdlog_level(event.level), spdlog::string_view_t(line));
    } catch (...) {
    }
  }

 private:
  static spdlog::sink_ptr make_color_sink(bool json) {
    // The color range marks the level; the sink itself finds out whether stderr is a terminal.
    const char* no_color = std::getenv("NO_COLOR");
    const bool plain = json || (no_color != nullptr && *no_color != '\0');
    auto sink = std::make_shared<spdlog::sinks::ansicolor_stderr_sink_st>(
        plain ? spdlog::color_mode::never : spdlog::color_mode::automatic);
    sink->set_pattern(json ? "%v" : "%^%-7l%$ %v");
    return sink;
  }

  bool json_;
  spdlog::logger log_;
};

class NullSink : public LogSink {
 public:
  void write(const LogEvent&) noexcept override {}
};

// systemd.exec(5): JOURNAL_STREAM is "device:inode" of the stream; only if stderr still is that stream.
bool stderr_is_the_journal() {
  const char* stream = std::getenv("JOURNAL_STREAM");
  struct stat info {};
  if (stream == nullptr || ::fstat(2, &info) != 0) {
    return false;
  }
  return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) == stream;
}

}  // namespace

std::unique_ptr<LogSink> make_stderr_sink(bool json) {
  return std::make_unique<StderrSink>(json);
}

std::unique_ptr<LogSink> make_log_sink(LogFormat format, const std::string& program) {
  switch (format) {
    case LogFormat::Automatic:
      return stderr_is_the_journal() ? make_journal_sink(program) : make_stderr_sink(false);
    case LogFormat::Text:
      return make_stderr_sink(false);
    case LogFormat::Json:
      return make_stderr_sink(true);
    case LogFormat::Journal:
      return make_journal_sink(program);
    case LogFormat::Silent:
      break;
  }
  return std::make_unique<NullSink>();
}

}  // namespace ha
