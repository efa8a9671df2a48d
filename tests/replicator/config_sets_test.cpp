#include <boost/test/unit_test.hpp>

#include "tests/replicator/config_fixture.h"

namespace {

using namespace ha::replicator::test;
using ha::replicator::Config;

BOOST_AUTO_TEST_SUITE(replicator_config_sets)

BOOST_AUTO_TEST_CASE(a_set_without_a_service_is_one_for_each_of_them) {
  const std::string second =
      "[[service]]\nname = \"fax\"\nsites = [\"nyc1\"]\nholder = \"nyc1\"\nepoch = 7\n";
  const std::string sets = kEtc +
                           "place = \"shelf\"\n[[set]]\nname = \"moh\"\npath = \"/srv/moh\"\nservice = "
                           "\"*\"\nauthor = \"nyc1\"\nepoch = 3\n[[set]]\nname = \"vm\"\npath = \"/srv/vm\"\n"
                           "service = \"pbx\"\n";
  const std::string overlays =
      "[[overlay]]\nsite = \"fra1\"\nset = \"etc\"\nfile = \"a\"\nreplace = [ { match = 'x' } ]\n"
      "[[overlay]]\nsite = \"fra1\"\nset = \"etc@fax\"\nfile = \"b\"\nreplace = [ { match = 'x' } ]\n";
  const Config config = parse(kHead + second + sets + overlays);
  BOOST_TEST(config.sets().size() == 4U);
  const auto& here = *config.set("etc@pbx");
  BOOST_TEST((here.base == "etc" && here.origin == "fra1" && !here.shelved));
  BOOST_TEST(here.path == "/etc/asterisk");
  BOOST_TEST((here.overlays.size() == 1U && config.set("etc@fax")->overlays.size() == 2U));
  const auto& there = *config.set("etc@fax");
  BOOST_TEST((there.origin == "nyc1" && there.epoch == 7U && there.shelved && !there.may_be_live));
  BOOST_TEST(there.path == "/var/lib/hareplicate/shelf/fax/etc/tree");
  BOOST_TEST(there.live_path == "/etc/asterisk");
  const auto& whole = *config.set("moh");
  BOOST_TEST((config.origin_of(whole)->name == "nyc1" && whole.epoch == 3U && whole.service == "*"));
  BOOST_TEST((config.set("vm")->service == "pbx" && config.set("etc") == nullptr));
  const std::string node = "site = \"fra1\"\n[override]\n\"set.etc.shelf\" = \"/srv/shelf\"\n";
  BOOST_TEST(parse(kHead + second + sets, node).set("etc@fax")->path == "/srv/shelf/fax/etc/tree");
}

BOOST_AUTO_TEST_CASE(trees_that_would_share_files_are_errors_now_and_after_a_takeover) {
  const std::string both = "[[service]]\nname = \"fax\"\nsites = [\"fra1\", \"nyc1\"]\nholder = ";
  const std::string shelf = "place = \"shelf\"\n";
  BOOST_TEST(
      says(problems_of(kHead + both + "\"nyc1\"\n" + kEtc), "place = \"shelf\" keeps what is not held"));
  BOOST_TEST(problems_of(kHead + both + "\"nyc1\"\n" + kEtc + shelf) == "");
  BOOST_TEST(says(problems_of(kHead + both + "\"fra1\"\n" + kEtc + shelf),
                  "\"fra1\" can hold one of the services only"));
  const std::string common =
      "[[set]]\nname = \"common\"\npath = \"/etc/asterisk/common\"\nservice = \"*\"\nauthor = \"nyc1\"\n";
  BOOST_TEST(says(problems_of(kHead + both + "\"nyc1\"\n" + kEtc + shelf + "service = \"fax\"\n" + common),
                  "share files when fax is held here"));
  BOOST_TEST(says(problems_of(kHead + kEtc + shelf + "shelf = \"/etc/asterisk/.shelf\"\n"), "overlap"));
  BOOST_TEST(says(problems_of(kHead + kEtc + "service = \"*\"\n"), "author = \"SITE\" says which"));
  BOOST_TEST(says(problems_of(kHead + kEtc + "service = \"*\"\nauthor = \"fra\"\n"), "no site is called"));
  BOOST_TEST(says(problems_of(kHead + kEtc + shelf + "service = \"*\"\nauthor = \"fra1\"\n"),
                  "needs place = \"live\""));
  BOOST_TEST(says(problems_of(kHead + kEtc + "author = \"fra1\"\n"), "author is for sets of service"));
  BOOST_TEST(says(problems_of(kHead + both + "\"nyc1\"\n" + kEtc + shelf + kEtc), "is there twice"));
}

BOOST_AUTO_TEST_CASE(with_failover_a_service_has_no_holder_here) {
  const std::string told = kHead.substr(0, kHead.find("holder")) + "[failover]\n";
  const Config config =
      parse(told + kEtc + "place = \"shelf\"\n[[set]]\nname = \"vm\"\npath = \"/srv/vm\"\n");
  BOOST_TEST((config.has_failover() && !parse(kHead + kEtc).has_failover()));
  BOOST_TEST(config.service("pbx")->holder == "");
  const auto& etc = *config.set("etc");
  BOOST_TEST((etc.origin == "" && etc.shelved && config.origin_of(etc) == nullptr));
  BOOST_TEST((!config.set("vm")->shelved && config.replicas_of(etc).size() == 2U));
  BOOST_TEST(config.may_send());
  const auto ours = config.held_by(etc, "fra1", 7);
  BOOST_TEST((ours.origin == "fra1" && ours.epoch == 7U && !ours.shelved && ours.path == "/etc/asterisk"));
  BOOST_TEST((config.replicas_of(ours).size() == 1U && config.origin_of(ours)->name == "fra1"));
  const auto theirs = config.held_by(ours, "nyc1", 8);
  BOOST_TEST((theirs.shelved && theirs.path == "/var/lib/hareplicate/shelf/pbx/etc/tree"));
  BOOST_TEST(!config.held_by(*config.set("vm"), "nyc1", 8).shelved);
}

BOOST_AUTO_TEST_CASE(a_holder_beside_failover_is_an_error_and_so_is_none_without_it) {
  const std::string none = kHead.substr(0, kHead.find("holder"));
  const std::string remove = " does not go with [failover] — remove it: the arbiter says who holds a service";
  BOOST_TEST(problems_of(kHead + "[failover]\n" + kEtc) ==
             "/c/cluster.toml:15:10: error: service \"pbx\": holder" + remove);
  BOOST_TEST(problems_of(none + "epoch = 1\n[failover]\n" + kEtc) ==
             "/c/cluster.toml:15:9: error: service \"pbx\": epoch" + remove);
  BOOST_TEST(
      says(problems_of(none + kEtc), "/c/cluster.toml:12:1: error: service \"pbx\": \"holder\" is missing"));
}

BOOST_AUTO_TEST_CASE(only_who_may_hold_a_service_may_send) {
  const std::string nyc = kHead.substr(0, kHead.find("sites = ")) + "sites = [\"nyc1\"]\n[failover]\n" + kEtc;
  BOOST_TEST(!parse(nyc).may_send());
  BOOST_TEST(parse(nyc, "site = \"nyc1\"\n").may_send());
  const std::string common = "service = \"*\"\nauthor = \"fra1\"\n";
  BOOST_TEST(parse(nyc + common).may_send());
  BOOST_TEST((parse(kHead + kEtc).may_send() && !parse(kHead + kEtc, "site = \"nyc1\"\n").may_send()));
}

BOOST_AUTO_TEST_CASE(overlays_are_this_sites_in_their_order_and_all_are_checked) {
  const auto overlay = [](const std::string& site, const std::string& match) {
    return "[[overlay]]\nsite = \"" + site +
           "\"\nset = \"etc\"\nfile = \"a/b.conf\"\nreplace = [ { match = '" + match +
           "', with = '\\0' }, { match = 'x' } ]\n";
  };
  const std::string all = overlay("fra1", "one") + overlay("nyc1", "two") + overlay("fra1", "three");
  const Config config = parse(kHead + kEtc + all);
  const auto& overlays = config.set("etc")->overlays;
  BOOST_TEST_REQUIRE(overlays.size() == 1U);
  const auto& rules = overlays.at("a/b.conf");
  BOOST_TEST_REQUIRE(rules.size() == 4U);
  BOOST_TEST(rules[0].match == "one");
  BOOST_TEST(rules[0].with == "\\0");
  BOOST_TEST(rules[2].match == "three");
  BOOST_TEST(rules[3].with.empty());
  BOOST_TEST(parse(kHead + kEtc).set("etc")->overlays.empty());
  const std::string turned = overlay("fra1", "three") + overlay("nyc1", "two") + overlay("fra1", "one");
  BOOST_TEST(config.canonical() == parse(kHead + kEtc + "# the same\n" + all).canonical());
  BOOST_TEST(config.canonical() != parse(kHead + kEtc + turned).canonical());
  BOOST_TEST(says(config.canonical(), "match = \"two\""));
  bool shown = false;
  for (const Config::Effective& value : config.effective()) {
    shown = shown || (value.key == "overlay.nyc1.etc.a/b.conf.replace.match" && value.value == "\"two\"");
  }
  BOOST_TEST(shown);
}

BOOST_AUTO_TEST_CASE(wrong_overlays_are_errors_where_they_stand) {
  const auto problem = [](const std::string& site, const std::string& set, const std::string& file,
                          const std::string& rest) {
    return problems_of(kHead + kEtc + "exclude = [\"keys/\", \"*.swp\"]\n[[overlay]]\nsite = \"" + site +
                       "\"\nset = \"" + set + "\"\nfile = \"" + file + "\"\n" + rest);
  };
  const std::string good = "replace = [ { match = 'a', with = 'b' } ]\n";
  BOOST_TEST(problem("nyc1", "etc", "a", good) == "");
  BOOST_TEST(
      says(problem("nyc", "etc", "a", good), "/c/cluster.toml:21:8: error: overlay: no site is called"));
  BOOST_TEST(says(problem("nyc1", "etcc", "a", good), "22:7: error: overlay: no set is called \"etcc\""));
  for (const char* file : {"/a", "a/", "../a", "", "a//b"}) {
    BOOST_TEST(says(problem("nyc1", "etc", file, good), "23:8: error: overlay: file"));
  }
  BOOST_TEST(says(problem("nyc1", "etc", "a/.hareplicate/b", good), "is hareplicate's own"));
  BOOST_TEST(says(problem("nyc1", "etc", "keys/b", good), "is excluded from set \"etc\""));
  BOOST_TEST(says(problem("nyc1", "etc", "x.swp", good), "is excluded from set \"etc\""));
  BOOST_TEST(says(problem("nyc1", "etc", "a", ""), "20:1: error: overlay: replace is missing"));
  BOOST_TEST(says(problem("nyc1", "etc", "a", "replace = [ { match = 'a(b', with = 'b' } ]\n"),
                  "24:23: error: overlay: match is not a pattern: missing )"));
  BOOST_TEST(says(problem("nyc1", "etc", "a", "replace = [ { match = 'a', with = '\\1' } ]\n"),
                  "24:35: error: overlay: with does not fit match"));
  BOOST_TEST(says(problem("nyc1", "etc", "a", "replace = [ { match = 'a', whith = 'b' } ]\n"),
                  "did you mean \"with\""));
  const std::string again = good + "[[overlay]]\nsite = \"nyc1\"\nset = \"etc\"\nfile = ";
  BOOST_TEST(says(problem("nyc1", "etc", "a", again + "\"a\"\n" + good), "the same is there twice"));
  BOOST_TEST(says(problem("nyc1", "etc", "a", again + "\"a/b\"\n" + good), "cannot both be files"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
