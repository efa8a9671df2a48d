#include "failover/sensors/pbx_text.h"

#include <boost/test/unit_test.hpp>

namespace ha::failover {
namespace {

BOOST_AUTO_TEST_SUITE(sensors_pbx_text)

// Lines of real ones, with other numbers.
BOOST_AUTO_TEST_CASE(the_fullest_queue_of_tasks_is_found_in_both_tables) {
  const std::vector<std::string> asterisk16{
      "",
      "Processor                          Processed   In Queue  Max Depth  Low water High water",
      "app_voicemail                              0          0          0        450        500",
      "pjsip/distributor-0000001f             91233        499        702        450        500",
      "stasis/p:endpoint:PJSIP/100-0000001c       1         40          1         45         50",
      "",
      "104 taskprocessors",
      ""};
  const TaskQueue queue = fullest_queue(asterisk16).value();
  BOOST_TEST((queue.name == "pjsip/distributor-0000001f" && queue.waiting == 499 && queue.high_water == 500));
  BOOST_TEST(queue.percent() == 99.8);
  const std::vector<std::string> asterisk22{
      "Processor           Processed   In Queue  Max Depth  Low water High water Low time(us) High time(us)",
      "taskpool/s:stasis-00000000      6          7          2        450        500          0       2778"};
  BOOST_TEST(fullest_queue(asterisk22)->waiting == 7U);
  BOOST_TEST(fullest_queue({"a b c 1 2 3 4 5"})->waiting == 2U);
  for (const char* line : {"", "104 taskprocessors", "a 1 2 3 4", "a 1 2 3 4 0", "a 1 -2 3 4 5"}) {
    BOOST_TEST((fullest_queue({line}).error().code() == Code::Corrupt), line);
  }
}

BOOST_AUTO_TEST_CASE(the_limit_of_calls_is_in_the_settings) {
  pbx::AmiAnswer answer;
  answer.response.fields.add("Response", "Success");
  BOOST_TEST((read_max_calls(answer).error().code() == Code::Corrupt));
  answer.response.fields.add("CoreMaxCalls", "120");
  BOOST_TEST(read_max_calls(answer).value() == 120U);
  pbx::AmiAnswer refused;
  refused.response.fields.add("Response", "Error");
  refused.response.fields.add("Message", "Permission denied");
  BOOST_TEST((read_max_calls(refused).error().code() == Code::Denied));
}

BOOST_AUTO_TEST_CASE(each_profile_is_there_once) {
  const std::string line(97, '=');
  const auto profiles = read_profiles(
      "                     Name\t   Type\t                                      Data\tState\n" + line +
      "\n                 external\tprofile\t           sip:mod_sofia@10.0.0.1:5080\tRUNNING (0)\n"
      "                 external\tprofile\t           sip:mod_sofia@10.0.0.1:5081\tRUNNING (0) (TLS)\n"
      "           external::here\tgateway\t                     sip:u@here.test\tTRYING (retry: 3s)\n"
      "                    alias\t  alias\t                            internal\tALIASED\n"
      "                 internal\tprofile\t           sip:mod_sofia@10.0.0.1:5060\tDOWN (0)\n" +
      line + "\n2 profiles 1 alias\n");
  BOOST_REQUIRE(profiles->size() == 2U);
  BOOST_TEST((profiles->at(0).name == "external" && profiles->at(0).is_running()));
  BOOST_TEST((profiles->at(1).name == "internal" && !profiles->at(1).is_running()));
  BOOST_TEST(read_profiles("0 profiles 0 aliases\n")->empty());
  std::string many;
  for (std::size_t i = 0; i <= kSipProfilesMax; ++i) {
    many += std::to_string(i) + "\tprofile\tx\tRUNNING (0)\n";
  }
  BOOST_TEST((read_profiles(many).error().code() == Code::Exhausted));
  for (const char* text : {"", "-ERR no sofia\n", "x\tprofile\ty\tRUNNING (0)\n"}) {
    BOOST_TEST((read_profiles(text).error().code() == Code::Corrupt), text);
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
