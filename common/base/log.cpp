#include "common/base/log.h"

#include <algorithm>
#include <deque>
#include <list>
#include <mutex>

namespace ha {
namespace {

// An event that was printed, and how often it came again since.
struct Repeat {
  std::string identity;
  LogEvent event;
  SteadyTime printed_at;
  std::uint64_t count = 0;
};

LogFields with_cause(const Error& cause, LogFields fields) {
  fields.emplace_back("error", cause.what());
  fields.emplace_back("code", code_name(cause.code()));
  if (!cause.hint().empty()) {
    fields.emplace_back("hint", cause.hint());
  }
  return fields;
}

}  // namespace

struct Logger::State {
  State(std::unique_ptr<LogSink> to, LogLevel from, Clock now)
      : sink(std::move(to)), clock(now), least(from) {}

  // All below `mutex` is guarded by it; write() of the sink is called under it.
  void print(const LogEvent& event) { sink->write(event); }

  void keep(const LogEvent& event) {
    kept.push_back(event);
    if (kept.size() > kLogEventsKept) {
      kept.pop_front();
    }
  }

  // The event of `repeat`, again, with its count.
  void print_count(Repeat& repeat, const Now& now) {
    if (repeat.count == 0) {
      return;
    }
    repeat.event.repeats = repeat.count;
    repeat.event.time = now.wall;
    repeat.count = 0;
    print(repeat.event);
  }

  // Oldest first in `repeats`, so this stops at the first that is still within its window.
  void end_windows(const Now& now) {
    while (!repeats.empty() && now.steady - repeats.front().printed_at >= kLogRepeatWindow) {
      print_count(repeats.front(), now);
      repeats.pop_front();
    }
  }

  // True if the event was only counted.
  bool is_repeat(const LogEvent& event, const std::string& identity, const Now& now) {
    const auto found = std::find_if(repeats.begin(), repeats.end(),
                                    [&](const Repeat& repeat) { return repeat.identity == identity; });
    if (found != repeats.end()) {
      ++found->count;
      const std::uint64_t number = found->event.number;
      for (auto old = kept.rbegin(); old != kept.rend() && old->number >= number; ++old) {
        old->repeats += old->number == number ? 1U : 0U;
      }
      return true;
    }
    if (repeats.size() == kLogRepeatsTracked) {
      print_count(repeats.front(), now);
      repeats.pop_front();
    }
    repeats.push_back(Repeat{identity, event, now.steady});
    return false;
  }

  const std::unique_ptr<LogSink> sink;
  const Clock clock;
  const LogLevel least;
  mutable std::mutex mutex;
  std::uint64_t last_number = 0;
  std::deque<LogEvent> kept;
  std::list<Repeat> repeats;
};

Logger::Logger(std::unique_ptr<LogSink> sink, LogLevel least, Clock clock)
    : state_(std::make_unique<State>(std::move(sink), least, clock)) {}

Logger::~Logger() {
  const Now now = state_->clock();
  const std::lock_guard lock(state_->mutex);
  for (Repeat& repeat : state_->repeats) {
    state_->print_count(repeat, now);
  }
}

void Logger::warn(std::string_view event, const Error& cause, Fields fields) {
  log(LogLevel::Warn, event, with_cause(cause, fields));
}

void Logger::error(std::string_view event, const Error& cause, Fields fields) {
  log(LogLevel::Error, event, with_cause(cause, fields));
}

void Logger::log(LogLevel level, std::string_view event, LogFields fields) {
  if (!logs(level)) {
    return;
  }
  LogEvent made{0, {}, level, std::string(event), std::move(fields), 0};
  const std::string identity = std::string(log_level_name(level)) + " " + log_line(made);
  const Now now = state_->clock();
  const std::lock_guard lock(state_->mutex);
  made.number = state_->last_number + 1;
  made.time = now.wall;
  state_->end_windows(now);
  if (!state_->is_repeat(made, identity, now)) {
    state_->last_number = made.number;
    state_->keep(made);
    state_->print(made);
  }
}

bool Logger::logs(LogLevel level) const noexcept {
  return level >= state_->least;
}

std::vector<LogEvent> Logger::recent(std::uint64_t after, std::size_t count_max) const {
  const std::lock_guard lock(state_->mutex);
  const auto& kept = state_->kept;
  auto first =
      std::upper_bound(kept.begin(), kept.end(), after,
                       [](std::uint64_t number, const LogEvent& event) { return number < event.number; });
  const auto count = static_cast<std::size_t>(kept.end() - first);
  if (count > count_max) {
    first = kept.end() - static_cast<std::ptrdiff_t>(count_max);
  }
  return {first, kept.end()};
}

void Logger::flush_repeats() {
  const Now now = state_->clock();
  const std::lock_guard lock(state_->mutex);
  state_->end_windows(now);
}

}  // namespace ha
