#include "replicator/control_service.h"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "schemas/control.pb.h"
#include "version.h"

namespace ha::replicator {
namespace {

namespace pb = ha::schemas::control;

constexpr mode_t kSocketMode = 0660;

std::int64_t nanoseconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

void put_link(const LinkReport& from, bool outgoing, pb::Link& to) {
  to.set_peer(from.peer);
  to.set_outgoing(outgoing);
  to.set_state(from.state);
  to.set_state_for_ns(from.for_time.count());
  if (from.rtt) {
    to.set_rtt_ns(from.rtt->count());
  }
  if (from.clock_offset) {
    to.set_clock_offset_ns(from.clock_offset->count());
  }
  if (from.last_heard) {
    to.set_last_heard_ns(from.last_heard->count());
  }
  to.set_congestion(from.congestion);
  to.set_sent_bytes(from.sent_bytes);
  to.set_received_bytes(from.received_bytes);
  to.set_send_bytes_per_s(from.send_bytes_per_s);
  to.set_pacing_bytes_per_s(from.pacing_bytes_per_s);
  to.set_in_flight_bytes(from.in_flight_bytes);
  to.set_reconnects(from.reconnects);
  to.set_config_equal(from.config_equal);
  to.set_reason(from.reason);
  to.set_hint(from.hint);
}

void put_set(const SetReport& from, pb::Set& to) {
  to.set_set(from.set);
  to.set_kind("files");
  to.set_peer(from.peer);
  to.set_origin(from.is_origin);
  to.set_state(from.state);
  if (from.behind) {
    to.set_behind_ns(from.behind->count());
  }
  to.set_items(from.items);
  to.set_pending_items(from.pending_items);
  to.set_pending_bytes(from.pending_bytes);
  to.set_sent_items(from.sent_items);
  to.set_sent_bytes(from.sent_bytes);
  to.set_failed_items(from.failed_items);
  if (from.last_equal) {
    to.set_last_equal_ns(nanoseconds(*from.last_equal));
  }
  to.set_epoch(from.position.epoch);
  to.set_sequence(from.position.sequence);
  to.set_reason(from.reason);
  to.set_hint(from.hint);
}

}  // namespace

class ControlService::Impl {
 public:
  Impl(wire::Loop& loop, Pipeline& pipeline, Logger& log)
      : loop_(loop), pipeline_(pipeline), log_(log), started_(read_clocks().wall) {}
  ~Impl() {
    if (registered_) {
      loop_.remove(id_);
    }
  }

  Status listen(const std::string& path) {
    HA_TRY(server_, wire::ControlServer::open(path, kSocketMode, [this](wire::ControlRequest request) {
             on_request(std::move(request));
           }));
    id_ = loop_.add(*server_, {});
    registered_ = true;
    return ok();
  }

 private:
  void on_request(wire::ControlRequest request) {
    pb::Request asked;
    if (!asked.ParseFromString(request.body)) {
      server_->fail(request.client, Error(Code::Corrupt, "the request does not parse",
                                          "use the hareplicate of the same version as the daemon"));
      return;
    }
    const bool changes = asked.verb() == "resync";
    if (changes && request.uid != 0 && request.uid != ::geteuid()) {
      server_->fail(request.client,
                    Error(Code::Denied, "only root may do this", "sudo hareplicate " + asked.verb()));
      return;
    }
    if (asked.verb() == "status") {
      status(request.client);
    } else if (asked.verb() == "resync") {
      resync(request.client, asked);
    } else if (asked.verb() == "events") {
      events(request.client, asked);
    } else if (asked.verb() == "probe") {
      probe(request.client, asked);
    } else {
      server_->fail(request.client,
                    Error(Code::Unsupported, "this daemon does not know \"" + escape(asked.verb()) + "\"",
                          "use the hareplicate of the same version as the daemon"));
    }
  }

  void reply(std::uint64_t client, const pb::Reply& message) {
    static_cast<void>(server_->reply(client, message.SerializeAsString()));
  }

  // The origin loop's part, then the replica loop's, then the answer from here.
  void status(std::uint64_t client) {
    const bool asked = pipeline_.on_origin([this, client](Pipeline& pipeline, const Now& now) {
      SideReport origin;
      for (const auto& peer : pipeline.peers()) {
        peer->report(origin, now);
      }
      static_cast<void>(
          pipeline.on_replica([this, client, origin = std::move(origin)](Pipeline& also, const Now& at) {
            SideReport replica;
            also.replica_side().report(replica, at);
            loop_.post_or_wait(
                [this, client, origin, replica = std::move(replica)] { show(client, origin, replica); });
          }));
    });
    if (!asked) {
      server_->fail(client, Error(Code::Unavailable, "the replicator is stopping"));
    }
  }

  void show(std::uint64_t client, const SideReport& origin, const SideReport& replica) {
    pb::Reply message;
    pb::Status& status = *message.mutable_status();
    const Config& config = pipeline_.config();
    status.set_cluster(config.cluster_name());
    status.set_site(config.self().name);
    status.set_config_digest(config_digest(config));
    status.set_now_ns(nanoseconds(loop_.now().wall));
    status.set_version(kVersion);
    status.set_started_ns(nanoseconds(started_));
    for (const ServiceConfig& service : config.services()) {
      pb::Service& out = *status.add_services();
      out.set_name(service.name);
      out.set_holder(service.holder);
      out.set_epoch(service.epoch);
    }
    std::set<std::string> outgoing;
    for (const LinkReport& link : origin.links) {
      outgoing.insert(link.peer);
      put_link(link, true, *status.add_links());
    }
    for (const LinkReport& link : replica.links) {
      if (!outgoing.contains(link.peer)) {
        put_link(link, false, *status.add_links());
      }
    }
    for (const SideReport* side : {&origin, &replica}) {
      for (const SetReport& set : side->sets) {
        put_set(set, *status.add_sets());
        const bool bad = set.state == "HELD" || set.state == "failed" || set.state == "incomplete";
        if (bad) {
          pb::Problem& problem = *status.add_problems();
          problem.set_id("H-" + set.set + "-" + set.peer);
          problem.set_set(set.set);
          problem.set_peer(set.peer);
          problem.set_what(set.reason);
          problem.set_next(set.hint);
        }
      }
    }
    reply(client, message);
    server_->end(client);
  }

  void resync(std::uint64_t client, const pb::Request& asked) {
    if (asked.arguments_size() != 1) {
      server_->fail(client, Error(Code::Invalid, "resync takes one set", "hareplicate resync SET"));
      return;
    }
    const std::string set = asked.arguments(0);
    const bool renew = asked.flags().contains("full");
    const bool sent = pipeline_.on_origin([this, client, set, renew](Pipeline& pipeline, const Now& now) {
      bool found = false;
      for (const auto& source : pipeline.origin_sets()) {
        if (source->config().name == set) {
          found = true;
          renew ? source->renew(now) : source->scan_now(now);
        }
      }
      for (const auto& peer : pipeline.peers()) {
        static_cast<void>(peer->check(set, true, now));
      }
      loop_.post_or_wait([this, client, set, found] {
        if (found) {
          log_.info("set.resync_started", {{"set", set}});
          server_->end(client);
        } else {
          server_->fail(client,
                        Error(Code::NotFound, "this site is not the origin of a set \"" + escape(set) + "\"",
                              "hareplicate status shows the sets and who holds them"));
        }
      });
    });
    if (!sent) {
      server_->fail(client, Error(Code::Unavailable, "the replicator is stopping"));
    }
  }

  void events(std::uint64_t client, const pb::Request&) {
    for (const LogEvent& event : log_.recent()) {
      pb::Reply message;
      pb::Event& out = *message.mutable_event();
      out.set_number(event.number);
      out.set_time_ns(nanoseconds(event.time));
      out.set_level(std::string(log_level_name(event.level)));
      out.set_name(event.name);
      out.set_line(log_line(event));
      out.set_json(log_json(event));
      reply(client, message);
    }
    server_->end(client);
  }

  // One round trip of arguments[1] bytes to the peer arguments[0] on the state lane.
  void probe(std::uint64_t client, const pb::Request& asked) {
    const std::string peer = asked.arguments_size() > 0 ? asked.arguments(0) : "";
    static_cast<void>(pipeline_.on_origin([this, client, peer](Pipeline& pipeline, const Now&) {
      for (const auto& each : pipeline.peers()) {
        if (each->name() == peer) {
          each->probe(200, [this, client, peer](Duration rtt) {
            loop_.post_or_wait([this, client, peer, rtt] {
              pb::Reply message;
              message.mutable_probe()->set_peer(peer);
              message.mutable_probe()->set_rtt_ns(rtt.count());
              reply(client, message);
              server_->end(client);
            });
          });
          return;
        }
      }
      loop_.post_or_wait([this, client, peer] {
        server_->fail(client,
                      Error(Code::NotFound, "this site has no link to a site \"" + escape(peer) + "\""));
      });
    }));
  }

  wire::Loop& loop_;
  Pipeline& pipeline_;
  Logger& log_;
  WallTime started_;
  std::unique_ptr<wire::ControlServer> server_;
  wire::Loop::Id id_ = 0;
  bool registered_ = false;
};

ControlService::ControlService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ControlService::~ControlService() = default;

Result<std::unique_ptr<ControlService>> ControlService::open(wire::Loop& loop, Pipeline& pipeline,
                                                             Logger& log, const std::string& path) {
  auto impl = std::make_unique<Impl>(loop, pipeline, log);
  HA_CHECK(impl->listen(path));
  return std::unique_ptr<ControlService>(new ControlService(std::move(impl)));
}

}  // namespace ha::replicator
