// dnsupdater show, wait, journal, accept
#include <algorithm>
#include <thread>

#include "common/base/cli_table.h"
#include "common/base/units.h"
#include "dnsupdater/desk.h"
#include "dnsupdater/wish.h"

namespace ha::dns {
namespace {

constexpr Duration kPatience = std::chrono::seconds(1);

std::string data_of(const std::optional<RrSet>& set) {
  std::string out;
  for (const Rdata& each : set ? set->rdata : std::vector<Rdata>()) {
    out += (out.empty() ? "" : ", ") + each.text;
  }
  return out.empty() ? "nothing" : out;
}

// Names of the configuration, or the one that was asked for.
Result<std::vector<SetKey>> wanted_keys(const DnsConfig& config, const std::string& argument) {
  std::vector<SetKey> keys;
  const auto add = [&](const Name& name) {
    keys.push_back({name, RrType::A});
    keys.push_back({name, RrType::Aaaa});
  };
  if (!argument.empty()) {
    HA_TRY(const Name name, Name::parse(argument));
    add(name);
    keys.push_back({name, RrType::Srv});
    keys.push_back({name, RrType::Txt});
    return keys;
  }
  for (const RecordConfig& record : config.records()) {
    if (record.kind == RecordKind::Srv) {
      keys.push_back({record.name, RrType::Srv});
    } else {
      add(record.name);
    }
  }
  for (const PoolConfig& pool : config.pools()) {
    add(pool.name);
  }
  for (const SiteAddresses& site : config.sites()) {
    if (site.maintenance_name) {
      add(*site.maintenance_name);
    }
  }
  return keys;
}

}  // namespace

namespace {

Outcome show(const Context& context, Desk* desk) {
  HA_TRY(const std::vector<SetKey> keys, wanted_keys(desk->config(), context.argument(0)));
  Table table({{"NAME", "name", Align::Left},
               {"TYPE", "type", Align::Left},
               {"PRIMARY", "primary", Align::Left},
               {"TTL", "ttl_s", Align::Right},
               {"SERVERS", "servers", Align::Left},
               {"GUARD", "guard", Align::Left}});
  bool equal = true;
  for (const SetKey& key : keys) {
    const ZoneConfig* zone = desk->config().zone_of(key.name);
    if (zone == nullptr) {
      return Error(Code::NotFound, key.name.text() + " is in no [[dns.zone]]",
                   "hareplicate config show dns.zone");
    }
    HA_TRY(const Guarded guarded, guard_of(desk->config(), key.name));
    HA_TRY(const std::vector<RrSet> found, desk->read(zone->name, {{guarded.guard.name, RrType::Txt}, key}));
    std::optional<RrSet> set;
    std::string guard = "none";
    for (const RrSet& each : found) {
      if (each.name == key.name && each.type == key.type) {
        set = each;
      } else if (each.name == guarded.guard.name) {
        const auto record = record_of(each, guarded.guard.id);
        guard = !record.ok() ? record.error().what()
                             : std::string(hold_state_text(record->state)) +
                                   (record->owner.empty() ? "" : " " + record->owner) + ", epoch " +
                                   std::to_string(record->version.epoch);
      }
    }
    std::string servers;
    bool any = set.has_value();
    for (const ServerView& view :
         view_servers(zone->servers, zone->name, key, kPatience, desk->cancel_fd())) {
      any = any || view.set.has_value();
      const bool same =
          !view.trouble && view.set.has_value() == set.has_value() && (!set || view.set->rdata == set->rdata);
      equal = equal && (same || !any);
      servers += (servers.empty() ? "" : ", ") + view.server.text() + " " +
                 (view.trouble ? "silent"
                  : same       ? "same"
                               : "has " + data_of(view.set));
    }
    if (any) {
      table.add(
          {key.name.text(), type_text(key.type), data_of(set),
           set ? TableCell(std::uint64_t{set->ttl_s}, std::to_string(set->ttl_s) + " s") : TableCell::none(),
           servers, guard});
    }
  }
  print(table.empty() && context.globals.output == OutputMode::Table
            ? "no such name in DNS\n"
            : table.print(context.globals.output, "dnsupdater.show/1"));
  return equal ? ExitCode::Good : ExitCode::NotGood;
}

Outcome wait(const Context& context, Desk* desk) {
  HA_TRY(const std::vector<SetKey> keys, wanted_keys(desk->config(), context.argument(0)));
  const SteadyTime until = read_clocks().steady + context.globals.timeout.value_or(std::chrono::minutes(1));
  for (;;) {
    std::string behind;
    for (const SetKey& key : keys) {
      const ZoneConfig* zone = desk->config().zone_of(key.name);
      if (zone == nullptr) {
        return Error(Code::NotFound, key.name.text() + " is in no [[dns.zone]]",
                     "hareplicate config show dns.zone");
      }
      HA_TRY(const std::vector<RrSet> found, desk->read(zone->name, {key}));
      const std::optional<RrSet> set = found.empty() ? std::nullopt : std::optional(found[0]);
      for (const ServerView& view :
           view_servers(zone->servers, zone->name, key, kPatience, desk->cancel_fd())) {
        if (view.trouble || view.set.has_value() != set.has_value() ||
            (set && view.set->rdata != set->rdata)) {
          behind = view.server.text() + (view.trouble ? " is silent" : " has " + data_of(view.set));
        }
      }
    }
    if (behind.empty()) {
      print("all servers answer the same\n");
      return ExitCode::Good;
    }
    if (read_clocks().steady >= until) {
      return Error(Code::TimedOut, behind, "dnsupdater show");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
}

template <typename Verb>
Outcome with_desk(const Context& context, const Verb& verb) {
  HA_TRY(const std::unique_ptr<Desk> desk, Desk::open(context));
  Outcome outcome = verb(context, desk.get());
  return outcome.ok() ? std::move(outcome) : desk->failed(std::move(outcome).error());
}

}  // namespace

Outcome run_show(const Context& context) {
  return with_desk(context, show);
}

Outcome run_wait(const Context& context) {
  return with_desk(context, wait);
}

Outcome run_journal(const Context& context) {
  HA_TRY(const std::unique_ptr<Desk> desk, Desk::open(context));
  HA_TRY(const std::vector<JournalEntry> entries, Journal::read(desk->config().state_dir().string()));
  Table table({{"ID", "id", Align::Left},
               {"WHEN", "when", Align::Left},
               {"BY", "by", Align::Left},
               {"WHAT", "what", Align::Left},
               {"STEPS", "done", Align::Right},
               {"STATE", "state", Align::Left}});
  for (const JournalEntry& each : entries) {
    const std::string steps = std::to_string(each.done()) + "/" + std::to_string(each.operation.steps.size());
    table.add({each.operation.id, TableCell(show_utc(each.begun), show_local(each.begun)), each.by,
               each.operation.what, TableCell(std::uint64_t{each.done()}, steps),
               each.ended.empty() ? "OPEN: dnsupdater resume, or undo " + each.operation.id : each.ended});
  }
  print(table.empty() && context.globals.output == OutputMode::Table
            ? "nothing was changed from here yet\n"
            : table.print(context.globals.output, "dnsupdater.journal/1"));
  return ExitCode::Good;
}

Outcome run_accept(const Context& context) {
  HA_TRY(const Name guard, Name::parse(context.argument(0)));
  HA_TRY(const std::unique_ptr<Desk> desk, Desk::open(context));
  HA_TRY(SeenBook seen, SeenBook::open(desk->config().state_dir().string()));
  const auto known = seen.of(guard);
  if (!known) {
    return Error(Code::NotFound, "nothing was seen of " + in_quotes(guard.text()), "dnsupdater show");
  }
  HA_TRY(const bool go_on,
         confirm(context, "What DNS shows of " + guard.text() +
                              " is right from now on, whatever was seen of it before (epoch " +
                              std::to_string(known->epoch) + ", seq " + std::to_string(known->seq) + ")."));
  if (!go_on) {
    return ExitCode::Refused;
  }
  HA_CHECK(seen.forget(guard));
  print("accepted\n");
  return ExitCode::Good;
}

}  // namespace ha::dns
