// A status as JSON: schema "hareplicate.status/1". Keys are only ever added.
#include "common/base/json_out.h"
#include "common/base/nanoseconds.h"
#include "schemas/control.pb.h"
#include "tools/hareplicate/show_status.h"

#include "common/base/units.h"

namespace ha::tool {
namespace {

namespace pb = ha::schemas::control;

std::string utc(std::int64_t nanoseconds) {
  return show_utc(wall_time(nanoseconds), true);
}

std::string json_of(const pb::Link& link) {
  JsonObject out;
  out.text("peer", link.peer()).flag("outgoing", link.outgoing()).text("state", link.state());
  out.seconds("state_for_s", link.state_for_ns());
  link.has_rtt_ns() ? out.seconds("rtt_s", link.rtt_ns()) : out.none("rtt_s");
  link.has_clock_offset_ns() ? out.seconds("clock_offset_s", link.clock_offset_ns())
                             : out.none("clock_offset_s");
  link.has_last_heard_ns() ? out.seconds("last_heard_s", link.last_heard_ns()) : out.none("last_heard_s");
  out.text("congestion", link.congestion());
  out.count("sent_bytes", link.sent_bytes()).count("received_bytes", link.received_bytes());
  out.count("send_bytes_per_s", link.send_bytes_per_s());
  out.count("pacing_bytes_per_s", link.pacing_bytes_per_s());
  out.count("in_flight_bytes", link.in_flight_bytes()).count("reconnects", link.reconnects());
  out.flag("config_equal", link.config_equal()).text("reason", link.reason()).text("hint", link.hint());
  return out.text();
}

std::string json_of(const pb::Set& set) {
  JsonObject out;
  out.text("set", set.set()).text("kind", set.kind()).text("peer", set.peer());
  out.flag("origin", set.origin()).text("state", set.state());
  set.has_behind_ns() ? out.seconds("behind_s", set.behind_ns()) : out.none("behind_s");
  out.count("items", set.items()).count("pending_items", set.pending_items());
  out.count("pending_bytes", set.pending_bytes()).count("sent_items", set.sent_items());
  out.count("sent_bytes", set.sent_bytes()).count("link_bytes", set.link_bytes());
  out.count("failed_items", set.failed_items());
  set.has_last_equal_ns() ? out.text("last_equal", utc(set.last_equal_ns())) : out.none("last_equal");
  set.has_verified_ns() ? out.text("verified", utc(set.verified_ns())) : out.none("verified");
  set.has_verified_ns() ? out.flag("verified_equal", set.verified_equal()) : out.none("verified_equal");
  out.count("epoch", set.epoch()).count("sequence", set.sequence());
  out.text("path", set.path()).flag("shelved", set.shelved());
  out.text("reason", set.reason()).text("hint", set.hint());
  return out.text();
}

}  // namespace

std::string status_json(const pb::Status& status) {
  JsonList services;
  for (const pb::Service& service : status.services()) {
    services.add(JsonObject()
                     .text("service", service.name())
                     .text("holder", service.holder())
                     .count("epoch", service.epoch())
                     .text());
  }
  JsonList links;
  for (const pb::Link& link : status.links()) {
    links.add(json_of(link));
  }
  JsonList sets;
  for (const pb::Set& set : status.sets()) {
    sets.add(json_of(set));
  }
  JsonList problems;
  for (const pb::Problem& problem : status.problems()) {
    problems.add(JsonObject()
                     .text("id", problem.id())
                     .text("set", problem.set())
                     .text("peer", problem.peer())
                     .text("what", problem.what())
                     .text("see", problem.see())
                     .text("next", problem.next())
                     .text());
  }
  JsonList failed;
  for (const pb::Item& item : status.failed()) {
    JsonObject out;
    out.text("set", item.set())
        .text("peer", item.peer())
        .text("key", item.key())
        .text("reason", item.detail());
    item.since_ns() != 0 ? out.text("since", utc(item.since_ns())) : out.none("since");
    failed.add(out.text());
  }
  JsonObject out;
  out.text("schema", "hareplicate.status/1").text("cluster", status.cluster()).text("site", status.site());
  out.text("version", status.version()).text("time", utc(status.now_ns()));
  out.text("started", utc(status.started_ns())).text("config_digest", status.config_digest());
  if (status.has_trial()) {
    JsonObject trial;
    trial.text("id", status.trial().id())
        .text("site", status.trial().site())
        .text("user", status.trial().user());
    trial.seconds("left_s", status.trial().left_ns());
    out.raw("config_trial", trial.text());
  } else {
    out.none("config_trial");
  }
  out.raw("services", services.text()).raw("links", links.text()).raw("sets", sets.text());
  out.raw("problems", problems.text()).raw("failed", failed.text());
  return out.text() + "\n";
}

}  // namespace ha::tool
