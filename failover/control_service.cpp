#include "failover/control_service.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/nanoseconds.h"
#include "failover/report.h"
#include "schemas/coordinator.pb.h"

namespace ha::failover {
namespace {

namespace pb = ha::schemas::coordinator;

constexpr mode_t kSocketMode = 0660;
constexpr const char* kOtherVersion = "use the failover of the same version as the daemon";

std::string argument(const pb::Request& asked, int number) {
  return number < asked.arguments_size() ? asked.arguments(number) : std::string();
}

std::string flag(const pb::Request& asked, const std::string& name) {
  const auto found = asked.flags().find(name);
  return found == asked.flags().end() ? std::string() : found->second;
}

std::optional<Duration> span(const pb::Request& asked, const std::string& name) {
  const std::string text = flag(asked, name);
  return text.empty() ? std::nullopt : std::optional(Duration(std::strtoll(text.c_str(), nullptr, 10)));
}

bool only_shows(const std::string& verb) {
  return verb == "status" || verb == "history" || verb == "sensors" || verb == "handlers";
}

}  // namespace

Result<std::unique_ptr<ControlService>> ControlService::open(wire::Loop& loop, Controller& controller,
                                                             const std::string& path) {
  std::unique_ptr<ControlService> out(new ControlService(loop, controller));
  ControlService* raw = out.get();
  HA_TRY(out->server_, wire::ControlServer::open(path, kSocketMode, [raw](wire::ControlRequest request) {
           raw->on_request(request);
         }));
  out->registered_.push_back(loop.add(*out->server_, {}));
  return out;
}

ControlService::~ControlService() {
  for (const wire::Loop::Id id : registered_) {
    loop_.remove(id);
  }
}

void ControlService::on_request(const wire::ControlRequest& request) {
  pb::Request asked;
  if (!asked.ParseFromString(request.body)) {
    server_->fail(request.client, Error(Code::Corrupt, "the request does not parse", kOtherVersion));
    return;
  }
  if (only_shows(asked.verb())) {
    show(request.client, asked);
    return;
  }
  if (request.uid != 0 && request.uid != ::geteuid()) {
    server_->fail(request.client, Error(Code::Denied, "only root may do this",
                                        "the same command as root, with sudo in front"));
    return;
  }
  if (asked.verb() == "accept") {
    accept(request.client, asked);
    return;
  }
  pb::Reply reply;
  const Status done = change(asked, *reply.mutable_done()->mutable_what());
  if (!done.ok()) {
    server_->fail(request.client, done.error());
    return;
  }
  server_->reply(request.client, reply.SerializeAsString());
  server_->end(request.client);
}

void ControlService::show(std::uint64_t client, const pb::Request& asked) {
  if (asked.verb() == "status") {
    show_status(client);
  } else if (asked.verb() == "history") {
    show_history(client, asked);
  } else if (asked.verb() == "sensors") {
    show_sensors(client);
  } else {
    show_handlers(client);
  }
  server_->end(client);
}

void ControlService::accept(std::uint64_t client, const pb::Request& asked) {
  const std::string service = argument(asked, 0);
  const std::uint64_t beyond = std::strtoull(flag(asked, "beyond").c_str(), nullptr, 10);
  controller_.accept(service, beyond, [this, client, service](const Status& status) {
    if (!status.ok()) {
      server_->fail(client, status.error());
      return;
    }
    pb::Reply reply;
    reply.mutable_done()->set_what("what the arbiter shows of " + service + " counts from now on");
    server_->reply(client, reply.SerializeAsString());
    server_->end(client);
  });
}

// `done`: what happens now.
Status ControlService::change(const pb::Request& asked, std::string& done) {
  const std::string& verb = asked.verb();
  const std::string first = argument(asked, 0);
  const std::string& by = asked.user();
  if (verb == "switchover") {
    HA_CHECK(controller_.switchover(first, flag(asked, "to"), span(asked, "drain"), by));
    done = first + " goes to " + flag(asked, "to");
  } else if (verb == "takeover") {
    HA_CHECK(controller_.takeover(first, by));
    done = first + " is taken as soon as its holder is certainly not serving";
  } else if (verb == "pause" || verb == "resume") {
    HA_CHECK(controller_.pause(verb == "pause", by));
    done =
        verb == "pause" ? "this site takes nothing over by itself" : "this site takes over by itself again";
  } else if (verb == "maintenance") {
    const bool on = first == "start";
    HA_CHECK(controller_.maintenance(on, span(asked, "drain"), by));
    done = on ? "what this site holds goes to others; it takes nothing" : "this site takes part again";
  } else if (verb == "mute" || verb == "unmute") {
    HA_CHECK(controller_.mute(first, verb == "mute" ? span(asked, "for") : std::nullopt));
    done = verb == "mute" ? first + " adds nothing to the score for that time" : first + " counts again";
  } else if (verb == "fenced") {
    HA_CHECK(controller_.fenced(first, by));
    done = "services of " + first + " can be taken at once";
  } else if (verb == "ack") {
    HA_CHECK(controller_.acknowledge(by));
    done = "acknowledged: what failed is looked at again, and nothing is held";
  } else if (verb == "reload") {
    ::kill(::getpid(), SIGHUP);  // as anybody may who may restart us
    done = "cluster.toml is read again; what became of it: journalctl -u failover";
  } else {
    return Error(Code::Unsupported, "this daemon does not know \"" + escape(verb) + "\"", kOtherVersion);
  }
  return ok();
}

void ControlService::show_status(std::uint64_t client) {
  pb::Reply reply;
  fill_status(controller_, loop_.now(), *reply.mutable_status());
  reply.mutable_status()->set_started_ns(nanoseconds(started_));
  server_->reply(client, reply.SerializeAsString());
}

void ControlService::show_history(std::uint64_t client, const pb::Request& asked) {
  const std::string service = argument(asked, 0);
  for (const Move& move : controller_.state().moves) {
    if (!service.empty() && move.service != service) {
      continue;
    }
    pb::Reply reply;
    pb::Move& out = *reply.mutable_move();
    out.set_time_ns(nanoseconds(move.time));
    out.set_service(move.service);
    out.set_epoch(move.epoch);
    out.set_from(move.from);
    out.set_to(move.to);
    out.set_why(move.why);
    out.set_took_ns(move.took.count());
    if (!server_->reply(client, reply.SerializeAsString())) {
      return;
    }
  }
}

void ControlService::show_sensors(std::uint64_t client) {
  const SteadyTime now = loop_.now().steady;
  for (const SensorView& view : controller_.health().sensors()) {
    pb::Reply reply;
    pb::Sensor& out = *reply.mutable_sensor();
    out.set_name(view.spec->name);
    out.set_grade(std::string(grade_text(view.counted)));
    out.set_points(view.points);
    out.set_weight(view.spec->weight);
    out.set_text(view.text(now));
    if (view.last != nullptr) {
      out.set_unit(view.last->unit);
      out.set_value(view.last->value);
      out.set_has_value(true);
      out.set_age_ns((now - view.begun).count());
    }
    if (view.muted_until && *view.muted_until > now) {
      out.set_muted_ns((*view.muted_until - now).count());
    }
    if (!server_->reply(client, reply.SerializeAsString())) {
      return;
    }
  }
}

void ControlService::show_handlers(std::uint64_t client) {
  for (const HandlerCounts& counts : controller_.handlers()) {
    pb::Reply reply;
    pb::Handler& out = *reply.mutable_handler();
    out.set_name(counts.handler);
    out.set_runs(counts.runs);
    out.set_failures(counts.failures);
    out.set_dropped(counts.dropped);
    out.set_waiting(counts.waiting);
    if (!server_->reply(client, reply.SerializeAsString())) {
      return;
    }
  }
}

}  // namespace ha::failover
