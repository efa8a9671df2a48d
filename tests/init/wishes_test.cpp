#include "tools/init/wishes.h"

#include <boost/test/unit_test.hpp>

#include <algorithm>

namespace {

using namespace ha::init;

const Wish* named(const std::vector<Wish>& wishes, const std::string& name) {
  const auto found =
      std::find_if(wishes.begin(), wishes.end(), [&](const Wish& wish) { return wish.name == name; });
  return found != wishes.end() ? &*found : nullptr;
}

bool leaves_out(const std::vector<Wish>& wishes, const std::string& path) {
  return std::any_of(wishes.begin(), wishes.end(),
                     [&](const Wish& wish) { return wish.path == path && !wish.why_not.empty(); });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(init_wishes)

BOOST_AUTO_TEST_CASE(directories_of_asterisk_conf_move_the_trees) {
  std::vector<std::string> remarks;
  const Paths paths = asterisk_paths(
      {{"astspooldir", {"/srv/My Spool/", "a.conf", 3}}, {"astdatadir", {"relative", "a.conf", 4}}},
      "/usr/share/asterisk", remarks);
  BOOST_TEST(paths.at("astspooldir").path == "/srv/My Spool");
  BOOST_TEST(paths.at("astdatadir").path == "/usr/share/asterisk");
  BOOST_TEST_REQUIRE(remarks.size() == 1U);
  BOOST_TEST(remarks[0].find("a.conf:4: astdatadir") == 0U);
  const auto wishes = asterisk_wishes(paths, Pbx::Asterisk, {{"/music", "m.conf:1"}});
  BOOST_TEST(named(wishes, "voicemail")->path == "/srv/My Spool/voicemail");
  BOOST_TEST(named(wishes, "voicemail")->from == "a.conf:3");
  BOOST_TEST(named(wishes, "moh-2")->path == "/music");
  BOOST_TEST(leaves_out(wishes, "/srv/My Spool/outgoing"));
  BOOST_TEST(leaves_out(wishes, "/var/log/asterisk"));
}

BOOST_AUTO_TEST_CASE(freepbx_leaves_its_web_pages_out_and_takes_all_sounds) {
  std::vector<std::string> remarks;
  const Paths paths = asterisk_paths({}, "/var/lib/asterisk", remarks);
  BOOST_TEST(named(asterisk_wishes(paths, Pbx::FreePbx, {}), "sounds")->path == "/var/lib/asterisk/sounds");
  BOOST_TEST(leaves_out(freepbx_wishes(paths, {}), "/var/www/html"));
  BOOST_TEST(leaves_out(freepbx_wishes(paths, {{"AMPWEBROOT", "/srv/www"}}), "/srv/www"));
}

BOOST_AUTO_TEST_CASE(a_name_of_a_database_that_is_not_plain_is_not_repeated) {
  const LaterSet later = freepbx_later({{"AMPDBNAME", "x\"]\nevil = 1"}, {"AMPDBUSER", "me"}});
  BOOST_TEST(later.sentence.find("user me") != std::string::npos);
  for (const std::string& line : later.lines) {
    BOOST_TEST(line.find("evil") == std::string::npos, line);
  }
}

BOOST_AUTO_TEST_CASE(freeswitch_never_has_its_databases_in_a_set) {
  for (const char* conf : {"/etc/freeswitch", "/usr/local/freeswitch/conf"}) {
    const auto wishes =
        freeswitch_wishes(freeswitch_paths(conf, {{"recordings_dir", {"/srv/recs/", "vars:3"}}}));
    BOOST_TEST(named(wishes, "recordings")->path == "/srv/recs");
    BOOST_TEST(named(wishes, "etc")->path == conf);
    const bool local = std::string(conf).starts_with("/usr");
    BOOST_TEST(leaves_out(wishes, local ? "/usr/local/freeswitch/db" : "/var/lib/freeswitch/db"));
    for (const Wish& wish : wishes) {
      BOOST_TEST((std::find(wish.exclude.begin(), wish.exclude.end(), "*.db") != wish.exclude.end()),
                 wish.path);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()
