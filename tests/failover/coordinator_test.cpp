#include "failover/model/coordinator.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <fstream>

#include "failover/peer_codec.h"
#include "tests/failover/samples.h"

using namespace ha::failover;
using ha::Code;
using ha::Duration;
using ha::SteadyTime;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// fra with nyc and syd as peers; records are played by the test.
struct Fixture {
  SteadyTime now = at({});
  Findings findings;
  Coordinator core = make(1);
  std::map<std::string, Record> records;
  std::vector<ServiceStep> said;

  Coordinator make(unsigned capacity) {
    SiteRules rules;
    rules.self = "fra";
    rules.paths = {{"nyc", 1}, {"syd", 1}};
    rules.capacity = capacity;
    rules.services = {{"one", {"fra", "nyc", "syd"}, Mode::Lease, {}},
                      {"two", {"nyc", "fra", "syd"}, Mode::Lease, {}}};
    findings.lag = {{"one", Lag::InSync}, {"two", Lag::InSync}};
    return Coordinator(rules, {}, 1, now);
  }
  static Heartbeat peer(SteadyTime now, unsigned score = 0) {
    Heartbeat out;
    out.beat = {5, now.time_since_epoch(), {}};
    out.report.score = score;
    out.report.room = 1;
    out.report.services = {{"one", {State::Standby, 0, 0, Lag::InSync, 0}},
                           {"two", {State::Standby, 0, 0, Lag::InSync, 0}}};
    return out;
  }
  void turn() {
    for (ServiceStep& each : core.tick(findings, now)) {
      answer(each);
      said.push_back(std::move(each));
    }
  }
  void answer(const ServiceStep& each) {
    if (const auto* ask = std::get_if<Ask>(&each.step)) {
      Record& record = records[each.service];
      Answer out{ask->act, Verdict::Won, true, record, now};
      out.sent = now;
      if (ask->act != Act::Read) {
        ++record.version.seq;
        record.version.epoch += ask->act == Act::Claim || ask->act == Act::Transfer ? 1U : 0U;
        record.owner = ask->act == Act::Release ? "" : ask->act == Act::Transfer ? ask->target : "fra";
        record.hold = ask->act == Act::Release ? Hold::Free : Hold::Own;
        out.record = record;
      }
      core.on_answer(each.service, out, now);
    } else if (const auto* run = std::get_if<Run>(&each.step)) {
      core.on_job(each.service, {run->job, run->epoch, true, ""}, now);
    }
  }
  void run(Duration length, bool nyc = true, bool syd = true, unsigned their_score = 0) {
    for (const SteadyTime end = now + length; now < end;) {
      now += milliseconds(100);
      if (nyc) {
        core.on_heartbeat("nyc", 0, peer(now, their_score), now);
      }
      if (syd) {
        core.on_heartbeat("syd", 0, peer(now, their_score), now);
      }
      turn();
    }
  }
  // The same, while others renew what they hold.
  void run_renewed(Duration length, bool nyc = true, bool syd = true) {
    for (Duration gone{}; gone < length; gone += seconds(1)) {
      for (auto& [service, record] : records) {
        record.version.seq += record.owner == "fra" ? 0U : 1U;
      }
      run(seconds(1), nyc, syd);
    }
  }
  State state(const std::string& service) { return core.turns().at(service).state(); }
  std::string why(const std::string& service) { return core.turns().at(service).why(); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(failover_coordinator, Fixture)

BOOST_AUTO_TEST_CASE(a_site_takes_no_more_services_than_it_can_hold) {
  records = {{"one", free_record()}, {"two", free_record()}};
  run(seconds(20));
  BOOST_TEST((state("one") == State::Holding));
  BOOST_TEST((state("two") == State::Standby));
  BOOST_TEST(why("two") == "this site holds as many services as it can");
}

BOOST_AUTO_TEST_CASE(two_records_that_name_a_site_with_room_for_one_leave_it_the_first) {
  records = {{"one", held_by("fra", 3)}, {"two", held_by("fra", 4)}};
  run(seconds(20));
  BOOST_TEST((state("one") == State::Holding));
  BOOST_TEST(records["two"].owner == "");
}

BOOST_AUTO_TEST_CASE(a_failed_holder_hands_over_to_a_better_one_and_keeps_it_if_there_is_none) {
  records = {{"one", held_by("fra", 3)}, {"two", held_by("nyc", 4)}};
  run(seconds(20), true, true, 130);
  BOOST_TEST((state("one") == State::Holding));
  findings.score = 120;
  findings.worst = "pbx.process";
  run(seconds(2), true, true, 130);
  BOOST_TEST((state("one") == State::Holding));
  run(seconds(2));
  BOOST_TEST(records["one"].owner == "nyc");
}

BOOST_AUTO_TEST_CASE(who_cannot_remember_keeps_what_it_has_and_takes_nothing) {
  records = {{"one", held_by("fra", 3)}, {"two", held_by("nyc", 4)}};
  run(seconds(20));
  findings.unwritten = "no space";
  run(seconds(20));
  BOOST_TEST((state("one") == State::Holding));
  const std::string unfit = core.heartbeat(now).report.unfit;
  BOOST_TEST(unfit == "it could not remember what it takes: no space");
  for (const Coordinator::Standing& each : core.standings("two", now)) {
    BOOST_TEST((each.site == "fra") == (each.why_not == unfit), each.site << ": " << each.why_not);
  }
}

BOOST_AUTO_TEST_CASE(the_next_move_for_health_waits_another_reason_does_not) {
  records = {{"one", held_by("fra", 3)}, {"two", held_by("nyc", 4)}};
  run(seconds(20));
  core.on_word("nyc", "one", Look{true}, now);  // it came here because nyc was ill
  findings.score = 120;
  run(seconds(60));
  BOOST_TEST((state("one") == State::Holding));
  BOOST_TEST(core.maintenance(true, std::nullopt, now).ok());
  run(seconds(2));
  BOOST_TEST(records["one"].owner == "nyc");
}

BOOST_AUTO_TEST_CASE(maintenance_is_refused_where_nobody_could_take_over) {
  records = {{"one", held_by("fra", 3)}, {"two", held_by("nyc", 4)}};
  run(seconds(20));
  run(seconds(5), false, false);
  const ha::Status refused = core.maintenance(true, std::nullopt, now);
  BOOST_REQUIRE(!refused.ok());
  BOOST_TEST((refused.error().code() == Code::Refused));
  BOOST_TEST(refused.error().what() == "no other site can take one");
  BOOST_TEST(refused.error().hint() == "failover why one");
}

BOOST_AUTO_TEST_CASE(a_switchover_is_refused_with_what_to_type_instead) {
  records = {{"one", held_by("fra", 3)}, {"two", held_by("nyc", 4)}};
  run(seconds(20));
  const auto said_of = [&](const std::string& service, const std::string& target) {
    const ha::Status status = core.switchover(service, target, std::nullopt, now);
    return status.ok() ? std::string() : status.error().what() + " | " + status.error().hint();
  };
  BOOST_TEST(said_of("three", "nyc") == "no service is called three | failover status");
  BOOST_TEST(said_of("two", "syd") ==
             "two is not held here but by nyc | on nyc: failover switchover two --to syd");
  BOOST_TEST(said_of("one", "mars") == "mars cannot take one | failover why one");
  BOOST_TEST(said_of("one", "fra") == "fra cannot take one | failover why one");
  BOOST_TEST(said_of("one", "syd") == "");
  run(seconds(1));
  BOOST_TEST(records["one"].owner == "syd");
}

BOOST_AUTO_TEST_CASE(a_pause_takes_nothing_over) {
  core.pause(true);
  records = {{"one", free_record()}, {"two", held_by("nyc", 4)}};
  run(seconds(20));
  BOOST_TEST(why("one") == "takeovers are paused");
  core.pause(false);
  run(seconds(5));
  BOOST_TEST((state("one") == State::Holding));
}

BOOST_AUTO_TEST_CASE(who_is_silent_for_a_minute_is_dropped_from_the_eligible_and_comes_back) {
  records = {{"one", held_by("fra", 3)}, {"two", held_by("nyc", 4)}};
  const auto eligible = [&] {
    const auto asked = std::find_if(said.rbegin(), said.rend(), [](const ServiceStep& each) {
      const auto* ask = std::get_if<Ask>(&each.step);
      return each.service == "one" && ask != nullptr && ask->act == Act::Renew;
    });
    return std::get<Ask>(asked->step).terms.eligible;
  };
  run(seconds(20));
  BOOST_TEST(eligible().empty());
  run(seconds(65), true, false);
  BOOST_TEST((eligible() == std::vector<std::string>{"fra", "nyc"}));
  run(seconds(5));
  BOOST_TEST(eligible().empty());
}

BOOST_AUTO_TEST_CASE(a_site_that_was_never_heard_counts_until_it_is_suspected) {
  records = {{"one", free_record()}, {"two", free_record()}};
  core.on_heartbeat("syd", 0, peer(now), now);
  BOOST_TEST(core.standings("two", now).front().site == "nyc");
  run(seconds(2), false, true);
  BOOST_TEST(core.standings("two", now).back().site == "nyc");
  BOOST_TEST(core.standings("two", now).back().why_not == "it was never heard");
}

BOOST_AUTO_TEST_CASE(standings_say_who_could_take_it_and_why_others_cannot) {
  records = {{"one", held_by("fra", 3)}, {"two", held_by("nyc", 4)}};
  run(seconds(20));
  auto standings = core.standings("one", now);
  BOOST_TEST_REQUIRE(standings.size() == 3U);
  BOOST_TEST(standings.at(0).site == "nyc");
  BOOST_TEST(standings.at(2).site == "fra");
  BOOST_TEST(standings.at(2).why_not == "it holds as many services as it can");
  run(seconds(2), true, false);
  BOOST_TEST(core.standings("one", now).at(2).why_not == "it is silent");
}

BOOST_AUTO_TEST_CASE(a_version_that_its_owner_has_written_is_read_at_once) {
  records = {{"one", held_by("nyc", 3)}, {"two", held_by("nyc", 4)}};
  run_renewed(seconds(20));
  said.clear();
  now += milliseconds(150);
  Heartbeat heartbeat = peer(now);
  heartbeat.report.services["one"] = {State::Holding, 3, records["one"].version.seq + 1,
                                      Lag::InSync,    0, false};
  core.on_heartbeat("nyc", 0, heartbeat, now);
  turn();
  const auto read = std::find_if(said.begin(), said.end(), [](const ServiceStep& each) {
    return each.service == "one" && std::holds_alternative<Ask>(each.step);
  });
  BOOST_TEST((read != said.end() && std::get<Ask>(read->step).act == Act::Read));
}

BOOST_AUTO_TEST_CASE(a_forced_takeover_waits_until_it_is_safe_and_asks_nobody_else) {
  records = {{"one", held_by("nyc", 3)}, {"two", held_by("syd", 4)}};
  run_renewed(seconds(20));
  BOOST_TEST((core.takeover("one", now).error().code() == Code::Refused));  // nyc is heard
  BOOST_TEST((core.takeover("nothing", now).error().code() == Code::NotFound));
  core.pause(true);
  run_renewed(seconds(5), false, true);
  BOOST_TEST(records["one"].owner == "nyc");
  BOOST_TEST(core.takeover("one", now).ok());
  run(seconds(12), false, true);
  BOOST_TEST((state("one") == State::Holding));
  BOOST_TEST(records["one"].owner == "fra");
}

BOOST_AUTO_TEST_CASE(what_matters_more_keeps_its_place) {
  records = {{"one", held_by("nyc", 3)}, {"two", held_by("syd", 4)}};
  run_renewed(seconds(20));
  records["one"].version.seq += 1;
  run(seconds(3), false, false);  // both are dead; two has missed its renewals for longer
  run(seconds(13), false, false);
  BOOST_TEST((state("one") == State::Holding));
  BOOST_TEST((state("two") == State::Standby));
}

// How much memory this process has, in bytes.
std::size_t resident() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0;
  std::size_t pages = 0;
  file >> all >> pages;
  return pages * 4096;
}

// Else the other one would wait for as long as nyc goes on by promises.
BOOST_AUTO_TEST_CASE(what_this_site_cannot_take_keeps_no_place) {
  records = {{"one", held_by("nyc", 3)}, {"two", held_by("syd", 4)}};
  run_renewed(seconds(20));
  for (int i = 0; i < 10; ++i) {
    core.on_word("nyc", "one", PromiseAsk{static_cast<std::uint64_t>(i), 3}, now);
    run(seconds(2));
    records["two"].version.seq += 1;
  }
  records["two"] = free_record(4, 99);
  core.on_word("nyc", "one", PromiseAsk{11, 3}, now);
  run(seconds(3));
  BOOST_TEST((state("one") == State::Standby));
  BOOST_TEST((state("two") == State::Holding));
}

BOOST_AUTO_TEST_CASE(a_million_heartbeats_leave_no_memory_behind) {
  const bool full = std::getenv("HA_FULL") != nullptr;
  const int rounds = full ? 500'000 : 20'000;  // of two
  records = {{"one", held_by("fra", 3)}, {"two", held_by("nyc", 4)}};
  run(seconds(60));
  std::size_t before = 0;
  for (int i = 0; i < rounds; ++i) {
    for (const char* site : {"nyc", "syd"}) {
      PathBeat beat{peer(now), static_cast<std::uint64_t>(i), {"disk.space: 4 % of /var is free"}};
      const PeerBytes bytes = encode(beat);
      const auto heard = decode_peer_message(static_cast<std::uint16_t>(bytes.type), bytes.body);
      BOOST_REQUIRE(heard.ok());
      core.on_heartbeat(site, 0, std::get<PathBeat>(*heard).heartbeat, now);
    }
    now += milliseconds(100);
    said.clear();
    turn();
    if (i == rounds / 10) {
      before = resident();
    }
  }
  BOOST_TEST(resident() < before + 8'000'000U);
}

BOOST_AUTO_TEST_CASE(strangers_are_not_listened_to) {
  core.on_heartbeat("mars", 0, peer(now), now);
  core.on_word("mars", "one", Look{true}, now);
  core.on_word("nyc", "nothing", Look{true}, now);
  BOOST_TEST(core.detector().heard(now).empty());
}

BOOST_AUTO_TEST_CASE(a_heartbeat_says_what_the_site_is_and_whom_it_hears) {
  records = {{"one", held_by("fra", 3)}, {"two", held_by("nyc", 4)}};
  findings.calls["one"] = 7;
  run(seconds(20), true, false);
  const Heartbeat heartbeat = core.heartbeat(now);
  BOOST_TEST((heartbeat.beat.hears == std::vector<std::string>{"nyc"}));
  BOOST_TEST((heartbeat.report.services.at("one").state == State::Holding));
  BOOST_TEST(heartbeat.report.services.at("one").epoch == 3U);
  BOOST_TEST(heartbeat.report.services.at("one").calls == 7U);
  BOOST_TEST(heartbeat.report.room == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
