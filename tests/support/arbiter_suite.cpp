#include "tests/support/arbiter_suite.h"

#include <map>
#include <optional>
#include <utility>

#include "tests/support/arbiter_faults.h"
#include "tests/support/arbiter_turn.h"

namespace ha::failover {
namespace {

const Digest kConfig{0x1234, 0x5678};
const Digest kOther{0x9abc, 0xdef0};

void first_claim(Turn& turn) {
  const ArbiterSight before = turn.read("s0");
  turn.check(!before.trouble && !before.record, "there is nothing at first");
  const SteadyTime begin = turn.now();
  const ArbiterAnswer won = turn.claim("s0", std::nullopt, {kConfig, {}});
  turn.is(won, ArbiterVerdict::Won, "the first claim");
  turn.owned(won.record, "s0", {1, 1}, Hold::Own);
  turn.check(won.record && won.record->terms.config == kConfig, "it has the terms that were given");
  turn.check(won.sent && *won.sent >= begin && *won.sent <= turn.now(), "it counts from when it was sent");
  turn.owned(turn.read("s1").record, "s0", {1, 1}, Hold::Own);
  const ArbiterAnswer lost = turn.claim("s1", std::nullopt);
  turn.is(lost, ArbiterVerdict::Lost, "a claim of what was not there");
  turn.owned(lost.record, "s0", {1, 1}, Hold::Own);
  turn.check(lost.why && !lost.sent, "and says why");
}

void claim_goes_above(Turn& turn) {
  const ArbiterAnswer won = turn.claim("s0", std::nullopt, {kConfig, {}}, 41);
  turn.is(won, ArbiterVerdict::Won, "the first claim, above an epoch");
  turn.check(won.record && won.record->version.epoch == 42, "it is above it");
  turn.is(turn.release("s0", 42), ArbiterVerdict::Won, "a release");
  const ArbiterAnswer next = turn.claim("s1", turn.seen("s1"), {kConfig, {}}, 3);
  turn.check(next.record && next.record->version.epoch == 43, "the next one is above that");
}

void claim_names_the_version(Turn& turn) {
  turn.take("s0");
  const auto old = turn.seen("s1");
  turn.is(turn.renew("s0", 1), ArbiterVerdict::Won, "its owner renews");
  const ArbiterAnswer lost = turn.claim("s1", old);
  turn.is(lost, ArbiterVerdict::Lost, "a claim of the version before");
  turn.owned(lost.record, "s0", {1, 2}, Hold::Own);
  const ArbiterAnswer won = turn.claim("s1", turn.seen("s1"));
  turn.is(won, ArbiterVerdict::Won, "a claim of the version that is there");
  turn.owned(won.record, "s1", {2, 3}, Hold::Own);
  const ArbiterAnswer third = turn.claim("s2", Turn::version_of(lost.record));
  turn.is(third, ArbiterVerdict::Lost, "a third one");
  turn.owned(third.record, "s1", {2, 3}, Hold::Own);
  turn.check(third.why && third.why->what().find("s1") != std::string::npos &&
                 third.why->what().find("epoch 2") != std::string::npos,
             "is told to whom and at which epoch: " + (third.why ? third.why->what() : "nothing"));
  turn.is(turn.claim("s1", Turn::version_of(won.record)), ArbiterVerdict::Refused, "a claim by its owner");
}

void holder_only(Turn& turn) {
  turn.take("s0");
  const ArbiterAnswer stranger = turn.renew("s1", 1);
  turn.is(stranger, ArbiterVerdict::Lost, "a renewal by another");
  turn.owned(stranger.record, "s0", {1, 1}, Hold::Own);
  turn.is(turn.renew("s0", 2), ArbiterVerdict::Lost, "a renewal of another epoch");
  turn.is(turn.release("s1", 1), ArbiterVerdict::Lost, "a release by another");
  turn.is(turn.transfer("s1", 1, "s2"), ArbiterVerdict::Lost, "a transfer by another");
  turn.owned(turn.read("s2").record, "s0", {1, 1}, Hold::Own);
  const SteadyTime begin = turn.now();
  const ArbiterAnswer won = turn.renew("s0", 1);
  turn.is(won, ArbiterVerdict::Won, "a renewal by its owner");
  turn.owned(won.record, "s0", {1, 2}, Hold::Own);
  turn.check(won.sent && *won.sent >= begin && *won.sent <= turn.now(), "counts from when it was sent");
}

void release(Turn& turn) {
  turn.take("s0");
  const ArbiterAnswer freed = turn.release("s0", 1);
  turn.is(freed, ArbiterVerdict::Won, "a release");
  turn.owned(freed.record, "", {1, 2}, Hold::Free);
  turn.is(turn.renew("s0", 1), ArbiterVerdict::Lost, "a renewal after it");
  turn.is(turn.release("s0", 1), ArbiterVerdict::Lost, "another release");
  const ArbiterAnswer won = turn.claim("s1", turn.seen("s1"));
  turn.is(won, ArbiterVerdict::Won, "a claim of what is free");
  turn.owned(won.record, "s1", {2, 3}, Hold::Own);
}

void transfer(Turn& turn) {
  turn.take("s0");
  turn.is(turn.transfer("s0", 1, "s0"), ArbiterVerdict::Refused, "a transfer to itself");
  const ArbiterAnswer moved = turn.transfer("s0", 1, "s1");
  turn.is(moved, ArbiterVerdict::Won, "a transfer");
  turn.owned(moved.record, "s1", {2, 2}, Hold::Own);
  turn.is(turn.renew("s0", 1), ArbiterVerdict::Lost, "a renewal by who gave it away");
  turn.is(turn.renew("s1", 1), ArbiterVerdict::Lost, "one of the epoch before by who got it");
  const ArbiterAnswer renewed = turn.renew("s1", 2);
  turn.is(renewed, ArbiterVerdict::Won, "one by who got it");
  turn.owned(renewed.record, "s1", {2, 3}, Hold::Own);
}

void drain(Turn& turn) {
  turn.take("s0");
  const ArbiterAnswer draining = turn.renew("s0", 1, {}, Hold::Drain);
  turn.is(draining, ArbiterVerdict::Won, "to drain");
  turn.owned(turn.read("s1").record, "s0", {1, 2}, Hold::Drain);
  turn.owned(turn.renew("s0", 1, {}, Hold::Drain).record, "s0", {1, 3}, Hold::Drain);
  turn.is(turn.renew("s0", 1), ArbiterVerdict::Won, "to call it off");
  turn.owned(turn.read("s1").record, "s0", {1, 4}, Hold::Own);
}

void terms(Turn& turn) {
  turn.take("s0", {kConfig, {"s0", "s1"}});
  const auto seen = turn.read("s1").record;
  turn.check(seen && seen->terms == Terms{kConfig, {"s0", "s1"}}, "others read the terms");
  turn.is(turn.renew("s0", 1, {kOther, {"s0", "s1", "s2"}}), ArbiterVerdict::Won, "new terms");
  const auto now = turn.read("s1").record;
  turn.check(now && now->terms == Terms{kOther, {"s0", "s1", "s2"}}, "are read");
  turn.is(turn.transfer("s0", 1, "s1"), ArbiterVerdict::Won, "a transfer");
  const auto moved = turn.read("s0").record;
  turn.check(moved && moved->terms == Terms{kOther, {"s0", "s1", "s2"}}, "leaves them as they are");
}

void eligible(Turn& turn) {
  turn.take("s0", {std::nullopt, {"s0", "s1"}});
  const auto version = turn.seen("s2").value_or(Version{});
  const ArbiterAnswer refused = turn.claim("s2", version);
  turn.is(refused, ArbiterVerdict::Refused, "a claim by who may not have it");
  turn.check(refused.why && refused.why->what().find("s2") != std::string::npos,
             "says so: " + (refused.why ? refused.why->what() : "nothing"));
  turn.is(turn.transfer("s0", 1, "s2"), ArbiterVerdict::Refused, "a transfer to who may not have it");
  turn.owned(turn.read("s1").record, "s0", version, Hold::Own);
  turn.is(turn.renew("s0", 1, {std::nullopt, {"s0", "s1", "s2"}}), ArbiterVerdict::Won, "taken back in");
  turn.is(turn.claim("s2", turn.seen("s2")), ArbiterVerdict::Won, "it may");
}

void unknown_service(Turn& turn) {
  Arbiter& arbiter = turn.bench().at("s0");
  turn.check(arbiter.read("nobody").trouble.has_value(), "a service that is not there is not read");
  turn.is(arbiter.claim("nobody", std::nullopt, {}, 0), ArbiterVerdict::Refused, "nor claimed");
  turn.is(arbiter.renew("nobody", 1, {}, Hold::Own), ArbiterVerdict::Refused, "nor renewed");
  turn.check(arbiter.follow("nobody").empty(), "nor followed");
}

void site_restarts(Turn& turn) {
  turn.take("s0");
  turn.bench().restart_site("s0");
  turn.owned(turn.read("s0").record, "s0", {1, 1}, Hold::Own);
  turn.is(turn.renew("s0", 1), ArbiterVerdict::Won, "it goes on after a restart of the site");
  turn.bench().restart_site("s0");
  turn.is(turn.renew("s0", 1), ArbiterVerdict::Won, "and after another, without a reading");
  turn.owned(turn.read("s1").record, "s0", {1, 3}, Hold::Own);
}

void names_follow(Turn& turn) {
  turn.take("s0");
  turn.check(turn.read("s0").second_half_due, "after a claim the names have still to follow");
  turn.followed("s1", false, "a site that does not own it");
  turn.followed("s0", true, "its owner");
  turn.check(!turn.read("s0").second_half_due, "then nothing is due");
  turn.followed("s0", true, "its owner, once more");
  turn.is(turn.transfer("s0", 1, "s1"), ArbiterVerdict::Won, "given away");
  turn.followed("s0", false, "who gave it away");
  turn.check(turn.read("s2").second_half_due, "they are due again");
  turn.followed("s1", true, "who got it");
  turn.check(!turn.read("s2").second_half_due, "and there");
  turn.is(turn.release("s1", 2), ArbiterVerdict::Won, "released");
  turn.check(!turn.read("s2").second_half_due, "nothing is due of what is free");
}

SuiteCase made(std::string name, std::string service, void (*run)(Turn&)) {
  return {std::move(name), std::move(service),
          [run](ArbiterBench& bench, SuiteReport& report, const std::string& of) {
            Turn turn(bench, report, of);
            run(turn);
          }};
}

}  // namespace

std::string suite_site(int number) {
  return "s" + std::to_string(number);
}

std::vector<SuiteCase> arbiter_cases() {
  std::vector<SuiteCase> out = {
      made("the first claim makes the record", "c1", first_claim),
      made("a claim goes above an epoch that it is told", "c0", claim_goes_above),
      made("a claim names the version, and who loses it is told to whom", "c2", claim_names_the_version),
      made("only the holder renews, releases and transfers", "c3", holder_only),
      made("a release frees it at once", "c4", release),
      made("a transfer is one change, and the next epoch", "c5", transfer),
      made("a holder drains, and calls it off", "c6", drain),
      made("terms are kept in the record", "c7", terms),
      made("who is not eligible does not get it", "c8", eligible),
      made("a service that is not configured is refused", "c9", unknown_service),
      made("a site goes on after a restart", "c10", site_restarts),
      made("names follow their owner", "c11", names_follow),
      made("a lost request is sent again", "c12", faults::lost_request),
      made("a lost reply is read back", "c13", faults::lost_reply),
      made("a request that comes late changes nothing", "c14", faults::late_request),
      made("a request that comes late, and first, is found", "c15", faults::late_and_first),
      made("a server that restarts forgets nothing", "c16", faults::server_restarts),
      made("a server that is not there is unreachable", "c17", faults::server_away),
      made("a server killed between applying and answering has it", "c18", faults::server_killed),
      made("a server stopped between applying and answering has it", "c19", faults::server_frozen),
      made("a record that went back in time is alarm, until a person has looked", "c20", faults::rollback),
      made("a record behind its names is alarm for who has never seen it", "c21", faults::behind_its_names),
  };
  return out;
}

SuiteCase arbiter_race(int rounds) {
  const auto run = [rounds](ArbiterBench& bench, SuiteReport& report, const std::string& service) {
    std::optional<Record> there;
    std::map<ArbiterVerdict, int> told;
    std::string wrong;
    for (int round = 1; round <= rounds && wrong.empty(); ++round) {
      const auto saw = there ? std::optional(there->version) : std::nullopt;
      std::vector<ArbiterAnswer> answers(kSuiteSites);
      std::vector<std::function<void()>> jobs;
      for (int i = 0; i < kSuiteSites; ++i) {
        if (!there || there->owner != suite_site(i)) {
          jobs.emplace_back([&, i] {
            answers[static_cast<std::size_t>(i)] = bench.at(suite_site(i)).claim(service, saw, {}, 0);
          });
        }
      }
      bench.at_once(jobs);
      int winners = 0;
      for (const ArbiterAnswer& answer : answers) {
        ++told[answer.verdict];
        if (answer.verdict == ArbiterVerdict::Won) {
          ++winners;
          there = answer.record;
        }
      }
      const bool right = winners == 1 && there && there->version.epoch == static_cast<std::uint64_t>(round);
      wrong = right ? "" : ", but round " + std::to_string(round) + " has " + std::to_string(winners);
    }
    const int lost = told[ArbiterVerdict::Lost];
    report.check(wrong.empty(), std::to_string(kSuiteSites - 1) + " contenders, " + std::to_string(rounds) +
                                    " rounds, each with one winner" + wrong);
    report.check(lost == rounds * (kSuiteSites - 2) + 1, std::to_string(lost) + " were told that they lost");
  };
  return {"one winner for each epoch", "race", run};
}

}  // namespace ha::failover
