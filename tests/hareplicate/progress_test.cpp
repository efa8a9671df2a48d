#include <boost/test/unit_test.hpp>

#include "schemas/control.pb.h"
#include "tools/hareplicate/progress.h"

namespace {

using namespace ha;
using namespace std::chrono_literals;
namespace pb = ha::schemas::control;

pb::Job copying(std::uint64_t done, std::uint64_t total) {
  pb::Job job;
  job.set_id("r-0001");
  job.set_phase("copying");
  job.set_items_done(1);
  job.set_items_total(4);
  job.set_bytes_done(done);
  job.set_bytes_total(total);
  job.set_sent_bytes(done / 2);
  return job;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hareplicate_progress)

BOOST_AUTO_TEST_CASE(a_phase_that_moves_nothing_says_so) {
  pb::Job job;
  job.set_phase("comparing");
  job.add_parts()->set_items(12004);
  tool::Progress progress;
  BOOST_TEST(progress.line(job, SteadyTime{}) == "comparing   12,004 items, 0 B sent");
}

BOOST_AUTO_TEST_CASE(rate_and_time_left_come_from_bytes) {
  tool::Progress progress;
  progress.line(copying(0, 100'000'000), SteadyTime{});
  const std::string line = progress.line(copying(20'000'000, 100'000'000), SteadyTime{} + 2s);
  BOOST_TEST(line == "copying   1/4 items   20 MB/100 MB   10 MB sent   10 MB/s   8.0 s left");
}

BOOST_AUTO_TEST_CASE(the_rate_forgets_what_is_long_ago) {
  tool::Progress progress;
  progress.line(copying(0, 100'000'000), SteadyTime{});
  progress.line(copying(50'000'000, 100'000'000), SteadyTime{} + 1s);
  progress.line(copying(50'000'000, 100'000'000), SteadyTime{} + 10s);
  const std::string line = progress.line(copying(51'000'000, 100'000'000), SteadyTime{} + 20s);
  BOOST_TEST(line.find("100 kB/s") != std::string::npos, line);
}

BOOST_AUTO_TEST_CASE(without_movement_there_is_no_time_left) {
  tool::Progress progress;
  progress.line(copying(5, 100), SteadyTime{});
  const std::string line = progress.line(copying(5, 100), SteadyTime{} + 1s);
  BOOST_TEST(line.find("left") == std::string::npos, line);
}

BOOST_AUTO_TEST_CASE(a_job_is_json_with_a_schema) {
  const std::string text = tool::job_json(copying(1, 2));
  BOOST_TEST(text.starts_with(R"({"schema":"hareplicate.job/1","id":"r-0001")"), text);
  BOOST_TEST(text.find(R"("ended":null)") != std::string::npos, text);
}

BOOST_AUTO_TEST_SUITE_END()
