#include "replicator/config_trials.h"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "common/sys/replace.h"
#include "tests/sys/temp_directory.h"

namespace ha::replicator {
namespace {

// The pair of the ZeroMQ manual, zmq_curve(7).
constexpr const char* kPublic = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
constexpr const char* kSecret = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";

Now at(double seconds) {
  const std::chrono::duration<double> since(seconds);
  return {SteadyTime(std::chrono::duration_cast<SteadyTime::duration>(since)),
          WallTime(std::chrono::duration_cast<WallTime::duration>(since))};
}

std::string cluster(const std::string& link) {
  return std::string("[cluster]\nname = \"c\"\nid = \"i\"\n[[site]]\nname = \"nyc1\"\n") +
         "address = [\"tcp://127.0.0.1:1\"]\nkey = \"" + kPublic + "\"\n[[site]]\nname = \"fra1\"\n" +
         "address = [\"tcp://127.0.0.1:2\"]\nkey = \"i/f<D?nd><@oLc*8&7{q-!SEX>WKCvnva<C^-HVA\"\n" +
         "[[service]]\nname = \"pbx\"\nsites = [\"fra1\"]\nholder = \"fra1\"\n[[set]]\nname = \"etc\"\n" +
         "path = \"/etc/x\"\n[link]\nbwlimit = \"" + link + "\"\n";
}

const std::string kOld = cluster("1MB/s");
const std::string kNew = cluster("2MB/s");
const ConfigCaller kPeer{"fra1", "joe", false};
const ConfigCaller kOther{"sgp1", "ann", false};

// What nyc1 has: its files, and what is in force.
struct Site {
  explicit Site(const std::string& accept = "true")
      : log(make_log_sink(LogFormat::Silent, "test"), LogLevel::Info),
        trials(file("cluster.toml"), file("node.toml"), log) {
    write("site.key", kSecret, 0600);
    write("cluster.toml", kOld);
    write("node.toml", "site = \"nyc1\"\nsecret_key_file = \"site.key\"\nstate_dir = \"" + folder.path +
                           "\"\naccept_config = " + accept + "\n");
    BOOST_REQUIRE(trials.open(folder.path, at(1)).ok());
    load();
  }
  std::string file(const std::string& name) const { return folder.path + "/" + name; }
  void write(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    BOOST_REQUIRE(sys::replace_kept(file(name), text, mode).ok());
  }
  std::string in_place() const { return sys::must(sys::read_kept(file("cluster.toml"), kConfigBytesMax)); }
  void load() {
    ConfigProblems problems;
    auto read = Config::load(file("cluster.toml"), file("node.toml"), problems);
    BOOST_REQUIRE_MESSAGE(read.ok(), problems.text());
    config = std::make_unique<Config>(std::move(read).value());
    trials.in_force(*config);
  }
  static ConfigQuestion question(const std::string& id, const std::string& text = kNew) {
    return {ConfigVerb::Prepare, id, "joe", text, std::chrono::seconds(60), false, {"fra1", "nyc1"}};
  }
  void begin(const Now& now) {
    BOOST_REQUIRE(trials.prepare(question("a"), kPeer, now).ok());
    BOOST_REQUIRE(trials.apply("a", kPeer, now).ok());
  }

  sys::TempDirectory folder;
  Logger log;
  ConfigTrials trials;
  std::unique_ptr<Config> config;
};

template <typename T>
std::string said(const Result<T>& result) {
  return result.ok() ? "ok" : result.error().what();
}

bool has(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

}  // namespace
}  // namespace ha::replicator

BOOST_AUTO_TEST_SUITE(replicator_config_trials)

using namespace ha;
using namespace ha::replicator;

BOOST_AUTO_TEST_CASE(what_is_applied_is_loaded_and_goes_back_by_itself) {
  Site site;
  site.begin(at(10));
  BOOST_TEST(site.in_place() == kNew);
  BOOST_TEST(!site.trials.on_tick(at(10)));  // the answer goes first
  BOOST_TEST(site.trials.on_tick(at(11)));
  site.load();
  BOOST_TEST(site.trials.facts(at(30))->left.count() == 40'000'000'000);
  BOOST_TEST((*site.trials.next_wakeup() == at(70).steady));
  BOOST_TEST(!site.trials.on_tick(at(69.9)));
  BOOST_TEST(site.trials.on_tick(at(70)));
  BOOST_TEST(site.in_place() == kOld);
  BOOST_TEST(!site.trials.facts(at(70)));
  BOOST_TEST(has(site.trials.last(), "nobody confirmed it"));
}

BOOST_AUTO_TEST_CASE(what_is_confirmed_stays_and_may_be_confirmed_twice) {
  Site site;
  site.begin(at(10));
  BOOST_TEST(has(said(site.trials.confirm("b", kPeer, at(20))), "no such configuration"));
  BOOST_TEST(said(site.trials.confirm("a", kPeer, at(20))) == "ok");
  BOOST_TEST(said(site.trials.confirm("a", kPeer, at(21))) == "ok");  // the answer was lost
  BOOST_TEST(site.trials.on_tick(at(20)));
  site.load();
  BOOST_TEST(!site.trials.on_tick(at(1000)));
  BOOST_TEST(site.in_place() == kNew);
}

BOOST_AUTO_TEST_CASE(a_confirmation_that_comes_too_late_is_none) {
  Site site;
  site.begin(at(10));
  BOOST_TEST(has(said(site.trials.confirm("a", kPeer, at(70))), "no such configuration"));
  BOOST_TEST(site.trials.on_tick(at(71)));
  BOOST_TEST(site.in_place() == kOld);
}

BOOST_AUTO_TEST_CASE(a_second_push_is_told_who_pushes) {
  Site site;
  BOOST_REQUIRE(site.trials.prepare(Site::question("a"), kPeer, at(10)).ok());
  BOOST_TEST(said(site.trials.prepare(Site::question("b"), kOther, at(11))) ==
             "joe at fra1 is pushing another one just now");
  BOOST_TEST(said(site.trials.prepare(Site::question("b"), kOther, at(71))) == "ok");  // a minute later
  BOOST_TEST(has(said(site.trials.apply("a", kPeer, at(72))), "ann at sgp1 is pushing another one"));
  BOOST_REQUIRE(site.trials.apply("b", kOther, at(72)).ok());
  BOOST_TEST(said(site.trials.prepare(Site::question("c"), kPeer, at(73))) ==
             "one from ann at sgp1 is on trial, it goes back in 59 s");
}

BOOST_AUTO_TEST_CASE(only_what_was_prepared_by_the_same_site_is_applied) {
  Site site;
  BOOST_TEST(has(said(site.trials.apply("a", kPeer, at(10))), "nothing is prepared"));
  BOOST_REQUIRE(site.trials.prepare(Site::question("a"), kPeer, at(10)).ok());
  BOOST_TEST(has(said(site.trials.apply("a", kOther, at(10))), "nothing is prepared"));
  site.trials.cancel("a");
  BOOST_TEST(has(said(site.trials.apply("a", kPeer, at(10))), "nothing is prepared"));
  ConfigQuestion trial_only = Site::question("a");
  trial_only.dry_run = true;
  BOOST_REQUIRE(site.trials.prepare(trial_only, kPeer, at(10)).ok());
  BOOST_TEST(has(said(site.trials.apply("a", kPeer, at(10))), "nothing is prepared"));
  BOOST_TEST(site.in_place() == kOld);
}

BOOST_AUTO_TEST_CASE(a_site_that_takes_none_from_others_takes_one_from_its_own_operator) {
  Site site("false");
  const auto refused = site.trials.prepare(Site::question("a"), kPeer, at(10));
  BOOST_REQUIRE(!refused.ok());
  BOOST_TEST((refused.error().code() == Code::Denied));
  BOOST_TEST(has(refused.error().hint(), "accept_config = true"));
  const ConfigCaller operator_here{"nyc1", "root", true};
  BOOST_REQUIRE(site.trials.prepare(Site::question("a"), operator_here, at(10)).ok());
  BOOST_REQUIRE(site.trials.apply("a", operator_here, at(10)).ok());
  BOOST_TEST(said(site.trials.undo("a", kPeer, at(11))) == "ok");  // going back is always allowed
}

BOOST_AUTO_TEST_CASE(what_was_pushed_from_here_is_confirmed_from_anywhere) {
  Site site("false");
  const ConfigCaller operator_here{"nyc1", "root", true};
  BOOST_REQUIRE(site.trials.prepare(Site::question("a"), operator_here, at(10)).ok());
  BOOST_REQUIRE(site.trials.apply("a", operator_here, at(10)).ok());
  BOOST_TEST(said(site.trials.confirm("a", kPeer, at(11))) == "ok");
  BOOST_TEST(said(site.trials.confirm("a", kPeer, at(12))) == "ok");  // the answer was lost
  BOOST_TEST((sys::code_of(site.trials.confirm("b", kPeer, at(13))) == Code::Denied));
}

BOOST_AUTO_TEST_CASE(it_is_settled_when_what_stands_in_the_file_is_in_force) {
  Site site;
  BOOST_TEST(site.trials.settled());
  BOOST_REQUIRE(site.trials.prepare(Site::question("a", kOld + "# a comment\n"), kPeer, at(10)).ok());
  BOOST_REQUIRE(site.trials.apply("a", kPeer, at(10)).ok());
  BOOST_TEST(!site.trials.settled());
  BOOST_TEST(site.trials.on_tick(at(11)));
  site.load();
  BOOST_TEST(site.trials.settled());
  BOOST_TEST(said(site.trials.undo("a", kPeer, at(12))) == "ok");
  BOOST_TEST(!site.trials.settled());
  BOOST_TEST(site.trials.on_tick(at(13)));
  site.load();
  BOOST_TEST(site.trials.settled());
}

BOOST_AUTO_TEST_CASE(what_goes_back_before_anything_is_loaded_is_not_loaded_twice) {
  Site site;
  site.begin(at(10));
  Logger log(make_log_sink(LogFormat::Silent, "test"), LogLevel::Info);
  ConfigTrials next(site.file("cluster.toml"), site.file("node.toml"), log);
  BOOST_REQUIRE(next.open(site.folder.path, at(100)).ok());
  BOOST_TEST(site.in_place() == kOld);
  BOOST_TEST(!next.next_wakeup());
  BOOST_TEST(!next.on_tick(at(101)));
}

BOOST_AUTO_TEST_CASE(an_undo_that_cannot_be_written_is_tried_every_five_seconds) {
  Site site;
  site.begin(at(10));
  static_cast<void>(site.trials.on_tick(at(11)));
  site.load();
  const std::string cluster_file = site.file("cluster.toml");
  BOOST_REQUIRE(std::rename(cluster_file.c_str(), site.file("aside").c_str()) == 0);
  BOOST_REQUIRE(::mkdir(cluster_file.c_str(), 0700) == 0);  // nothing can take its place
  BOOST_TEST(!site.trials.undo("a", kPeer, at(12)).ok());
  BOOST_TEST((*site.trials.next_wakeup() == at(17).steady));
  BOOST_TEST(
      has(said(site.trials.confirm("a", kPeer, at(13))), "it is going back: joe at fra1 asked for it"));
  BOOST_TEST(!site.trials.on_tick(at(16)));
  BOOST_REQUIRE(::rmdir(cluster_file.c_str()) == 0);
  BOOST_REQUIRE(std::rename(site.file("aside").c_str(), cluster_file.c_str()) == 0);
  BOOST_TEST(site.trials.on_tick(at(17)));
  BOOST_TEST(site.in_place() == kOld);
  BOOST_TEST(has(site.trials.last(), "joe at fra1 asked for it"));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_this_site_is_refused) {
  Site site;
  const auto prepare = [&](const std::string& text) {
    return said(site.trials.prepare(Site::question("a", text), kPeer, at(10)));
  };
  BOOST_TEST(has(prepare("[[["), "cluster.toml:1:"));
  std::string text = kNew;
  BOOST_TEST(has(prepare(text.replace(text.find("\"i\""), 3, "\"j\"")), "another cluster"));
  text = kNew;
  text.replace(text.find(kPublic), 40, "FjO$69!cK>7:r4bTR8ub*S7&fs}}>7<>O6s5?hBR");
  BOOST_TEST(has(prepare(text), "is not the one that cluster.toml has"));
  text = kNew;
  BOOST_TEST(has(prepare(text.replace(text.find("holder"), 0, "epoch = 2\n")), "epochs only rise"));
  const std::string all = "[[set]]\nname = \"all\"\npath = \"/srv/all\"\nservice = \"*\"\n";
  site.write("cluster.toml", kOld + all + "author = \"fra1\"\n");
  site.load();
  BOOST_TEST(has(prepare(kNew + all + "author = \"nyc1\"\n"), "set all has another author"));
  BOOST_TEST(has(prepare(kNew + all + "author = \"fra1\"\nepoch = 2\n"), "set all has another author"));
  BOOST_TEST(prepare(kNew + all + "author = \"fra1\"\n") == "ok");
  ConfigQuestion brief = Site::question("a");
  brief.limit = std::chrono::seconds(1);
  BOOST_TEST(has(said(site.trials.prepare(brief, kPeer, at(10))), "from 5s to 1d"));
}

BOOST_AUTO_TEST_CASE(a_file_that_was_changed_by_hand_is_not_overwritten) {
  Site site;
  site.write("cluster.toml", kOld + "# mine\n");
  BOOST_TEST(has(said(site.trials.prepare(Site::question("a"), kPeer, at(10))), "it would be lost"));
  site.write("cluster.toml", kNew);  // invite has written it here already
  BOOST_TEST(said(site.trials.prepare(Site::question("a"), kPeer, at(10))) == "ok");
  BOOST_REQUIRE(site.trials.apply("a", kPeer, at(10)).ok());
  static_cast<void>(site.trials.on_tick(at(70)));
  BOOST_TEST(site.in_place() == kOld);  // what was in force, not what lay there
  BOOST_TEST(sys::must(sys::read_kept(site.file("cluster.toml.undone"), kConfigBytesMax)) == kNew);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_run_goes_back_at_once_unless_it_ran_before) {
  Site site;
  site.begin(at(10));
  BOOST_TEST(site.trials.failed(Error(Code::Exists, "the port is taken"), at(11)));
  BOOST_TEST(site.in_place() == kOld);
  BOOST_TEST(has(site.trials.last(), "the port is taken"));
  BOOST_TEST(!site.trials.on_tick(at(12)));  // the old one runs on
  site.begin(at(20));
  site.load();
  BOOST_TEST(!site.trials.failed(Error(Code::Invalid, "edited badly"), at(21)));
  BOOST_TEST(site.in_place() == kNew);
}

BOOST_AUTO_TEST_SUITE_END()
