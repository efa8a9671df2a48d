#include "replicator/trial.h"

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>

#include "common/sys/replace.h"
#include "replicator/config.h"
#include "replicator/trial_files.h"
#include "tests/sys/temp_directory.h"

namespace ha::replicator {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

Now at(double steady_s, double wall_s) {
  return {
      SteadyTime(std::chrono::duration_cast<SteadyTime::duration>(std::chrono::duration<double>(steady_s))),
      WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::duration<double>(wall_s)))};
}

// Begun at steady 1000 and wall 5000, for a minute.
Trial sample() {
  return {"7f3a",         "fra1",       "joe",   {"fra1", "nyc1"}, 1000 * kSecond,
          5000 * kSecond, 60 * kSecond, "old\n", "new\n"};
}

const Now kBefore = at(1030, 5030);
const Now kAfter = at(1060, 5060);

// cluster.toml and the state directory of one site.
struct Site {
  Site() : files(open()) {}
  TrialFiles open() {
    write("old\n");
    BOOST_REQUIRE(::mkdir((folder.path + "/state").c_str(), 0700) == 0);
    auto opened = TrialFiles::open(folder.path + "/state", file());
    BOOST_REQUIRE(opened.ok());
    return std::move(opened).value();
  }
  std::string file() const { return folder.path + "/cluster.toml"; }
  void write(const std::string& text) const { BOOST_REQUIRE(sys::replace_kept(file(), text, 0644).ok()); }
  std::string in_place() const { return files.in_place().value(); }
  bool has_journal() const { return files.read().value().has_value(); }
  // The first `count` steps: then the program is killed.
  void run(const std::vector<TrialStep>& steps, std::size_t count) const {
    for (std::size_t i = 0; i < std::min(count, steps.size()); ++i) {
      BOOST_REQUIRE(files.run(steps[i], sample()).ok());
    }
  }
  // What a start does, killed after so many steps of it. True: a trial goes on.
  bool start(const Now& now, std::size_t count = 100) const {
    const auto found = files.read().value();
    if (!found) {
      return false;
    }
    switch (judge_found(*found, in_place(), now)) {
      case TrialFound::Forget:
        run({TrialStep::DropJournal}, count);
        return false;
      case TrialFound::Undo:
        run(steps_to_undo(), count);
        return false;
      case TrialFound::GoOn:
        return true;
    }
    return false;
  }

  sys::TempDirectory folder;
  TrialFiles files;
};

}  // namespace
}  // namespace ha::replicator

BOOST_AUTO_TEST_SUITE(replicator_trial)

using namespace ha;
using namespace ha::replicator;

BOOST_AUTO_TEST_CASE(a_journal_reads_back_as_it_was_written) {
  Trial trial = sample();
  trial.user = "joe\nid x";
  trial.before = std::string("\0\n\n", 3);
  trial.after.clear();
  BOOST_TEST((decode_trial(encode_trial(trial)).value() == trial));
}

BOOST_AUTO_TEST_CASE(a_journal_that_is_cut_or_changed_is_corrupt) {
  const Bytes good = encode_trial(sample());
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto trial = decode_trial(BytesView(good).substr(0, size));
    BOOST_TEST_REQUIRE(!trial.ok(), size);
    BOOST_TEST((trial.error().code() == Code::Corrupt));
  }
  BOOST_TEST(!decode_trial(good + "x").ok());
  BOOST_TEST(!decode_trial("hareplicate trial 2\n").ok());
}

BOOST_AUTO_TEST_CASE(killed_at_every_step_of_its_beginning_it_goes_back_when_its_time_is_over) {
  for (std::size_t steps = 0; steps <= steps_to_begin().size(); ++steps) {
    for (std::size_t undone = 0; undone <= steps_to_undo().size(); ++undone) {
      const Site site;
      site.run(steps_to_begin(), steps);
      site.start(kAfter, undone);  // killed once more while it goes back
      BOOST_TEST(!site.start(kAfter));
      BOOST_TEST(site.in_place() == "old\n");
      BOOST_TEST(!site.has_journal());
    }
  }
}

BOOST_AUTO_TEST_CASE(killed_at_every_step_before_its_time_is_over_it_is_on_trial_or_never_was) {
  for (std::size_t steps = 0; steps <= steps_to_begin().size(); ++steps) {
    const Site site;
    site.run(steps_to_begin(), steps);
    const bool goes_on = site.start(kBefore);
    BOOST_TEST(goes_on == (steps == steps_to_begin().size()));
    BOOST_TEST(site.in_place() == (goes_on ? "new\n" : "old\n"));
    BOOST_TEST(site.has_journal() == goes_on);
  }
}

BOOST_AUTO_TEST_CASE(killed_at_every_step_of_an_undo_it_is_undone_or_still_on_trial) {
  for (std::size_t steps = 0; steps <= steps_to_undo().size(); ++steps) {
    const Site site;
    site.run(steps_to_begin(), 100);
    site.run(steps_to_undo(), steps);
    site.start(kBefore);
    BOOST_TEST(site.start(kAfter) == false);
    BOOST_TEST(site.in_place() == "old\n");
    BOOST_TEST(!site.has_journal());
  }
}

BOOST_AUTO_TEST_CASE(killed_before_the_journal_is_gone_it_was_not_confirmed_and_after_it_for_good) {
  for (std::size_t steps = 0; steps <= steps_to_keep().size(); ++steps) {
    const Site site;
    site.run(steps_to_begin(), 100);
    site.run(steps_to_keep(), steps);
    site.start(kAfter);
    BOOST_TEST(site.in_place() == (steps == steps_to_keep().size() ? "new\n" : "old\n"));
  }
}

BOOST_AUTO_TEST_CASE(what_goes_back_is_kept_beside_it_also_when_somebody_has_edited_it) {
  const Site site;
  site.run(steps_to_begin(), 100);
  site.write("edited\n");
  site.start(kAfter);
  BOOST_TEST(site.in_place() == "old\n");
  BOOST_TEST(sys::read_kept(site.file() + ".undone", 100).value() == "edited\n");
}

BOOST_AUTO_TEST_CASE(no_clock_makes_it_permanent) {
  const Trial trial = sample();
  const auto found = [&](const Now& now) { return judge_found(trial, "new\n", now); };
  BOOST_TEST((found(kBefore) == TrialFound::GoOn));
  BOOST_TEST((found(kAfter) == TrialFound::Undo));
  BOOST_TEST((found(at(1061, 0)) == TrialFound::Undo));     // the wall clock was set back
  BOOST_TEST((found(at(1030, 9999)) == TrialFound::Undo));  // or set on, or it is another boot
  BOOST_TEST((found(at(12, 5012)) == TrialFound::Undo));    // another boot: steady time began anew
  BOOST_TEST((found(at(1030, 0)) == TrialFound::GoOn));
  BOOST_TEST(time_left(trial, at(1030, 0).steady).count() == 30 * kSecond);
  BOOST_TEST(time_left(trial, at(999, 0).steady).count() == 0);
  BOOST_TEST(is_over(trial, at(1060, 0)));
  BOOST_TEST(!is_over(trial, at(1059.5, 9999)));  // while it runs only steady time counts
}

BOOST_AUTO_TEST_CASE(a_damaged_journal_is_kept_and_said_once) {
  const Site site;
  site.run(steps_to_begin(), 100);
  const std::string state = site.folder.path + "/state/";
  BOOST_REQUIRE(sys::replace_kept(state + kTrialFile, "garbage", 0600).ok());
  BOOST_TEST(!site.files.read().ok());
  BOOST_TEST(!site.has_journal());
  BOOST_TEST(sys::read_kept(state + kTrialFile + ".damaged", 100).value() == "garbage");
}

BOOST_AUTO_TEST_SUITE_END()
