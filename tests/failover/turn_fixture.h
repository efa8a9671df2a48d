// One turn of fra, for tests of turn.h: the arbiter and the jobs are played by the test.
#pragma once

#include <boost/test/unit_test.hpp>

#include "failover/model/turn.h"
#include "tests/failover/samples.h"

namespace ha::failover {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct TurnFixture {
  SteadyTime now = at({});
  Around around;
  Turn turn = make(Mode::Lease);

  Turn make(Mode mode) {
    Timing timing;
    timing.heartbeat = milliseconds(250);  // also how soon it looks again
    return Turn({"pbx", "fra", {"fra", "nyc", "syd"}, mode, timing, {}}, 0, 100, now);
  }

  Steps tick(Duration later = {}) {
    now += later;
    return turn.tick(around, now);
  }
  // The answer to what was asked last, with what the arbiter has now.
  void answer(Act act, Verdict verdict, const std::optional<Record>& record,
              Duration took = milliseconds(50)) {
    Answer out{act, verdict, verdict != Verdict::Silent && verdict != Verdict::Unknown, record, now};
    out.sent = now;
    now += took;
    turn.on_answer(out, now);
  }
  void read(const std::optional<Record>& record) {
    const auto asked = only<Ask>(tick());
    BOOST_REQUIRE(asked.size() == 1 && asked[0].act == Act::Read);
    answer(Act::Read, Verdict::Won, record);
  }
  void job(Job job, bool good = true) { turn.on_job({job, 0, good, good ? "" : "it broke"}, now); }
  // Standby, with nothing left of an earlier run.
  void standby(const Record& record) {
    around.paused = true;
    read(record);
    BOOST_REQUIRE(only<Run>(tick()).size() == 1);
    job(Job::Demote);
    static_cast<void>(tick());
    BOOST_REQUIRE(turn.state() == State::Standby);
    while (turn.sight().version() != record.version || turn.sight().since() == std::nullopt) {
      answer(Act::Read, Verdict::Won, record);
    }
    answer(Act::Read, Verdict::Won, record);
    around.paused = false;
  }
  // In epoch 5 of nyc the arbiter goes back to `shown`, and a person accepts it: when.
  SteadyTime accept_after_regression(const Record& shown) {
    standby(held_by("nyc", 5));
    now += seconds(3);
    static_cast<void>(tick());
    answer(Act::Read, Verdict::Regression, shown);
    turn.accept();
    return now;
  }
  // What it asks until then, each answered with the record as it is.
  std::vector<Ask> wait(Duration length, const Record& record) {
    std::vector<Ask> out;
    for (const SteadyTime end = now + length; now < end;) {
      for (const Ask& ask : only<Ask>(tick(milliseconds(100)))) {
        out.push_back(ask);
        if (ask.act != Act::Read) {
          return out;
        }
        answer(Act::Read, Verdict::Won, record);
      }
    }
    return out;
  }
  void hold(std::uint64_t epoch = 1) {
    standby(free_record(epoch - 1));
    const std::vector<Ask> asked = wait(seconds(3), free_record(epoch - 1));
    BOOST_REQUIRE(asked.back().act == Act::Claim);
    answer(Act::Claim, Verdict::Won, held_by("fra", epoch));
    job(Job::Promote);
    BOOST_REQUIRE(turn.state() == State::Holding);
    steps = tick();
  }
  Steps steps;
};

}  // namespace ha::failover
