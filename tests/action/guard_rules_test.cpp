// The text; that the kernel does what it says is tests/e2e/guard_cuts_at_the_lease.py.
#include "failover/action/guard_rules.h"

#include <boost/test/unit_test.hpp>

namespace ha::failover {
namespace {

using std::chrono::milliseconds;

GuardedService plain() {
  return {.name = "pbx-eu", .udp = {{5060, 5060}, {10000, 20000}}, .tcp = {{5060, 5061}}};
}

std::vector<std::string> lines_with(const std::string& text, const std::string& part) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    if (line.find(part) != line.npos) {
      out.push_back(line);
    }
    at = end + 1;
  }
  return out;
}

std::string refused(const GuardedService& service) {
  const Status status = check_guarded(service);
  return status.ok() ? "" : status.error().what();
}

BOOST_AUTO_TEST_SUITE(action_guard_rules)

BOOST_AUTO_TEST_CASE(a_service_on_all_addresses) {
  const std::string text = guard_setup({plain()});
  const std::string wanted =
      "add table inet hareplicate\n"
      "add set inet hareplicate open_pbx-eu { type inet_proto; flags timeout; }\n"
      "add set inet hareplicate local_pbx-eu { type inet_proto; }\n"
      "add chain inet hareplicate input { type filter hook input priority -10; policy accept; }\n"
      "flush chain inet hareplicate input\n"
      "add rule inet hareplicate input iif lo accept\n"
      "add rule inet hareplicate input udp dport { 5060, 10000-20000 } meta l4proto @open_pbx-eu accept\n"
      "add rule inet hareplicate input tcp dport { 5060-5061 } meta l4proto @open_pbx-eu accept\n"
      "add rule inet hareplicate input udp dport { 5060, 10000-20000 } counter drop\n"
      "add rule inet hareplicate input tcp dport { 5060-5061 } counter drop\n"
      "add chain inet hareplicate output { type filter hook output priority -10; policy accept; }\n"
      "flush chain inet hareplicate output\n"
      "add rule inet hareplicate output oif lo accept\n"
      "add rule inet hareplicate output udp sport { 5060, 10000-20000 } meta l4proto @open_pbx-eu accept\n"
      "add rule inet hareplicate output tcp sport { 5060-5061 } meta l4proto @open_pbx-eu accept\n"
      "add rule inet hareplicate output udp sport { 5060, 10000-20000 } counter drop\n"
      "add rule inet hareplicate output tcp sport { 5060-5061 } counter drop\n";
  BOOST_TEST(text == wanted);
}

BOOST_AUTO_TEST_CASE(addresses_of_both_families_and_local_networks) {
  const GuardedService service{.name = "a",
                               .udp = {{5060, 5060}},
                               .addresses = {"192.0.2.10", "2001:db8::10", "192.0.2.11"},
                               .local_networks = {"10.0.0.0/8", "fd00::/8"}};
  BOOST_TEST(check_guarded(service).ok());
  const std::string text = guard_setup({service});
  const std::vector<std::string> wanted{
      "add rule inet hareplicate input ip daddr { 192.0.2.10, 192.0.2.11 } udp dport { 5060 } meta l4proto "
      "@open_a "
      "accept",
      "add rule inet hareplicate input ip6 daddr { 2001:db8::10 } udp dport { 5060 } meta l4proto @open_a "
      "accept",
      "add rule inet hareplicate output ip saddr { 192.0.2.10, 192.0.2.11 } udp sport { 5060 } meta l4proto "
      "@open_a "
      "accept",
      "add rule inet hareplicate output ip6 saddr { 2001:db8::10 } udp sport { 5060 } meta l4proto @open_a "
      "accept"};
  BOOST_TEST(lines_with(text, "@open_a").size() == 4U);
  BOOST_TEST(lines_with(text, "@open_a") == wanted, boost::test_tools::per_element());
  BOOST_TEST(lines_with(text, "input ip saddr { 10.0.0.0/8 } ip daddr").size() == 1U);
  BOOST_TEST(lines_with(text, "output ip6 daddr { fd00::/8 } ip6 saddr").size() == 1U);
}

BOOST_AUTO_TEST_CASE(whoever_has_a_port_may_open_it) {
  GuardedService other = plain();
  other.name = "pbx-us";
  const std::string text = guard_setup({plain(), other});
  // All that lets pass comes before all that drops.
  BOOST_TEST((text.find("@open_pbx-us accept") < text.find("counter drop")));
  BOOST_TEST(lines_with(text, "counter drop").size() == 8U);
}

BOOST_AUTO_TEST_CASE(opening_takes_the_old_time_out_and_puts_the_new_one_in) {
  BOOST_TEST(guard_open("a", milliseconds(9500)) ==
             "add element inet hareplicate open_a { tcp, udp }\n"
             "delete element inet hareplicate open_a { tcp, udp }\n"
             "add element inet hareplicate open_a { tcp timeout 9500ms, udp timeout 9500ms }\n"
             "add element inet hareplicate local_a { tcp, udp }\n"
             "delete element inet hareplicate local_a { tcp, udp }\n");
  BOOST_TEST((guard_open("a", milliseconds(-5)).find("timeout 1ms") != std::string::npos));
  BOOST_TEST((guard_close("a").find("timeout") == std::string::npos));
  BOOST_TEST(guard_keep_local("a").ends_with("add element inet hareplicate local_a { tcp, udp }\n"));
  BOOST_TEST(guard_remove() == "add table inet hareplicate\ndelete table inet hareplicate\n");
}

BOOST_AUTO_TEST_CASE(what_would_be_other_commands_is_refused) {
  for (const char* name :
       {"", "a b", "a;flush ruleset", "a{", "a\n", "ä", "123456789012345678901234567890123"}) {
    GuardedService service = plain();
    service.name = name;
    BOOST_TEST(refused(service).starts_with("the guard cannot have a service"), name);
  }
  for (const char* address :
       {"", "localhost", "192.0.2.1; flush ruleset", "192.0.2", "192.0.2.1/32", "::1}"}) {
    GuardedService service = plain();
    service.addresses = {address};
    BOOST_TEST(refused(service).ends_with("is no address of service pbx-eu"), address);
  }
  for (const char* network :
       {"10.0.0.0", "10.0.0.0/33", "fd00::/129", "10.0.0.0/", "/8", "10.0.0.0/8 x", "a/8"}) {
    GuardedService service = plain();
    service.local_networks = {network};
    BOOST_TEST(refused(service).ends_with("is no network of service pbx-eu"), network);
  }
}

BOOST_AUTO_TEST_CASE(ports_have_to_be_ranges) {
  GuardedService service{.name = "a"};
  BOOST_TEST(refused(service) == "service a has no ports to guard");
  for (const PortRange range : {PortRange{0, 5}, PortRange{5, 4}}) {
    service.udp = {range};
    BOOST_TEST(refused(service).starts_with("service a has ports that are no range"));
  }
  service.udp = std::vector<PortRange>(kGuardListMax + 1, PortRange{1, 1});
  BOOST_TEST(!refused(service).empty());
  service.udp.resize(1);
  service.addresses = std::vector<std::string>(kGuardListMax + 1, "192.0.2.1");
  BOOST_TEST((check_guarded(service).error().code() == Code::Exhausted));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
