// failover switchover, takeover, fallback, pause, resume, maintenance, fence, ack, simulate
#include <algorithm>

#include "common/base/suggest.h"
#include "common/base/units.h"
#include "failover/verbs.h"
#include "schemas/coordinator.pb.h"

namespace ha::failover {
namespace {

namespace pb = ha::schemas::coordinator;

Result<const pb::Service*> find_service(const pb::Status& status, const std::string& name) {
  std::vector<std::string> names;
  for (const pb::Service& service : status.services()) {
    if (service.name() == name) {
      return &service;
    }
    names.push_back(service.name());
  }
  return Error(Code::Invalid, "no service is called " + in_quotes(name) + did_you_mean(name, names),
               "failover status");
}

Result<const pb::Site*> find_site(const pb::Status& status, const std::string& name) {
  std::vector<std::string> names;
  for (const pb::Site& site : status.sites()) {
    if (site.name() == name) {
      return &site;
    }
    names.push_back(site.name());
  }
  return Error(Code::Invalid, "no site is called " + in_quotes(name) + did_you_mean(name, names),
               "failover status");
}

// Durations travel as nanoseconds.
Status add_span(const Context& context, const char* flag, Question& question) {
  if (context.has(flag)) {
    auto value = parse_duration(context.invocation.value(flag));
    if (!value.ok()) {
      return std::move(value).error().in("--" + std::string(flag));
    }
    (*question.mutable_flags())[flag] = std::to_string(value->count());
  }
  return ok();
}

// Shows what would happen, and asks. False: it is not to be done.
Result<bool> agreed(const Context& context, const std::string& picture) {
  if (context.has("dry-run")) {
    print(picture + "Nothing was changed.\n");
    return false;
  }
  talk(context, picture);
  HA_TRY(const bool yes, confirm(context, "Go on?"));
  if (!yes) {
    talk(context, "Nothing was changed.\n");
  }
  return yes;
}

std::string calls_text(const pb::Service& service, const Context& context) {
  if (!service.has_calls() || service.calls() == 0) {
    return "";
  }
  const std::string count =
      std::to_string(service.calls()) + (service.calls() == 1 ? " call is" : " calls are");
  return context.has("drain")
             ? count + " up: they may end within " + context.invocation.value("drain") + ".\n"
             : count + " up, and cut off. To let them end: --drain 30m\n";
}

Outcome move(const Context& context, const pb::Status& status, const pb::Service& service,
             const std::string& target) {
  if (service.holder() != status.site()) {
    return Error(Code::Refused,
                 service.name() + " is held by " + (service.holder().empty() ? "nobody" : service.holder()) +
                     ", not here",
                 service.holder().empty() ? "failover why " + service.name()
                                          : "on " + service.holder() + ": failover switchover " +
                                                service.name() + " --to " + target);
  }
  const auto standing = std::find_if(service.standings().begin(), service.standings().end(),
                                     [&](const pb::Standing& each) { return each.site() == target; });
  if (target == status.site()) {
    return Error(Code::Refused, service.name() + " is here already", "failover status");
  }
  if (standing == service.standings().end() || !standing->able()) {
    return Error(
        Code::Refused,
        target + " cannot take " + service.name() + ": " +
            (standing == service.standings().end() ? "it is not among its sites" : standing->why_not()),
        "failover why " + target);
  }
  const std::string picture = "Now:    " + status.site() + " holds " + service.name() + ", epoch " +
                              std::to_string(service.epoch()) + "\nAfter:  " + target + " holds it, epoch " +
                              std::to_string(service.epoch() + 1) + "; its copies are " + standing->lag() +
                              "\nTakes:  " + service.switchover().text() + "\n" +
                              calls_text(service, context);
  HA_TRY(const bool yes, agreed(context, picture));
  if (!yes) {
    return context.has("dry-run") ? ExitCode::Good : ExitCode::NotGood;
  }
  Question asked = question("switchover");
  asked.add_arguments(service.name());
  (*asked.mutable_flags())["to"] = target;
  HA_CHECK(add_span(context, "drain", asked));
  return order(context, asked);
}

}  // namespace

Outcome run_switchover(const Context& context) {
  HA_TRY(const pb::Status status, ask_status(context));
  HA_TRY(const pb::Service* service, find_service(status, context.argument(0)));
  std::string target = context.invocation.value("to");
  if (target.empty()) {
    const auto able =
        std::find_if(service->standings().begin(), service->standings().end(),
                     [&](const auto& each) { return each.able() && each.site() != status.site(); });
    if (able == service->standings().end()) {
      return Error(Code::Refused, "no other site can take " + service->name(),
                   "failover why " + service->name());
    }
    target = able->site();
  } else {
    HA_TRY([[maybe_unused]] const pb::Site* site, find_site(status, target));
  }
  return move(context, status, *service, target);
}

Outcome run_fallback(const Context& context) {
  HA_TRY(const FailoverConfig config, load_config(context));
  HA_TRY(const pb::Status status, ask_status(context));
  HA_TRY(const pb::Service* service, find_service(status, context.argument(0)));
  const ServiceSettings* settings = config.service(service->name());
  if (settings == nullptr || settings->rules.sites.empty()) {
    return Error(Code::Invalid, "cluster.toml has no sites of " + service->name(), "failover config check");
  }
  return move(context, status, *service, settings->rules.sites.front());
}

Outcome run_takeover(const Context& context) {
  HA_TRY(const pb::Status status, ask_status(context));
  HA_TRY(const pb::Service* service, find_service(status, context.argument(0)));
  if (service->holder() == status.site()) {
    return Error(Code::Refused, service->name() + " is held here already", "failover status");
  }
  const std::string holder = service->holder().empty() ? "nobody" : service->holder();
  const std::string picture =
      "Now:    " + holder + " holds " + service->name() + ", epoch " + std::to_string(service->epoch()) +
      "\nAfter:  " + status.site() + " holds it; copies here: " + service->replication() +
      "\nWhen:   nobody serves it for certain: its lease has run out, or: failover fence confirm " + holder +
      "\nWhat " + holder + " has not sent is kept there for you: hareplicate stranded\n";
  HA_TRY(const bool yes, agreed(context, picture));
  if (!yes) {
    return context.has("dry-run") ? ExitCode::Good : ExitCode::NotGood;
  }
  Question asked = question("takeover");
  asked.add_arguments(service->name());
  return order(context, asked);
}

Outcome run_pause(const Context& context) {
  return order(context, question(context.invocation.verb));
}

Outcome run_maintenance(const Context& context) {
  const bool on = context.invocation.verb == "maintenance start";
  HA_TRY(const pb::Status status, ask_status(context));
  const std::string site = context.argument(0);
  if (!site.empty()) {
    HA_TRY([[maybe_unused]] const pb::Site* known, find_site(status, site));
    if (site != status.site()) {
      return Error(Code::Refused, "this is " + status.site(),
                   "on " + site + ": failover " + context.invocation.verb);
    }
  }
  if (on) {
    std::string picture = status.site() +
                          " gives up what it holds, and takes nothing until: failover "
                          "maintenance stop\n";
    for (const pb::Service& service : status.services()) {
      if (service.holder() != status.site()) {
        continue;
      }
      const auto able =
          std::find_if(service.standings().begin(), service.standings().end(),
                       [&](const auto& each) { return each.able() && each.site() != status.site(); });
      if (able == service.standings().end()) {
        return Error(Code::Refused, "no other site can take " + service.name(),
                     "failover why " + service.name());
      }
      picture += "  " + service.name() + " goes to " + able->site() + "\n" + calls_text(service, context);
    }
    HA_TRY(const bool yes, agreed(context, picture));
    if (!yes) {
      return context.has("dry-run") ? ExitCode::Good : ExitCode::NotGood;
    }
  }
  Question asked = question("maintenance");
  asked.add_arguments(on ? "start" : "stop");
  HA_CHECK(add_span(context, "drain", asked));
  return order(context, asked);
}

Outcome run_fence_confirm(const Context& context) {
  HA_TRY(const pb::Status status, ask_status(context));
  HA_TRY(const pb::Site* site, find_site(status, context.argument(0)));
  HA_TRY(const bool yes,
         agreed(context, "You say that " + site->name() +
                             " is switched off, or that its PBX does not run and will not start.\n"
                             "If that is wrong two sites serve the same callers.\n"));
  if (!yes) {
    return context.has("dry-run") ? ExitCode::Good : ExitCode::NotGood;
  }
  Question asked = question("fenced");
  asked.add_arguments(site->name());
  return order(context, asked);
}

Outcome run_ack(const Context& context) {
  return order(context, question("ack"));
}

// What would happen, by what is known here now; nothing is done.
Outcome run_simulate(const Context& context) {
  HA_TRY(const pb::Status status, ask_status(context));
  const std::string fault = context.argument(0);
  const std::string subject = context.argument(1).empty() ? status.site() : context.argument(1);
  const std::vector<std::string> faults{"site-dies", "pbx-dies", "arbiter-dies", "isolated"};
  if (std::find(faults.begin(), faults.end(), fault) == faults.end()) {
    return Error(Code::Invalid, "no fault is called " + in_quotes(fault) + did_you_mean(fault, faults),
                 "site-dies, pbx-dies, arbiter-dies, isolated");
  }
  HA_TRY([[maybe_unused]] const pb::Site* site, find_site(status, subject));
  for (const pb::Service& service : status.services()) {
    const auto next =
        std::find_if(service.standings().begin(), service.standings().end(),
                     [&](const auto& each) { return each.able() && each.site() != service.holder(); });
    const std::string who = next == service.standings().end() ? "nobody" : next->site();
    const bool concerned = service.holder() == subject;
    if (fault == "arbiter-dies") {
      print(service.name() + ": " + (service.holder().empty() ? "nobody" : service.holder()) +
            " goes on as long as all candidates promise; nobody can take it over.\n");
    } else if (!concerned) {
      print(service.name() + ": not held by " + subject + ", goes on.\n");
    } else if (fault == "pbx-dies") {
      print(
          service.name() + ": " +
          (who == "nobody" ? "started again here" : who + " takes it in about " + service.pbx_dies().text()) +
          ".\n");
    } else {
      const std::string after = fault == "isolated"
                                    ? "stops within " + show_age(Duration(status.lease_ns())) + "; "
                                    : std::string();
      print(service.name() + ": " + after + who + " takes it in about " + service.site_dies().text() + ".\n");
    }
  }
  return ExitCode::Good;
}

}  // namespace ha::failover
