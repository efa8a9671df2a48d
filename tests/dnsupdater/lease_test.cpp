#include "dnsupdater/lease.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using ha::Code;
using ha::Digest;

namespace {

const Digest kNonce{0, 99};
const Name kZone = name("voice.test");
const Name kGuard = name("_ha.pbx.voice.test");

LeaseWish claim(const std::string& site, std::optional<Version> saw) {
  LeaseWish wish{LeaseAct::Claim, site};
  wish.saw = saw;
  return wish;
}

LeaseWish by_owner(LeaseAct act, const std::string& site = "fra", std::uint64_t epoch = 7) {
  LeaseWish wish{act, site};
  wish.epoch = epoch;
  wish.target = act == LeaseAct::Transfer ? "nyc" : "";
  return wish;
}

Record free_record() {
  Record record = held_record();
  record.owner.clear();
  record.state = HoldState::Free;
  return record;
}

Record lease_at(std::uint64_t epoch, const std::string& owner, std::uint64_t seq = 200) {
  Record record = held_record();
  record.version = {epoch, seq};
  record.owner = owner;
  record.nonce = {3, epoch * 1000 + seq};
  return record;
}

ServiceZone wanted(const char* address) {
  const Name sip = name("sip.voice.test");
  return {kZone, kGuard, {{sip, RrType::A, a_set("sip.voice.test", 30, {address})}, {sip, RrType::Aaaa, {}}}};
}

RrSet guard_set(const Record& record) {
  return must(RrSet::make(kGuard, RrType::Txt, 0, {must(record_rdata(record))}));
}

template <typename T>
std::string what_of(const ha::Result<T>& result) {
  return result.ok() ? "" : result.error().what();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_lease)

BOOST_AUTO_TEST_CASE(a_claim_raises_the_epoch_by_one_and_names_what_it_saw) {
  const Record dead = held_record();
  const Record taken = must(wished_record(claim("nyc", dead.version), "pbx", dead, kNonce));
  BOOST_TEST((taken.version == Version{8, 121}));
  BOOST_TEST(taken.owner == "nyc");
  BOOST_TEST((taken.state == HoldState::Own));
  const Record first = must(wished_record(claim("nyc", std::nullopt), "pbx", std::nullopt, kNonce));
  BOOST_TEST((first.version == Version{1, 1}));
  BOOST_TEST(first.id == "pbx");
  BOOST_TEST(
      (must(wished_record(claim("fra", free_record().version), "pbx", free_record(), kNonce)).version ==
       Version{8, 121}));
  LeaseWish wish = claim("nyc", std::nullopt);
  for (const auto& [above, epoch] : {std::pair(7U, 8U), {0U, 1U}}) {
    wish.epoch = above;
    BOOST_TEST(must(wished_record(wish, "pbx", std::nullopt, kNonce)).version.epoch == epoch);
  }
  wish = claim("nyc", dead.version);
  for (const auto& [above, epoch] : {std::pair(6U, 8U), {7U, 8U}, {30U, 31U}}) {
    wish.epoch = above;
    BOOST_TEST(must(wished_record(wish, "pbx", dead, kNonce)).version.epoch == epoch);
  }
}

BOOST_AUTO_TEST_CASE(what_was_changed_since_it_was_seen_is_not_claimed) {
  const Record now = held_record();
  for (const auto& saw :
       {std::optional<Version>(), std::optional(Version{7, 119}), std::optional(Version{6, 120})}) {
    const auto lost = wished_record(claim("nyc", saw), "pbx", now, kNonce);
    BOOST_TEST((code_of(lost) == Code::Conflict));
    BOOST_TEST(what_of(lost) == "the lease of pbx is held by fra, epoch 7");
  }
  BOOST_TEST(
      (code_of(wished_record(claim("nyc", now.version), "pbx", std::nullopt, kNonce)) == Code::Conflict));
  BOOST_TEST((code_of(wished_record(claim("fra", now.version), "pbx", now, kNonce)) == Code::Exists));
}

BOOST_AUTO_TEST_CASE(who_is_not_eligible_neither_claims_nor_gets_it) {
  Record now = held_record();
  now.eligible = {"ams", "fra"};
  BOOST_TEST((code_of(wished_record(claim("nyc", now.version), "pbx", now, kNonce)) == Code::Refused));
  BOOST_TEST(wished_record(claim("ams", now.version), "pbx", now, kNonce).ok());
  LeaseWish back = claim("nyc", now.version);
  for (const std::vector<std::string>& eligible : {std::vector<std::string>{}, {"ams", "fra"}}) {
    back.terms = LeaseTerms{std::nullopt, eligible};
    BOOST_TEST((code_of(wished_record(back, "pbx", now, kNonce)) == Code::Refused));
  }
  back.terms = LeaseTerms{std::nullopt, {"ams", "fra", "nyc"}};
  BOOST_TEST((must(wished_record(back, "pbx", now, kNonce)).eligible == back.terms->eligible));
  LeaseWish transfer = by_owner(LeaseAct::Transfer);
  BOOST_TEST((code_of(wished_record(transfer, "pbx", now, kNonce)) == Code::Refused));
  transfer.terms = LeaseTerms{std::nullopt, {"fra", "nyc"}};
  BOOST_TEST(wished_record(transfer, "pbx", now, kNonce).ok());
}

BOOST_AUTO_TEST_CASE(its_owner_renews_drains_releases_and_hands_over) {
  const Record now = held_record();
  LeaseWish renew = by_owner(LeaseAct::Renew);
  renew.terms = LeaseTerms{Digest{5, 5}, {"fra", "nyc"}};
  const Record renewed = must(wished_record(renew, "pbx", now, kNonce));
  BOOST_TEST((renewed.version == Version{7, 121}));
  BOOST_TEST((renewed.config == Digest{5, 5}));
  BOOST_TEST(renewed.eligible.size() == 2U);
  renew.state = HoldState::Drain;
  renew.terms.reset();
  const Record draining = must(wished_record(renew, "pbx", renewed, Digest{0, 98}));
  BOOST_TEST((draining.state == HoldState::Drain));
  BOOST_TEST((draining.config == Digest{5, 5}));
  const Record freed = must(wished_record(by_owner(LeaseAct::Release), "pbx", now, kNonce));
  BOOST_TEST((freed.version == Version{7, 121}));
  BOOST_TEST(freed.owner.empty());
  const Record theirs = must(wished_record(by_owner(LeaseAct::Transfer), "pbx", now, kNonce));
  BOOST_TEST((theirs.version == Version{8, 121}));
  BOOST_TEST(theirs.owner == "nyc");
}

BOOST_AUTO_TEST_CASE(who_does_not_own_it_at_that_epoch_changes_nothing) {
  const Record now = held_record();
  for (const LeaseAct act : {LeaseAct::Renew, LeaseAct::Release, LeaseAct::Transfer}) {
    BOOST_TEST((code_of(wished_record(by_owner(act, "nyc"), "pbx", now, kNonce)) == Code::Conflict));
    BOOST_TEST((code_of(wished_record(by_owner(act, "fra", 6), "pbx", now, kNonce)) == Code::Conflict));
    BOOST_TEST((code_of(wished_record(by_owner(act), "pbx", std::nullopt, kNonce)) == Code::Conflict));
  }
  LeaseWish to_itself = by_owner(LeaseAct::Transfer);
  to_itself.target = "fra";
  BOOST_TEST((code_of(wished_record(to_itself, "pbx", now, kNonce)) == Code::Invalid));
  LeaseWish freeing = by_owner(LeaseAct::Renew);
  freeing.state = HoldState::Free;
  BOOST_TEST((code_of(wished_record(freeing, "pbx", now, kNonce)) == Code::Invalid));
  BOOST_TEST((code_of(wished_record(by_owner(LeaseAct::Renew), "pbx", now, now.nonce)) == Code::Invalid));
  BOOST_TEST((code_of(wished_record(claim("nyc", now.version), "pbx", now, now.nonce)) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(after_dns_went_back_and_was_accepted_no_epoch_comes_twice) {
  const Version seen{9, 300};
  const Record old = held_record();  // epoch 7
  const Record gone = must(wished_record(claim("nyc", std::nullopt), "pbx", std::nullopt, kNonce, seen));
  BOOST_TEST((gone.version == Version{10, 301}));
  const Record taken = must(wished_record(claim("nyc", old.version), "pbx", old, kNonce, seen));
  BOOST_TEST((taken.version == Version{10, 301}));
  // Its owner of old must not go on in a turn that came again, nor give it up: others may serve still.
  for (const LeaseAct act : {LeaseAct::Renew, LeaseAct::Transfer, LeaseAct::Release}) {
    const auto held = wished_record(by_owner(act), "pbx", old, kNonce, seen);
    BOOST_TEST((code_of(held) == Code::Conflict));
    BOOST_TEST(what_of(held) == "the lease of pbx went back to epoch 7; 9 was seen: claim it anew");
  }
  BOOST_TEST(
      (must(wished_record(claim("fra", old.version), "pbx", old, kNonce, seen)).version == Version{10, 301}));
  // Within the turn it goes on after what was seen.
  BOOST_TEST((must(wished_record(by_owner(LeaseAct::Renew), "pbx", old, kNonce, {7, 300})).version ==
              Version{7, 301}));
}

BOOST_AUTO_TEST_CASE(a_copy_is_due_until_it_is_at_the_epoch_of_the_lease) {
  const Record lease = lease_at(7, "nyc");
  BOOST_TEST((stand_of(lease, std::nullopt) == CopyStand::Due));
  BOOST_TEST((stand_of(lease, lease_at(6, "fra", 900)) == CopyStand::Due));
  BOOST_TEST((stand_of(lease, lease_at(7, "nyc", 150)) == CopyStand::Current));
  BOOST_TEST((stand_of(lease, lease_at(7, "nyc", 201)) == CopyStand::Current));  // changed by hand since
  BOOST_TEST((stand_of(lease, lease_at(7, "fra")) == CopyStand::TwoOwners));
  BOOST_TEST((stand_of(lease, lease_at(8, "nyc")) == CopyStand::Beyond));
  BOOST_TEST((stand_of(free_record(), lease_at(6, "fra")) == CopyStand::Current));
  BOOST_TEST((stand_of(free_record(), lease_at(8, "fra")) == CopyStand::Beyond));
  BOOST_TEST((stand_of(std::nullopt, std::nullopt) == CopyStand::Current));
  BOOST_TEST((stand_of(std::nullopt, lease_at(1, "fra")) == CopyStand::Beyond));
  BOOST_TEST((stand_of(lease, free_record()) == CopyStand::Due));  // made anew by hand
}

BOOST_AUTO_TEST_CASE(the_second_half_brings_copy_and_records_in_one_swap) {
  const Record lease = lease_at(8, "nyc");
  const std::vector<RrSet> found = {guard_set(held_record()), a_set("sip.voice.test", 30, {"192.0.2.10"}),
                                    a_set("sip.voice.test", 30, {"2001:db8::10"})};
  const Plan plan = must(make_plan(must(follow_change(wanted("192.0.2.20"), lease, "nyc", found))));
  BOOST_REQUIRE(plan.update.prerequisites.size() == 1U);
  BOOST_TEST((plan.update.prerequisites[0].need == Need::SetIs));
  BOOST_TEST((plan.update.prerequisites[0].rdata[0] == must(record_rdata(held_record()))));
  BOOST_TEST(plan.update.deletions.size() == 3U);
  BOOST_REQUIRE(plan.update.additions.size() == 2U);
  BOOST_TEST((plan.update.additions[0].rdata[0] == must(record_rdata(lease))));
  const Plan first = must(make_plan(must(follow_change(wanted("192.0.2.20"), lease, "nyc", {}))));
  BOOST_TEST((first.update.prerequisites[0].need == Need::SetAbsent));
}

BOOST_AUTO_TEST_CASE(records_of_the_right_epoch_are_left_as_an_operator_has_made_them) {
  const Record lease = lease_at(7, "fra");
  const std::vector<RrSet> found = {guard_set(held_record()), a_set("sip.voice.test", 5, {"192.0.2.11"})};
  BOOST_TEST(must(make_plan(must(follow_change(wanted("192.0.2.10"), lease, "fra", found)))).empty());
}

BOOST_AUTO_TEST_CASE(who_does_not_own_the_lease_never_sends_the_second_half) {
  const auto refused = follow_change(wanted("192.0.2.10"), lease_at(8, "nyc"), "fra", {});
  BOOST_TEST((code_of(refused) == Code::Conflict));
  BOOST_TEST(what_of(refused) == "the lease of pbx is held by nyc, epoch 8");
}

BOOST_AUTO_TEST_CASE(a_copy_that_cannot_be_of_this_lease_stops_the_second_half) {
  const auto follow = [&](const Record& lease, const Record& copy, Version beyond = {}) {
    return follow_change(wanted("192.0.2.20"), lease, "nyc", {guard_set(copy)}, beyond);
  };
  const auto back = follow(lease_at(6, "nyc"), held_record());
  BOOST_TEST((code_of(back) == Code::Refused));
  BOOST_TEST(what_of(back).find("are at epoch 7, its lease at epoch 6") != std::string::npos);
  BOOST_TEST(what_of(follow(lease_at(7, "nyc"), held_record())).find("epoch 7 of pbx has two owners: nyc") ==
             0U);
  BOOST_TEST((code_of(follow(lease_at(8, "nyc"), held_record(), {9, 1})) == Code::Refused));
  // Made anew by `set` after it was lost, further on than the lease: the next renewal is beyond it.
  Record anew = free_record();
  anew.version = {8, 250};
  BOOST_TEST((code_of(follow(lease_at(8, "nyc"), anew)) == Code::Unavailable));
  BOOST_TEST(follow(lease_at(8, "nyc", 251), anew).ok());
}

BOOST_AUTO_TEST_SUITE_END()
