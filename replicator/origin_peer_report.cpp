// What an OriginPeer says of itself: the values behind `hareplicate status` at an origin.
#include <utility>

#include "replicator/origin_peer.h"

namespace ha::replicator {
namespace {

constexpr Duration kRateValid = std::chrono::seconds(3);

std::string state_name(LinkState state) {
  switch (state) {
    case LinkState::Unconnected:
      return "down";
    case LinkState::Greeting:
      return "greeting";
    case LinkState::Up:
      return "up";
    case LinkState::Refused:
      return "refused";
  }
  return "down";
}

}  // namespace

void OriginPeer::report(SideReport& out, const Now& now) const {
  const LinkStatus& status = link_.status();
  LinkReport link;
  link.peer = options_.peer;
  link.state = state_name(status.state);
  link.for_time = now.steady - status.since;
  if (status.state == LinkState::Up) {
    link.last_heard = now.steady - status.last_heard;
  }
  link.rtt = status.rtt;
  link.clock_offset = status.clock_offset;
  link.congestion = lanes_[kFirstBulk].dealer->congestion();
  for (const Lane& lane : lanes_) {
    link.sent_bytes += lane.sent_bytes;
    link.received_bytes += lane.received_bytes;
  }
  link.send_bytes_per_s = now.steady - rate_at_ < kRateValid ? send_rate_ : 0;
  link.pacing_bytes_per_s = paced_;
  link.in_flight_bytes = in_flight();
  link.reconnects = reconnects_;
  link.config_equal =
      status.peer_config_digest.empty() || status.peer_config_digest == options_.facts.config_digest;
  link.reason = status.reason;
  link.hint = status.hint;
  out.links.push_back(std::move(link));
  for (const auto& session : sessions_) {
    out.sets.push_back(report_set(*session, now));
  }
}

std::string OriginPeer::state_of(const Session& session, SenderState state) const {
  if (!session.set->may_send()) {
    return "waiting";
  }
  if (!session.paused.empty()) {
    return "paused";
  }
  switch (state) {
    case SenderState::Down:  // nothing is offered before the first scan is over
      return link_.status().state == LinkState::Up && !session.set->first_scan_done() ? "reading" : "down";
    case SenderState::Waiting:
      return "failed";
    case SenderState::Offering:
      return session.set->first_scan_done() ? "checking" : "reading";
    case SenderState::Comparing:
      return "comparing";
    case SenderState::Sending:
    case SenderState::Confirming:
      return "copying";
    case SenderState::Equal:
      return session.set->first_scan_done() ? "in sync" : "reading";
    case SenderState::Incomplete:
      return "incomplete";
    case SenderState::Held:
      return "HELD";
  }
  return "down";
}

SetReport OriginPeer::report_set(const Session& session, const Now& now) const {
  const SenderStatus status = status_of(session);
  SetReport report;
  report.set = session.set->config().name;
  report.peer = options_.peer;
  report.is_origin = true;
  report.items = session.set->facts().count;
  report.sent_items = status.items_sent;
  report.sent_bytes = status.bytes_sent;
  report.link_bytes = session.link_bytes;
  report.failed_items = status.failed;
  report.last_equal = session.last_equal;
  report.reason = status.reason;
  report.hint = status.hint;
  if (status.acknowledged) {
    report.position = *status.acknowledged;
  }
  const auto changed = session.set->changed_since(status.acknowledged ? status.acknowledged->sequence : 0);
  report.state = state_of(session, status.state);
  if (const std::optional<Error>& problem = session.set->problem()) {
    report.reason = problem->what();
    if (session.set->is_held()) {
      report.state = "HELD";
      report.hint = "hareplicate release " + report.set + " --force-delete";
    }
  }
  if (status.state != SenderState::Equal) {
    // While copying, the sender knows best; before that, the index says what came after the last
    // confirmation.
    const bool planned = status.items_planned > 0;
    report.pending_items = planned ? status.items_planned - status.items_done : session.pending.items;
    report.pending_bytes = planned ? status.bytes_planned - status.bytes_done : session.pending.bytes;
  }
  report.behind = changed ? std::optional<Duration>(now.steady - *changed) : std::nullopt;
  if (!changed && status.state == SenderState::Equal) {
    report.behind = Duration::zero();
    report.last_equal = now.wall - (now.steady - link_.status().last_heard);
  }
  return report;
}

}  // namespace ha::replicator
