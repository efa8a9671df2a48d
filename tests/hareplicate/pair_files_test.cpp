#include <boost/test/unit_test.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include "tests/hareplicate/pair_fixture.h"
#include "tests/sys/temp_directory.h"
#include "tools/hareplicate/key_file.h"
#include "tools/hareplicate/pair_files.h"

using namespace ha;                 // NOLINT: a test
using namespace ha::tool;           // NOLINT
using namespace ha::tool::testing;  // NOLINT

namespace {

struct Fixture {
  sys::TempDirectory temp;
  std::filesystem::path directory = temp.path + "/etc";

  JoinPlace place() const { return sys::must(look_at_place(directory)); }
  // A cluster.toml in which this machine's key, made now, is that of nyc1.
  std::string with_nyc(const std::string& name = "nyc1") const {
    const auto key = sys::must(key_of_place(place())).pair.public_key.z85();
    return cluster_text("[[site]]\nname = \"" + name + "\"\naddress = [\"tcp://b:1\"]\nkey = \"" + key +
                        "\"\n");
  }
  PairWelcome welcome() const { return {"nyc1", "5b1f", "fra1", with_nyc(), false, {}}; }
  JoinFiles files() const {
    const PairWelcome came = welcome();  // this makes the key
    return sys::must(files_for(place(), came, *place().key));
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(hareplicate_pair_files)

BOOST_FIXTURE_TEST_CASE(an_empty_machine_gets_a_key_and_both_files, Fixture) {
  BOOST_TEST(!place().key.has_value());
  BOOST_TEST(!std::filesystem::exists(directory));
  BOOST_TEST(sys::must(key_of_place(place())).made);
  BOOST_TEST(!sys::must(key_of_place(place())).made);
  BOOST_TEST(sys::must(store_files(place(), files())));
  BOOST_TEST(temp.read("etc/cluster.toml") == with_nyc());
  BOOST_TEST(temp.read("etc/node.toml").find("site = \"nyc1\"\n") != std::string::npos);
  BOOST_TEST(place().member_as == "nyc1");
  ConfigProblems problems;
  BOOST_TEST(replicator::Config::load(directory / "cluster.toml", directory / "node.toml", problems).ok());
}

BOOST_FIXTURE_TEST_CASE(storing_again_changes_nothing_and_an_older_file_is_kept, Fixture) {
  sys::must(store_files(place(), files()));
  BOOST_TEST(!sys::must(store_files(place(), files())));
  temp.write("etc/cluster.toml", "# mine\n" + with_nyc());
  BOOST_TEST(sys::must(store_files(place(), files())));
  BOOST_TEST(temp.read("etc/cluster.toml.old").starts_with("# mine\n"));
}

BOOST_FIXTURE_TEST_CASE(a_node_file_keeps_what_it_says_and_where_the_key_is, Fixture) {
  std::filesystem::create_directory(directory);
  temp.write("etc/node.toml", "secret_key_file = \"keys/own.curve\"\nlisten = \"192.0.2.1\"\n");
  static_cast<void>(sys::must(key_of_place(place())));
  BOOST_TEST(std::filesystem::exists(directory / "keys/own.curve"));
  sys::must(store_files(place(), files()));
  BOOST_TEST(temp.read("etc/node.toml") ==
             "site = \"nyc1\"\nsecret_key_file = \"keys/own.curve\"\nlisten = \"192.0.2.1\"\n");
}

BOOST_FIXTURE_TEST_CASE(the_place_of_another_site_is_refused, Fixture) {
  std::filesystem::create_directory(directory);
  temp.write("etc/node.toml", "site = \"syd1\"\n");
  BOOST_TEST((sys::code_of(check_place(place(), "nyc1")) == Code::Refused));
  BOOST_TEST(check_place(place(), "syd1").ok());
  temp.write("etc/node.toml", "");
  temp.write("etc/cluster.toml", with_nyc("syd1"));
  const auto other = check_place(place(), "nyc1");
  BOOST_TEST((sys::code_of(other) == Code::Refused));
  BOOST_TEST(other.error().what().find("site syd1 already") != std::string::npos);
}

BOOST_FIXTURE_TEST_CASE(files_that_cannot_be_understood_are_not_overwritten, Fixture) {
  std::filesystem::create_directory(directory);
  temp.write("etc/cluster.toml", "not toml [");
  const auto cluster = look_at_place(directory);
  BOOST_TEST((sys::code_of(cluster) == Code::Refused));
  BOOST_TEST(cluster.error().hint().find("mv ") != std::string::npos);
  temp.write("etc/cluster.toml", cluster_text());
  temp.write("etc/node.toml", "nonsense = 1\n");
  BOOST_TEST((sys::code_of(look_at_place(directory)) == Code::Refused));
}

BOOST_FIXTURE_TEST_CASE(the_cluster_file_of_another_cluster_is_not_replaced, Fixture) {
  static_cast<void>(sys::must(key_of_place(place())));
  std::string other = cluster_text();
  other.replace(other.find("5b1f"), 4, "beef");
  temp.write("etc/cluster.toml", other);
  BOOST_TEST(place().cluster_id == "beef");
  BOOST_TEST((sys::code_of(files_for(place(), welcome(), *place().key)) == Code::Refused));
}

BOOST_FIXTURE_TEST_CASE(a_configuration_that_is_not_for_this_machine_is_not_taken, Fixture) {
  const PairWelcome good = welcome();
  const auto refused = [&](const std::function<void(PairWelcome&)>& change) {
    PairWelcome bad = good;
    change(bad);
    return !files_for(place(), bad, *place().key).ok();
  };
  BOOST_TEST(!refused([](PairWelcome&) {}));
  BOOST_TEST(refused([](PairWelcome& bad) { bad.cluster_toml = "nonsense"; }));
  BOOST_TEST(refused([](PairWelcome& bad) { bad.cluster_toml = cluster_text(); }));
  BOOST_TEST(refused([](PairWelcome& bad) { bad.site = "fra1"; }));
  BOOST_TEST(refused([](PairWelcome& bad) { bad.cluster_id = "other"; }));
}

BOOST_FIXTURE_TEST_CASE(a_replaced_file_keeps_its_mode_and_a_link_stays_one, Fixture) {
  std::filesystem::create_directory(directory);
  temp.write("etc/real.toml", "old");
  BOOST_TEST(::chmod((directory / "real.toml").c_str(), 0640) == 0);
  BOOST_TEST(::symlink("real.toml", (directory / "cluster.toml").c_str()) == 0);
  sys::must(replace_config(directory / "cluster.toml", "new"));
  BOOST_TEST(std::filesystem::is_symlink(directory / "cluster.toml"));
  BOOST_TEST(temp.read("etc/real.toml") == "new");
  struct stat facts {};
  BOOST_TEST(::stat((directory / "real.toml").c_str(), &facts) == 0);
  BOOST_TEST((facts.st_mode & 07777) == 0640U);
}

BOOST_FIXTURE_TEST_CASE(a_directory_that_is_not_there_cannot_be_written_and_is_named, Fixture) {
  const auto writable = check_writable(directory / "cluster.toml");
  BOOST_TEST(!writable.ok());
  BOOST_TEST(writable.error().what().find((directory / "cluster.toml").string()) != std::string::npos);
  BOOST_TEST(!replace_config(directory / "cluster.toml", "x").ok());
}

BOOST_AUTO_TEST_SUITE_END()
