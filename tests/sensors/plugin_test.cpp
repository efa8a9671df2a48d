#include <boost/test/unit_test.hpp>

#include "tests/sensors/sensor_fixture.h"

namespace ha::failover {
namespace {

Reading run(const std::string& script, Duration timeout = seconds(20), Options more = {}) {
  const Host host;
  more.emplace("command", Texts{"/bin/sh", "-c", script});
  return read_now(*host.sensor("plugin", more), timeout);
}

BOOST_AUTO_TEST_SUITE(sensors_plugin)

BOOST_AUTO_TEST_CASE(exit_status_first_line_and_first_number_become_a_reading) {
  const Reading reading = run("echo 'LOAD OK - 0.1 | load1=0.100;5;10;0 load5=1'; echo more; exit 0");
  HA_READS(reading, Ok, "LOAD OK - 0.1");
  BOOST_TEST(reading.value == 0.1);
  HA_READS(run("echo slow; exit 1"), Warn, "slow");
  HA_READS(run("echo dead; exit 2"), Trip, "dead");
  HA_READS(run("echo 'no such option' >&2; exit 3"), Unknown, "no such option");
  HA_READS(run("exit 0"), Ok, "/bin/sh ended with 0 and said nothing");
}

BOOST_AUTO_TEST_CASE(a_score_makes_it_worse_never_better) {
  HA_READS(run("echo 'x | score=39'"), Ok, "x");
  HA_READS(run("echo 'x | score=40'"), Warn, "x");
  HA_READS(run("echo 'x | score=70'; exit 1"), Trip, "x");
  HA_READS(run("echo 'x | score=0'; exit 2"), Trip, "x");
  HA_READS(run("echo 'x | score=99'; exit 3"), Unknown, "x");
  HA_READS(run("echo 'x | score=20'", seconds(20), {{"warn", std::int64_t{10}}, {"trip", std::int64_t{20}}}),
           Trip, "x");
}

BOOST_AUTO_TEST_CASE(one_that_hangs_or_dies_or_is_not_there) {
  HA_READS(run("sleep 100", milliseconds(200)), Trip, "/bin/sh did not end in time");
  HA_READS(run("kill -9 $$"), Unknown, "ended by signal 9");
  const Host host;
  HA_READS(read_now(*host.sensor("plugin", {{"command", Texts{"/no/such/plugin"}}})), Unknown, "cannot run");
  HA_READS(run("true", seconds(20), {{"user", "no-such-user"}}), Unknown, "there is no user");
}

BOOST_AUTO_TEST_CASE(its_surroundings_are_plain) {
  HA_READS(run("echo $HA_SENSOR $PWD `umask`"), Ok, "it / 0077");
  BOOST_TEST(run("head -c 1000000 /dev/zero | tr '\\0' x").text.size() == kReadingTextMax);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
