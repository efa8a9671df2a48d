#include <sys/uio.h>
#include <syslog.h>

// systemd's headers put the place of the call into every entry unless told not to; it would always be here.
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "common/base/log_sinks.h"

namespace ha {
namespace {

int priority(LogLevel level) {
  switch (level) {
    case LogLevel::Debug:
      return LOG_DEBUG;
    case LogLevel::Info:
      return LOG_INFO;
    case LogLevel::Warn:
      return LOG_WARNING;
    case LogLevel::Error:
      return LOG_ERR;
  }
  return LOG_ERR;
}

// Journal field names are capitals, digits and '_', and do not begin with '_' or a digit.
std::string journal_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool lower = c >= 'a' && c <= 'z';
    const bool fine = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    out += lower ? static_cast<char>(c - 'a' + 'A') : fine ? c : '_';
  }
  return out.empty() || out[0] < 'A' || out[0] == '_' ? "F" + out : out;
}

class JournalSink : public LogSink {
 public:
  explicit JournalSink(std::string program)
      : program_(std::move(program)), fallback_(make_stderr_sink(false)) {}

  void write(const LogEvent& event) noexcept override {
    // Only memory can fail here; see log.h on lines that cannot be written.
    try {
      std::vector<std::string> entries{"MESSAGE=" + log_line(event),
                                       "PRIORITY=" + std::to_string(priority(event.level)),
                                       "SYSLOG_IDENTIFIER=" + program_, "EVENT=" + event.name};
      for (const LogField& field : event.fields) {
        const LogEvent alone{0, {}, event.level, "", {field}, 0};
        // " name=value" without what stands before the value.
        entries.push_back(journal_name(field.name) + "=" +
                          log_line(alone).substr(escape(field.name).size() + 2));
      }
      std::vector<iovec> parts;
      parts.reserve(entries.size());
      for (std::string& entry : entries) {
        parts.push_back(iovec{entry.data(), entry.size()});
      }
      if (::sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) < 0) {
        fallback_->write(event);
      }
    } catch (...) {
    }
  }

 private:
  std::string program_;
  std::unique_ptr<LogSink> fallback_;
};

}  // namespace

std::unique_ptr<LogSink> make_journal_sink(const std::string& program) {
  return std::make_unique<JournalSink>(program);
}

}  // namespace ha
