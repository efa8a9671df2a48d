#include <boost/test/unit_test.hpp>

#include "tests/sys/temp_directory.h"
#include "tools/hareplicate/site_edit.h"

using namespace ha;        // NOLINT: a test
using namespace ha::tool;  // NOLINT

namespace {

const std::string kHead = "version = 1\n[cluster]\nname = \"acme\"\nid = \"1\"\n";
const std::string kFra = "[[site]]\nname = \"fra1\"   # the first\naddress = [\"tcp://a:1\"]\nkey = \"" +
                         std::string("FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hBR") + "\"\n";
const std::string kNew =
    "\n[[site]]   # joined\nname    = \"nyc1\"\naddress = [\"tcp://b:1\", \"tcp://c:1\"]\nkey     = \"K\"\n";

NewSite nyc(std::vector<std::string> services = {}) {
  return {"nyc1", {"tcp://b:1", "tcp://c:1"}, "K", std::move(services), "joined"};
}

std::string added(const std::string& text, std::vector<std::string> services = {}) {
  return sys::must(add_site("cluster.toml", text, nyc(std::move(services))));
}

std::string service(const std::string& sites, const std::string& name = "pbx") {
  return "[[service]]\nname = \"" + name + "\"\nsites = " + sites + "\nholder = \"fra1\"\n";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hareplicate_site_edit)

BOOST_AUTO_TEST_CASE(a_block_goes_to_the_end_of_a_file_that_ends_with_its_sites) {
  BOOST_TEST(added(kHead + kFra) == kHead + kFra + kNew);
}

BOOST_AUTO_TEST_CASE(a_file_without_a_last_line_end_gets_one) {
  const std::string text = kHead + kFra;
  BOOST_TEST(added(text.substr(0, text.size() - 1)) == text + kNew);
}

BOOST_AUTO_TEST_CASE(blank_lines_and_comments_before_the_next_table_stay_with_it) {
  const std::string rest = "\n# ------ what callers reach\n\n" + service("[\"fra1\"]");
  BOOST_TEST(added(kHead + kFra + rest) == kHead + kFra + kNew + rest);
}

BOOST_AUTO_TEST_CASE(it_goes_behind_the_last_site_wherever_that_is) {
  std::string second = kFra;
  second.replace(second.find("fra1"), 4, "syd1");
  const std::string link = "[link]\nbulk_flows = 4\n";
  BOOST_TEST(added(kHead + kFra + link + second + "# the end\n") ==
             kHead + kFra + link + second + kNew + "# the end\n");
}

BOOST_AUTO_TEST_CASE(a_list_over_several_lines_with_comments_is_not_cut) {
  const std::string site =
      "[[site]]\nname = \"fra1\"\nkey = \"FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hBR\"\naddress = [\n"
      "  \"tcp://a:1\",  # [[set]] is not here\n\n  # nor here\n]\n";
  const std::string rest = "# next\n[link]\nbulk_flows = 4\n";
  BOOST_TEST(added(kHead + site + rest) == kHead + site + kNew + rest);
}

BOOST_AUTO_TEST_CASE(carriage_returns_stay) {
  const std::string site =
      "[[site]]\r\nname = \"fra1\"\r\naddress = [\"tcp://a:1\"]\r\n"
      "key = \"FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hBR\"\r\n";
  const std::string rest = "\r\n[link]\r\nbulk_flows = 4\r\n";
  BOOST_TEST(added(kHead + site + rest) == kHead + site + kNew + rest);
}

BOOST_AUTO_TEST_CASE(the_site_becomes_eligible_where_asked_and_nowhere_else) {
  const std::string other = service("[\"fra1\"]", "fax");
  const auto check = [&](const std::string& before, const std::string& after) {
    BOOST_TEST(added(kHead + kFra + service(before) + other, {"pbx"}) ==
               kHead + kFra + kNew + service(after) + other);
  };
  check("[\"fra1\"]  # by preference", "[\"fra1\", \"nyc1\"]  # by preference");
  check("['fra1', ]", "['fra1', \"nyc1\", ]");
  check("[]", "[\"nyc1\"]");
  check("[\n  \"fra1\",  # a \"comment\" ]\n]", "[\n  \"fra1\", \"nyc1\",  # a \"comment\" ]\n]");
  check("[\"nyc1\"]", "[\"nyc1\"]");
  BOOST_TEST(added(kHead + service("[\"fra1\"]") + kFra, {"pbx"}) ==
             kHead + service("[\"fra1\", \"nyc1\"]") + kFra + kNew);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_extended_is_said_with_what_to_do) {
  const auto unknown = add_site("c", kHead + kFra + service("[\"fra1\"]"), nyc({"pbxx"}));
  BOOST_TEST((sys::code_of(unknown) == Code::Invalid));
  BOOST_TEST(unknown.error().what().find("did you mean \"pbx\"") != std::string::npos);
  const auto odd = add_site("c", kHead + kFra + service("[\"\"\"fra1\"\"\"]"), nyc({"pbx"}));
  BOOST_TEST((sys::code_of(odd) == Code::Invalid));
  BOOST_TEST(odd.error().hint().find("by hand") != std::string::npos);
  BOOST_TEST((sys::code_of(add_site("c", kHead, nyc())) == Code::Invalid));
  BOOST_TEST((sys::code_of(add_site("c", "[[site", nyc())) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(a_node_file_gets_its_site_behind_its_first_comments) {
  BOOST_TEST(set_node_site("", "nyc1") == "site = \"nyc1\"\n");
  BOOST_TEST(set_node_site("# a\n# b\nlisten = \"*\"\n[override]\n", "nyc1") ==
             "# a\n# b\nsite = \"nyc1\"\nlisten = \"*\"\n[override]\n");
  BOOST_TEST(set_node_site("# a", "nyc1") == "# a\nsite = \"nyc1\"\n");
  BOOST_TEST(set_node_site("[override]\n", "nyc1") == "site = \"nyc1\"\n[override]\n");
}

BOOST_AUTO_TEST_CASE(keys_are_changed_in_their_place_and_nothing_else_is) {
  const std::string site =
      "[[site]]\n  name = \"fra1\"\n  key  = 'OLD'   # made in May\n  address = [\"tcp://a:1\"]\n";
  const auto changed = [](const std::string& text, const std::string& key, const std::string& next) {
    return sys::must(change_site_keys("c", text, "fra1", key, next));
  };
  const std::string announced =
      "[[site]]\n  name = \"fra1\"\n  key  = \"OLD\"   # made in May\n  next_key = \"NEW\"\n"
      "  address = [\"tcp://a:1\"]\n";
  BOOST_TEST(changed(kHead + site + "[link]\n", "OLD", "NEW") == kHead + announced + "[link]\n");
  const std::string finished =
      "[[site]]\n  name = \"fra1\"\n  key  = \"NEW\"   # made in May\n  address = [\"tcp://a:1\"]\n";
  BOOST_TEST(changed(kHead + announced, "NEW", "") == kHead + finished);
  BOOST_TEST(changed(kHead + announced, "OLD", "OTHER").find("next_key = \"OTHER\"") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(keys_at_the_end_of_a_file_without_a_line_end_are_changed_too) {
  const std::string text = kHead + "[[site]]\nname = \"fra1\"\naddress = [\"tcp://a:1\"]\nkey = \"K\"";
  const std::string announced = sys::must(change_site_keys("c", text, "fra1", "K", "N"));
  BOOST_TEST(announced == text + "\nnext_key = \"N\"\n");
  const std::string bare = announced.substr(0, announced.size() - 1);
  BOOST_TEST(sys::must(change_site_keys("c", bare, "fra1", "K", "")) == text + "\n");
}

BOOST_AUTO_TEST_CASE(keys_that_cannot_be_changed_are_left_for_a_hand) {
  BOOST_TEST((sys::code_of(change_site_keys("c", kHead + kFra, "nyc1", "K", "")) == Code::Invalid));
  BOOST_TEST((sys::code_of(change_site_keys("c", "[[site", "fra1", "K", "")) == Code::Invalid));
  const std::string odd = "[[site]]\nname = \"fra1\"\naddress = [\"tcp://a:1\"]\nkey = \"\"\"K\"\"\"\n";
  const auto refused = change_site_keys("c", kHead + odd, "fra1", "K", "N");
  BOOST_TEST((sys::code_of(refused) == Code::Invalid));
  BOOST_TEST(refused.error().hint().find("by hand") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
