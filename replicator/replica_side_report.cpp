// What ReplicaSide says of itself: the values behind `hareplicate status` at a replica.
#include <algorithm>
#include <set>

#include "common/wire/envelope.h"
#include "replicator/replica_side.h"
#include "replicator/session/config_codec.h"

namespace ha::replicator {
namespace {

constexpr Duration kSilenceMax = std::chrono::seconds(20);
constexpr Duration kQuietMax = std::chrono::seconds(3);  // pings come every second

// The origin's words, as seen from here.
std::string state_of(const ReceiverStatus& status, std::uint64_t failed_items) {
  switch (status.state) {
    case ReceiverState::Idle:
      return "waiting";
    case ReceiverState::Preparing:
      return "reading";
    case ReceiverState::Refused:
      return status.held ? "HELD" : "failed";
    case ReceiverState::Active:
      break;
  }
  if (!status.in_sync) {
    return status.busy ? "copying" : "waiting";
  }
  return failed_items > 0 ? "incomplete" : "in sync";
}

}  // namespace

bool ReplicaSide::is_up(const Origin& origin, const Now& now) {
  return origin.nonce != 0 && now.steady - origin.last_heard < kSilenceMax;
}

std::string ReplicaSide::pause_of(const Origin& origin, const std::string& set) const {
  return pause_reason(options_.facts.sets, origin.definitions, set, origin.site);
}

// ---------------------------------------------------------------- cluster.toml
void ReplicaSide::on_config_message(std::size_t router, const wire::RouterMessage& message, BytesView body) {
  auto question = decode_config_question(body);
  if (question.ok() && on_config_) {
    on_config_({message.site, message.routing_id, router}, std::move(question).value());
  } else if (!question.ok()) {
    log_.warn("link.bad_message", question.error(), {{"peer", message.site}});
  }
}

void ReplicaSide::answer_config(const ConfigAsker& to, const ConfigAnswer& answer) {
  wire::EnvelopeHeader header;
  header.type = kConfigAnswerType;
  auto bytes = wire::encode_envelope(header, encode_config(answer));
  if (bytes.ok()) {
    static_cast<void>(
        routers_[to.router]->send(to.routing_id, std::move(bytes).value()));  // or it asks again
  }
}

// Every set that is configured, and the link it should come by, whether anybody has connected or not.
void ReplicaSide::report(SideReport& out, const Now& now) const {
  std::set<std::string> sites;
  for (const auto& [name, set] : sets_) {
    out.sets.push_back(report_set(name, set, now));
    if (!set.origin.empty()) {
      sites.insert(set.origin);
    }
  }
  for (const std::string& site : sites) {
    out.links.push_back(report_link(site, now));
  }
}

LinkReport ReplicaSide::report_link(const std::string& site, const Now& now) const {
  LinkReport link;
  link.peer = site;
  link.state = "down";
  const auto found = origins_.find(site);
  if (found == origins_.end()) {
    link.for_time = now.steady - opened_at_;
    link.reason = "it has not connected since this program started";
    link.hint = "on " + site + ": hareplicate doctor";
    return link;
  }
  const Origin& origin = found->second;
  const bool up = is_up(origin, now);
  link.state = up ? "up" : "down";
  link.for_time = now.steady - (up ? origin.since : origin.last_heard);
  link.last_heard = now.steady - origin.last_heard;
  link.clock_offset = origin.clock_offset;
  link.sent_bytes = origin.sent_bytes;
  link.received_bytes = origin.received_bytes;
  link.reconnects = origin.links > 0 ? origin.links - 1 : 0;
  link.config_equal = origin.config_equal;
  return link;
}

SetReport ReplicaSide::report_set(const std::string& name, const ReplicaSet& set, const Now& now) const {
  SetReport report;
  report.set = name;
  report.peer = set.origin;
  report.state = "down";
  if (set.origin.empty()) {
    report.state = "waiting";
    report.reason = "this site has not been told who sends it";
    report.hint = "failover status";
  }
  std::optional<SteadyTime> fresh = options_.fresh.of(name);
  if (const auto found = origins_.find(set.origin); found != origins_.end()) {
    const Origin& origin = found->second;
    const auto session = std::find_if(origin.sessions.begin(), origin.sessions.end(),
                                      [&](const auto& each) { return each.second.set == name; });
    if (const std::string paused = pause_of(origin, name); is_up(origin, now) && !paused.empty()) {
      report.state = "paused";
      report.reason = paused;
      report.hint = "hareplicate config diff " + origin.site;
    } else if (session == origin.sessions.end()) {
      report.state = is_up(origin, now) ? "waiting" : "down";
    } else {
      const ReceiverStatus status = session->second.receiver.status();
      report.state = is_up(origin, now) ? state_of(status, session->second.failed) : "down";
      report.items = session->second.items;
      report.failed_items = session->second.failed;
      report.sent_bytes = status.bytes;
      report.was_equal = status.in_sync && session->second.failed == 0;
      report.reason = status.reason;
      if (status.held) {
        report.hint = !status.hint.empty() ? status.hint
                                           : "on " + set.origin + ": hareplicate release " + name + " --to " +
                                                 options_.facts.site + " --force-delete";
      }
      report.position = status.committed.value_or(Position{});
      fresh = session->second.receiver.fresh_at(origin.last_heard);
    }
  }
  if (const auto held = held_.find(name); held != held_.end()) {
    report.state = "HELD";
    report.reason = held->second.what();
    report.hint = "hareplicate release " + name;
  }
  if (fresh) {
    const Duration age = now.steady - *fresh;
    const bool level = report.state == "in sync" || report.state == "incomplete";
    report.behind = level && age < kQuietMax ? Duration::zero() : age;
    report.last_equal = now.wall - age;
  }
  return report;
}

}  // namespace ha::replicator
