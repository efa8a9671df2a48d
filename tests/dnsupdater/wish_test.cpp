#include "dnsupdater/wish.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using ha::Code;
using ha::Digest;
using std::chrono::seconds;

namespace {

const Name kZone = name("voice.test");
const Name kSip = name("sip.voice.test");
const Name kMaint = name("fra1-maint.voice.test");

const std::string kSites =
    "[[site]]\nname = \"fra1\"\naddress = [\"tcp://fra1:1\"]\nkey = \"k\"\npublic_ip = [\"192.0.2.10\"]\n"
    "maintenance_ip = [\"192.0.2.11\"]\n"
    "[[site]]\nname = \"nyc1\"\naddress = [\"tcp://nyc1:1\"]\nkey = \"k\"\npublic_ip = [\"192.0.2.20\"]\n";
const std::string kServices =
    "[cluster]\nname = \"voice\"\nid = \"c-1\"\n"
    "[[dns.zone]]\nname = \"voice.test\"\nprimary = [\"192.0.2.53\"]\nservers = [\"192.0.2.54\"]\n"
    "[[service]]\nname = \"pbx\"\nsites = [\"fra1\", \"nyc1\"]\nholder = \"fra1\"\n"
    "[[dns.record]]\nservice = \"pbx\"\nname = \"sip.voice.test\"\n"
    "[[dns.record]]\nservice = \"pbx\"\nname = \"_sip._udp.voice.test\"\ntype = \"SRV\"\n";
const std::string kPool = "[[dns.pool]]\nname = \"pool.voice.test\"\nservices = [\"pbx\"]\n";

DnsConfig config(const std::string& more = "", bool maintenance_name = false) {
  std::string sites = kSites;
  if (maintenance_name) {
    sites.insert(sites.find("maintenance_ip"), "maintenance_name = \"fra1-maint.voice.test\"\n");
  }
  ha::ConfigProblems problems;
  auto out = DnsConfig::parse({"cluster.toml", kServices + sites + more, "node.toml", "", "fra1"}, problems);
  BOOST_REQUIRE_MESSAGE(out.ok(), problems.text());
  return std::move(out).value();
}

std::vector<Rdata> data(const char* text) {
  return {address_rdata(address(text))};
}

const MoveStep& move_of(const Operation& operation, std::size_t step) {
  return std::get<MoveStep>(operation.steps.at(step));
}

// The kinds of the steps: "move verify pause".
std::string kinds(const Operation& operation) {
  constexpr const char* kNames[] = {"move", "verify", "pause", "drain"};
  std::string out;
  for (const OperationStep& step : operation.steps) {
    out += (out.empty() ? "" : " ") + std::string(kNames[step.index()]);
  }
  return out;
}

ha::Result<Operation> swap(const DnsConfig& with, const std::vector<RrSet>& found,
                           const MaintenanceOptions& options = {}, const std::string& site = "fra1") {
  return maintenance_operation(with, site, {{kZone, found}}, options, "maintenance start " + site, "d-1");
}

RrSet pool_guard(const Pool& at) {
  Record record{"pool.voice.test", "", {0, 5}, HoldState::Free, Digest{1, 2}, std::nullopt};
  record.at = at;
  return must(RrSet::make(name("_ha.pool.voice.test"), RrType::Txt, 0, {must(record_rdata(record))}));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_wish)

BOOST_AUTO_TEST_CASE(names_change_with_the_guard_of_their_service_their_pool_or_their_own) {
  const DnsConfig with = config(kPool);
  for (const char* const of_service : {"sip.voice.test", "_sip._udp.voice.test"}) {
    const Guarded service = must(guard_of(with, name(of_service)));
    BOOST_TEST((service.zone == kZone));
    BOOST_TEST((service.guard == GuardMove{name("_ha.pbx.voice.test"), "pbx"}));
    BOOST_TEST(service.of_service);
  }
  const Guarded pool = must(guard_of(with, name("pool.voice.test")));
  BOOST_TEST((pool.guard == GuardMove{name("_ha.pool.voice.test"), "pool.voice.test"}));
  BOOST_TEST(pool.of_service);
  const Guarded own = must(guard_of(with, name("www.voice.test")));
  BOOST_TEST((own.guard == GuardMove{name("_ha.www.voice.test"), "www.voice.test"}));
  BOOST_TEST(!own.of_service);
  const auto none = guard_of(with, name("www.example"));
  BOOST_TEST((code_of(none) == Code::NotFound));
  BOOST_TEST(none.error().hint() == "hareplicate config show dns.zone");
}

BOOST_AUTO_TEST_CASE(set_replaces_the_whole_rrset_and_looks_at_the_servers) {
  const DnsConfig with = config();
  const RrSet before = a_set("sip.voice.test", 30, {"192.0.2.10"});
  const Operation operation =
      must(set_operation(with, kSip, RrType::A, 60, data("192.0.2.20"), {before}, "d-3"));
  BOOST_TEST(operation.id == "d-3");
  BOOST_TEST(operation.what == "set sip.voice.test A");
  BOOST_TEST(kinds(operation) == "move verify");
  const MoveStep& step = move_of(operation, 0);
  BOOST_TEST((step.zone == kZone));
  BOOST_TEST((step.guards == std::vector<GuardMove>{{name("_ha.pbx.voice.test"), "pbx"}}));
  const SetMove expected{kSip, RrType::A, before, a_set("sip.voice.test", 60, {"192.0.2.20"}), true};
  BOOST_TEST((step.sets == std::vector<SetMove>{expected}));
  const auto& look = std::get<VerifyStep>(operation.steps[1]);
  BOOST_TEST((look.servers == std::vector<Endpoint>{{address("192.0.2.54"), 53}}));
  BOOST_TEST((look.sets == step.sets));
  const Operation made =
      must(set_operation(with, name("new.voice.test"), RrType::A, 60, data("192.0.2.20"), {before}, "d-3"));
  BOOST_TEST(!move_of(made, 0).sets.at(0).from.has_value());
}

BOOST_AUTO_TEST_CASE(set_refuses_what_is_not_for_people_to_write) {
  const DnsConfig with = config(kPool);
  const auto code = [&](const char* owner, RrType type, std::uint32_t ttl_s) {
    return code_of(set_operation(with, name(owner), type, ttl_s, data("192.0.2.20"), {}, "d-1"));
  };
  BOOST_TEST((code("_ha.pbx.voice.test", RrType::Txt, 30) == Code::Refused));
  BOOST_TEST((code("voice.test", RrType::Ns, 30) == Code::Refused));
  BOOST_TEST((code("voice.test", RrType::Soa, 30) == Code::Refused));
  BOOST_TEST((code("pool.voice.test", RrType::A, 30) == Code::Refused));
  BOOST_TEST((code("pool.voice.test", RrType::Aaaa, 30) == Code::Refused));
  BOOST_TEST((code("www.voice.test", RrType::A, 0) == Code::Refused));
  BOOST_TEST((code("www.example", RrType::A, 30) == Code::NotFound));
  BOOST_TEST((code_of(set_operation(with, kSip, RrType::A, 30, {}, {}, "d-1")) == Code::Invalid));
  // A delegation below is nobody's but ours, and a pool may have other types.
  BOOST_TEST(set_operation(with, name("sub.voice.test"), RrType::Ns, 30, data("192.0.2.1"), {}, "d-1").ok());
  BOOST_TEST(
      set_operation(with, name("pool.voice.test"), RrType::Txt, 30, data("192.0.2.1"), {}, "d-1").ok());
}

BOOST_AUTO_TEST_CASE(an_address_of_another_site_leads_callers_away_from_the_owner) {
  const DnsConfig with = config();
  const auto to = [&](const char* owner, const char* address) {
    return leads_away(with, owner, data(address)).value_or("nowhere");
  };
  BOOST_TEST(to("fra1", "192.0.2.10") == "nowhere");
  BOOST_TEST(to("fra1", "192.0.2.11") == "nowhere");
  BOOST_TEST(to("fra1", "203.0.113.9") == "nowhere");
  BOOST_TEST(to("nyc1", "192.0.2.10") == "fra1");
  BOOST_TEST(to("nyc1", "192.0.2.11") == "fra1");
}

BOOST_AUTO_TEST_CASE(delete_takes_an_rrset_or_one_record_of_it) {
  const DnsConfig with = config();
  const Name www = name("www.voice.test");
  const std::vector<RrSet> found{a_set("www.voice.test", 30, {"192.0.2.1", "192.0.2.2"})};
  const Operation all = must(delete_operation(with, www, RrType::A, std::nullopt, found, "d-1"));
  BOOST_TEST(kinds(all) == "move verify");
  BOOST_TEST((move_of(all, 0).sets.at(0) == SetMove{www, RrType::A, found[0], std::nullopt, false}));
  const Operation one = must(delete_operation(with, www, RrType::A, data("192.0.2.1")[0], found, "d-1"));
  BOOST_TEST((move_of(one, 0).sets.at(0).to == a_set("www.voice.test", 30, {"192.0.2.2"})));
  const std::vector<RrSet> last{a_set("www.voice.test", 30, {"192.0.2.1"})};
  const Operation none = must(delete_operation(with, www, RrType::A, data("192.0.2.1")[0], last, "d-1"));
  BOOST_TEST(!move_of(none, 0).sets.at(0).to.has_value());
}

BOOST_AUTO_TEST_CASE(delete_refuses_what_is_not_there_or_not_for_people) {
  const DnsConfig with = config(kPool);
  const std::vector<RrSet> found{a_set("www.voice.test", 30, {"192.0.2.1"})};
  const auto code = [&](const char* owner, RrType type, const std::optional<Rdata>& rdata) {
    return code_of(delete_operation(with, name(owner), type, rdata, found, "d-1"));
  };
  BOOST_TEST((code("www.voice.test", RrType::Aaaa, std::nullopt) == Code::NotFound));
  BOOST_TEST((code("www.voice.test", RrType::A, data("192.0.2.2")[0]) == Code::NotFound));
  BOOST_TEST((code("ftp.voice.test", RrType::A, std::nullopt) == Code::NotFound));
  BOOST_TEST((code("_ha.pbx.voice.test", RrType::Txt, std::nullopt) == Code::Refused));
  BOOST_TEST((code("pool.voice.test", RrType::A, std::nullopt) == Code::Refused));
  BOOST_TEST((code("voice.test", RrType::Ns, std::nullopt) == Code::Refused));
}

BOOST_AUTO_TEST_CASE(a_swap_looks_at_all_names_and_guards_of_its_zone_only) {
  const std::string sub = "[[dns.zone]]\nname = \"sub.voice.test\"\nprimary = [\"192.0.2.53\"]\n";
  const DnsConfig with = config(kPool, true);
  const std::vector<SetKey> keys = site_keys(with, kZone);
  BOOST_TEST(keys.size() == 9U);  // A, AAAA and guard of a record, a pool and the maintenance name
  for (const char* const owner : {"_ha.fra1-maint.voice.test", "_ha.pbx.voice.test", "_ha.pool.voice.test"}) {
    const SetKey key{name(owner), RrType::Txt};
    BOOST_TEST((std::find(keys.begin(), keys.end(), key) != keys.end()), owner);
  }
  BOOST_TEST(site_keys(config(sub), name("sub.voice.test")).empty());
  // A name belongs to the deepest zone, and is not looked at in the other one as well.
  const std::string deep = sub + "[[dns.pool]]\nservices = [\"pbx\"]\nname = \"all.sub.voice.test\"\n";
  for (const SetKey& key : site_keys(config(deep, true), kZone)) {
    BOOST_TEST(!key.name.is_in(name("sub.voice.test")), key.name.text());
  }
}

BOOST_AUTO_TEST_CASE(a_swap_lowers_the_ttl_waits_moves_waits_and_puts_it_back) {
  const RrSet before = a_set("sip.voice.test", 30, {"192.0.2.10", "192.0.2.99"});
  MaintenanceOptions options;
  options.verify = seconds(7);
  const Operation operation = must(swap(config(), {before}, options));
  BOOST_TEST(operation.what == "maintenance start fra1");
  BOOST_TEST(kinds(operation) == "move verify pause move verify pause move verify");
  const auto set = [&](std::size_t step) { return move_of(operation, step).sets.at(0); };
  const auto old_at = [](std::uint32_t ttl_s) {
    return a_set("sip.voice.test", ttl_s, {"192.0.2.10", "192.0.2.99"});
  };
  const auto new_at = [](std::uint32_t ttl_s) {
    return a_set("sip.voice.test", ttl_s, {"192.0.2.11", "192.0.2.99"});
  };
  BOOST_TEST((set(0) == SetMove{kSip, RrType::A, old_at(30), old_at(5), true}));
  BOOST_TEST((set(3) == SetMove{kSip, RrType::A, old_at(5), new_at(5), true}));
  BOOST_TEST((set(6) == SetMove{kSip, RrType::A, new_at(5), new_at(30), true}));
  BOOST_TEST((std::get<PauseStep>(operation.steps[2]).length == seconds(30)));
  BOOST_TEST((std::get<PauseStep>(operation.steps[5]).length == seconds(5)));
  BOOST_TEST((std::get<VerifyStep>(operation.steps[1]).limit == seconds(7)));
  BOOST_TEST((move_of(operation, 3).guards == std::vector<GuardMove>{{name("_ha.pbx.voice.test"), "pbx"}}));
}

BOOST_AUTO_TEST_CASE(a_swap_done_twice_brings_back_what_was) {
  const RrSet before = a_set("sip.voice.test", 30, {"192.0.2.10"});
  const RrSet maint = a_set("fra1-maint.voice.test", 30, {"192.0.2.11"});
  const DnsConfig with = config("", true);
  const Operation there = must(swap(with, {before, maint}));
  const MoveStep& last = move_of(there, 6);
  BOOST_REQUIRE(last.sets.size() == 2U);
  BOOST_TEST((last.sets[0].to == a_set("sip.voice.test", 30, {"192.0.2.11"})));
  BOOST_TEST((last.sets[1].to == a_set("fra1-maint.voice.test", 30, {"192.0.2.10"})));
  BOOST_TEST(!last.sets[1].of_service);
  BOOST_TEST(last.guards.size() == 2U);
  const Operation back = must(swap(with, {*last.sets[0].to, *last.sets[1].to}));
  BOOST_TEST((move_of(back, 6).sets[0].to == before));
  BOOST_TEST((move_of(back, 6).sets[1].to == maint));
}

BOOST_AUTO_TEST_CASE(a_ttl_that_is_low_already_is_not_lowered) {
  for (const std::uint32_t ttl_s : {5U, 3U}) {
    const Operation operation = must(swap(config(), {a_set("sip.voice.test", ttl_s, {"192.0.2.10"})}));
    BOOST_TEST(kinds(operation) == "move verify pause");
    BOOST_TEST(move_of(operation, 0).sets.at(0).to->ttl_s == ttl_s);
    BOOST_TEST((std::get<PauseStep>(operation.steps[2]).length == seconds(ttl_s)));
  }
  // One of two is.
  const Operation two = must(swap(config("", true), {a_set("sip.voice.test", 3, {"192.0.2.10"}),
                                                     a_set("fra1-maint.voice.test", 30, {"192.0.2.11"})}));
  BOOST_TEST(kinds(two) == "move verify pause move verify pause move verify");
  BOOST_TEST(move_of(two, 0).sets.at(0).to->ttl_s == 3U);
  BOOST_TEST(move_of(two, 0).sets.at(1).to->ttl_s == 5U);
  BOOST_TEST(move_of(two, 6).sets.at(0).to->ttl_s == 3U);
  BOOST_TEST(move_of(two, 6).sets.at(1).to->ttl_s == 30U);
}

BOOST_AUTO_TEST_CASE(the_swap_alone_is_one_move_with_its_ttl_kept) {
  MaintenanceOptions options;
  options.swap_only = true;
  const Operation operation = must(swap(config(), {a_set("sip.voice.test", 30, {"192.0.2.10"})}, options));
  BOOST_TEST(kinds(operation) == "move verify");
  BOOST_TEST((move_of(operation, 0).sets.at(0).to == a_set("sip.voice.test", 30, {"192.0.2.11"})));
}

BOOST_AUTO_TEST_CASE(a_drain_comes_before_the_ttl_is_put_back) {
  MaintenanceOptions options;
  options.drain = seconds(60);
  const std::vector<RrSet> found{a_set("sip.voice.test", 30, {"192.0.2.10"})};
  const Operation timed = must(swap(config(), found, options));
  BOOST_TEST(kinds(timed) == "move verify pause move verify pause drain move verify");
  options.drain_command = {"true"};
  const Operation until = must(swap(config(), found, options));
  BOOST_TEST((std::get<DrainStep>(until.steps[6]) == DrainStep{{"true"}, seconds(60)}));
}

BOOST_AUTO_TEST_CASE(in_a_pool_the_list_moves_with_the_addresses) {
  const Pool before{{address("192.0.2.10"), AddressState::In, 7},
                    {address("192.0.2.20"), AddressState::In, 9}};
  Pool after = before;
  after[0].address = address("192.0.2.11");
  const std::vector<RrSet> found{a_set("pool.voice.test", 30, {"192.0.2.10", "192.0.2.20"}),
                                 pool_guard(before)};
  const Operation operation = must(swap(config(kPool), found));
  const GuardMove plain{name("_ha.pool.voice.test"), "pool.voice.test"};
  GuardMove listed = plain;
  listed.from = before;
  listed.to = after;
  BOOST_TEST((move_of(operation, 0).guards == std::vector<GuardMove>{plain}));
  BOOST_TEST((move_of(operation, 3).guards == std::vector<GuardMove>{listed}));
  BOOST_TEST((move_of(operation, 6).guards == std::vector<GuardMove>{plain}));
  BOOST_TEST(
      (move_of(operation, 3).sets.at(0).to == a_set("pool.voice.test", 5, {"192.0.2.11", "192.0.2.20"})));
  BOOST_TEST(move_of(operation, 3).sets.at(0).of_service);
}

BOOST_AUTO_TEST_CASE(the_list_of_a_pool_stays_in_its_order) {
  const std::string lower =
      "[[site]]\nname = \"ams1\"\naddress = [\"tcp://ams1:1\"]\nkey = \"k\"\npublic_ip = [\"192.0.2.40\"]\n"
      "maintenance_ip = [\"192.0.2.1\"]\n";
  const Pool before{{address("192.0.2.20"), AddressState::In, 9},
                    {address("192.0.2.40"), AddressState::In, 7}};
  const Operation operation =
      must(swap(config(lower + kPool),
                {a_set("pool.voice.test", 5, {"192.0.2.20", "192.0.2.40"}), pool_guard(before)}, {}, "ams1"));
  const Pool& to = *move_of(operation, 0).guards.at(0).to;
  BOOST_TEST((to == Pool{{address("192.0.2.1"), AddressState::In, 7}, before[0]}));
}

BOOST_AUTO_TEST_CASE(a_swap_is_refused_where_it_cannot_be) {
  const std::vector<RrSet> found{a_set("sip.voice.test", 30, {"192.0.2.20"})};
  BOOST_TEST((code_of(swap(config(), found)) == Code::NotFound));  // nothing leads to fra1
  BOOST_TEST((code_of(swap(config(), {})) == Code::NotFound));
  BOOST_TEST((code_of(swap(config(), found, {}, "ams1")) == Code::NotFound));
  const auto none = swap(config(), found, {}, "nyc1");
  BOOST_TEST((code_of(none) == Code::Refused));
  BOOST_TEST(none.error().what() == "site nyc1 has no maintenance_ip to swap with");
}

BOOST_AUTO_TEST_SUITE_END()
