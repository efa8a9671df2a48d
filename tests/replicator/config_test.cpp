#include "replicator/config.h"

#include <cstdlib>
#include <fstream>

#include <boost/test/unit_test.hpp>

#include "schemas/cluster_schema.h"
#include "tests/replicator/config_fixture.h"

namespace {

using namespace std::chrono_literals;
using namespace ha::replicator::test;
using ha::ConfigProblems;
using ha::replicator::Config;
using ha::replicator::ConfigTexts;

BOOST_AUTO_TEST_SUITE(replicator_config)

BOOST_AUTO_TEST_CASE(a_cluster_is_read_with_its_defaults) {
  const Config config = parse(kHead + kEtc);
  BOOST_TEST(config.cluster_name() == "acme");
  BOOST_TEST(config.cluster_id() == "5b1f");
  BOOST_TEST(config.self().name == "fra1");
  BOOST_TEST(config.sites().size() == 2U);
  const auto& set = *config.set("etc");
  BOOST_TEST(set.service == "pbx");
  BOOST_TEST(set.check.count() == ha::Duration(30s).count());
  BOOST_TEST(set.walk.count() == ha::Duration(15min).count());
  BOOST_TEST(set.settle.count() == ha::Duration(300ms).count());
  BOOST_TEST((set.publish == ha::replicator::PublishMode::File));
  BOOST_TEST(config.link_to("nyc1").bulk_flows == 4U);
  BOOST_TEST(config.link_to("nyc1").window_bytes == 16'000'000U);
  BOOST_TEST(config.link_to("nyc1").bwlimit_bytes_per_s == 0U);
  BOOST_TEST(config.link_to("nyc1").congestion == "bbr");
  BOOST_TEST(config.state_dir().string() == "/var/lib/hareplicate");
  BOOST_TEST(config.run_dir().string() == "/run/hareplicate");
  BOOST_TEST(config.secret_key_file().string() == "/c/secrets/site.curve");
  BOOST_TEST(config.set("nothing") == nullptr);
}

BOOST_AUTO_TEST_CASE(a_name_that_is_not_there_is_asked_back) {
  const Config config = parse(kHead + kEtc);
  const ha::Error set = ha::replicator::unknown_set(config, "ect");
  BOOST_TEST(set.what() == "there is no set \"ect\"; did you mean \"etc\"?");
  BOOST_TEST((set.code() == ha::Code::Invalid));
  BOOST_TEST(ha::replicator::unknown_site(config, "nyc2").what() ==
             "there is no site \"nyc2\"; did you mean \"nyc1\"?");
}

BOOST_AUTO_TEST_CASE(data_flows_from_the_holder_to_every_other_site) {
  const std::string third =
      "[[site]]\nname = \"syd1\"\naddress = [\"tcp://syd1.example:7400\"]\n"
      "key = \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"\n";
  const Config config = parse(kHead + "epoch = 41\n" + third + kEtc);
  const auto& set = *config.set("etc");
  BOOST_TEST(config.origin_of(set)->name == "fra1");
  BOOST_TEST(set.epoch == 41U);
  const auto replicas = config.replicas_of(set);
  BOOST_TEST(replicas.size() == 2U);
  BOOST_TEST(replicas[0]->name == "nyc1");
  BOOST_TEST(replicas[1]->name == "syd1");
}

BOOST_AUTO_TEST_CASE(a_set_takes_its_own_word_before_the_defaults) {
  const Config config =
      parse(kHead + "[set_defaults]\ncheck = \"1m\"\npublish = \"set\"\n" + kEtc +
            "[[set]]\nname = \"rec\"\npath = \"/srv/rec/\"\ncheck = \"5m\"\npublish = \"file\"\n"
            "exclude = [\"*.tmp\"]\n");
  BOOST_TEST(config.set("etc")->check.count() == ha::Duration(1min).count());
  BOOST_TEST((config.set("etc")->publish == ha::replicator::PublishMode::Set));
  BOOST_TEST(config.set("rec")->check.count() == ha::Duration(5min).count());
  BOOST_TEST((config.set("rec")->publish == ha::replicator::PublishMode::File));
  BOOST_TEST(config.set("rec")->path == "/srv/rec");
  BOOST_TEST(config.set("rec")->exclude.matches("a/b.tmp", false));
}

BOOST_AUTO_TEST_CASE(a_node_overrides_what_it_may) {
  const std::string cluster =
      kHead +
      "[link]\nbwlimit = \"20MB/s\"\n[[link.peer]]\nbetween = [\"nyc1\", \"fra1\"]\nbwlimit = \"4MB/s\"\n" +
      kEtc;
  BOOST_TEST(parse(cluster).link_to("nyc1").bwlimit_bytes_per_s == 4'000'000U);
  const Config config =
      parse(cluster,
            "site = \"nyc1\"\nstate_dir = \"/s\"\nrun_dir = \"/r/\"\nsecret_key_file = \"/k\"\n[override]\n"
            "\"link.bwlimit\" = \"8MB/s\"\n\"set.etc.path\" = \"/srv/etc\"\n");
  BOOST_TEST(config.link_to("fra1").bwlimit_bytes_per_s == 8'000'000U);
  BOOST_TEST(config.set("etc")->path == "/srv/etc");
  BOOST_TEST(config.self().name == "nyc1");
  BOOST_TEST(config.run_dir().string() == "/r");
  BOOST_TEST(config.secret_key_file().string() == "/k");
  BOOST_TEST(config.canonical() == parse(cluster).canonical());
}

BOOST_AUTO_TEST_CASE(an_override_of_anything_else_is_refused) {
  const std::string node = "site = \"fra1\"\n[override]\n";
  BOOST_TEST(
      problems_of(kHead + kEtc, node + "\"link.window\" = \"1MB\"\n") ==
      "/c/node.toml:3:17: error: override: \"link.window\" cannot differ between nodes — a node may set "
      "\"set.NAME.path\", \"set.NAME.shelf\" and \"link.bwlimit\"");
  BOOST_TEST(says(problems_of(kHead + kEtc, node + "\"set.ect.path\" = \"/x\"\n"), "did you mean \"etc\"?"));
  BOOST_TEST(says(problems_of(kHead + kEtc, node + "\"set.etc.path\" = \"x\"\n"), "is not absolute"));
  BOOST_TEST(says(problems_of(kHead + kEtc, node + "\"link.bwlimit\" = 8\n"),
                  "/c/node.toml:3:18: error: override: bwlimit"));
}

BOOST_AUTO_TEST_CASE(the_host_name_is_the_site_when_the_node_does_not_say) {
  ConfigProblems problems;
  ConfigTexts given{"/c/cluster.toml", kHead + kEtc, "/c/node.toml", std::nullopt, "nyc1"};
  BOOST_TEST(Config::parse(given, problems)->self().name == "nyc1");
  given.host_name = "nyc";
  BOOST_TEST(!Config::parse(given, problems).ok());
  BOOST_TEST(says(problems.text(),
                  "this site is \"nyc\", which /c/cluster.toml does not have; did you mean \"nyc1\"?"));
  BOOST_TEST(says(problems_of(kHead + kEtc, "node = \"fra1\"\n"), "unknown key \"node\""));
}

BOOST_AUTO_TEST_CASE(ports_are_bound_on_the_listen_address) {
  const std::vector<std::string> all = parse(kHead + kEtc).listen_endpoints();
  BOOST_TEST(all == (std::vector<std::string>{"tcp://*:7400", "tcp://*:7401"}),
             boost::test_tools::per_element());
  BOOST_TEST(parse(kHead + kEtc, "site = \"nyc1\"\nlisten = \"::1\"\n").listen_endpoints().at(0) ==
             "tcp://[::1]:7400");
  BOOST_TEST(
      says(problems_of(kHead + kEtc, "site = \"fra1\"\nlisten = \"tcp://*:1\"\n"), "is not an address"));
}

BOOST_AUTO_TEST_CASE(names_are_unique_and_well_formed) {
  BOOST_TEST(
      problems_of(kHead + kEtc + "[[set]]\nname = \"etc\"\npath = \"/srv\"\n") ==
      "/c/cluster.toml:20:8: error: set \"etc\" is there twice, first at /c/cluster.toml:16:1 — give it "
      "another name");
  BOOST_TEST(
      says(problems_of(kHead + "[[set]]\nname = \"Et c\"\npath = \"/srv\"\n"), "\"Et c\" is not a name"));
  BOOST_TEST(
      says(problems_of(kHead + kEtc + "[[service]]\nname = \"pbx\"\nsites = [\"nyc1\"]\nholder = \"nyc1\"\n"),
           "service \"pbx\" is there twice"));
}

// For the first hour, before another site is invited.
BOOST_AUTO_TEST_CASE(one_site_is_right_with_a_warning_that_names_the_next_command) {
  std::string one = kHead.substr(0, kHead.find("[[site]]\nname = \"nyc1\""));
  one += "[[service]]\nname = \"pbx\"\nsites = [\"fra1\"]\nholder = \"fra1\"\n" + kEtc;
  ConfigProblems problems;
  const auto config = Config::parse(texts(one), problems);
  BOOST_TEST_REQUIRE(config.ok(), problems.text());
  BOOST_TEST(config->replicas_of(config->sets()[0]).empty());
  BOOST_TEST(
      says(problems.text(), "warning: only one [[site]]: nothing is replicated yet — hareplicate invite"));
}

BOOST_AUTO_TEST_CASE(a_holder_must_be_eligible_and_sites_must_exist) {
  const std::string head = kHead.substr(0, kHead.find("sites ="));
  const auto problem = [&](const std::string& sites) {
    return problems_of(head + "sites = " + sites + "\nholder = \"fra1\"\n" + kEtc);
  };
  BOOST_TEST(
      says(problem("[\"nyc1\"]"), ":15:10: error: service \"pbx\": holder \"fra1\" is not among its sites"));
  BOOST_TEST(says(problem("[\"fra1\", \"nyc\"]"), "no site is called \"nyc\"; did you mean \"nyc1\"?"));
  BOOST_TEST(says(problem("[]"), "sites is empty"));
  BOOST_TEST(says(problem("[\"fra1\", \"fra1\"]"), "names \"fra1\" twice"));
}

BOOST_AUTO_TEST_CASE(a_site_needs_its_own_addresses_and_key) {
  const std::string third = "[[site]]\nname = \"syd1\"\n";
  const std::string key = "key = \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"\n";
  BOOST_TEST(says(problems_of(kHead + kEtc + third + key + "address = []\n"), "address is empty"));
  BOOST_TEST(says(problems_of(kHead + kEtc + third + key + "address = [\"syd1:7400\"]\n"),
                  "does not begin with tcp://"));
  BOOST_TEST(says(problems_of(kHead + kEtc + third + key + "address = [\"tcp://nyc1.example:7400\"]\n"),
                  "is that of site \"nyc1\" too"));
  BOOST_TEST(says(problems_of(kHead + kEtc + third + "address = [\"tcp://s:1\"]\nkey = \"abc\"\n"),
                  "is not a CURVE public key"));
  BOOST_TEST(
      says(problems_of(kHead + kEtc + third +
                       "address = [\"tcp://s:1\"]\nkey = \"i/f<D?nd><@oLc*8&7{q-!SEX>WKCvnva<C^-HVA\"\n"),
           "every site has its own"));
}

BOOST_AUTO_TEST_CASE(a_site_that_changes_its_key_has_two_and_both_are_its_own) {
  const std::string third = "[[site]]\nname = \"syd1\"\naddress = [\"tcp://s:1\"]\n";
  const std::string key = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
  const std::string next = "9a0000000000000000000000000000000000000A";
  const std::string good = third + "key = \"" + key + "\"\nnext_key = \"" + next + "\"\n";
  const Config config = parse(kHead + kEtc + good);
  BOOST_TEST(config.site("syd1")->has_key(key));
  BOOST_TEST(config.site("syd1")->has_key(next));
  BOOST_TEST(!config.site("fra1")->has_key(""));
  BOOST_TEST(!config.site("fra1")->has_key(next));
  const auto problem = [&](const std::string& first, const std::string& second) {
    return problems_of(kHead + kEtc + third + "key = \"" + first + "\"\nnext_key = \"" + second + "\"\n");
  };
  const std::string nyc = "i/f<D?nd><@oLc*8&7{q-!SEX>WKCvnva<C^-HVA";
  BOOST_TEST(says(problem(key, "abc"), "next_key is not a CURVE public key"));
  BOOST_TEST(says(problem(key, key), "is its key already"));
  BOOST_TEST(says(problem(key, nyc), "next_key is that of site \"nyc1\" too"));
  const std::string fourth = "[[site]]\nname = \"ams1\"\naddress = [\"tcp://m:1\"]\nkey = \"" + next + "\"\n";
  BOOST_TEST(says(problems_of(kHead + kEtc + good + fourth), "key is that of site \"syd1\" too"));
}

BOOST_AUTO_TEST_CASE(sets_do_not_share_files) {
  const std::string problem =
      problems_of(kHead + kEtc + "[[set]]\nname = \"keys\"\npath = \"/etc/asterisk/keys\"\n");
  BOOST_TEST(problem ==
             "/c/cluster.toml:21:8: error: set \"keys\": path \"/etc/asterisk/keys\" and set \"etc\" "
             "(/etc/asterisk, "
             "/c/cluster.toml:18:8) share files — one of them must be elsewhere");
  const std::string two = kHead + kEtc + "[[set]]\nname = \"b\"\npath = \"/srv/b\"\n";
  BOOST_TEST(says(problems_of(two, "site = \"fra1\"\n[override]\n\"set.b.path\" = \"/etc/asterisk\"\n"),
                  "/c/node.toml:3:16: error: set \"b\""));
}

BOOST_AUTO_TEST_CASE(our_own_directories_are_not_in_a_set) {
  BOOST_TEST(says(problems_of(kHead + "[[set]]\nname = \"var\"\npath = \"/var\"\n"), "hareplicate's own"));
  BOOST_TEST(says(problems_of(kHead + kEtc, "site = \"fra1\"\nstate_dir = \"/etc/asterisk/x\"\n"),
                  "\"/etc/asterisk/x\" overlap"));
  BOOST_TEST(says(problems_of(kHead + kEtc, "site = \"fra1\"\nstate_dir = \"x\"\n"),
                  "state_dir \"x\" is not absolute"));
}

BOOST_AUTO_TEST_CASE(a_set_needs_a_right_path_service_kind_and_patterns) {
  BOOST_TEST(says(problems_of(kHead + "[[set]]\nname = \"a\"\npath = \"etc\"\n"),
                  "18:8: error: set \"a\": path \"etc\" is not absolute"));
  BOOST_TEST(says(problems_of(kHead + "[[set]]\nname = \"a\"\npath = \"/a\"\nexclude = [\"x//y\"]\n"),
                  "exclude: pattern \"x//y\""));
  BOOST_TEST(says(problems_of(kHead + "[[set]]\nname = \"a\"\npath = \"/a\"\nservice = \"pxb\"\n"),
                  "did you mean \"pbx\"?"));
  BOOST_TEST(says(problems_of(kHead + "[[set]]\nname = \"a\"\npath = \"/a\"\nkind = \"mysql\"\n"),
                  "kind \"mysql\" is not supported by this version"));
  BOOST_TEST(says(problems_of(kHead + "[[set]]\nname = \"a\"\npath = \"/a\"\nkind = \"file\"\n"),
                  "did you mean \"files\"?"));
  BOOST_TEST(says(problems_of(kHead.substr(0, kHead.find("[[service]]")) + kEtc), "there is no [[service]]"));
}

BOOST_AUTO_TEST_CASE(times_must_fit_each_other) {
  BOOST_TEST(
      says(problems_of(kHead + kEtc + "check = \"20m\"\n"), "set \"etc\": walk is shorter than check"));
  BOOST_TEST(
      says(problems_of(kHead + kEtc + "settle = \"2s\"\ncheck = \"1s\"\n"), "settle is longer than check"));
}

BOOST_AUTO_TEST_CASE(links_join_two_known_sites_once) {
  const std::string peer = "[[link.peer]]\nbwlimit = \"1MB/s\"\nbetween = ";
  BOOST_TEST(says(problems_of(kHead + kEtc + peer + "[\"fra1\"]\n"), "between must name two sites"));
  BOOST_TEST(says(problems_of(kHead + kEtc + peer + "[\"fra1\", \"x\"]\n"), "no site is called \"x\""));
  BOOST_TEST(
      says(problems_of(kHead + kEtc + peer + "[\"fra1\", \"nyc1\"]\n" + peer + "[\"nyc1\", \"fra1\"]\n"),
           "this pair is there twice"));
}

BOOST_AUTO_TEST_CASE(pace_and_deletions_are_said_by_a_set_or_by_the_defaults) {
  const Config config =
      parse(kHead + "[set_defaults]\nstable = \"20s\"\ndelete = \"trash:30d\"\n" + kEtc +
            "delete = \"never\"\nafter = [\"asterisk -rx 'core reload'\", \"true\"]\nafter_on = "
            "\"holder\"\n[[set]]\nname = \"b\"\npath = \"/srv/b\"\nstable = \"0s\"\n");
  const auto& etc = *config.set("etc");
  BOOST_TEST((etc.stable == 20s));
  BOOST_TEST((etc.deletes.mode == ha::replicator::DeleteMode::Never));
  BOOST_TEST(etc.guards.delete_percent_max == 100);
  BOOST_REQUIRE(etc.after.size() == 2U);
  BOOST_TEST(etc.after[0][2] == "core reload");
  BOOST_TEST((etc.after_on == ha::replicator::AfterOn::Holder));
  BOOST_TEST((etc.after_timeout == 30s));
  const auto& other = *config.set("b");
  BOOST_TEST((other.stable == 0s));
  BOOST_TEST((other.deletes.mode == ha::replicator::DeleteMode::Trash));
  BOOST_TEST(other.guards.delete_percent_max == 10);
  BOOST_TEST((other.after.empty() && other.after_on == ha::replicator::AfterOn::Always));
  BOOST_TEST(says(problems_of(kHead + kEtc + "delete = \"trash\"\n"), "mirror, never, or trash:30d"));
  BOOST_TEST(says(problems_of(kHead + kEtc + "after = [\"a | b\"]\n"), "set \"etc\": after: \"|\" means"));
}

BOOST_AUTO_TEST_CASE(a_unit_is_a_pattern_and_does_not_go_with_all_other_keys) {
  const Config config = parse(kHead + kEtc + "unit = \"*/*/*\"\n");
  BOOST_TEST(config.sets()[0].unit.matches("default/1001/INBOX", true));
  BOOST_TEST(!config.sets()[0].unit.matches("default/1001", true));
  BOOST_TEST(parse(kHead + kEtc).sets()[0].unit.empty());
  const auto problem = [](const std::string& keys) { return problems_of(kHead + kEtc + keys); };
  BOOST_TEST(says(problem("unit = \"a//b\"\n"), "unit: "));
  BOOST_TEST(
      says(problem("unit = \"*\"\npublish = \"set\"\n"), "unit and publish = \"set\" exclude each other"));
  BOOST_TEST(says(problem("unit = \"*\"\ndelete = \"never\"\n"), "write delete = \"trash:30d\""));
}

BOOST_AUTO_TEST_CASE(settings_of_later_versions_are_refused_by_name) {
  for (const char* key : {"server = \"x\"", "into = \"x\"", "exclude_keys = []"}) {
    BOOST_TEST(says(problems_of(kHead + kEtc + key + "\n"), "is not supported by this version"));
  }
  BOOST_TEST(says(problems_of(kHead + kEtc + "[[mysql]]\nname = \"x\"\n"), "\"mysql\" is not supported"));
}

BOOST_AUTO_TEST_CASE(dns_is_known_and_left_to_dnsupdater) {
  const std::string record = "[[dns.record]]\nservice = \"pbx\"\nname = \"sip.example.net\"\n";
  BOOST_TEST(problems_of(kHead + kEtc + record) == "");  // without a zone it is nothing to dnsupdater
  BOOST_TEST(says(problems_of(kHead + kEtc + record + "tll = \"30s\"\n"), "did you mean \"ttl\"?"));
}

BOOST_AUTO_TEST_CASE(nothing_to_replicate_is_a_warning) {
  BOOST_TEST(problems_of(kHead) == "/c/cluster.toml: warning: no [[set]]: nothing is replicated");
}

BOOST_AUTO_TEST_CASE(an_empty_or_broken_file_is_an_error_not_a_crash) {
  BOOST_TEST(says(problems_of(""), "/c/cluster.toml: error: cluster: \"name\" is missing"));
  BOOST_TEST(says(problems_of("[[["), "/c/cluster.toml:1:"));
  BOOST_TEST(says(problems_of(kHead + kEtc, "site = "), "/c/node.toml:1:"));
}

BOOST_AUTO_TEST_CASE(the_canonical_text_knows_meaning_not_spelling) {
  const std::string plain = parse(kHead + kEtc).canonical();
  BOOST_TEST(
      plain ==
      parse("# a comment\nversion = 1\n" + kHead + "epoch = 1\n" + kEtc + "kind = 'files'\n").canonical());
  BOOST_TEST(plain != parse(kHead + "epoch = 2\n" + kEtc).canonical());
  const std::string other = "[[set]]\nname = \"b\"\npath = \"/srv/b\"\n";
  BOOST_TEST(parse(kHead + kEtc + other).canonical() == parse(kHead + other + kEtc).canonical());
}

BOOST_AUTO_TEST_CASE(a_definition_has_what_cluster_toml_says_of_the_set_and_nothing_of_the_node) {
  const auto definition = [](const std::string& cluster, const std::string& node = "site = \"fra1\"\n") {
    return parse(cluster, node).set("etc")->definition;
  };
  const std::string plain = definition(kHead + kEtc);
  BOOST_TEST(plain == definition(kHead + kEtc, "site = \"nyc1\"\n[override]\n\"set.etc.path\" = \"/x\"\n"));
  BOOST_TEST(plain == definition(kHead + "[[set]]\nname = \"b\"\npath = \"/srv/b\"\n" + kEtc));
  BOOST_TEST(plain == definition(kHead + kEtc + "[link]\nbwlimit = \"1MB/s\"\n"));
  BOOST_TEST(plain == definition(kHead + kEtc + "service = \"pbx\"\n"));
  BOOST_TEST(plain != definition(kHead + kEtc + "exclude = [\"x\"]\n"));
  BOOST_TEST(plain != definition(kHead + kEtc + "[set_defaults]\nmax_delete = \"20%\"\n"));
}

BOOST_AUTO_TEST_CASE(other_sites_replace_cluster_toml_only_where_the_node_says_so) {
  BOOST_TEST(!parse(kHead + kEtc).accepts_config());
  BOOST_TEST(parse(kHead + kEtc, "site = \"fra1\"\naccept_config = true\n").accepts_config());
  BOOST_TEST(parse(kHead + kEtc).cluster_text() == kHead + kEtc);
}

BOOST_AUTO_TEST_CASE(every_value_in_force_has_an_origin) {
  const Config config = parse(kHead + kEtc, "site = \"fra1\"\n[override]\n\"set.etc.path\" = \"/x\"\n");
  const auto find = [&](std::string_view key) {
    for (const Config::Effective& value : config.effective()) {
      if (value.key == key) {
        return value.value + " " + value.origin;
      }
    }
    return std::string("none");
  };
  BOOST_TEST(find("set.etc.path") == "\"/x\" /c/node.toml:3:18");
  BOOST_TEST(find("set.etc.check") == "\"30s\" default");
  for (const ha::ConfigKey& key : ha::cluster_schema().keys) {
    BOOST_TEST((key.table != "set_defaults" || find("set.etc." + std::string(key.name)) != "none"), key.name);
  }
  BOOST_TEST(find("link.window") == "\"16MB\" default");
  BOOST_TEST(find("site.fra1.key") == "\"FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hBR\" /c/cluster.toml:7:7");
  BOOST_TEST(find("node.state_dir") == "\"/var/lib/hareplicate\" default");
  BOOST_TEST(find("version") == "1 default");
  BOOST_TEST(find("set.other.path") == "none");
  BOOST_TEST(find("service.pbx.epoch") == "1 default");
}

BOOST_AUTO_TEST_CASE(the_shipped_examples_are_right_and_name_every_key) {
  ConfigProblems problems;
  const std::string directory = HA_CONF_DIR;
  const auto config = Config::load(directory + "/cluster.toml", directory + "/node.toml", problems);
  BOOST_TEST_REQUIRE(config.ok(), problems.text());
  BOOST_TEST(config->set("recordings")->path == "/srv/monitor");
  for (const auto& [file, schema] : {std::pair(directory + "/cluster.toml", &ha::cluster_schema()),
                                     std::pair(directory + "/node.toml", &ha::node_schema())}) {
    std::ifstream stream(file);
    const std::string text(std::istreambuf_iterator<char>(stream), {});
    for (const ha::ConfigKey& key : schema->keys) {
      BOOST_TEST(says(text, key.name));
    }
  }
}

BOOST_AUTO_TEST_CASE(files_that_cannot_be_read_are_named) {
  std::string directory = (std::filesystem::temp_directory_path() / "ha_config_XXXXXX").string();
  BOOST_TEST_REQUIRE(::mkdtemp(directory.data()) != nullptr);
  ConfigProblems problems;
  BOOST_TEST(!Config::load(directory + "/none.toml", directory + "/node.toml", problems).ok());
  BOOST_TEST(says(problems.text(), "none.toml: error: does not exist"));
  std::ofstream(directory + "/large.toml") << std::string(ha::replicator::kConfigBytesMax + 1, '#');
  BOOST_TEST(!Config::load(directory + "/large.toml", directory + "/node.toml", problems).ok());
  BOOST_TEST(says(problems.text(), "is larger than 1 MiB"));
  BOOST_TEST(!Config::load(directory, directory + "/node.toml", problems).ok());
  BOOST_TEST(says(problems.text(), "cannot be read"));
  std::filesystem::remove_all(directory);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
