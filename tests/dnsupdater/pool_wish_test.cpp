#include "dnsupdater/pool_wish.h"

#include <boost/test/unit_test.hpp>

#include "dnsupdater/wish.h"
#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using ha::Code;
using ha::Digest;
using std::chrono::seconds;

namespace {

const Name kPool = name("all.voice.test");
const std::string kHead =
    "[cluster]\nname = \"voice\"\nid = \"c-1\"\n"
    "[[dns.zone]]\nname = \"voice.test\"\nprimary = [\"192.0.2.53\"]\nservers = [\"192.0.2.54\"]\n"
    "[[service]]\nname = \"pbx\"\nsites = [\"fra1\", \"nyc1\"]\nholder = \"fra1\"\n";
const std::string kSites =
    "[[site]]\nname = \"fra1\"\naddress = [\"tcp://fra1:1\"]\nkey = \"k\"\n"
    "public_ip = [\"192.0.2.10\", \"2001:db8::10\"]\npublic_name = \"fra1.voice.test\"\n"
    "[[site]]\nname = \"nyc1\"\naddress = [\"tcp://nyc1:1\"]\nkey = \"k\"\n"
    "public_ip = [\"192.0.2.20\", \"2001:db8::20\"]\npublic_name = \"nyc1.voice.test\"\n";
const std::string kPools = "[[dns.pool]]\nname = \"all.voice.test\"\nservices = [\"pbx\"]\nttl = \"20s\"\n";
const std::string kSrv = "srv = \"_sip._udp.voice.test\"\n";

DnsConfig config(const std::string& more = "") {
  ha::ConfigProblems problems;
  auto out =
      DnsConfig::parse({"cluster.toml", kHead + kSites + kPools + more, "node.toml", "", "fra1"}, problems);
  BOOST_REQUIRE_MESSAGE(out.ok(), problems.text());
  return std::move(out).value();
}

RrSet guard(const Pool& at) {
  Record record{"all.voice.test", "", {0, 5}, HoldState::Free, Digest{1, 2}, std::nullopt};
  record.at = at;
  return must(RrSet::make(name("_ha.all.voice.test"), RrType::Txt, 0, {must(record_rdata(record))}));
}

PoolAddress in(const char* text, std::uint16_t weight = 10) {
  return {address(text), AddressState::In, weight};
}

Pool full() {
  return {in("192.0.2.10"), in("192.0.2.20"), in("2001:db8::10"), in("2001:db8::20")};
}

std::vector<RrSet> served(const Pool& at) {
  return {a_set("all.voice.test", 30, {"192.0.2.10", "192.0.2.20"}),
          a_set("all.voice.test", 30, {"2001:db8::10", "2001:db8::20"}), guard(at)};
}

ha::Result<Operation> wish(PoolChange change, std::vector<std::string> who, const std::vector<RrSet>& found,
                           const DnsConfig& with = config()) {
  PoolWish wish;
  wish.change = change;
  wish.who = std::move(who);
  return pool_operation(with, kPool, found, wish, "pool", "d-1");
}

const MoveStep& move_of(const Operation& operation, std::size_t step = 0) {
  return std::get<MoveStep>(operation.steps.at(step));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_pool_wish)

BOOST_AUTO_TEST_CASE(a_site_leaves_with_all_its_addresses_in_one_move) {
  const Operation operation = must(wish(PoolChange::Drain, {"fra1"}, served(full())));
  BOOST_REQUIRE(operation.steps.size() == 2U);
  const MoveStep& move = move_of(operation);
  BOOST_REQUIRE(move.guards.size() == 1U);
  BOOST_TEST((move.guards[0].from == full()));
  Pool to = full();
  to[0].state = to[2].state = AddressState::Draining;
  BOOST_TEST((move.guards[0].to == to));
  BOOST_REQUIRE(move.sets.size() == 2U);
  BOOST_TEST((move.sets[0].to == a_set("all.voice.test", 30, {"192.0.2.20"})));
  BOOST_TEST((move.sets[1].to == a_set("all.voice.test", 30, {"2001:db8::20"})));
  for (const SetMove& set : move.sets) {
    BOOST_TEST(set.shared);
    BOOST_TEST(set.of_service);
  }
  const auto& look = std::get<VerifyStep>(operation.steps[1]);
  BOOST_TEST((look.servers == std::vector<Endpoint>{{address("192.0.2.54"), 53}}));
  BOOST_TEST((look.sets == move.sets));
}

BOOST_AUTO_TEST_CASE(a_drain_waits_for_caches_and_calls_and_ends_as_was_wished) {
  PoolWish drain;
  drain.change = PoolChange::Drain;
  drain.who = {"192.0.2.10"};
  drain.then = PoolChange::Maint;
  drain.drain = seconds(90);
  const Operation operation =
      must(pool_operation(config(), kPool, served(full()), drain, "pool drain", "d-1"));
  BOOST_REQUIRE(operation.steps.size() == 5U);
  BOOST_TEST((std::get<PauseStep>(operation.steps[2]).length == seconds(30)));
  BOOST_TEST((std::get<DrainStep>(operation.steps[3]).limit == seconds(90)));
  const MoveStep& last = move_of(operation, 4);
  BOOST_TEST(last.sets.empty());
  BOOST_TEST((last.guards.at(0).from == move_of(operation).guards.at(0).to));
  BOOST_TEST((last.guards.at(0).to->at(0).state == AddressState::Maint));
  drain.then = PoolChange::Remove;
  const Operation gone = must(pool_operation(config(), kPool, served(full()), drain, "pool drain", "d-1"));
  BOOST_TEST(move_of(gone, 4).guards.at(0).to->size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_pool_without_a_list_gets_one_of_what_is_there) {
  std::vector<RrSet> found = served({});
  for (const bool has_guard : {true, false}) {
    const Operation operation = must(wish(PoolChange::Down, {"192.0.2.20"}, found));
    Pool to = full();
    to[1].state = AddressState::Down;
    BOOST_TEST((move_of(operation).guards.at(0).from == Pool()), has_guard);
    BOOST_TEST((move_of(operation).guards.at(0).to == to));
    found.pop_back();
  }
}

BOOST_AUTO_TEST_CASE(a_pool_that_is_not_there_is_made_by_the_first_address) {
  const Operation operation = must(wish(PoolChange::Add, {"fra1"}, {}));
  const MoveStep& move = move_of(operation);
  BOOST_TEST((move.guards.at(0).to == Pool{in("192.0.2.10"), in("2001:db8::10")}));
  BOOST_REQUIRE(move.sets.size() == 2U);
  BOOST_TEST(!move.sets[0].from.has_value());
  BOOST_TEST((move.sets[0].to == a_set("all.voice.test", 20, {"192.0.2.10"})));
  BOOST_TEST(!move.sets[0].of_service);  // its making may be undone
  const auto none = wish(PoolChange::In, {"fra1"}, {});
  BOOST_TEST((code_of(none) == Code::NotFound));
}

BOOST_AUTO_TEST_CASE(the_last_one_stays_and_the_last_of_a_protocol_goes_only_if_it_was_said) {
  Pool one = full();
  one[0].state = one[2].state = AddressState::Maint;
  const std::vector<RrSet> found{a_set("all.voice.test", 30, {"192.0.2.20"}),
                                 a_set("all.voice.test", 30, {"2001:db8::20"}), guard(one)};
  BOOST_TEST((code_of(wish(PoolChange::Drain, {"nyc1"}, found)) == Code::Refused));
  BOOST_TEST((code_of(wish(PoolChange::Remove, {"2001:db8::20"}, found)) == Code::Refused));
  PoolWish six;
  six.change = PoolChange::Down;
  six.who = {"2001:db8::20"};
  six.last = LastOfFamily::MayGo;
  const Operation gone = must(pool_operation(config(), kPool, found, six, "pool down", "d-1"));
  const SetMove& set = move_of(gone).sets.at(0);
  BOOST_TEST((set.type == RrType::Aaaa));
  BOOST_TEST(!set.to.has_value());
  BOOST_TEST(!set.of_service);
}

BOOST_AUTO_TEST_CASE(srv_follows_with_the_weight_of_each_site) {
  std::vector<RrSet> found = served(full());
  const DnsConfig with = config(kSrv);
  PoolWish heavy;
  heavy.change = PoolChange::Weight;
  heavy.who = {"nyc1"};
  heavy.weight = 70;
  const Operation operation = must(pool_operation(with, kPool, found, heavy, "pool weight", "d-1"));
  BOOST_REQUIRE(move_of(operation).sets.size() == 1U);
  const RrSet made = *move_of(operation).sets[0].to;
  BOOST_TEST((made.name == name("_sip._udp.voice.test")));
  BOOST_TEST(made.ttl_s == 20U);
  BOOST_REQUIRE(made.rdata.size() == 2U);
  BOOST_TEST(made.rdata[0].text == "0 10 5060 fra1.voice.test.");
  BOOST_TEST(made.rdata[1].text == "0 70 5060 nyc1.voice.test.");
  found.push_back(made);
  const Operation gone = must(wish(PoolChange::Remove, {"nyc1"}, found, with));
  BOOST_TEST((move_of(gone).sets.at(2).to->rdata == std::vector<Rdata>{made.rdata[0]}));
  // An address of nobody has no target.
  BOOST_TEST((code_of(wish(PoolChange::Add, {"192.0.2.77"}, found, with)) == Code::NotFound));
  BOOST_TEST((guard_of(with, made.name).value().guard.id == "all.voice.test"));
  BOOST_TEST(
      (code_of(set_operation(with, made.name, RrType::Srv, 30, made.rdata, found, "d-1")) == Code::Refused));
}

BOOST_AUTO_TEST_CASE(what_was_put_in_by_hand_is_told_and_made_right) {
  std::vector<RrSet> found = served(full());
  found[0] = a_set("all.voice.test", 30, {"192.0.2.10", "192.0.2.66"});
  const DnsConfig with = config();
  const PoolConfig& pool = with.pools().at(0);
  const PoolView view = must(pool_view(pool, found));
  BOOST_TEST((view.now == full()));
  const auto told = must(pool_differences(with, pool, view, found));
  BOOST_REQUIRE(told.size() == 1U);
  BOOST_TEST(told[0].find("192.0.2.66") != std::string::npos, told[0]);
  BOOST_TEST(
      must(pool_differences(with, pool, must(pool_view(pool, served(full()))), served(full()))).empty());
  const Operation right = must(wish(PoolChange::In, {"192.0.2.10"}, found));
  BOOST_TEST((move_of(right).sets.at(0).to == a_set("all.voice.test", 30, {"192.0.2.10", "192.0.2.20"})));
}

BOOST_AUTO_TEST_CASE(what_is_no_pool_no_site_or_not_in_it_is_named) {
  const auto no_pool = pool_operation(config(), name("al.voice.test"), {}, {}, "pool in", "d-1");
  BOOST_TEST((code_of(no_pool) == Code::Invalid));
  BOOST_TEST(no_pool.error().what().find("did you mean \"all.voice.test\"") != std::string::npos);
  const auto no_site = wish(PoolChange::Drain, {"fra2"}, served(full()));
  BOOST_TEST((code_of(no_site) == Code::Invalid));
  BOOST_TEST(no_site.error().what().find("did you mean \"fra1\"") != std::string::npos);
  BOOST_TEST((code_of(wish(PoolChange::Drain, {"192.0.2.99"}, served(full()))) == Code::NotFound));
  BOOST_TEST((code_of(wish(PoolChange::Add, {"fra1"}, served(full()))) == Code::Exists));
}

BOOST_AUTO_TEST_CASE(maintenance_takes_a_site_without_another_address_out_and_brings_it_back) {
  const DnsConfig with = config(kSrv);
  const Name zone = name("voice.test");
  MaintenanceOptions options;
  options.going = Going::Away;
  const auto go = [&](const std::vector<RrSet>& found, const std::string& site = "fra1") {
    return maintenance_operation(with, site, {{zone, found}}, options, "maintenance", "d-1");
  };
  const Operation away = must(go(served(full())));
  std::string kinds;
  for (const OperationStep& step : away.steps) {
    kinds += "mvpd"[step.index()];
  }
  BOOST_TEST(kinds == "mvpmvpmv");
  Pool out = full();
  out[0].state = out[2].state = AddressState::Maint;
  BOOST_TEST((move_of(away, 3).guards.at(0).to == out));
  BOOST_TEST((move_of(away, 3).sets.at(0).to == a_set("all.voice.test", 5, {"192.0.2.20"})));
  BOOST_TEST((move_of(away, 6).sets.at(0).to == a_set("all.voice.test", 30, {"192.0.2.20"})));
  const std::vector<RrSet> gone{a_set("all.voice.test", 30, {"192.0.2.20"}),
                                a_set("all.voice.test", 30, {"2001:db8::20"}), guard(out)};
  BOOST_TEST((code_of(go(gone)) == Code::Refused));          // it is out
  BOOST_TEST((code_of(go(gone, "nyc1")) == Code::Refused));  // it is the last one
  options.going = Going::Back;
  const Operation back = must(go(gone));
  BOOST_TEST(back.steps.size() == 2U);
  BOOST_TEST((move_of(back).guards.at(0).to == full()));
  BOOST_TEST((code_of(go(served(full()))) == Code::Refused));  // it is there
  options.going = Going::Either;
  BOOST_TEST((code_of(go(gone)) == Code::Refused));
}

BOOST_AUTO_TEST_CASE(a_site_that_a_service_leads_to_alone_is_not_taken_out) {
  const DnsConfig with = config("[[dns.record]]\nservice = \"pbx\"\nname = \"sip.voice.test\"\n");
  std::vector<RrSet> found = served(full());
  found.push_back(a_set("sip.voice.test", 30, {"192.0.2.10"}));
  MaintenanceOptions options;
  options.going = Going::Away;
  const auto refused =
      maintenance_operation(with, "fra1", {{name("voice.test"), found}}, options, "maintenance", "d-1");
  BOOST_TEST((code_of(refused) == Code::Refused));
  BOOST_TEST(refused.error().what() == "sip.voice.test leads to site fra1, which has no maintenance_ip");
}

BOOST_AUTO_TEST_SUITE_END()
