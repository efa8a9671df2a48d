#include <boost/test/unit_test.hpp>

#include "schemas/control.pb.h"
#include "tools/hareplicate/show_status.h"

namespace {

using namespace ha;
using namespace std::chrono_literals;
namespace pb = ha::schemas::control;

pb::Status two_sets() {
  pb::Status status;
  status.set_cluster("acme");
  status.set_site("fra1");
  status.set_config_digest("9c1e07aa");
  status.set_now_ns(1'700'000'000'000'000'000);
  status.set_started_ns(1'699'999'000'000'000'000);
  pb::Service& service = *status.add_services();
  service.set_name("pbx");
  service.set_holder("fra1");
  service.set_epoch(41);
  pb::Link& link = *status.add_links();
  link.set_peer("nyc1");
  link.set_outgoing(true);
  link.set_state("up");
  link.set_rtt_ns(84'000'000);
  link.set_clock_offset_ns(-11'000'000);
  for (const char* name : {"etc", "voicemail"}) {
    pb::Set& set = *status.add_sets();
    set.set_set(name);
    set.set_kind("files");
    set.set_peer("nyc1");
    set.set_origin(true);
    set.set_state("in sync");
    set.set_behind_ns(0);
  }
  return status;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hareplicate_show_status)

BOOST_AUTO_TEST_CASE(the_table_names_links_sets_and_services) {
  const std::string text = tool::status_table(two_sets(), false, false);
  BOOST_TEST(has(text, "pbx held by fra1 (epoch 41)"), text);
  BOOST_TEST(has(text, "fra1 → nyc1   up 0 s"), text);
  BOOST_TEST(has(text, "84 ms"), text);
  BOOST_TEST(has(text, "−11 ms"), text);
  BOOST_TEST(has(text, "SET         KIND    TO/FROM   STATE     BEHIND   LEFT   LAST EQUAL   VERIFIED"),
             text);
  BOOST_TEST(has(text, "voicemail   files   → nyc1    in sync   0 s"), text);
}

BOOST_AUTO_TEST_CASE(a_problem_is_shown_with_its_next_command) {
  pb::Status status = two_sets();
  pb::Problem& problem = *status.add_problems();
  problem.set_id("H-7f3a");
  problem.set_what("etc → nyc1 is held");
  problem.set_next("hareplicate resync etc --full");
  const std::string text = tool::status_table(status, false, false);
  BOOST_TEST(
      has(text, "\n1 problem\n  H-7f3a  etc → nyc1 is held\n          next: hareplicate resync etc --full\n"),
      text);
}

BOOST_AUTO_TEST_CASE(names_of_files_cannot_steer_the_terminal) {
  pb::Status status = two_sets();
  pb::Item& item = *status.add_failed();
  item.set_set("etc");
  item.set_key("evil\033[2J\nname");
  item.set_detail("no\trights");
  const std::string text = tool::status_table(status, true, false);
  BOOST_TEST(has(text, R"(evil\x1b[2J\x0aname)"), text);
  BOOST_TEST(!has(text, "\033"), text);
}

BOOST_AUTO_TEST_CASE(one_line_follows_the_rules_of_plugins) {
  pb::Status status = two_sets();
  tool::OneLine line = tool::status_oneline(status, {});
  BOOST_TEST(line.exit_code == 0);
  BOOST_TEST(line.text ==
             "HAREPLICATE OK - fra1: 1/1 links up, 2/2 sets in sync, worst behind 0 s | behind_max=0s;;;0 "
             "links_up=1;;;0;1 held=0 failed=0\n");
  status.mutable_sets(0)->set_behind_ns(600'000'000'000);
  line = tool::status_oneline(status, {Duration(5min), Duration(1h)});
  BOOST_TEST(line.exit_code == 1);
  BOOST_TEST(has(line.text, "behind_max=600s;300;3600;0"), line.text);
  line = tool::status_oneline(status, {Duration(5min), Duration(9min)});
  BOOST_TEST(line.exit_code == 2);
}

BOOST_AUTO_TEST_CASE(no_link_at_all_is_critical) {
  pb::Status status = two_sets();
  status.mutable_links(0)->set_state("down");
  BOOST_TEST(tool::status_oneline(status, {}).exit_code == 2);
}

BOOST_AUTO_TEST_CASE(a_replicator_that_does_not_answer_is_unknown) {
  const tool::OneLine line = tool::unknown_oneline(Error(Code::Unavailable, "no | replicator"));
  BOOST_TEST(line.exit_code == 3);
  BOOST_TEST(line.text == "HAREPLICATE UNKNOWN - no / replicator\n");
}

BOOST_AUTO_TEST_CASE(filters_keep_what_was_asked_for) {
  pb::Status status = two_sets();
  BOOST_TEST(tool::filter_status(status, {{"etc"}, ""}).ok());
  BOOST_TEST(status.sets_size() == 1);
  BOOST_TEST(status.sets(0).set() == "etc");
}

BOOST_AUTO_TEST_CASE(a_mistyped_set_is_not_found_with_a_suggestion) {
  pb::Status status = two_sets();
  const Status filtered = tool::filter_status(status, {{"voicemial"}, ""});
  BOOST_TEST_REQUIRE(!filtered.ok());
  BOOST_TEST((filtered.error().code() == Code::Invalid));
  BOOST_TEST(has(filtered.error().what(), "did you mean \"voicemail\"?"), filtered.error().what());
}

BOOST_AUTO_TEST_CASE(json_has_a_schema_and_nulls_for_what_is_not_known) {
  const std::string text = tool::status_json(two_sets());
  BOOST_TEST(text.starts_with(R"({"schema":"hareplicate.status/1","cluster":"acme")"), text);
  BOOST_TEST(has(text, R"("rtt_s":0.084)"), text);
  BOOST_TEST(has(text, R"("last_equal":null)"), text);
}

BOOST_AUTO_TEST_SUITE_END()
