// dnsupdater set, delete, swap, maintenance, resume, undo
#include <charconv>

#include "common/base/suggest.h"
#include "common/base/units.h"
#include "dnsupdater/desk.h"
#include "dnsupdater/lease.h"
#include "dnsupdater/message.h"
#include "dnsupdater/wish.h"

namespace ha::dns {
namespace {

constexpr std::uint32_t kTtlS = 30;

struct Target {
  Name name;
  RrType type = RrType::A;
  std::vector<Rdata> rdata;
};

// NAME TYPE DATA…: each DATA is one record, or the words of one.
Result<Target> target_of(const Context& context) {
  const auto& words = context.invocation.arguments;
  Target target;
  HA_TRY(target.name, Name::parse(words.at(0)));
  HA_TRY(target.type, parse_type(words.at(1)));
  std::string whole;
  bool each_is_one = words.size() > 2;
  for (std::size_t i = 2; i < words.size(); ++i) {
    whole += (whole.empty() ? "" : " ") + words[i];
    auto one = rdata_from_text(target.type, words[i]);
    each_is_one = each_is_one && one.ok();
    if (one.ok()) {
      target.rdata.push_back(std::move(one).value());
    }
  }
  if (!each_is_one && !whole.empty()) {  // SRV's data has four words
    HA_TRY(Rdata one, rdata_from_text(target.type, whole));
    target.rdata = {std::move(one)};
  }
  return target;
}

Result<std::uint32_t> ttl_of(const Context& context) {
  if (!context.has("ttl")) {
    return kTtlS;
  }
  const std::string text = context.invocation.value("ttl");
  HA_TRY(const Duration ttl, parse_duration(text));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(ttl).count();
  if (seconds < 1 || seconds > kTtlMaxS) {
    return Error(Code::Invalid, "--ttl " + escape(text) + " is not a TTL", "--ttl 30s");
  }
  return static_cast<std::uint32_t>(seconds);
}

Result<std::vector<RrSet>> found_of(Desk& desk, const Target& target) {
  HA_TRY(const Guarded guarded, guard_of(desk.config(), target.name));
  return desk.read(guarded.zone, {{guarded.guard.name, RrType::Txt}, {target.name, target.type}});
}

Result<MaintenanceOptions> options_of(const Context& context) {
  MaintenanceOptions options;
  if (context.has("drain")) {
    HA_TRY(options.drain, parse_duration(context.invocation.value("drain")));
  }
  if (context.has("until")) {
    options.drain_command = {"/bin/sh", "-c", context.invocation.value("until")};
    options.drain = context.has("drain") ? options.drain : std::chrono::hours(12);
  }
  if (context.has("verify")) {
    HA_TRY(options.verify, parse_duration(context.invocation.value("verify")));
  }
  return options;
}

// The lease of a service, if somebody holds it.
Result<std::optional<Record>> held_lease(Desk& desk, const std::string& service) {
  const auto place = place_of(desk.config(), service);
  if (!place.ok()) {  // no lease can be anywhere
    return std::optional<Record>();
  }
  HA_TRY(const std::vector<RrSet> found, desk.read(place->zone, {{place->lease, RrType::Txt}}));
  HA_TRY(std::optional<Record> lease, record_in(found, place->lease, service));
  return lease && lease->state != HoldState::Free ? std::move(lease) : std::optional<Record>();
}

Error is_held(const std::string& service, const Record& lease, const std::string& instead) {
  return Error(Code::Refused,
               lease.owner + " holds the lease of " + service + " (epoch " +
                   std::to_string(lease.version.epoch) + "): its coordinator moves the names",
               instead + "      (no coordinator runs any more: --no-coordinator)");
}

// A coordinator that holds a lease decides itself: two hands at one wheel.
Status no_coordinator(Desk& desk, const Context& context, const std::string& site) {
  if (context.has("no-coordinator")) {
    return ok();
  }
  for (const ServiceConfig& service : desk.config().services()) {
    HA_TRY(const std::optional<Record> lease, held_lease(desk, service.name));
    if (lease) {
      return is_held(service.name, *lease, "failover maintenance start " + site);
    }
  }
  return ok();
}

// To lead callers of a held service to another site is to change its owner, in all but name.
Status no_owner_change(Desk& desk, const Context& context, const Target& target) {
  if (context.has("no-coordinator")) {
    return ok();
  }
  for (const RecordConfig& record : desk.config().records()) {
    if (record.name != target.name) {
      continue;
    }
    HA_TRY(const std::optional<Record> lease, held_lease(desk, record.service));
    const auto site = lease ? leads_away(desk.config(), lease->owner, target.rdata) : std::nullopt;
    if (site) {
      return is_held(record.service, *lease, "failover switchover " + record.service + " " + *site);
    }
  }
  return ok();
}

Outcome swap(const Context& context, const std::string& site, const std::string& what,
             MaintenanceOptions options) {
  HA_TRY(const std::unique_ptr<Desk> desk, Desk::open(context));
  if (desk->config().site(site) == nullptr) {
    std::vector<std::string> known;
    for (const SiteAddresses& each : desk->config().sites()) {
      known.push_back(each.site);
    }
    return Error(Code::Invalid, "no site is called " + in_quotes(site) + did_you_mean(site, known),
                 "hareplicate config show site");
  }
  return desk->carry_out([&](std::string id) -> Result<Operation> {
    HA_CHECK(no_coordinator(*desk, context, site));
    std::vector<FoundZone> found;
    for (const ZoneConfig& zone : desk->config().zones()) {
      const std::vector<SetKey> keys = site_keys(desk->config(), zone.name);
      if (!keys.empty()) {
        HA_TRY(std::vector<RrSet> sets, desk->read(zone.name, keys));
        found.push_back({zone.name, std::move(sets)});
      }
    }
    return maintenance_operation(desk->config(), site, found, options, what + " " + site, std::move(id));
  });
}

}  // namespace

Outcome run_set(const Context& context) {
  HA_TRY(const Target target, target_of(context));
  HA_TRY(const std::uint32_t ttl_s, ttl_of(context));
  HA_TRY(const std::unique_ptr<Desk> desk, Desk::open(context));
  return desk->carry_out([&](std::string id) -> Result<Operation> {
    HA_CHECK(no_owner_change(*desk, context, target));
    HA_TRY(const std::vector<RrSet> found, found_of(*desk, target));
    return set_operation(desk->config(), target.name, target.type, ttl_s, target.rdata, found, std::move(id));
  });
}

Outcome run_delete(const Context& context) {
  HA_TRY(const Target target, target_of(context));
  HA_TRY(const std::unique_ptr<Desk> desk, Desk::open(context));
  if (target.rdata.size() > 1) {
    return Error(Code::Invalid, "one record at a time",
                 "dnsupdater set NAME TYPE DATA… with what shall stay");
  }
  return desk->carry_out([&](std::string id) -> Result<Operation> {
    HA_TRY(const std::vector<RrSet> found, found_of(*desk, target));
    const auto one = target.rdata.empty() ? std::nullopt : std::optional(target.rdata[0]);
    return delete_operation(desk->config(), target.name, target.type, one, found, std::move(id));
  });
}

Outcome run_swap_site(const Context& context) {
  MaintenanceOptions options;
  options.swap_only = true;
  return swap(context, context.argument(0), "swap", std::move(options));
}

Outcome run_maintenance(const Context& context) {
  HA_TRY(MaintenanceOptions options, options_of(context));
  options.going = context.invocation.verb == "maintenance start" ? Going::Away : Going::Back;
  return swap(context, context.argument(0), context.invocation.verb, std::move(options));
}

Outcome run_resume(const Context& context) {
  HA_TRY(const std::unique_ptr<Desk> desk, Desk::open(context));
  HA_TRY(Journal journal, desk->journal());
  const JournalEntry* open = journal.open_entry();
  if (open == nullptr) {
    talk(context, "nothing stands open\n");
    return ExitCode::Good;
  }
  return desk->resume(journal, *open);
}

Outcome run_undo(const Context& context) {
  HA_TRY(const std::unique_ptr<Desk> desk, Desk::open(context));
  HA_TRY(Journal journal, desk->journal());
  const std::string id = context.argument(0);
  HA_TRY(const JournalEntry found, journal.entry(id));
  if (const JournalEntry* open = journal.open_entry(); open != nullptr && open->operation.id != id) {
    return Error(Code::Refused, open->operation.id + " (" + open->operation.what + ") is not at its end",
                 "dnsupdater resume      or: dnsupdater undo " + open->operation.id);
  }
  JournalEntry undo{undo_of(found.operation, found.done(), journal.next_id()), Desk::user(),
                    read_clocks().wall};
  for (const OperationStep& step : undo.operation.steps) {
    for (const std::string& line : lines_of(step)) {
      talk(context, line + "\n");
    }
  }
  if (context.has("dry-run")) {
    talk(context, "Nothing was changed.\n");
    return ExitCode::Good;
  }
  HA_TRY(const bool go_on, confirm(context, undo.operation.what + ":"));
  if (!go_on) {
    talk(context, "Nothing was changed.\n");
    return ExitCode::Refused;
  }
  HA_CHECK(journal.put_undo(undo, found));
  return desk->resume(journal, std::move(undo));
}

}  // namespace ha::dns
