#include "failover/lease/etcd_swap.h"

#include <boost/test/unit_test.hpp>

#include "dnsupdater/lease.h"

using namespace ha::failover;
using ha::Bytes;
using ha::Code;
using ha::Digest;
using ha::Error;
using ha::SteadyTime;
using ha::dns::Cause;
using ha::dns::HoldState;
using ha::dns::LeaseAct;
using ha::dns::LeaseWish;
using ha::dns::Trouble;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr milliseconds kTotal{5000};

ha::dns::Record held(const std::string& owner, ha::dns::Version version, std::uint64_t nonce) {
  return {"pbx", owner, version, HoldState::Own, Digest{9, nonce}, std::nullopt};
}

EtcdValue value_of(const ha::dns::Record& record, std::uint64_t revision) {
  auto text = ha::dns::encode(record);
  BOOST_REQUIRE(text.ok());
  return {*text, revision};
}

// A change of fra's, and what is heard of it.
struct Change {
  explicit Change(LeaseWish what, std::optional<EtcdKnown> known = std::nullopt)
      : wish(std::move(what)),
        swap(
            "pbx",
            [this](const std::optional<ha::dns::Record>& found) -> std::variant<ha::dns::Record, Trouble> {
              ++plans;
              if (refuses) {
                return *refuses;
              }
              auto made = ha::dns::wished_record(wish, "pbx", found, Digest{1, ++nonce});
              if (!made.ok()) {
                return Trouble{Cause::Ours, made.error()};
              }
              return *made;
            },
            known, EtcdSwapLimits{kTotal}, now) {}

  template <typename Step>
  Step step() {
    const EtcdStep next = swap.step(now);
    const auto* const wanted = std::get_if<Step>(&next);
    BOOST_REQUIRE_MESSAGE(wanted != nullptr, "step " << next.index());
    return *wanted;
  }
  EtcdSwapResult result() { return step<EtcdSwapResult>(); }
  void silence(bool arrived) { swap.on_silence({arrived, Error(Code::TimedOut, "silence")}, now); }
  void wait() { now = step<EtcdWaitStep>().until; }

  LeaseWish wish;
  std::uint64_t nonce = 0;
  int plans = 0;
  std::optional<Trouble> refuses;
  SteadyTime now{seconds(1000)};
  EtcdSwap swap;
};

LeaseWish claim(std::optional<ha::dns::Version> saw = std::nullopt) {
  LeaseWish wish{LeaseAct::Claim, "fra"};
  wish.saw = saw;
  return wish;
}

LeaseWish renew(std::uint64_t epoch) {
  LeaseWish wish{LeaseAct::Renew, "fra"};
  wish.epoch = epoch;
  return wish;
}

const ha::dns::Record kOurs = held("fra", {7, 120}, 1);
const ha::dns::Record kTheirs = held("nyc", {7, 120}, 1);

}  // namespace

BOOST_AUTO_TEST_SUITE(lease_etcd_swap)

BOOST_AUTO_TEST_CASE(it_reads_sends_and_has_won) {
  Change change(claim());
  change.step<EtcdReadStep>();
  change.step<EtcdReadStep>();  // the same until it is told
  change.swap.on_read(std::nullopt);
  const SteadyTime sent = change.now;
  const auto send = change.step<EtcdSendStep>();
  BOOST_TEST(!send.before.has_value());
  change.now += milliseconds(150);
  change.swap.on_applied(42);
  const EtcdSwapResult result = change.result();
  BOOST_TEST((result.verdict == ArbiterVerdict::Won));
  BOOST_TEST((result.sent == sent));
  BOOST_TEST((result.now->version == ha::dns::Version{1, 1}));
  BOOST_TEST((result.value == EtcdValue{send.after, 42}));
  BOOST_TEST(!result.why.has_value());
  BOOST_TEST(result.sends == 1U);
}

BOOST_AUTO_TEST_CASE(what_is_known_is_not_read_first) {
  Change change(renew(7), EtcdKnown{value_of(kOurs, 5)});
  const auto send = change.step<EtcdSendStep>();
  BOOST_TEST((send.before == value_of(kOurs, 5)));
  change.swap.on_applied(6);
  BOOST_TEST((change.result().verdict == ArbiterVerdict::Won));
}

BOOST_AUTO_TEST_CASE(what_was_known_wrongly_is_read_by_the_change_itself) {
  Change change(renew(7), EtcdKnown{value_of(kOurs, 5)});
  change.step<EtcdSendStep>();
  const auto touched = held("fra", {7, 121}, 2);
  change.swap.on_unmet(value_of(touched, 6), change.now);
  change.now += seconds(1);
  const auto send = change.step<EtcdSendStep>();
  BOOST_TEST((send.before == value_of(touched, 6)));
  change.swap.on_applied(7);
  const EtcdSwapResult result = change.result();
  BOOST_TEST((result.verdict == ArbiterVerdict::Won));
  BOOST_TEST((result.now->version == ha::dns::Version{7, 122}));
  BOOST_TEST((result.sent == change.now));  // not the first one's, which is not in force
}

BOOST_AUTO_TEST_CASE(a_lost_reply_is_read_back_by_sending_again) {
  Change change(claim());
  change.swap.on_read(std::nullopt);
  const SteadyTime sent = change.now;
  const auto first = change.step<EtcdSendStep>();
  change.now += seconds(1);
  change.silence(true);
  change.wait();
  const auto second = change.step<EtcdSendStep>();
  BOOST_TEST(second.after == first.after);
  change.swap.on_unmet(EtcdValue{first.after, 9}, change.now);
  const EtcdSwapResult result = change.result();
  BOOST_TEST((result.verdict == ArbiterVerdict::Won));
  BOOST_TEST((result.sent == sent));
  BOOST_TEST(result.value->mod_revision == 9U);
  BOOST_TEST(change.plans == 1);
}

BOOST_AUTO_TEST_CASE(a_loss_names_who_has_it) {
  Change change(claim(kTheirs.version));
  change.swap.on_read(value_of(kTheirs, 5));
  change.step<EtcdSendStep>();
  change.swap.on_unmet(value_of(held("ams", {8, 121}, 3), 6), change.now);
  const EtcdSwapResult result = change.result();
  BOOST_TEST((result.verdict == ArbiterVerdict::Lost));
  BOOST_TEST(result.now->owner == "ams");
  BOOST_TEST(result.value->mod_revision == 6U);
  BOOST_TEST(!result.sent.has_value());
  BOOST_TEST(result.why->error.what() == "the lease of pbx is held by ams, epoch 8");
}

BOOST_AUTO_TEST_CASE(what_another_has_made_of_it_since_is_lost_for_a_holder_too) {
  Change change(renew(7), EtcdKnown{value_of(kOurs, 5)});
  change.step<EtcdSendStep>();
  change.silence(true);
  change.wait();
  change.step<EtcdSendStep>();
  change.swap.on_unmet(value_of(held("nyc", {8, 130}, 3), 9), change.now);
  BOOST_TEST((change.result().verdict == ArbiterVerdict::Lost));
}

BOOST_AUTO_TEST_CASE(a_claim_of_another_version_is_lost_before_anything_is_sent) {
  Change change(claim(ha::dns::Version{7, 119}));
  change.swap.on_read(value_of(kTheirs, 5));
  const EtcdSwapResult result = change.result();
  BOOST_TEST((result.verdict == ArbiterVerdict::Lost));
  BOOST_TEST(result.sends == 0U);
  BOOST_TEST(result.now->owner == "nyc");
}

BOOST_AUTO_TEST_CASE(silence_to_the_end_is_unknown_if_anything_may_have_arrived) {
  for (const bool arrived : {true, false}) {
    Change change(renew(7), EtcdKnown{value_of(kOurs, 5)});
    const SteadyTime deadline = change.now + kTotal;
    while (change.now < deadline) {
      change.step<EtcdSendStep>();
      change.now += milliseconds(300);
      change.silence(arrived);
      if (change.now < deadline) {
        change.wait();
      }
    }
    const EtcdSwapResult result = change.result();
    BOOST_TEST((result.verdict == (arrived ? ArbiterVerdict::Unknown : ArbiterVerdict::Unreachable)));
    BOOST_TEST((result.why->error.code() == Code::TimedOut));
    BOOST_TEST(!result.sent.has_value());
    BOOST_TEST((change.now - deadline < milliseconds(800)));
  }
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_unreachable) {
  Change change(renew(7));
  while (std::holds_alternative<EtcdReadStep>(change.swap.step(change.now))) {
    change.silence(true);
    change.now = std::min(change.now + seconds(1), SteadyTime{seconds(1000)} + kTotal);
  }
  BOOST_TEST((change.result().verdict == ArbiterVerdict::Unreachable));
  BOOST_TEST(change.plans == 0);
}

BOOST_AUTO_TEST_CASE(a_refusal_is_certain_only_when_nothing_else_is_under_way) {
  for (const bool in_doubt : {false, true}) {
    Change change(renew(7), EtcdKnown{value_of(kOurs, 5)});
    change.step<EtcdSendStep>();
    if (in_doubt) {
      change.silence(true);
      change.wait();
      change.step<EtcdSendStep>();
    }
    change.swap.on_refused({Cause::Policy, Error(Code::Denied, "permission denied")});
    const EtcdSwapResult result = change.result();
    BOOST_TEST((result.verdict == (in_doubt ? ArbiterVerdict::Unknown : ArbiterVerdict::Refused)));
    BOOST_TEST((result.why->error.code() == Code::Denied));
  }
}

BOOST_AUTO_TEST_CASE(what_another_came_before_ends_all_doubt_of_it) {
  Change change(renew(7), EtcdKnown{value_of(kOurs, 5)});
  change.step<EtcdSendStep>();
  change.silence(true);
  change.wait();
  change.step<EtcdSendStep>();
  change.swap.on_unmet(value_of(held("fra", {7, 121}, 2), 6), change.now);
  change.step<EtcdSendStep>();
  change.swap.on_refused({Cause::Policy, Error(Code::Denied, "permission denied")});
  BOOST_TEST((change.result().verdict == ArbiterVerdict::Refused));
}

BOOST_AUTO_TEST_CASE(the_planner_decides_what_is_not_sent) {
  for (const auto& [trouble, verdict] :
       {std::pair(Trouble{Cause::Regression, Error(Code::Refused, "back in time")},
                  ArbiterVerdict::Regression),
        std::pair(Trouble{Cause::Ours, Error(Code::Refused, "not eligible")}, ArbiterVerdict::Refused),
        std::pair(Trouble{Cause::Ours, Error(Code::Conflict, "held")}, ArbiterVerdict::Lost)}) {
    Change change(claim());
    change.refuses = trouble;
    change.swap.on_read(std::nullopt);
    const EtcdSwapResult result = change.result();
    BOOST_TEST((result.verdict == verdict));
    BOOST_TEST(result.sends == 0U);
    BOOST_TEST(result.why->error.what() == trouble.error.what());
  }
}

BOOST_AUTO_TEST_CASE(a_record_that_is_gone_or_older_or_nobodys_is_a_regression) {
  const auto told = [](const std::optional<EtcdValue>& now) {
    Change change(renew(7), EtcdKnown{value_of(kOurs, 5)});
    change.step<EtcdSendStep>();
    change.swap.on_unmet(now, change.now);
    return change.result().verdict;
  };
  BOOST_TEST((told(std::nullopt) == ArbiterVerdict::Regression));
  BOOST_TEST((told(value_of(held("fra", {7, 119}, 3), 3)) == ArbiterVerdict::Regression));
  BOOST_TEST((told(value_of(held("fra", {7, 120}, 3), 3)) == ArbiterVerdict::Regression));
  BOOST_TEST((told(EtcdValue{"garbage", 9}) == ArbiterVerdict::Regression));
  auto other = held("fra", {7, 130}, 3);
  other.id = "fax";
  BOOST_TEST((told(value_of(other, 9)) == ArbiterVerdict::Regression));
  auto forged = held("fra", {7, 130}, 1);
  forged.nonce = {1, 1};  // ours, with another text
  BOOST_TEST((told(value_of(forged, 9)) == ArbiterVerdict::Regression));
  for (const EtcdValue& value : {EtcdValue{"garbage", 9}, value_of(other, 9)}) {
    Change change(renew(7));
    change.swap.on_read(value);
    BOOST_TEST((change.result().verdict == ArbiterVerdict::Regression));
  }
}

BOOST_AUTO_TEST_CASE(the_same_text_at_another_revision_is_gone_on_from) {
  Change change(renew(7), EtcdKnown{value_of(kOurs, 5)});
  change.step<EtcdSendStep>();
  change.swap.on_unmet(value_of(kOurs, 8), change.now);
  BOOST_TEST((change.step<EtcdSendStep>().before == value_of(kOurs, 8)));
  change.swap.on_applied(9);
  BOOST_TEST((change.result().verdict == ArbiterVerdict::Won));
}

BOOST_AUTO_TEST_CASE(a_record_that_others_change_all_the_time_is_given_up_and_not_lost) {
  Change change(renew(7), EtcdKnown{value_of(kOurs, 5)});
  int sends = 0;
  for (EtcdStep next = change.swap.step(change.now); !std::holds_alternative<EtcdSwapResult>(next);
       next = change.swap.step(change.now)) {
    if (const auto* const wait = std::get_if<EtcdWaitStep>(&next)) {
      change.now = wait->until;
      continue;
    }
    const auto turn = static_cast<std::uint64_t>(++sends);
    change.swap.on_unmet(value_of(held("fra", {7, 120 + turn}, 100 + turn), 5 + turn), change.now);
  }
  BOOST_TEST(sends == 10);
  BOOST_TEST((change.result().verdict == ArbiterVerdict::Unreachable));
}

BOOST_AUTO_TEST_CASE(given_up_it_says_what_is_known) {
  Change before(renew(7));
  before.swap.cancel();
  BOOST_TEST((before.result().verdict == ArbiterVerdict::Unreachable));
  BOOST_TEST((before.result().why->error.code() == Code::Cancelled));
  Change after(renew(7), EtcdKnown{value_of(kOurs, 5)});
  after.step<EtcdSendStep>();
  after.silence(true);
  after.swap.cancel();
  BOOST_TEST((after.result().verdict == ArbiterVerdict::Unknown));
  after.swap.on_applied(9);  // too late
  after.swap.on_unmet(std::nullopt, after.now);
  after.swap.on_refused({Cause::Policy, Error(Code::Denied, "no")});
  after.swap.cancel();
  BOOST_TEST((after.result().verdict == ArbiterVerdict::Unknown));
}

BOOST_AUTO_TEST_CASE(pauses_between_tries_double_up_to_a_limit) {
  Change change(renew(7), EtcdKnown{value_of(kOurs, 5)});
  for (const int pause_ms : {20, 40, 80, 160, 320, 500, 500}) {
    change.step<EtcdSendStep>();
    change.silence(false);
    BOOST_TEST((change.step<EtcdWaitStep>().until == change.now + milliseconds(pause_ms)));
    change.wait();
  }
}

BOOST_AUTO_TEST_SUITE_END()
