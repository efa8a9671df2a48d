// What was seen, as a finding: one function for each check.
#include <algorithm>
#include <charconv>

#include "common/base/join.h"
#include "dnsupdater/doctor.h"

namespace ha::dns {
namespace {

constexpr Trial kTrials[] = {
    {Need::NameUnused, true, RrType::Txt, false, Rcode::YxDomain},
    {Need::NameInUse, true, RrType::Txt, false, Rcode::NoError},
    {Need::NameInUse, false, RrType::Txt, false, Rcode::NxDomain},
    {Need::NameUnused, false, RrType::Txt, false, Rcode::NoError},
    {Need::SetExists, true, RrType::Txt, false, Rcode::NoError},
    {Need::SetExists, true, RrType::Aaaa, false, Rcode::NxRrset},
    {Need::SetExists, false, RrType::Txt, false, Rcode::NxRrset},
    {Need::SetIs, true, RrType::Txt, false, Rcode::NoError},
    {Need::SetIs, true, RrType::Txt, true, Rcode::NxRrset},
    {Need::SetIs, false, RrType::Txt, false, Rcode::NxRrset},
    {Need::SetAbsent, true, RrType::Txt, false, Rcode::YxRrset},
    {Need::SetAbsent, true, RrType::Aaaa, false, Rcode::NoError},
    {Need::SetAbsent, false, RrType::Txt, false, Rcode::NoError},
};

constexpr std::uint32_t kNegativeTtlWarnS = 300;
constexpr Duration kClockWarn = std::chrono::seconds(60);
constexpr Duration kClockMax = std::chrono::seconds(300);

std::string_view need_text(Need need) {
  switch (need) {
    case Need::NameInUse:
      return "name in use";
    case Need::NameUnused:
      return "name unused";
    case Need::SetExists:
      return "RRset exists";
    case Need::SetIs:
      return "RRset is this";
    case Need::SetAbsent:
      return "RRset absent";
  }
  return "";
}

std::string sentence(const Trial& trial) {
  std::string out(need_text(trial.need));
  if (trial.type != RrType::Txt) {
    out += " (" + type_text(trial.type) + ")";
  }
  return out + (trial.on_scratch ? trial.stale ? ", of an old text" : "" : ", of an unused name");
}

bool same_net(const Address& a, const Address& b) {
  const std::size_t bytes = a.is_v6() ? 8 : 3;  // /64, /24
  return a.is_v6() == b.is_v6() && a.wire().substr(0, bytes) == b.wire().substr(0, bytes);
}

}  // namespace

std::string ms_text(Duration length) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(length).count()) + " ms";
}

std::span<const Trial> trials() noexcept {
  return kTrials;
}

Check judge_trials(const std::vector<TrialSeen>& seen) {
  std::vector<std::string> wrong;
  for (const TrialSeen& each : seen) {
    const std::string what = sentence(each.trial) + " over " + (each.tcp ? "TCP" : "UDP");
    if (each.rcode != each.trial.due) {
      wrong.push_back(what + ": " + each.said + " where " + rcode_text(each.trial.due) + " is due");
    } else if (each.applied != (each.trial.due == Rcode::NoError)) {
      wrong.push_back(what + ": " + each.said +
                      (each.applied ? ", and yet it was applied" : ", but nothing changed"));
    }
  }
  if (wrong.empty()) {
    return {"prerequisites", Mark::Good,
            std::to_string(seen.size()) + " of " + std::to_string(seen.size()) +
                " answered and done as RFC 2136 has it"};
  }
  constexpr std::size_t kShown = 3;
  const std::size_t count = wrong.size();
  wrong.resize(std::min(count, kShown));
  return {"prerequisites", Mark::Bad,
          std::to_string(count) + " of " + std::to_string(seen.size()) +
              " prerequisites are not kept: " + joined(wrong, "; "),
          "use a server that keeps RFC 2136: BIND 9, Knot DNS"};
}

Check judge_case(const TrialSeen& seen) {
  if (seen.rcode == Rcode::NxRrset && !seen.applied) {
    return {"case", Mark::Good, "told apart"};
  }
  if (seen.rcode == Rcode::NoError && seen.applied) {
    return {"case", Mark::Note,
            "texts are compared without case; harmless, as guards are in lower case (PowerDNS does so)"};
  }
  return {"case", Mark::Bad,
          "a prerequisite in another case: " + seen.said +
              (seen.applied ? ", and it was applied" : ", and nothing changed")};
}

Check judge_partial(const PartialSeen& seen) {
  std::vector<std::string> missing;
  for (const PartSeen& each : seen.parts) {
    if (!each.applied) {
      missing.push_back(each.what);
    }
  }
  const bool all = missing.empty();
  const bool none = missing.size() == seen.parts.size();
  const std::string rule = "no Lua update policy (PowerDNS); one rule that refuses the whole message";
  if (seen.outside_applied) {
    return {
        "partial", Mark::Bad,
        "a part of a message was applied whose other part is outside of the zone (" + seen.outside_said + ")",
        rule};
  }
  if (!all && !none) {
    return {"partial", Mark::Bad,
            "messages are applied in part: " + seen.said + ", and " + joined(missing) + " is not there",
            rule};
  }
  if (seen.rcode == Rcode::NoError) {
    return none ? Check{"partial", Mark::Bad, "NOERROR, and nothing of it is there", rule}
                : Check{"partial", Mark::Good,
                        "all is there; this key may write all that was tried, also outside of _ha-doctor"};
  }
  if (!seen.answered) {
    return {"partial", Mark::Note, seen.said + (all ? "; all of it is there" : "; nothing of it is there")};
  }
  if (all) {
    return {"partial", Mark::Bad, seen.said + ", and yet all of it is there"};
  }
  return {"partial", Mark::Good,
          seen.said + ", and nothing of it is there" +
              (seen.refused.empty() ? "" : "; not allowed: " + joined(seen.refused, "; "))};
}

Check judge_races(const std::vector<RaceRound>& rounds, std::size_t endpoints) {
  std::size_t twice = 0;
  std::size_t stolen = 0;  // the text of one who was not told so, or not the winner's
  std::size_t nobody = 0;
  std::size_t silent = 0;
  for (const RaceRound& round : rounds) {
    const auto winners = std::count(round.accepted.begin(), round.accepted.end(), true);
    silent += round.silent;
    if (winners > 1) {
      ++twice;
    } else if (winners == 0) {
      // A silent one may have got through; one that was told no may not.
      const auto shown = std::count(round.shown.begin(), round.shown.end(), true);
      ++(shown > 0 && round.silent == 0 ? stolen : nobody);
    } else if (round.foreign || round.shown != round.accepted) {
      ++stolen;
    }
  }
  const std::string of = " of " + std::to_string(rounds.size()) + " rounds";
  const std::string over = endpoints > 1 ? " over " + std::to_string(endpoints) + " addresses" : "";
  const std::string hint =
      endpoints > 1 ? "one server only may take updates: give [[dns.zone]] primary the addresses of that one"
                    : "one server process only may write this zone; no shared database, no multi-master";
  if (twice > 0) {
    return {"races", Mark::Bad,
            "two winners in " + std::to_string(twice) + of + over +
                (stolen > 0 ? ", and another text than the winner's in " + std::to_string(stolen) : ""),
            hint};
  }
  if (stolen > 0) {
    return {"races", Mark::Bad, "another text than the winner's in " + std::to_string(stolen) + of + over,
            hint};
  }
  if (nobody * 2 > rounds.size()) {
    return {"races", Mark::Bad, "nobody won in " + std::to_string(nobody) + of + over, hint};
  }
  std::string seen = "one winner in each of " + std::to_string(rounds.size() - nobody) + " rounds" + over;
  if (nobody > 0 || silent > 0) {
    return {"races", Mark::Note,
            seen + "; nobody in " + std::to_string(nobody) + ", " + std::to_string(silent) +
                " updates without an answer",
            "is the server overloaded? Try again with --rounds 200"};
  }
  return {"races", Mark::Good, std::move(seen)};
}

Check judge_delays(const DelaySeen& seen) {
  Duration longest{};
  for (const Delay& delay : seen.delays) {
    longest = std::max(longest, delay.took.value_or(Duration::zero()));
    if (delay.took && *delay.took <= kVisibleMax) {
      continue;
    }
    const bool other = delay.at != seen.delays[0].at;
    const std::string where = other ? " at " + delay.at : "";
    const std::string late = delay.took ? " is there" + where + " only " + ms_text(*delay.took) + " later: "
                                        : " is not there" + where + " " + ms_text(seen.waited) + " later: ";
    if (other) {
      return {
          "visible", Mark::Bad,
          "what " + seen.delays[0].at + " has taken" + late + "these are two servers, with a copy or a cache",
          "[[dns.zone]] primary has the addresses of one server; others belong into servers"};
    }
    return {"visible", Mark::Bad,
            "what it has taken" + late +
                "this server forwards updates, it is not the primary (or answers from a cache)",
            "give [[dns.zone]] primary the server where the zone is written (its zone is type primary)"};
  }
  if (!seen.serial_rose) {
    return {"visible", Mark::Note,
            "after at most " + ms_text(longest) + "; but the SOA's serial stays as it is",
            "secondaries look at the serial: BIND and Knot raise it by themselves, PowerDNS with "
            "SOA-EDIT-DNSUPDATE"};
  }
  return {"visible", Mark::Good, "after at most " + ms_text(longest)};
}

Check judge_clock(const ClockSeen& seen) {
  const auto seconds = [](Duration length) {
    return std::chrono::round<std::chrono::seconds>(length < Duration::zero() ? -length : length);
  };
  const std::string hint = "timedatectl set-ntp true      (here and on the name server)";
  const bool taken = seen.early.value_or(true) && seen.late.value_or(true);
  if (seen.offset && seconds(*seen.offset) >= kClockMax) {
    return {"clock", Mark::Bad,
            "our clock is " + std::to_string(seconds(*seen.offset).count()) + " s " +
                (*seen.offset > Duration::zero() ? "behind" : "ahead of") + " the server's",
            hint, Cause::Clock};
  }
  if (seen.offset && seconds(*seen.offset) > kClockWarn) {
    return {"clock", Mark::Note,
            "our clock is " + std::to_string(seconds(*seen.offset).count()) + " s " +
                (*seen.offset > Duration::zero() ? "behind" : "ahead of") +
                " the server's; beyond 300 s nothing works",
            hint};
  }
  if (!taken) {  // 240 s early is more than 300 s for a server that is over 60 s ahead
    return {"clock", Mark::Note,
            std::string("our clock is over 60 s ") + (seen.late.value_or(true) ? "behind" : "ahead of") +
                " the server's; beyond 300 s nothing works",
            hint};
  }
  return {"clock", Mark::Good,
          seen.offset ? std::to_string(seconds(*seen.offset).count()) + " s apart" : "within 60 s"};
}

Check judge_place(const std::vector<Endpoint>& primary, const std::vector<SiteAddresses>& sites,
                  std::string_view self) {
  const std::string hint = "put the primary of the leases at a third place, and its secondaries everywhere";
  std::string near;
  for (const Endpoint& endpoint : primary) {
    const std::string text = endpoint.address.text();
    if (text == "::1" || text.starts_with("127.")) {
      near = "the arbiter stands at " + std::string(self) + ", on this machine (" + text +
             "): when it dies nobody can take over";
    }
    for (const SiteAddresses& site : sites) {
      std::vector<Address> all = site.service;
      all.insert(all.end(), site.maintenance.begin(), site.maintenance.end());
      all.insert(all.end(), site.hosts.begin(), site.hosts.end());
      for (const Address& address : all) {
        if (address == endpoint.address) {
          return {"place", Mark::Note,
                  "the arbiter stands at " + site.site + " (" + text + "): when " + site.site +
                      " dies nobody can take over",
                  hint};
        }
        if (near.empty() && same_net(address, endpoint.address)) {
          near = text + " is in the network of " + address.text() + " at " + site.site +
                 ": if the arbiter stands there, nobody can take over when " + site.site + " dies";
        }
      }
    }
  }
  return near.empty() ? Check{"place", Mark::Good, "at none of the sites, as far as addresses tell"}
                      : Check{"place", Mark::Note, near, hint};
}

Check judge_sizes(const std::vector<SizeSeen>& seen) {
  std::vector<std::string> good;
  std::vector<std::string> bad;
  std::vector<std::string> unneeded;
  for (const SizeSeen& each : seen) {
    const bool works = each.answered && each.applied;
    const std::string what = each.what + (works ? "" : each.answered ? " (refused)" : " (no answer)");
    (works ? good : each.needed ? bad : unneeded).push_back(what);
  }
  if (!bad.empty()) {
    return {"sizes", Mark::Bad,
            "does not take " + joined(bad) + (good.empty() ? "" : "; takes " + joined(good)),
            "is TCP let through on the way, and are messages limited there?"};
  }
  return {"sizes", Mark::Good,
          joined(good) + (unneeded.empty() ? "" : "; not, and never needed here: " + joined(unneeded))};
}

Check judge_zone(const ZoneSeen& seen) {
  if (!seen.soa) {
    return {"zone", Mark::Bad, "the zone has no SOA here",
            "is [[dns.zone]] primary the server where the zone is written?", Cause::Zone};
  }
  const std::uint32_t minimum = std::min(soa_number(*seen.soa, kSoaMinimum).value_or(0), seen.soa->ttl_s);
  std::vector<std::string> odd = seen.odd;
  if (minimum > kNegativeTtlWarnS) {
    odd.push_back("resolvers keep \"no such name\" for " + std::to_string(minimum) +
                  " s (the SOA's minimum); 60 is enough");
  }
  return odd.empty() ? Check{"zone", Mark::Good,
                             "negative answers end within " + std::to_string(minimum) +
                                 " s, all servers have the serial"}
                     : Check{"zone", Mark::Note, joined(odd, "; "), "dnsupdater show"};
}

Check judge_seen(const std::vector<GuardSeen>& guards) {
  const auto text = [](const Version& version) {
    return "epoch " + std::to_string(version.epoch) + ", seq " + std::to_string(version.seq);
  };
  for (const GuardSeen& each : guards) {
    const bool behind = !each.unreadable.empty() || is_regression(each.seen, each.now);
    if (behind) {
      return {"seen", Mark::Bad,
              each.guard.text() + " has gone back: seen at " + text(each.seen) + ", " +
                  (!each.unreadable.empty() ? "now unreadable (" + each.unreadable + ")"
                   : each.now               ? "now at " + text(each.now->version)
                                            : "now gone"),
              "find out why (a restored backup, a rollback at restart); then: dnsupdater accept " +
                  each.guard.text(),
              Cause::Regression};
    }
  }
  return {"seen", Mark::Good,
          guards.empty() ? "this site has seen no guard of the zone yet"
                         : std::to_string(guards.size()) + " guards, none has gone back"};
}

Check judge_restart(const RestartSeen& seen) {
  const std::string hint =
      "Knot: zonefile-load: difference (never difference-no-serial); else: is it a copy that was restored?";
  if (!seen.after || seen.after != seen.before) {
    return {"restart", Mark::Bad,
            "what it had acknowledged was rolled back by the restart: \"" + seen.before.value_or("") +
                "\" was there, now " + (seen.after ? "\"" + *seen.after + "\"" : "nothing"),
            hint};
  }
  // RFC 1982: which of two serials is the later one.
  if (seen.serial_before && seen.serial_after &&
      serials_behind(*seen.serial_after, *seen.serial_before) < 0) {
    return {"restart", Mark::Bad,
            "the serial went back from " + std::to_string(*seen.serial_before) + " to " +
                std::to_string(*seen.serial_after) + " by the restart",
            hint};
  }
  return seen.was_away
             ? Check{"restart", Mark::Good, "it was away and came back with what it had acknowledged"}
             : Check{"restart", Mark::Note,
                     "all is there, but the server was not seen to be away: was it restarted?",
                     "dnsupdater doctor --restart-test"};
}

}  // namespace ha::dns
