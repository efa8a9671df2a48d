// A maintenance swap that is killed at any moment: it is resumed, or undone, and callers always find the
// service. docs/dns.md, "Maintenance".
#include "dnsupdater/operation.h"

#include <boost/test/unit_test.hpp>

#include "common/base/random.h"
#include "tests/sim/dns_primary.h"
#include "tests/sim/seeds.h"

using namespace ha;
using namespace ha::dns;
using ha::sim::DnsPrimary;

namespace {

template <typename T>
T good(Result<T> result) {
  if (!result.ok()) {
    BOOST_FAIL(result.error().what());
  }
  return std::move(result).value();
}

const Name kZone = good(Name::parse("voice.test"));
const Name kSip = good(Name::parse("sip.voice.test"));
const Name kMaint = good(Name::parse("fra1-maint.voice.test"));
const char* const kService = "192.0.2.10";
const char* const kSpare = "192.0.2.11";

RrSet a_set(const Name& name, std::uint32_t ttl_s, const char* address) {
  return good(RrSet::make(name, RrType::A, ttl_s, {address_rdata(good(Address::parse(address)))}));
}

SetMove move(const Name& name, std::uint32_t from_ttl, const char* from, std::uint32_t to_ttl,
             const char* to) {
  return {name, RrType::A, a_set(name, from_ttl, from), a_set(name, to_ttl, to), true};
}

Operation maintenance() {
  const GuardMove guard{good(guard_name("pbx", kZone)), "pbx"};
  const auto step = [&](std::vector<SetMove> sets) { return MoveStep{kZone, {guard}, std::move(sets)}; };
  Operation operation{"d-1", "maintenance start fra1", {}};
  operation.steps.emplace_back(
      step({move(kSip, 30, kService, 5, kService), move(kMaint, 30, kSpare, 5, kSpare)}));
  operation.steps.emplace_back(PauseStep{std::chrono::seconds(30), "caches"});
  operation.steps.emplace_back(
      step({move(kSip, 5, kService, 5, kSpare), move(kMaint, 5, kSpare, 5, kService)}));
  operation.steps.emplace_back(
      step({move(kSip, 5, kSpare, 30, kSpare), move(kMaint, 5, kService, 30, kService)}));
  return operation;
}

DnsPrimary served() {
  DnsPrimary primary;
  Update first{kZone, {}};
  first.additions = {a_set(kSip, 30, kService), a_set(kMaint, 30, kSpare)};
  BOOST_REQUIRE(primary.apply(first) == Rcode::NoError);
  return primary;
}

std::string address_of(const DnsPrimary& primary, const Name& name) {
  const auto found = primary.read({{name, RrType::A}});
  return found.size() == 1U && found[0].rdata.size() == 1U ? found[0].rdata[0].text : "";
}

// What a run of the program has written down; it may die between any two lines of its work.
struct Run {
  DnsPrimary& primary;
  Random& random;
  double killed = 0;

  // The number of steps that are known to be done when it ends.
  std::size_t go_on(const Operation& operation, std::size_t done) {
    while (done < operation.steps.size()) {
      if (random.chance(killed)) {
        return done;  // before the step
      }
      if (const auto* step = std::get_if<MoveStep>(&operation.steps[done])) {
        const auto found = primary.read(keys_of(*step));
        const Change change = good(change_of(*step, found, {random.next(), random.next() | 1U}));
        const Plan plan = good(make_plan(change));
        if (random.chance(killed)) {
          return done;  // with the message made, not sent
        }
        if (!plan.empty()) {
          BOOST_REQUIRE(primary.apply(plan.update) == Rcode::NoError);
        }
        callers_find_both();
      }
      if (random.chance(killed)) {
        return done;  // before it is written down
      }
      ++done;
    }
    return done;
  }

  void callers_find_both() const {
    const std::string sip = address_of(primary, kSip);
    const std::string maint = address_of(primary, kMaint);
    BOOST_TEST((sip == kService ? maint == kSpare : sip == kSpare && maint == kService),
               sip << " and " << maint);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(sim_dns_operation)

BOOST_AUTO_TEST_CASE(killed_anywhere_it_is_resumed_to_its_end_or_undone_to_its_beginning) {
  const auto count = sim::from_environment("HA_SIM_COUNT", 100);
  unsigned undone = 0;
  for (unsigned long long seed = 1; seed <= 10 * count; ++seed) {
    Random random(seed);
    DnsPrimary primary = served();
    Run run{primary, random, 0.3};
    const Operation operation = maintenance();
    std::size_t done = 0;
    const unsigned resumes = static_cast<unsigned>(random.below(5));
    for (unsigned i = 0; i < resumes; ++i) {
      done = run.go_on(operation, done);
    }
    const bool back = random.chance(0.5);
    const Operation rest = back ? undo_of(operation, done, "d-2") : operation;
    std::size_t at = back ? 0 : done;
    while (at < rest.steps.size()) {
      at = run.go_on(rest, at);
    }
    undone += back ? 1U : 0U;
    const auto found = primary.read({{kSip, RrType::A}, {kMaint, RrType::A}});
    BOOST_REQUIRE(found.size() == 2U);
    BOOST_TEST((found[0] == a_set(kSip, 30, back ? kService : kSpare)), "seed " << seed);
    BOOST_TEST((found[1] == a_set(kMaint, 30, back ? kSpare : kService)), "seed " << seed);
  }
  BOOST_TEST(undone > 0U);
}

BOOST_AUTO_TEST_CASE(what_somebody_else_has_changed_meanwhile_is_left_alone) {
  DnsPrimary primary = served();
  Update by_hand{kZone, {}};
  by_hand.deletions = {{kSip, RrType::A}};
  by_hand.additions = {a_set(kSip, 30, "198.51.100.66")};
  BOOST_REQUIRE(primary.apply(by_hand) == Rcode::NoError);
  const Operation operation = maintenance();
  const auto& step = std::get<MoveStep>(operation.steps[0]);
  const auto change = change_of(step, primary.read(keys_of(step)), {1, 1});
  BOOST_REQUIRE(!change.ok());
  BOOST_TEST((change.error().code() == Code::Conflict));
  BOOST_TEST(change.error().what().find("is 198.51.100.66 (TTL 30), neither 192.0.2.10 (TTL 30) nor") !=
             std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
