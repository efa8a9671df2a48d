// dnsupdater check: reads all that check.h wants to know.
#include <algorithm>

#include "common/base/cli_table.h"
#include "dnsupdater/check.h"
#include "dnsupdater/desk.h"
#include "dnsupdater/updater.h"
#include "dnsupdater/wish.h"

namespace ha::dns {
namespace {

constexpr Duration kPatience = std::chrono::seconds(1);

// All that dnsupdater, or a coordinator, may have to write in the zone.
std::vector<SetKey> written_keys(const DnsConfig& config, const Name& zone) {
  std::vector<SetKey> keys = site_keys(config, zone);
  for (const ServiceConfig& service : config.services()) {
    const std::vector<SetKey> names = service_keys(config, service.name, zone);
    keys.insert(keys.end(), names.begin(), names.end());
    const auto place = place_of(config, service.name);
    if (!place.ok()) {
      continue;
    }
    if (place->zone == zone) {
      keys.push_back({place->lease, RrType::Txt});
    }
    for (const ServicePlace::Copy& copy : place->copies) {
      if (copy.zone == zone) {
        keys.push_back({copy.guard, RrType::Txt});
      }
    }
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

// The zone above, if it is one of ours; null: none.
const ZoneConfig* parent_of(const DnsConfig& config, const Name& zone) {
  const std::size_t dot = zone.text().find('.');
  const auto above = dot == std::string::npos ? Result<Name>(Error(Code::NotFound, ""))
                                              : Name::parse(zone.text().substr(dot + 1));
  return above.ok() ? config.zone_of(*above) : nullptr;
}

class Checker {
 public:
  Checker(Desk& desk, SeenBook& seen) : desk_(desk), config_(desk.config()), seen_(seen) {}

  Findings all() {
    Findings out;
    const auto add = [&](const Findings& more) { out.insert(out.end(), more.begin(), more.end()); };
    for (const ZoneConfig& zone : config_.zones()) {
      add(check_zone(zone_facts(zone)));
    }
    for (const ServiceConfig& service : config_.services()) {
      if (place_of(config_, service.name).ok()) {
        add(check_service(config_, service_facts(service.name)));
      }
    }
    for (const PoolConfig& pool : config_.pools()) {
      add(check_pool(config_, pool, pool_facts(pool)));
    }
    return out;
  }

 private:
  ZoneFacts zone_facts(const ZoneConfig& zone) {
    ZoneFacts facts{zone.name, {}, {}, {}, {}, {}, {}, {}};
    for (const ServerView& view :
         view_servers(zone.servers, zone.name, {zone.name, RrType::Soa}, kPatience, desk_.cancel_fd())) {
      facts.servers.push_back({view.server, view.serial, view.authoritative, view.trouble});
    }
    const std::vector<SetKey> keys = {{zone.name, RrType::Soa}, {zone.name, RrType::Ns}};
    auto heard = desk_.hear(zone.name, keys);
    if (auto* trouble = std::get_if<Trouble>(&heard)) {
      facts.trouble = std::move(*trouble);
      return facts;
    }
    for (const RrSet& set : std::get<std::vector<RrSet>>(heard)) {
      if (set.type == RrType::Soa) {
        facts.serial = soa_number(set, kSoaSerial);
      } else {
        facts.delegated = name_servers(set);
      }
    }
    Primary& primary = *desk_.zones().primary(zone.name).value();
    auto signed_answer = primary.ask({zone.name, RrType::Soa});
    if (const auto* answer = std::get_if<Answer>(&signed_answer);
        answer != nullptr && answer->reply.signed_at) {
      facts.ahead = read_clocks().wall - *answer->reply.signed_at;
    }
    const std::vector<SetKey> written = written_keys(config_, zone.name);
    Rights rights = probe_rights(primary, written);
    facts.rights = {written.size(), {}, std::move(rights.trouble), rights.took};
    for (const SetKey& key : rights.refused) {
      facts.rights.refused.push_back(key.name.text() + " " + type_text(key.type));
    }
    facts.parent = parent_facts(zone.name);
    return facts;
  }

  std::vector<NameServer> name_servers(const RrSet& set) {
    std::vector<NameServer> out;
    for (const Rdata& each : set.rdata) {
      auto name = Name::parse(each.text);
      if (!name.ok()) {
        continue;
      }
      NameServer server{*name};
      const ZoneConfig* zone = config_.zone_of(*name);
      auto heard = zone != nullptr ? desk_.hear(zone->name, {{*name, RrType::A}, {*name, RrType::Aaaa}})
                                   : Desk::Heard(std::vector<RrSet>());
      const auto* found = std::get_if<std::vector<RrSet>>(&heard);
      server.is_known = zone != nullptr && found != nullptr;
      for (const RrSet& addresses : server.is_known ? *found : std::vector<RrSet>()) {
        for (const Rdata& rdata : addresses.rdata) {
          if (auto address = Address::parse(rdata.text); address.ok()) {
            server.addresses.push_back(*address);
          }
        }
      }
      out.push_back(std::move(server));
    }
    return out;
  }

  // The parent's primary says them as a referral, or as an answer where it serves both.
  std::optional<std::vector<Name>> parent_facts(const Name& zone) {
    const ZoneConfig* parent = parent_of(config_, zone);
    auto primary = parent != nullptr ? desk_.zones().primary(parent->name)
                                     : Result<Primary*>(Error(Code::NotFound, "no parent"));
    if (!primary.ok()) {
      return std::nullopt;
    }
    auto heard = (*primary)->ask({zone, RrType::Ns});
    const auto* answer = std::get_if<Answer>(&heard);
    if (answer == nullptr || answer->reply.tsig != TsigVerdict::Good) {
      return std::nullopt;
    }
    auto set = gather(answer->reply.answers, zone, RrType::Ns);
    set = set ? set : gather(answer->reply.authority, zone, RrType::Ns);
    std::vector<Name> names;
    for (const Rdata& each : set ? set->rdata : std::vector<Rdata>()) {
      if (auto name = Name::parse(each.text); name.ok()) {
        names.push_back(std::move(name).value());
      }
    }
    return names;
  }

  GuardFacts guard_facts(const Name& zone, const Name& guard, const std::string& id) {
    GuardFacts facts{guard, zone, {}, {}, {}};
    auto heard = desk_.hear(zone, {{guard, RrType::Txt}});
    if (auto* trouble = std::get_if<Trouble>(&heard)) {
      facts.trouble = std::move(*trouble);
      return facts;
    }
    auto record = record_in(std::get<std::vector<RrSet>>(heard), guard, id);
    if (!record.ok()) {
      facts.trouble = Trouble{Cause::Ours, std::move(record).error()};
      return facts;
    }
    facts.record = std::move(record).value();
    if (Status seen = seen_.check(guard, facts.record); !seen.ok()) {
      facts.regression = std::move(seen).error();
    }
    return facts;
  }

  // Copies before the lease: who takes it meanwhile may bring them after it.
  ServiceFacts service_facts(const std::string& service) {
    const ServicePlace place = place_of(config_, service).value();
    ServiceFacts facts{service, {}, {}, {}};
    std::vector<Name> zones = {place.zone};
    for (const ServicePlace::Copy& copy : place.copies) {
      facts.copies.push_back(guard_facts(copy.zone, copy.guard, service));
      zones.push_back(copy.zone);
    }
    for (const Name& zone : zones) {
      auto heard = desk_.hear(zone, service_keys(config_, service, zone));
      if (const auto* found = std::get_if<std::vector<RrSet>>(&heard)) {
        facts.sets.insert(facts.sets.end(), found->begin(), found->end());
      }
    }
    facts.lease = guard_facts(place.zone, place.lease, service);
    return facts;
  }

  PoolFacts pool_facts(const PoolConfig& pool) {
    const auto guard = guard_name(pool.name);
    PoolFacts facts{guard_facts(pool.zone, guard.ok() ? *guard : pool.name, pool.name.text()), {}};
    auto heard = desk_.hear(pool.zone, {{pool.name, RrType::A}, {pool.name, RrType::Aaaa}});
    if (auto* found = std::get_if<std::vector<RrSet>>(&heard)) {
      facts.sets = std::move(*found);
    }
    return facts;
  }

  Desk& desk_;
  const DnsConfig& config_;
  SeenBook& seen_;
};

// The worst of what was found, as docs/dns.md has the codes.
ExitCode exit_of(const Findings& findings) {
  const auto rank = [](Cause cause) {
    constexpr Cause kWorstFirst[] = {Cause::Regression, Cause::Key,    Cause::Clock,
                                     Cause::Policy,     Cause::Zone,   Cause::Unsupported,
                                     Cause::Network,    Cause::Server, Cause::Ours};
    return std::find(std::begin(kWorstFirst), std::end(kWorstFirst), cause) - std::begin(kWorstFirst);
  };
  std::optional<Cause> worst;
  bool any_bad = false;
  for (const Finding& each : findings) {
    any_bad = any_bad || each.mark == Mark::Bad;
    if (each.cause && each.cause != Cause::Ours && each.check != "servers" &&
        (!worst || rank(*each.cause) < rank(*worst))) {
      worst = each.cause;
    }
  }
  if (!worst) {
    return any_bad ? ExitCode::NotGood : ExitCode::Good;
  }
  return exit_of(RunOutcome{RunEnd::Stopped, std::nullopt, Trouble{*worst, Error(Code::Refused, "")}});
}

}  // namespace

Outcome run_check(const Context& context) {
  HA_TRY(const std::unique_ptr<Desk> desk, Desk::open(context));
  HA_TRY(SeenBook seen, SeenBook::open(desk->config().state_dir().string()));
  Findings findings = Checker(*desk, seen).all();
  HA_TRY(const std::vector<JournalEntry> entries, Journal::read(desk->config().state_dir().string()));
  for (const JournalEntry& each : entries) {
    if (each.ended.empty()) {
      findings.push_back({Mark::Note, each.operation.id, "journal",
                          each.operation.what + " is not at its end",
                          "dnsupdater resume      or: dnsupdater undo " + each.operation.id});
    }
  }
  Table table({{"", "mark", Align::Left},
               {"WHAT", "about", Align::Left},
               {"CHECK", "check", Align::Left},
               {"FOUND", "found", Align::Left},
               {"NEXT", "next", Align::Left}});
  for (const Finding& each : findings) {
    table.add({TableCell(std::string(mark_text(each.mark)), std::string(mark_sign(each.mark))), each.about,
               each.check, escape(each.found), each.next});
  }
  print(table.print(context.globals.output, "dnsupdater.check/1"));
  return exit_of(findings);
}

}  // namespace ha::dns
