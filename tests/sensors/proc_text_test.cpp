#include "failover/sensors/proc_text.h"

#include <boost/test/unit_test.hpp>

namespace ha::failover {
namespace {

BOOST_AUTO_TEST_SUITE(sensors_proc_text)

BOOST_AUTO_TEST_CASE(numbers_are_whole_or_none) {
  BOOST_TEST((whole_number("18446744073709551615") == kUnlimited));
  for (const char* text : {"", "-1", "1 ", " 1", "1x", "18446744073709551616", "0x1"}) {
    BOOST_TEST(!whole_number(text).has_value(), text);
  }
}

BOOST_AUTO_TEST_CASE(processors_and_their_times) {
  const std::string stat =
      "cpu  100 10 50 800 20 1 2 17 5 0\ncpu0 1 2 3\ncpu1 1 2 3\nintr 5\nctxt 6\nprocesses 7\n";
  BOOST_TEST(cpu_count(stat) == 2U);
  BOOST_TEST(cpu_times(stat)->total == 1000U);
  BOOST_TEST(cpu_times(stat)->steal == 17U);
  BOOST_TEST(!cpu_times("cpu  1 2 3\n").has_value());
  BOOST_TEST(!cpu_times("cpu  1 2 3 4 5 6 x 8\n").has_value());
  BOOST_TEST(!cpu_times("").has_value());
  BOOST_TEST(*load_average("0.52 0.58 0.59 1/389 4711\n") == 0.52);
  BOOST_TEST(!load_average("-1 2").has_value());
  BOOST_TEST(!load_average("").has_value());
}

BOOST_AUTO_TEST_CASE(pressure_of_some_and_of_all) {
  const auto io =
      pressure_of("some avg10=12.50 avg60=1.00 avg300=0.10 total=4711\nfull avg10=3.25 avg60=0 total=1\n");
  BOOST_TEST(io->some == 12.5);
  BOOST_TEST(*io->full == 3.25);
  BOOST_TEST(!pressure_of("some avg10=1.00 avg60=1.00\n")->full.has_value());  // cpu, before Linux 5.13
  BOOST_TEST(!pressure_of("full avg10=1.00\n").has_value());
  BOOST_TEST(!pressure_of("some avg10=nan x\n").has_value());
}

BOOST_AUTO_TEST_CASE(a_named_number_is_that_of_the_whole_name) {
  const std::string text = "MemTotal:       24684096 kB\nMemAvailable:   20497688 kB\nThreads:\t7\n";
  BOOST_TEST(*named_number(text, "MemAvailable:") == 20497688U);
  BOOST_TEST(*named_number(text, "Threads:") == 7U);
  BOOST_TEST(!named_number(text, "Mem").has_value());
  BOOST_TEST(!named_number("oom_kill\n", "oom_kill").has_value());
  BOOST_TEST(!named_number("oom_kill x\n", "oom_kill").has_value());
}

BOOST_AUTO_TEST_CASE(a_process_whose_name_has_blanks_and_parentheses) {
  const auto stat = process_stat(
      "4711 (a) S (b c)) S 1 4711 4711 0 -1 4194304 102 0 0 0 0 0 0 0 20 0 1 0 353011 2998272 416 1\n");
  BOOST_TEST(stat->command == "a) S (b c)");
  BOOST_TEST(stat->state == 'S');
  BOOST_TEST(stat->start_ticks == 353011U);
  BOOST_TEST(!process_stat("4711 (a) S 1 2 3\n").has_value());
  BOOST_TEST(!process_stat("4711 )a( S 1\n").has_value());
  BOOST_TEST(!process_stat("").has_value());
}

BOOST_AUTO_TEST_CASE(limits_and_control_groups) {
  const std::string limits =
      "Limit                     Soft Limit           Hard Limit           Units\n"
      "Max processes             unlimited            96407                processes\n"
      "Max open files            1024                 1048576              files\n";
  BOOST_TEST(*soft_limit(limits, "Max open files") == 1024U);
  BOOST_TEST(*soft_limit(limits, "Max processes") == kUnlimited);
  BOOST_TEST(!soft_limit(limits, "Max nothing").has_value());
  BOOST_TEST(*unified_cgroup("8:pids:/\n0::/system.slice/asterisk.service\n") ==
             "/system.slice/asterisk.service");
  BOOST_TEST(!unified_cgroup("8:pids:/\n").has_value());
}

BOOST_AUTO_TEST_CASE(a_disk_is_found_by_name_and_by_number) {
  const std::string text =
      "   7       0 loop0 0 0 0 0 0 0 0 0 0 0 0\n"
      " 254       0 vda 100 5 2000 300 50 6 1000 200 3 400 500 0 0 0 0 9 10\n";
  BOOST_TEST(disk_times(text, "vda")->done == 150U);
  BOOST_TEST(disk_times(text, "vda")->spent_ms == 500U);
  BOOST_TEST(disk_times(text, "vda")->waiting == 3U);
  BOOST_TEST(disk_times(text, 254, 0)->done == 150U);
  BOOST_TEST(!disk_times(text, "vd").has_value());
  BOOST_TEST(!disk_times(text, 254, 1).has_value());
  BOOST_TEST(!disk_times(" 254 0 vda 1 2 3 x 5 6 7 8 9 10 11\n", "vda").has_value());
}

BOOST_AUTO_TEST_CASE(counters_of_the_network_are_found_by_their_heads) {
  const std::string text =
      "Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\nUdp: 10 20 30 40 55 60\n"
      "UdpLite: InDatagrams RcvbufErrors\nUdpLite: 1 77\n";
  BOOST_TEST(*snmp_counter(text, "Udp", "RcvbufErrors") == 55U);
  BOOST_TEST(*snmp_counter(text, "UdpLite", "RcvbufErrors") == 77U);
  BOOST_TEST(!snmp_counter(text, "Udp", "Nothing").has_value());
  BOOST_TEST(!snmp_counter("Udp: A B\nUdp: 1\n", "Udp", "B").has_value());
  BOOST_TEST(!snmp_counter("Udp: A B\n", "Udp", "B").has_value());
}

BOOST_AUTO_TEST_CASE(ports_in_use_are_counted_once) {
  PortSet ports;
  add_udp_ports(
      "  sl  local_address rem_address\n 10: 0100007F:13C4 00000000:0000 07\n 11: 00000000:13C4 x\n", ports);
  add_udp_ports("  sl local\n 1: 00000000000000000000000001000000:2710 0:0\n 2: zz\n 3: 0:10000\n 4: 0: 1\n",
                ports);
  BOOST_TEST(ports.count() == 2U);
  BOOST_TEST((ports.test(5060) && ports.test(10000)));
}

BOOST_AUTO_TEST_CASE(default_gateways_are_those_of_default_routes) {
  const std::string head = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n";
  const auto found = default_gateways(head + "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n" +
                                      "eth0\t00000000\t010200C0\t0003\t0\t0\t99\t00000000\t0\t0\t0\n" +
                                      "eth1\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n" +
                                      "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n" +
                                      "eth2\t00000000\tzz\t0003\t0\t0\t0\t00000000\t0\t0\t0\n");
  BOOST_TEST((found == std::vector<Gateway>{{"eth0", "192.0.2.1"}}));
  std::string many = head;
  for (int i = 0; i < 1000; ++i) {
    many += "e" + std::to_string(i) + "\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
  }
  BOOST_TEST(default_gateways(many).size() == 64U);
}

BOOST_AUTO_TEST_CASE(the_kernel_knows_a_neighbour_or_not) {
  const std::string text =
      "IP address       HW type     Flags       HW address            Mask     Device\n"
      "192.0.2.1        0x1         0x2         02:fc:00:00:00:05     *        eth0\n"
      "192.0.2.2        0x1         0x0         00:00:00:00:00:00     *        eth0\n";
  BOOST_TEST(is_in_arp(text, "192.0.2.1"));
  BOOST_TEST(!is_in_arp(text, "192.0.2.2"));
  BOOST_TEST(!is_in_arp(text, "192.0.2"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
