// The sinks behind make_log_sink(). Private to log*.cpp. Each never null.
#pragma once

#include <memory>
#include <string>

#include "common/base/log.h"

namespace ha {

// Lines on stderr through spdlog: text, or JSON lines.
[[nodiscard]] std::unique_ptr<LogSink> make_stderr_sink(bool json);
// The journal's own protocol. SYSLOG_IDENTIFIER is `program`.
[[nodiscard]] std::unique_ptr<LogSink> make_journal_sink(const std::string& program);

}  // namespace ha
