// Sensors that look at this host, in a /proc and a /sys that the test writes.
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "tests/sensors/sensor_fixture.h"

namespace ha::failover {
namespace {

BOOST_AUTO_TEST_SUITE(sensors_host)

BOOST_AUTO_TEST_CASE(load_is_counted_per_processor) {
  const Host host;
  auto sensor = host.sensor("cpu.load");
  HA_READS(host.read(*sensor), Unknown, "cannot be read");
  host.put("proc/stat", "cpu  1 2 3 4 5 6 7 8\ncpu0 1\ncpu1 1\ncpu2 1\ncpu3 1\n");
  host.put("proc/loadavg", "5.00 1 1 1/1 1\n");
  HA_READS(host.read(*sensor), Ok, "load 5 on 4 processors");
  host.put("proc/loadavg", "6.00 1 1 1/1 1\n");
  HA_READS(host.read(*sensor), Warn, "");
  host.put("proc/loadavg", "8.10 1 1 1/1 1\n");
  HA_READS(host.read(*sensor), Trip, "");
}

BOOST_AUTO_TEST_CASE(stolen_time_is_that_since_the_last_reading) {
  const Host host;
  auto sensor = host.sensor("cpu.steal");
  host.put("proc/stat", "cpu  100 0 0 0 0 0 0 900\n");
  HA_READS(host.read(*sensor), Ok, "took 0 %");
  host.put("proc/stat", "cpu  193 0 0 0 0 0 0 907\n");
  HA_READS(host.read(*sensor), Warn, "took 7 % for others");
  host.put("proc/stat", "cpu  283 0 0 0 0 0 0 917\n");
  HA_READS(host.read(*sensor), Trip, "took 10 % for others");
  host.put("proc/stat", "cpu  1 0 0 0 0 0 0 1\n");  // counted anew
  HA_READS(host.read(*sensor), Ok, "");
  host.remove("proc/stat");
  HA_READS(host.read(*sensor), Unknown, "");
}

BOOST_AUTO_TEST_CASE(pressure_is_that_of_some_or_of_all) {
  const Host host;
  const std::string text =
      "some avg10=39.00 avg60=0 avg300=0 total=1\nfull avg10=21.00 avg60=0 avg300=0 total=1\n";
  for (const char* resource : {"cpu", "memory", "io"}) {
    host.put(std::string("proc/pressure/") + resource, text);
  }
  HA_READS(host.read(*host.sensor("cpu.pressure")), Warn, "something waited for cpu 39 % of the time");
  HA_READS(host.read(*host.sensor("mem.pressure")), Trip, "everything waited for memory 21 % of the time");
  HA_READS(host.read(*host.sensor("disk.pressure")), Warn, "everything waited for io 21 % of the time");
  host.put("proc/pressure/io", "some avg10=39.00 avg60=0 avg300=0 total=1\n");
  HA_READS(host.read(*host.sensor("disk.pressure")), Unknown, "does not say it");
  host.remove("proc/pressure");
  HA_READS(host.read(*host.sensor("disk.pressure")), Unknown, "psi=1");
}

BOOST_AUTO_TEST_CASE(available_memory_gets_worse_downwards) {
  const Host host;
  auto sensor = host.sensor("mem.available");
  const auto put = [&](int available) {
    host.put("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: " + std::to_string(available) + " kB\n");
  };
  put(101);
  HA_READS(host.read(*sensor), Ok, "103 kB of 1.0 MB are available");
  put(100);
  HA_READS(host.read(*sensor), Warn, "");
  put(50);
  HA_READS(host.read(*sensor), Trip, "");
  host.put("proc/meminfo", "MemTotal: 0 kB\nMemAvailable: 0 kB\n");
  HA_READS(host.read(*sensor), Unknown, "");
}

BOOST_AUTO_TEST_CASE(a_killed_process_is_remembered_for_the_window) {
  Host host;
  auto sensor = host.sensor("mem.oom_kill", {{"window", "5m"}});
  host.put("proc/vmstat", "oom_kill 7\n");
  HA_READS(host.read(*sensor), Ok, "nothing was killed");
  host.put("proc/vmstat", "oom_kill 9\n");
  HA_READS(host.read(*sensor), Trip, "2 processes were killed for want of memory in the last 5 m");
  host.now += seconds(200);
  host.put("proc/vmstat", "oom_kill 10\n");
  HA_READS(host.read(*sensor), Trip, "3 processes");
  host.now += seconds(101);
  HA_READS(host.read(*sensor), Trip, "1 processes");
  host.now += seconds(200);
  HA_READS(host.read(*sensor), Ok, "nothing was killed");
}

std::string stat_line(int pid, const std::string& name, char state, int start) {
  return std::to_string(pid) + " (" + name + ") " + state + " 1 1 1 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 " +
         std::to_string(start) + " 1 1\n";
}

BOOST_AUTO_TEST_CASE(a_process_is_gone_dead_stopped_stuck_or_restarted) {
  Host host;
  host.put("proc/loadavg", "1");
  auto sensor = host.sensor("process", {{"process", "asterisk"}, {"restart_for", "30s"}});
  HA_READS(host.read(*sensor), Trip, "asterisk does not run");
  host.put("proc/700/stat", stat_line(700, "asterisk", 'S', 50));
  host.put("proc/600/stat", stat_line(600, "asterisk", 'S', 99));  // a child of it that kept the name
  HA_READS(host.read(*sensor), Ok, "asterisk (process 700) runs");
  for (const char state : {'D', 'T', 't'}) {
    host.put("proc/700/stat", stat_line(700, "asterisk", state, 50));
    HA_READS(host.read(*sensor), Ok, "");
    host.now += milliseconds(999);
    HA_READS(host.read(*sensor), Ok, "");
    host.now += milliseconds(1);
    HA_READS(host.read(*sensor), Trip, state == 'D' ? "waits for a disk since 1" : "is stopped since 1");
    host.put("proc/700/stat", stat_line(700, "asterisk", 'R', 50));
    HA_READS(host.read(*sensor), Ok, "");
  }
  host.put("proc/700/stat", stat_line(700, "asterisk", 'S', 51));  // the same id again
  HA_READS(host.read(*sensor), Warn, "was restarted 0 s ago, 1 times");
  host.now += seconds(30);
  HA_READS(host.read(*sensor), Ok, "");
  host.remove("proc/600");
  host.put("proc/700/stat", stat_line(700, "asterisk", 'Z', 51));
  HA_READS(host.read(*sensor), Trip, "asterisk is dead, its parent has not noticed");
  host.put("proc/800/stat", stat_line(800, "asterisk", 'S', 60));
  HA_READS(host.read(*sensor), Warn, "asterisk (process 800) was restarted");
  host.put("proc/800/stat", "?");
  host.put("proc/700/stat", "?");
  HA_READS(host.read(*sensor), Trip, "does not run");
}

BOOST_AUTO_TEST_CASE(a_file_with_the_id_is_believed_only_as_far_as_the_name_goes) {
  Host host;
  const Options options{{"pidfile", host.path("pid")}, {"process", "freeswitch-with-a-long-name"}};
  auto sensor = host.sensor("process", options);
  HA_READS(host.read(*sensor), Trip, "there is no ");
  host.put("pid", "700\n");
  HA_READS(host.read(*sensor), Trip, "does not run");
  host.put("proc/700/stat", stat_line(700, "freeswitch-with", 'S', 5));
  HA_READS(host.read(*sensor), Ok, "runs");
  host.put("proc/700/stat", stat_line(700, "sshd", 'S', 5));
  HA_READS(host.read(*sensor), Trip, "process 700 is \"sshd\"");
  host.put("proc/700/stat", "?");
  HA_READS(host.read(*sensor), Unknown, "cannot be read");
  for (const char* id : {"x", "0", "99999999999"}) {
    host.put("pid", id);
    HA_READS(host.read(*sensor), Unknown, "");
  }
}

BOOST_AUTO_TEST_CASE(a_real_process_that_ends_wakes_its_sensor) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  const Host host;
  host.put("pid", std::to_string(child));
  SensorSetup setup = host.setup("process", {{"pidfile", host.path("pid")}});
  setup.proc = "/proc";
  auto sensor = must(make_sensor(setup));
  HA_READS(read_now(*sensor), Ok, "runs");
  pollfd wake{sensor->wake_fd(), POLLIN, 0};
  BOOST_TEST(::poll(&wake, 1, 0) == 0);
  ::kill(child, SIGKILL);
  BOOST_TEST(::poll(&wake, 1, 5000) == 1);
  HA_READS(read_now(*sensor), Trip, "is dead");  // nobody has waited for it yet
  BOOST_TEST(sensor->wake_fd() == -1);
  ::waitpid(child, nullptr, 0);
  HA_READS(read_now(*sensor), Trip, "does not run");
}

BOOST_AUTO_TEST_CASE(open_files_and_threads_are_compared_with_their_limits) {
  const Host host;
  host.put("proc/9/stat", stat_line(9, "a", 'S', 1));
  host.put("proc/9/limits",
           "Max processes             100          100       processes\n"
           "Max open files            10           20        files\n");
  host.put("proc/9/status", "Name:\ta\nThreads:\t60\n");
  for (int i = 0; i < 7; ++i) {
    host.put("proc/9/fd/" + std::to_string(i), "");
  }
  auto files = host.sensor("fd.use", {{"process", "a"}});
  HA_READS(host.read(*files), Warn, "a has 7 of 10 open files");
  auto threads = host.sensor("thread.use", {{"process", "a"}});
  HA_READS(host.read(*threads), Ok, "a has 60 of 100 threads");
  host.put("proc/9/cgroup", "0::/system.slice/a.service\n");
  host.put("sys/fs/cgroup/system.slice/a.service/pids.current", "65\n");
  host.put("sys/fs/cgroup/system.slice/a.service/pids.max", "max\n");
  HA_READS(host.read(*threads), Ok, "a has 60 of 100 threads");
  host.put("sys/fs/cgroup/system.slice/a.service/pids.max", "70\n");
  HA_READS(host.read(*threads), Trip, "a has 65 of 70 threads");
  host.put("proc/9/limits",
           "Max processes  unlimited  unlimited  processes\nMax open files  unlimited 1 files\n");
  HA_READS(host.read(*threads), Trip, "a has 65 of 70 threads");
  HA_READS(host.read(*files), Ok, "without a limit");
  host.put("proc/9/limits", "");
  HA_READS(host.read(*files), Unknown, "Max open files");
  host.remove("proc/9/fd");
  HA_READS(host.read(*files), Unknown, "cannot list");
  host.remove("proc/9");
  HA_READS(host.read(*files), Ok, "a does not run");  // which is another sensor's to say
}

BOOST_AUTO_TEST_CASE(a_link_is_there_and_as_it_should_be) {
  const Host host;
  auto sensor = host.sensor("net.link", {{"interface", "eth0"}, {"speed", std::int64_t{1000}}});
  HA_READS(host.read(*sensor), Trip, "there is no interface eth0");
  host.put("sys/class/net/eth0/operstate", "down\n");
  HA_READS(host.read(*sensor), Trip, "eth0 has no link, it is down");
  host.put("sys/class/net/eth0/operstate", "up\n");
  host.put("sys/class/net/eth0/carrier", "1\n");
  HA_READS(host.read(*sensor), Ok, "eth0 has a link");
  host.put("sys/class/net/eth0/speed", "1000\n");
  host.put("sys/class/net/eth0/duplex", "full\n");
  HA_READS(host.read(*sensor), Ok, "of 1000 Mbit/s");
  host.put("sys/class/net/eth0/speed", "100\n");
  HA_READS(host.read(*sensor), Warn, "100 Mbit/s, it should be 1000");
  host.put("sys/class/net/eth0/duplex", "half\n");
  HA_READS(host.read(*sensor), Warn, "half duplex");
  host.put("sys/class/net/eth0/carrier", "0\n");
  HA_READS(host.read(*sensor), Trip, "has no link");
}

BOOST_AUTO_TEST_CASE(broken_packets_are_a_part_of_all) {
  const Host host;
  auto sensor = host.sensor("net.errors", {{"interface", "eth0"}});
  HA_READS(host.read(*sensor), Unknown, "");
  const auto put = [&](int good, int bad) {
    for (const char* name : {"rx_packets", "tx_packets"}) {
      host.put(std::string("sys/class/net/eth0/statistics/") + name, std::to_string(good / 2));
    }
    for (const char* name : {"rx_errors", "tx_errors", "rx_dropped", "tx_dropped"}) {
      host.put(std::string("sys/class/net/eth0/statistics/") + name, std::to_string(bad / 4));
    }
  };
  put(1000, 400);
  HA_READS(host.read(*sensor), Ok, "0 packets");  // what was before is not counted
  put(2000, 408);
  HA_READS(host.read(*sensor), Ok, "8 packets of eth0 broken or dropped, 1,000 good");
  put(2980, 428);
  HA_READS(host.read(*sensor), Warn, "");
  put(3060, 448);
  HA_READS(host.read(*sensor), Trip, "20 packets of eth0 broken or dropped, 80 good");
  put(0, 0);
  HA_READS(host.read(*sensor), Ok, "");
}

BOOST_AUTO_TEST_CASE(tracked_connections_dropped_packets_and_ports) {
  Host host;
  auto tracked = host.sensor("net.conntrack");
  HA_READS(host.read(*tracked), Ok, "tracks no connections");
  host.put("proc/sys/net/netfilter/nf_conntrack_count", "950\n");
  HA_READS(host.read(*tracked), Unknown, "");
  host.put("proc/sys/net/netfilter/nf_conntrack_max", "1000\n");
  HA_READS(host.read(*tracked), Trip, "950 connections are tracked, of 1,000");

  auto drops = host.sensor("net.udp_drops");
  HA_READS(host.read(*drops), Unknown, "");
  const auto put = [&](int four, int six) {
    host.put("proc/net/snmp", "Udp: InDatagrams RcvbufErrors\nUdp: 1 " + std::to_string(four) + "\n");
    host.put("proc/net/snmp6", "Udp6RcvbufErrors \t" + std::to_string(six) + "\n");
  };
  put(1000, 10);
  HA_READS(host.read(*drops), Ok, "");
  host.now += seconds(5);
  put(1200, 60);
  HA_READS(host.read(*drops), Trip, "50 UDP packets a second");
  host.now += seconds(5);
  put(1205, 60);
  HA_READS(host.read(*drops), Warn, "1 UDP packets a second");
  host.now += seconds(5);
  HA_READS(host.read(*drops), Ok, "");

  auto ports = host.sensor("rtp.ports", {{"first", std::int64_t{10000}}, {"last", std::int64_t{10009}}});
  HA_READS(host.read(*ports), Ok, "0 of 10");
  std::string table = "  sl  local_address rem_address\n";
  for (int i = 0; i < 9; ++i) {
    table += " 1: 00000000:271" + std::to_string(i) + " 0:0\n";
  }
  host.put("proc/net/udp", table);
  HA_READS(host.read(*ports), Trip, "9 of 10 RTP ports are in use");
}

BOOST_AUTO_TEST_CASE(a_disk_is_as_slow_as_its_mean) {
  const Host host;
  auto sensor = host.sensor("disk.latency", {{"device", "vda"}});
  const auto put = [&](int done, int ms) {
    host.put("proc/diskstats",
             "254 0 vda " + std::to_string(done) + " 0 0 " + std::to_string(ms) + " 0 0 0 0 0 0 0 0\n");
  };
  HA_READS(host.read(*sensor), Unknown, "");
  put(100, 100'000);
  HA_READS(host.read(*sensor), Ok, "vda had nothing to do");
  put(200, 106'000);
  HA_READS(host.read(*sensor), Warn, "vda took 60 ms for one, of 100");
  put(210, 108'500);
  HA_READS(host.read(*sensor), Trip, "vda took 250 ms");
  host.put("proc/diskstats", "254 0 vdb 1 0 0 1 0 0 0 0 0 0 0 0\n");
  HA_READS(host.read(*sensor), Unknown, "set device");
  auto by_path = host.sensor("disk.latency", {{"path", host.path("nowhere")}});
  HA_READS(host.read(*by_path), Unknown, "cannot look at");
}

BOOST_AUTO_TEST_CASE(a_disk_that_does_nothing_of_what_waits_is_as_slow_as_that_lasts) {
  Host host;
  auto sensor = host.sensor("disk.latency", {{"device", "vda"}});
  const auto put = [&](int done, int ms, int waiting) {
    host.put("proc/diskstats", "254 0 vda " + std::to_string(done) + " 0 0 " + std::to_string(ms) +
                                   " 0 0 0 0 " + std::to_string(waiting) + " 0 0\n");
  };
  put(100, 100, 0);
  HA_READS(host.read(*sensor), Ok, "had nothing to do");
  put(100, 100, 2);
  HA_READS(host.read(*sensor), Ok, "vda has done none of 2 for");
  host.now += milliseconds(100);
  HA_READS(host.read(*sensor), Warn, "vda has done none of 2 for 0.1 s");
  host.now += seconds(5);
  HA_READS(host.read(*sensor), Trip, "for 5.1 s");
  put(102, 10'300, 1);
  HA_READS(host.read(*sensor), Trip, "vda took 5100 ms for one, of 2");
  HA_READS(host.read(*sensor), Ok, "vda has done none of 1 for");  // anew
  put(103, 10'301, 0);
  HA_READS(host.read(*sensor), Ok, "vda took 1 ms");
}

BOOST_AUTO_TEST_CASE(hardware_reports_its_own_errors) {
  const Host host;
  auto sensor = host.sensor("hw.health");
  HA_READS(host.read(*sensor), Ok, "0 memory errors");
  host.put("sys/devices/system/edac/mc/mc0/ue_count", "0\n");
  host.put("sys/devices/system/edac/mc/mc0/ce_count", "5\n");
  HA_READS(host.read(*sensor), Warn, "memory errors were corrected");
  HA_READS(host.read(*sensor), Ok, "");
  host.put("sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count", "3\n");
  HA_READS(host.read(*sensor), Warn, "slowed down for heat");
  host.put("sys/block/md0/md/degraded", "1\n");
  HA_READS(host.read(*sensor), Warn, "a mirror of disks has lost one");
  host.put("sys/devices/system/edac/mc/mc1/ue_count", "2\n");
  HA_READS(host.read(*sensor), Trip, "2 memory errors were not corrected");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
