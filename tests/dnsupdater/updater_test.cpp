// What is pure of it; the rest is tried on real servers: tests/e2e/dns_*.py.
#include "dnsupdater/updater.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using ha::Code;
using ha::Error;

BOOST_AUTO_TEST_SUITE(dnsupdater_updater)

BOOST_AUTO_TEST_CASE(a_server_is_compared_with_the_primary_in_data_and_ttl) {
  const RrSet primary = a_set("sip.example.net", 30, {"192.0.2.10", "192.0.2.11"});
  ServerView view{must(Endpoint::parse("192.0.2.54")), primary, 7};
  BOOST_TEST(behind_text(view, primary) == "");
  BOOST_TEST(behind_text(view, std::nullopt) == "has 192.0.2.10, 192.0.2.11");
  view.set->ttl_s = 300;
  BOOST_TEST(behind_text(view, primary) == "has TTL 300");
  view.set = a_set("sip.example.net", 30, {"192.0.2.10"});
  BOOST_TEST(behind_text(view, primary) == "has 192.0.2.10");
  view.set.reset();
  BOOST_TEST(behind_text(view, primary) == "has nothing");
  BOOST_TEST(behind_text(view, std::nullopt) == "");
  view.trouble = Trouble{Cause::Network, Error(Code::TimedOut, "silence")};
  BOOST_TEST(behind_text(view, std::nullopt) == "is silent");
}

BOOST_AUTO_TEST_SUITE_END()
