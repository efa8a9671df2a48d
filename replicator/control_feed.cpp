#include "replicator/control_feed.h"

#include <cstdlib>
#include <string>

#include "common/base/nanoseconds.h"
#include "replicator/control_status.h"
#include "schemas/control.pb.h"

namespace ha::replicator {
namespace {

namespace pb = ha::schemas::control;

constexpr Duration kTellInterval = std::chrono::milliseconds(500);

std::int64_t since_of(const pb::Request& asked) {
  const auto found = asked.flags().find("since_ns");
  return found == asked.flags().end() ? 0 : std::strtoll(found->second.c_str(), nullptr, 10);
}

bool send(wire::ControlServer& server, std::uint64_t client, const LogEvent& event) {
  pb::Reply message;
  pb::Event& out = *message.mutable_event();
  out.set_number(event.number);
  out.set_time_ns(nanoseconds(event.time));
  out.set_level(std::string(log_level_name(event.level)));
  out.set_name(event.name);
  out.set_line(log_line(event));
  out.set_json(log_json(event));
  return server.reply(client, message.SerializeAsString());
}

}  // namespace

void Feed::history(wire::ControlServer& server, std::uint64_t client, const pb::Request& asked) {
  const auto records = history_.read(asked.arguments_size() > 0 ? asked.arguments(0) : "", since_of(asked));
  if (!records.ok()) {
    server.fail(client, records.error());
    return;
  }
  for (const HistoryRecord& record : *records) {
    pb::Reply message;
    pb::Record& out = *message.mutable_record();
    out.set_time_ns(record.time_ns);
    out.set_set(record.set);
    out.set_origin(record.origin);
    out.set_epoch(record.epoch);
    out.set_sequence(record.sequence);
    out.set_items(record.items);
    out.set_bytes(record.bytes);
    out.set_failed(record.failed);
    server.reply(client, message.SerializeAsString());
  }
  server.end(client);
}

void Feed::events(wire::ControlServer& server, std::uint64_t client, const pb::Request& asked,
                  const Now& now) {
  std::uint64_t last = 0;
  for (const LogEvent& event : log_.recent()) {
    last = event.number;
    if (nanoseconds(event.time) >= since_of(asked) && !send(server, client, event)) {
      return;
    }
  }
  if (asked.flags().contains("follow")) {
    listeners_[client] = last;
    tell_at_ = now.steady + kTellInterval;
  } else {
    server.end(client);
  }
}

std::optional<SteadyTime> Feed::next_wakeup() const {
  return listeners_.empty() ? std::nullopt : std::optional(tell_at_);
}

void Feed::on_tick(wire::ControlServer& server, const Now& now) {
  tell_at_ = now.steady + kTellInterval;
  for (auto listener = listeners_.begin(); listener != listeners_.end();) {
    bool listens = true;
    for (const LogEvent& event : log_.recent(listener->second)) {
      listener->second = event.number;
      listens = listens && send(server, listener->first, event);
    }
    listener = listens ? std::next(listener) : listeners_.erase(listener);
  }
}

}  // namespace ha::replicator
