// dnsupdater show, wait, journal, accept
#include <algorithm>
#include <thread>

#include "common/base/cli_table.h"
#include "common/base/units.h"
#include "dnsupdater/check.h"
#include "dnsupdater/desk.h"
#include "dnsupdater/lease.h"
#include "dnsupdater/wish.h"

namespace ha::dns {
namespace {

constexpr Duration kPatience = std::chrono::seconds(1);

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
    if (pool.srv) {
      keys.push_back({*pool.srv, RrType::Srv});
    }
  }
  for (const SiteAddresses& site : config.sites()) {
    for (const auto* const name : {&site.public_name, &site.maintenance_name}) {
      if (*name) {
        add(**name);
      }
    }
  }
  return keys;
}

// Where each lease stands, and whether the records have still to follow it. The copies first: they follow.
void show_leases(Desk& desk) {
  for (const ServiceConfig& service : desk.config().services()) {
    const auto place = place_of(desk.config(), service.name);
    if (!place.ok()) {
      continue;
    }
    std::vector<std::optional<Record>> copies;
    const auto record_at = [&](const Name& zone, const Name& guard) -> Result<std::optional<Record>> {
      HA_TRY(const std::vector<RrSet> found, desk.read(zone, {{guard, RrType::Txt}}));
      return record_in(found, guard, service.name);
    };
    std::string line;
    for (const ServicePlace::Copy& each : place->copies) {
      auto copy = record_at(each.zone, each.guard);
      line += copy.ok() ? "" : "; " + copy.error().what();
      copies.push_back(copy.ok() ? std::move(copy).value() : std::nullopt);
    }
    const auto lease = record_at(place->zone, place->lease);
    if (!lease.ok()) {
      print(service.name + ": " + lease.error().what() + "\n");
      continue;
    }
    for (std::size_t i = 0; line.empty() && i < copies.size(); ++i) {
      const CopyStand stand = stand_of(*lease, copies[i]);
      line += stand == CopyStand::Due       ? "; " + half_done_text(**lease, copies[i])
              : stand == CopyStand::Current ? ""
                                            : "; its records do not fit: dnsupdater check";
    }
    const bool draining = *lease && (*lease)->state == HoldState::Drain;
    print(service.name + ": lease " + holder_text(*lease) + (draining ? ", draining" : "") +
          (place->copies.empty() ? "" : ", in " + place->zone.text()) + line + "\n");
  }
}

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
      const std::string behind = behind_text(view, set);
      equal = equal && (behind.empty() || !any);
      servers += (servers.empty() ? "" : ", ") + view.server.text() + " " +
                 (behind.empty() ? "same"
                  : view.trouble ? "silent"
                                 : behind);
    }
    if (any) {
      table.add(
          {key.name.text(), type_text(key.type), data_text(set),
           set ? TableCell(std::uint64_t{set->ttl_s}, std::to_string(set->ttl_s) + " s") : TableCell::none(),
           servers, guard});
    }
  }
  print(table.empty() && context.globals.output == OutputMode::Table
            ? "no such name in DNS\n"
            : table.print(context.globals.output, "dnsupdater.show/1"));
  if (context.argument(0).empty() && context.globals.output == OutputMode::Table) {
    show_leases(*desk);
  }
  return equal ? ExitCode::Good : ExitCode::NotGood;
}

TableCell behind_cell(std::optional<std::uint32_t> primary, std::optional<std::uint32_t> server) {
  if (!primary || !server) {
    return TableCell::none();
  }
  const std::int64_t behind = serials_behind(*primary, *server);
  return {behind, behind == 0  ? "–"
                  : behind > 0 ? std::to_string(behind)
                               : std::to_string(-behind) + " ahead"};
}

// One server without signatures in a zone that has them is as wrong as one whose signatures have run out.
bool is_unsigned(const ServerView& view, bool zone_is_signed) {
  return zone_is_signed && view.set && (!view.signed_until || *view.signed_until <= read_clocks().wall);
}

TableCell signature_cell(const ServerView& view, bool zone_is_signed) {
  if (view.trouble || !view.set) {
    return TableCell::none();
  }
  if (!view.signed_until) {
    return zone_is_signed ? TableCell("MISSING") : TableCell(TableCell::Raw(), "not signed");
  }
  return {show_utc(*view.signed_until),
          (is_unsigned(view, zone_is_signed) ? "EXPIRED " : "until ") + show_local(*view.signed_until)};
}

TableCell answer_cell(const ServerView& view, const std::optional<RrSet>& primary) {
  if (view.trouble) {
    return "silent";
  }
  const bool same = behind_text(view, primary).empty();
  return {std::string(same ? "same" : "differs"), (same ? "✓ " : "✗ ") + data_text(view.set)};
}

// How far a change has come: a line for each server.
Outcome show_servers(const Context& context, Desk* desk) {
  HA_TRY(const std::vector<SetKey> keys, wanted_keys(desk->config(), context.argument(0)));
  Table table({{"NAME", "name", Align::Left},
               {"TYPE", "type", Align::Left},
               {"SERVER", "server", Align::Left},
               {"ANSWER", "answer", Align::Left},
               {"TTL", "ttl_s", Align::Right},
               {"SERIAL", "serial", Align::Right},
               {"BEHIND", "behind", Align::Right},
               {"SIGNATURE", "signature", Align::Left}});
  bool good = true;
  for (const SetKey& key : keys) {
    const ZoneConfig* zone = desk->config().zone_of(key.name);
    if (zone == nullptr) {
      return Error(Code::NotFound, key.name.text() + " is in no [[dns.zone]]",
                   "hareplicate config show dns.zone");
    }
    HA_TRY(const std::vector<RrSet> found, desk->read(zone->name, {{zone->name, RrType::Soa}, key}));
    std::optional<RrSet> set;
    std::optional<std::uint32_t> serial;
    for (const RrSet& each : found) {
      if (each.name == key.name && each.type == key.type) {
        set = each;
      } else {
        serial = soa_number(each, kSoaSerial);
      }
    }
    const std::vector<ServerView> views =
        view_servers(zone->servers, zone->name, key, kPatience, desk->cancel_fd(), Look::Signatures);
    const bool any =
        set || std::any_of(views.begin(), views.end(), [](const auto& each) { return each.set; });
    const bool is_signed =
        std::any_of(views.begin(), views.end(), [](const auto& each) { return each.is_signed; });
    for (const ServerView& view : any ? views : std::vector<ServerView>()) {
      good = good && behind_text(view, set).empty() && !is_unsigned(view, is_signed);
      table.add({key.name.text(), type_text(key.type), view.server.text(), answer_cell(view, set),
                 view.set ? TableCell(std::uint64_t{view.set->ttl_s}, std::to_string(view.set->ttl_s) + " s")
                          : TableCell::none(),
                 view.serial ? TableCell(std::uint64_t{*view.serial}, std::to_string(*view.serial))
                             : TableCell::none(),
                 behind_cell(serial, view.serial), signature_cell(view, is_signed)});
    }
  }
  print(table.empty() && context.globals.output == OutputMode::Table
            ? "no such name in DNS\n"
            : table.print(context.globals.output, "dnsupdater.servers/1"));
  return good ? ExitCode::Good : ExitCode::NotGood;
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
        if (const std::string said = behind_text(view, set); !said.empty()) {
          behind = view.server.text() + " " + said;
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

// Of the guard of a lease: the furthest copy that can be read. A lease that went back is not to give out
// again what its copies have had.
Version beyond_lease(Desk& desk, const Name& guard) {
  Version out;
  for (const ServiceConfig& service : desk.config().services()) {
    const auto place = place_of(desk.config(), service.name);
    if (!place.ok() || place->lease != guard) {
      continue;
    }
    for (const ServicePlace::Copy& copy : place->copies) {
      const auto found = desk.read(copy.zone, {{copy.guard, RrType::Txt}});
      const auto record = found.ok() ? record_in(*found, copy.guard, service.name)
                                     : Result<std::optional<Record>>(std::optional<Record>());
      out = std::max(out, record.ok() && *record ? (*record)->version : Version{});
    }
  }
  return out;
}

template <typename Verb>
Outcome with_desk(const Context& context, const Verb& verb) {
  HA_TRY(const std::unique_ptr<Desk> desk, Desk::open(context));
  Outcome outcome = verb(context, desk.get());
  return outcome.ok() ? std::move(outcome) : desk->failed(std::move(outcome).error());
}

}  // namespace

Outcome run_show(const Context& context) {
  return with_desk(context, context.has("servers") ? show_servers : show);
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
  const Version copies = beyond_lease(*desk, guard);
  const Version known = std::max(seen.of(guard).value_or(Version{}), copies);
  if (known == Version{}) {
    return Error(Code::NotFound, "nothing was seen of " + in_quotes(guard.text()), "dnsupdater show");
  }
  HA_TRY(const bool go_on,
         confirm(context, "What DNS shows of " + guard.text() +
                              " is right from now on, whatever was seen of it before (epoch " +
                              std::to_string(known.epoch) + ", seq " + std::to_string(known.seq) +
                              "). What comes next goes beyond it."));
  if (!go_on) {
    return ExitCode::Refused;
  }
  HA_CHECK(seen.accept(guard, copies));
  print("accepted\n");
  return ExitCode::Good;
}

}  // namespace ha::dns
