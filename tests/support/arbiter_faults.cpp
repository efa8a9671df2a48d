#include "tests/support/arbiter_faults.h"

namespace ha::failover::faults {

void lost_request(Turn& turn) {
  turn.bench().mishap("s0", SuiteMishap::LoseRequest);
  const SteadyTime begin = turn.now();
  const ArbiterAnswer won = turn.claim("s0", std::nullopt);
  turn.is(won, ArbiterVerdict::Won, "a claim whose first message is lost");
  turn.owned(won.record, "s0", {1, 1}, Hold::Own);
  turn.check(won.sent && *won.sent >= begin, "it counts from its first message");
  turn.bench().mishap("s0", SuiteMishap::LoseRequest);
  turn.is(turn.renew("s0", 1), ArbiterVerdict::Won, "a renewal whose first message is lost");
  turn.owned(turn.read("s1").record, "s0", {1, 2}, Hold::Own);
}

void lost_reply(Turn& turn) {
  turn.bench().mishap("s0", SuiteMishap::LoseReply);
  const ArbiterAnswer won = turn.claim("s0", std::nullopt);
  turn.is(won, ArbiterVerdict::Won, "a claim whose answer is lost");
  turn.owned(won.record, "s0", {1, 1}, Hold::Own);
  turn.bench().mishap("s0", SuiteMishap::LoseReply);
  turn.is(turn.renew("s0", 1), ArbiterVerdict::Won, "a renewal whose answer is lost");
  turn.owned(turn.read("s1").record, "s0", {1, 2}, Hold::Own);
  turn.bench().mishap("s0", SuiteMishap::LoseReply);
  turn.is(turn.transfer("s0", 1, "s1"), ArbiterVerdict::Won, "a transfer whose answer is lost");
  turn.owned(turn.read("s1").record, "s1", {2, 3}, Hold::Own);
}

// A zombie: what a site gave up waiting for arrives when another has gone on.
void late_request(Turn& turn) {
  turn.bench().mishap("s0", SuiteMishap::HoldAll);
  const ArbiterAnswer unknown = turn.claim("s0", std::nullopt);
  turn.is(unknown, ArbiterVerdict::Unknown, "a claim that nobody answers");
  turn.check(!unknown.sent, "it counts for nothing");
  turn.is(turn.claim("s1", std::nullopt), ArbiterVerdict::Won, "another takes it meanwhile");
  turn.bench().deliver("s0");
  turn.owned(turn.read("s0").record, "s1", {1, 1}, Hold::Own);
  turn.is(turn.renew("s0", 1), ArbiterVerdict::Lost, "a renewal of what was never there");
  // The same of a renewal, after a later epoch.
  turn.bench().mishap("s1", SuiteMishap::HoldAll);
  turn.is(turn.renew("s1", 1), ArbiterVerdict::Unknown, "a renewal that nobody answers");
  turn.is(turn.claim("s2", turn.seen("s2")), ArbiterVerdict::Won, "a third one takes it");
  turn.bench().deliver("s1");
  turn.owned(turn.read("s1").record, "s2", {2, 2}, Hold::Own);
}

void late_and_first(Turn& turn) {
  turn.bench().mishap("s0", SuiteMishap::HoldAll);
  turn.is(turn.claim("s0", std::nullopt), ArbiterVerdict::Unknown, "a claim that nobody answers");
  turn.check(!turn.read("s0").record, "nothing is there");
  turn.bench().deliver("s0");
  const ArbiterSight sight = turn.read("s0");
  turn.owned(sight.record, "s0", {1, 1}, Hold::Own);
  turn.is(turn.renew("s0", 1), ArbiterVerdict::Won, "what came late and first is gone on with");
  turn.is(turn.claim("s1", Version{1, 1}), ArbiterVerdict::Lost, "and nobody else has it");
}

void server_restarts(Turn& turn) {
  turn.take("s0");
  turn.bench().stop_server();
  turn.bench().start_server();
  turn.owned(turn.read("s1").record, "s0", {1, 1}, Hold::Own);
  turn.is(turn.renew("s0", 1), ArbiterVerdict::Won, "its owner goes on");
  turn.bench().stop_server();
  turn.bench().start_server();
  turn.is(turn.renew("s0", 1), ArbiterVerdict::Won, "also without a reading");
  turn.owned(turn.read("s1").record, "s0", {1, 3}, Hold::Own);
}

// s2 and s3: of those to whom nothing ever happens on the way.
void server_away(Turn& turn) {
  turn.take("s2");
  turn.bench().stop_server();
  const ArbiterSight sight = turn.read("s3");
  turn.check(sight.trouble.has_value(), "it is not read");
  turn.check(!sight.regression, "and has not gone back, for all one knows");
  turn.is(turn.claim("s3", Version{1, 1}), ArbiterVerdict::Unreachable, "a claim");
  turn.is(turn.renew("s2", 1), ArbiterVerdict::Unreachable, "a renewal");
  turn.bench().restart_site("s2");
  turn.is(turn.renew("s2", 1), ArbiterVerdict::Unreachable, "one after a restart");
  turn.bench().start_server();
  turn.owned(turn.read("s3").record, "s2", {1, 1}, Hold::Own);
  turn.is(turn.renew("s2", 1), ArbiterVerdict::Won, "back again");
}

void server_killed(Turn& turn) {
  turn.take("s1");
  const auto saw = turn.seen("s0");
  turn.bench().kill_server_after_change("s0");
  const ArbiterAnswer answer = turn.claim("s0", saw);
  turn.is(answer, ArbiterVerdict::Unknown, "a claim of which nobody has heard");
  turn.bench().start_server();
  turn.owned(turn.read("s0").record, "s0", {2, 2}, Hold::Own);
  turn.is(turn.renew("s1", 1), ArbiterVerdict::Lost, "who had it has lost it");
  turn.is(turn.renew("s0", 2), ArbiterVerdict::Won, "who took it goes on");
}

void server_frozen(Turn& turn) {
  turn.take("s1");
  const auto saw = turn.seen("s0");
  turn.bench().freeze_server_after_change("s0");
  turn.is(turn.claim("s0", saw), ArbiterVerdict::Unknown, "a claim of which nobody has heard");
  turn.check(turn.read("s2").trouble.has_value(), "others do not hear anything either");
  const ArbiterVerdict renewal = turn.renew("s1", 1).verdict;
  turn.check(renewal == ArbiterVerdict::Unknown || renewal == ArbiterVerdict::Unreachable,
             "a renewal of who had it is not confirmed: " + verdict_text(renewal));
  turn.bench().thaw_server();
  turn.owned(turn.read("s0").record, "s0", {2, 2}, Hold::Own);
  turn.is(turn.renew("s1", 1), ArbiterVerdict::Lost, "who had it has lost it");
  turn.is(turn.renew("s0", 2), ArbiterVerdict::Won, "who took it goes on");
}

void rollback(Turn& turn) {
  turn.take("s0");
  turn.bench().save_server();
  turn.is(turn.renew("s0", 1), ArbiterVerdict::Won, "a renewal after the backup");
  const auto saw = turn.seen("s1");
  turn.is(turn.claim("s1", saw), ArbiterVerdict::Won, "a claim after the backup");
  turn.is(turn.renew("s1", 2), ArbiterVerdict::Won, "and its renewal");
  turn.check(turn.read("s0").record.has_value(), "s0 has read the later epoch");
  turn.bench().stop_server();
  turn.bench().restore_server();
  turn.bench().start_server();
  for (const char* const site : {"s0", "s1"}) {
    // Without a reading, with one, and after a restart.
    turn.is(turn.renew(site, 1), ArbiterVerdict::Regression, std::string(site) + " does not renew");
    turn.is(turn.claim(site, Version{1, 1}), ArbiterVerdict::Regression,
            std::string(site) + " does not claim");
    const ArbiterSight sight = turn.read(site);
    turn.check(sight.regression && sight.trouble, std::string(site) + " says that it has gone back");
    turn.check(sight.trouble && sight.trouble->hint().find("accept") != std::string::npos,
               "and what to type: " + (sight.trouble ? sight.trouble->hint() : ""));
    turn.bench().restart_site(site);
    turn.is(turn.claim(site, Version{1, 1}), ArbiterVerdict::Regression,
            std::string(site) + " after a restart");
    turn.is(turn.release(site, 1), ArbiterVerdict::Regression, std::string(site) + " does not release");
    turn.is(turn.transfer(site, 1, "s2"), ArbiterVerdict::Regression,
            std::string(site) + " does not transfer");
  }
  turn.owned(turn.read("s0").record, "s0", {1, 1}, Hold::Own);
  turn.check(turn.accept("s0").ok() && turn.accept("s1").ok(), "a person accepts it");
  turn.check(!turn.read("s1").regression, "then it is read");
  turn.is(turn.renew("s0", 1), ArbiterVerdict::Lost, "no turn of before goes on");
  turn.is(turn.release("s0", 1), ArbiterVerdict::Lost, "or is given up");
  turn.is(turn.transfer("s0", 1, "s2"), ArbiterVerdict::Lost, "or is handed on");
  const ArbiterAnswer won = turn.claim("s1", turn.seen("s1"));
  turn.is(won, ArbiterVerdict::Won, "a claim");
  turn.check(won.record && won.record->version.epoch == 3, "goes beyond every epoch that was seen");
  turn.is(turn.renew("s1", 3), ArbiterVerdict::Won, "and is renewed");
}

// s4 has never seen it before; what callers are led by tells.
void behind_its_names(Turn& turn) {
  turn.take("s0");
  turn.bench().save_server();
  turn.is(turn.claim("s1", turn.seen("s1")), ArbiterVerdict::Won, "a claim after the backup");
  turn.followed("s1", true, "its owner");
  turn.bench().stop_server();
  turn.bench().restore_server();
  turn.bench().start_server();
  turn.is(turn.claim("s4", Version{1, 1}), ArbiterVerdict::Regression, "a claim without a reading");
  const ArbiterSight sight = turn.read("s4");
  turn.check(sight.regression && sight.trouble, "a reading says that it has gone back");
  turn.owned(sight.record, "s0", {1, 1}, Hold::Own);
  turn.is(turn.claim("s4", Version{1, 1}), ArbiterVerdict::Regression, "a claim after it");
  turn.check(turn.accept("s4").ok(), "a person accepts it");
  turn.check(!turn.read("s4").regression, "then it is read");
  const ArbiterAnswer won = turn.claim("s4", Version{1, 1});
  turn.is(won, ArbiterVerdict::Won, "a claim then");
  turn.check(won.record && won.record->version.epoch == 3, "goes beyond the epoch that names have had");
  turn.followed("s4", true, "its owner");
}

}  // namespace ha::failover::faults
