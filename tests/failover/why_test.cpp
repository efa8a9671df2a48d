// The sentences of `failover why` and `status`.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>

#include "failover/verbs.h"
#include "schemas/coordinator.pb.h"

namespace ha::failover {
namespace {

namespace pb = ha::schemas::coordinator;

struct Fixture {
  pb::Status status;
  pb::Service* service = nullptr;

  Fixture() {
    status.set_site("fra1");
    service = status.add_services();
    service->set_name("pbx");
    service->set_known(true);
    service->set_holder("fra1");
    service->set_epoch(4);
    service->set_state("holding");
    service->set_why("won epoch 4");
    service->set_mode("lease");
    service->mutable_site_dies()->set_text("10 s lease = 10 s");
    service->mutable_site_dies()->set_total_ns(10'000'000'000);
    service->set_replication("in sync");
    add("fra1", true, "");
    add("nyc1", true, "");
    add("syd1", false, "it is silent");
  }
  void add(const std::string& site, bool able, const std::string& why_not) {
    pb::Standing& standing = *service->add_standings();
    standing.set_site(site);
    standing.set_able(able);
    standing.set_why_not(why_not);
    standing.set_lag("in sync");
  }
  bool says(const std::string& text) const {
    const std::vector<std::string> all = why_service(status, *service);
    return std::any_of(all.begin(), all.end(),
                       [&](const std::string& each) { return each.find(text) != std::string::npos; });
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(failover_why, Fixture)

BOOST_AUTO_TEST_CASE(who_holds_it_and_who_could) {
  BOOST_TEST(says("This site holds pbx, epoch 4: holding."));
  BOOST_TEST(says("nyc1 could take it; its copies are in sync."));
  BOOST_TEST(says("syd1 cannot take it: it is silent. See: failover why syd1"));
  BOOST_TEST(says("calls would come back in about 10 s lease = 10 s"));
}

BOOST_AUTO_TEST_CASE(each_refusal_names_the_next_command) {
  status.set_paused(true);
  status.set_paused_by("ann");
  BOOST_TEST(says("failover resume"));
  service->set_held_ns(60'000'000'000);
  BOOST_TEST(says("failover ack"));
  service->set_arbiter_silent_ns(5'000'000'000);
  BOOST_TEST(says("failover arbiter check"));
  service->set_names("voice.test: timed out");
  BOOST_TEST(says("dnsupdater show"));
  service->set_state("failed");
  BOOST_TEST(says("See that its PBX does not run here, then: failover ack"));
}

BOOST_AUTO_TEST_CASE(a_service_that_nobody_holds_or_that_was_not_read) {
  service->set_holder("");
  BOOST_TEST(says("Nobody holds pbx."));
  service->set_known(false);
  service->set_why("the record was not read yet");
  BOOST_TEST(says("It is not known yet who holds pbx: the record was not read yet."));
}

BOOST_AUTO_TEST_CASE(a_silent_site_may_be_dead_or_cut_off) {
  pb::Site site;
  site.set_name("nyc1");
  site.set_paths(2);
  site.set_silence_ns(61'000'000'000);
  const auto said = why_site(status, site);
  BOOST_TEST(said.at(0) ==
             "nyc1 was not heard for 1 m 1 s, on any of 2 paths: it is dead, or cut off. "
             "If it is certainly off: failover fence confirm nyc1");
}

BOOST_AUTO_TEST_CASE(who_could_take_over_in_how_many_seconds_losing_what) {
  BOOST_TEST(can_take_over(*service, "nyc1") == "yes, in about 10 s, losing nothing that has arrived");
  service->mutable_site_dies()->set_at_most(true);
  BOOST_TEST(can_take_over(*service, "nyc1") == "yes, in up to 10 s, losing nothing that has arrived");
  BOOST_TEST(can_take_over(*service, "syd1") == "no: it is silent");
  BOOST_TEST(can_take_over(*service, "rio1") == "no: not among its sites");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::failover
