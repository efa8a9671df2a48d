#include "failover/action/handlers.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <thread>

#include "common/base/bounded_queue.h"
#include "common/base/glob.h"
#include "common/base/json_out.h"
#include "common/base/units.h"
#include "common/sys/file.h"
#include "failover/action/events.h"

namespace ha::failover {
namespace {

bool wants(const HandlerConfig& config, std::string_view event) {
  return std::any_of(config.events.begin(), config.events.end(),
                     [&](const std::string& pattern) { return glob_match(pattern, event); });
}

// "max_lag" → "HA_MAX_LAG".
std::string variable(std::string_view field) {
  std::string out = "HA_";
  for (const char each : field) {
    const auto byte = static_cast<unsigned char>(each);
    out += std::isalnum(byte) != 0 ? static_cast<char>(std::toupper(byte)) : '_';
  }
  return out;
}

// What every event has, by the names that JSON has for it.
std::vector<std::pair<std::string, std::string>> head_of(const Event& event) {
  return {{"event", event.name}, {"id", event.id},     {"at", show_utc(event.at, true)},
          {"site", event.site},  {"role", event.role}, {"epoch", std::to_string(event.epoch)}};
}

// Those that do not take the name of something in the head.
std::vector<std::pair<std::string, std::string>> fields_of(const Event& event) {
  const auto head = head_of(event);
  std::vector<std::pair<std::string, std::string>> out;
  for (const auto& field : event.fields) {
    const bool taken = std::any_of(head.begin(), head.end(), [&](const auto& each) {
      return variable(each.first) == variable(field.first);
    });
    if (!taken && !field.first.empty() && out.size() < kEventFieldsMax) {
      out.push_back(field);
    }
  }
  return out;
}

CommandInput input_of(const Event& event, int cancel_fd) {
  return {event_environment(event), event_json(event), cancel_fd};
}

}  // namespace

struct Handlers::Handler {
  explicit Handler(HandlerConfig of) : config(std::move(of)), queue(config.queue_max) {}

  CommandOutcome run(const Event& event, int cancel_fd, const Sink& sink) {
    CommandOutcome outcome = run_action(config.run, input_of(event, cancel_fd));
    ++runs;
    failures += outcome.good ? 0U : 1U;
    sink({config.name, event.name, event.id, outcome});
    return outcome;
  }

  HandlerConfig config;
  BoundedQueue<Event> queue;
  sys::FileHandle cancelled{};  // an eventfd, readable when it shall end
  std::atomic<std::uint64_t> runs = 0;
  std::atomic<std::uint64_t> failures = 0;
  std::atomic<std::uint64_t> dropped = 0;
  std::thread thread{};  // of those that are told
};

std::vector<std::string> event_environment(const Event& event) {
  std::vector<std::string> out;
  for (const auto& fields : {head_of(event), fields_of(event)}) {
    for (const auto& [name, value] : fields) {
      out.push_back(variable(name) + "=" + escape(value));
    }
  }
  return out;
}

std::string event_json(const Event& event) {
  JsonObject out;
  for (const auto& [name, value] : head_of(event)) {
    if (name == "epoch") {
      out.count(name, event.epoch);
    } else {
      out.text(name, value);
    }
  }
  for (const auto& [name, value] : fields_of(event)) {
    out.text(name, value);
  }
  return out.text() + "\n";
}

Status check_handler(const HandlerConfig& config) {
  const auto wrong = [&](const std::string& what) {
    return Error(Code::Invalid, "handler " + in_quotes(config.name) + ": " + what);
  };
  if (config.name.empty()) {
    return Error(Code::Invalid, "a handler without a name");
  }
  if (config.events.empty()) {
    return wrong("it is for no event");
  }
  if (config.queue_max < 1 || config.queue_max > kHandlerQueueMax) {
    return wrong("its queue can have 1 to " + std::to_string(kHandlerQueueMax) + " events");
  }
  if (auto checked = check_action(config.run); !checked.ok()) {
    return std::move(checked).error().in("handler " + in_quotes(config.name));
  }
  for (const std::string& pattern : config.events) {
    Status known = check_event_pattern(pattern);
    if (known.ok() && config.blocking) {
      known = check_blocking_pattern(pattern);
    }
    if (!known.ok()) {
      return std::move(known).error().in("handler " + in_quotes(config.name));
    }
  }
  return ok();
}

Result<std::unique_ptr<Handlers>> Handlers::start(std::vector<HandlerConfig> configs, Sink sink) {
  if (configs.size() > kHandlersMax) {
    return Error(Code::Exhausted, "more than " + std::to_string(kHandlersMax) + " handlers");
  }
  std::unique_ptr<Handlers> made(new Handlers(std::move(sink)));
  for (HandlerConfig& config : configs) {
    HA_CHECK(check_handler(config));
    for (const auto& other : made->handlers_) {
      if (other->config.name == config.name) {
        return Error(Code::Invalid, "there are two handlers " + in_quotes(config.name));
      }
    }
    auto handler = std::make_unique<Handler>(std::move(config));
    handler->cancelled = sys::FileHandle(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd");
    if (!handler->cancelled.is_open()) {
      return errno_error("cannot make an eventfd", errno);
    }
    made->handlers_.push_back(std::move(handler));
  }
  for (const auto& handler : made->handlers_) {
    if (!handler->config.blocking) {
      handler->thread = std::thread([&each = *handler, &to = made->sink_] {
        while (const auto event = each.queue.pop()) {
          each.run(*event, each.cancelled.fd(), to);
        }
      });
    }
  }
  return made;
}

Handlers::Handlers(Sink sink) : sink_(std::move(sink)) {}

Handlers::~Handlers() {
  for (const auto& handler : handlers_) {
    handler->queue.close();
    while (handler->queue.try_pop()) {
    }
    ::eventfd_write(handler->cancelled.fd(), 1);
  }
  for (const auto& handler : handlers_) {
    if (handler->thread.joinable()) {
      handler->thread.join();
    }
  }
}

std::optional<Veto> Handlers::ask(const Event& event, int cancel_fd) {
  if (!is_blocking_event(event.name)) {
    return std::nullopt;
  }
  for (const auto& handler : handlers_) {
    if (handler->config.blocking && wants(handler->config, event.name)) {
      const CommandOutcome outcome = handler->run(event, cancel_fd, sink_);
      if (!outcome.good) {
        return Veto{handler->config.name, outcome.words};
      }
    }
  }
  return std::nullopt;
}

void Handlers::tell(const Event& event) {
  for (const auto& handler : handlers_) {
    if (!handler->config.blocking && wants(handler->config, event.name)) {
      Event copy = event;
      if (!handler->queue.try_push(copy)) {
        ++handler->dropped;
      }
    }
  }
}

std::vector<HandlerCounts> Handlers::counts() const {
  std::vector<HandlerCounts> out;
  for (const auto& handler : handlers_) {
    out.push_back(
        {handler->config.name, handler->runs, handler->failures, handler->dropped, handler->queue.size()});
  }
  return out;
}

}  // namespace ha::failover
