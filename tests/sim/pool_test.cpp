// Operators at several sites who change one pool at once, each from what he has read some time ago: it is
// never empty, and the records are what the list says. docs/dns.md, "Pools".
#include <boost/test/unit_test.hpp>

#include "common/base/random.h"
#include "dnsupdater/pool_wish.h"
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

constexpr int kSites = 3;

DnsConfig config() {
  std::string text =
      "[cluster]\nname = \"v\"\nid = \"c-1\"\n[[dns.zone]]\nname = \"voice.test\"\n"
      "primary = [\"192.0.2.53\"]\n[[service]]\nname = \"pbx\"\nsites = [\"s0\", \"s1\", \"s2\"]\nholder = "
      "\"s0\"\n";
  for (int i = 0; i < kSites; ++i) {
    const std::string site = "s" + std::to_string(i);
    text += "[[site]]\nname = \"" + site +
            "\"\naddress = [\"tcp://h:1\"]\nkey = \"k\"\npublic_ip = [\"192.0.2.1" + std::to_string(i) +
            "\"]\npublic_name = \"" + site + ".voice.test\"\n";
  }
  text += "[[dns.pool]]\nname = \"all.voice.test\"\nservices = [\"pbx\"]\nsrv = \"_sip._udp.voice.test\"\n";
  ConfigProblems problems;
  auto out = DnsConfig::parse({"cluster.toml", text, "node.toml", "", "s0"}, problems);
  BOOST_REQUIRE_MESSAGE(out.ok(), problems.text());
  return std::move(out).value();
}

struct World {
  DnsConfig with = config();
  const PoolConfig& pool = with.pools().at(0);
  std::vector<SetKey> keys = good(pool_keys(pool));
  DnsPrimary primary;
  Random random;
  unsigned refused = 0;
  unsigned lost = 0;

  explicit World(std::uint64_t seed) : random(seed) {
    const Operation made = good(wish(PoolChange::Add, {"s0", "s1", "s2"}));
    BOOST_REQUIRE(send(std::get<MoveStep>(made.steps.at(0))));
  }

  Result<Operation> wish(PoolChange change, std::vector<std::string> who) {
    PoolWish wish;
    wish.change = change;
    wish.who = std::move(who);
    wish.weight = static_cast<std::uint16_t>(random.below(3));
    return pool_operation(with, pool.name, primary.read(keys), wish, "pool", "d-1");
  }

  Result<Plan> plan(const MoveStep& step) {
    HA_TRY(const Change change,
           change_of(step, primary.read(keys_of(step)), {random.next(), random.next() | 1U}));
    return make_plan(change);
  }

  // False: somebody was faster.
  bool send(const MoveStep& step) {
    const Plan made = good(plan(step));
    return made.empty() || primary.apply(made.update) == Rcode::NoError;
  }

  void is_whole() {
    const auto found = primary.read(keys);
    const PoolView view = good(pool_view(pool, found));
    BOOST_TEST(good(pool_differences(with, pool, view, found)).empty());
    BOOST_TEST((std::any_of(found.begin(), found.end(), [&](const RrSet& set) {
      return set.type == RrType::A && set.name == pool.name;
    })));
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(sim_dns_pool)

BOOST_AUTO_TEST_CASE(sites_that_leave_at_once_never_leave_it_empty) {
  const auto count = sim::from_environment("HA_SIM_COUNT", 100);
  unsigned refused = 0;
  unsigned lost = 0;
  for (unsigned long long seed = 1; seed <= count; ++seed) {
    World world(seed);
    for (int round = 0; round < 30; ++round) {
      // All wish from the same state; all have their message made; they send one after the other.
      std::vector<MoveStep> steps;
      std::vector<Plan> plans;
      for (int site = 0; site < kSites; ++site) {
        constexpr PoolChange kChanges[] = {PoolChange::In, PoolChange::Drain, PoolChange::Maint,
                                           PoolChange::Down, PoolChange::Weight};
        auto made = world.wish(kChanges[world.random.below(5)], {"s" + std::to_string(site)});
        if (!made.ok()) {
          BOOST_TEST((made.error().code() == Code::Refused), made.error().what());
          continue;
        }
        steps.push_back(std::get<MoveStep>(made->steps.at(0)));
        plans.push_back(good(world.plan(steps.back())));
      }
      for (std::size_t i = 0; i < steps.size(); ++i) {
        bool sent = plans[i].empty() || world.primary.apply(plans[i].update) == Rcode::NoError;
        while (!sent) {  // as the runner does
          ++lost;
          auto again = world.plan(steps[i]);
          if (!again.ok()) {
            BOOST_TEST((again.error().code() == Code::Refused), again.error().what());
            ++refused;
            break;
          }
          sent = again->empty() || world.primary.apply(again->update) == Rcode::NoError;
        }
        world.is_whole();
      }
    }
  }
  BOOST_TEST(lost > 0U);
  BOOST_TEST(refused > 0U);  // it has come to that
}

BOOST_AUTO_TEST_SUITE_END()
