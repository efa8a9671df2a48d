// SIGKILL before a random system call: afterwards every file is the old one or the new one, nothing is left
// over, and applying again ends where it should. The process is traced, so that a seed replays on any
// machine.
#include <boost/test/unit_test.hpp>
#include <set>

#include "common/base/random.h"
#include "replicator/apply/file_target.h"
#include "tests/apply/apply_fixture.h"
#include "tests/apply/run_and_kill.h"

using namespace ha;
using namespace ha::replicator;
using namespace ha::replicator::test;
namespace fs = std::filesystem;

namespace {

constexpr int kRounds = 60;  // the first one is not killed
constexpr int kCarefulRounds = 20;
constexpr std::size_t kFiles = 12;

struct Version {
  std::map<Bytes, Bytes> files;
  std::vector<ItemPart> items;  // from the version before
};

// Every second file changes with every version, one alternates between file and directory, one comes and
// goes.
Version version(int number, const Version* before) {
  Version out;
  for (std::size_t i = 0; i < kFiles; ++i) {
    const Bytes key = "d" + std::to_string(i % 3) + "/f" + std::to_string(i);
    const bool same = before != nullptr && (i + static_cast<std::size_t>(number)) % 2 == 0;
    const std::size_t bytes = i == 0 ? 1'500'000 : 3000 * (i + 1);
    out.files[key] =
        same ? before->files.at(key) : random_content(static_cast<std::uint64_t>(number) * 100 + i, bytes);
    if (!same) {
      out.items.push_back(literal_item(key, out.files[key]));
    }
  }
  const bool odd = number % 2 != 0;
  out.items.insert(out.items.begin(), odd ? plain_item("turn", meta_of(FileType::Directory, 0755))
                                          : literal_item("turn", "a file"));
  out.items.push_back(odd ? literal_item("some", "times") : deleted_item("some"));
  return out;
}

Status apply_all(FileTarget& target, const Version& wanted) {
  std::uint64_t batch = 0;
  for (std::size_t at = 0; at < wanted.items.size(); at += 4) {
    ++batch;
    for (std::size_t i = at; i < std::min(at + 4, wanted.items.size()); ++i) {
      for (const ItemPart& part : split(wanted.items[i])) {
        HA_CHECK(target.apply_frame(batch, 0, frame_of({part})));
      }
      if (wanted.items[i].ops.empty()) {
        HA_CHECK(target.apply_frame(batch, 0, frame_of({wanted.items[i]})));
      }
    }
    HA_TRY(const BatchOutcome outcome, target.close_batch(batch));
    if (!outcome.troubles.empty()) {
      return Error(Code::Internal, escape(outcome.troubles[0].key) + ": " + outcome.troubles[0].reason);
    }
  }
  HA_TRY(const CommitOutcome committed, target.commit("origin", Position{7, 1, 1, {}}));
  if (!committed.published.troubles.empty()) {
    return Error(Code::Internal, committed.published.troubles[0].reason);
  }
  return ok();
}

Result<Recovery> recover(const std::string& root, const std::string& index_path,
                         const FileTargetOptions& options, const Version* apply,
                         const ApplyOrigin& origin = {}) {
  HA_TRY(Index index, Index::open(index_path));
  HA_TRY(FileTarget target, FileTarget::open(root, index, test_key(), options));
  target.set_origin(origin);
  HA_TRY(Recovery recovery, target.recover());
  if (apply != nullptr) {
    HA_CHECK(apply_all(target, *apply));
  }
  return recovery;
}

void run_rounds(Publish publish) {
  const std::uint64_t seed = random_seed();
  BOOST_TEST_MESSAGE("seed " << seed);
  Random random(seed);
  TemporaryDirectory directory;
  const fs::path root = directory.path() / "root";
  fs::create_directory(root);
  const std::string index_path = (directory.path() / "index").string();
  FileTargetOptions options;
  options.publish = publish;
  Version before = version(0, nullptr);
  const auto first = recover(root.string(), index_path, options, &before);
  BOOST_REQUIRE_MESSAGE(first.ok(), text_of(first));
  std::uint64_t forward = 0;
  std::uint64_t calls = 0;  // of a whole run
  for (int round = 1; round <= kRounds; ++round) {
    const Version wanted = version(round, &before);
    const Run run = run_and_kill(calls == 0 ? ~0ULL : random.between(1, calls),
                                 [&] { return recover(root.string(), index_path, options, &wanted).ok(); });
    BOOST_TEST((run.killed || run.succeeded), "seed " << seed << " round " << round << ": failed by itself");
    calls = calls == 0 ? run.calls : calls;

    const auto recovered = recover(root.string(), index_path, options, nullptr);
    BOOST_REQUIRE_MESSAGE(recovered.ok(), text_of(recovered));
    BOOST_TEST(recovered->troubles.empty());
    forward += recovered->rolled_forward;
    std::size_t changed = 0;
    std::size_t kept = 0;
    for (const auto& [key, content] : wanted.files) {
      const Bytes found = read_all(root / key);
      const bool is_new = found == content;
      const bool is_old = found == before.files.at(key);
      BOOST_TEST((is_new || is_old), "seed " << seed << " round " << round << ": " << key << " is torn");
      changed += is_new && !is_old ? 1U : 0U;
      kept += is_old && !is_new ? 1U : 0U;
    }
    if (publish == Publish::PerSet) {
      BOOST_TEST((changed == 0 || kept == 0), "seed " << seed << " round " << round << ": a mixed set");
    }
    std::size_t staged = 0;
    for (const auto& entry : fs::directory_iterator(root / ".hareplicate")) {
      staged += entry.path().filename() == "marker" ? 0U : 1U;
    }
    BOOST_TEST(staged == 0U);
    const auto again = recover(root.string(), index_path, options, &wanted);
    BOOST_REQUIRE_MESSAGE(again.ok(), "seed " << seed << " round " << round << ": " << text_of(again));
    for (const auto& [key, content] : wanted.files) {
      BOOST_TEST((read_all(root / key) == content));
    }
    BOOST_TEST(fs::is_directory(root / "turn") == (round % 2 != 0));
    BOOST_TEST(fs::exists(root / "some") == (round % 2 != 0));
    before = wanted;
  }
  BOOST_TEST_MESSAGE(calls << " steps, " << forward << " items rolled forward");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(apply_kill)

BOOST_AUTO_TEST_CASE(a_kill_while_files_are_published_leaves_old_or_new) {
  run_rounds(Publish::PerFile);
}

BOOST_AUTO_TEST_CASE(a_kill_while_a_set_is_published_leaves_all_old_or_all_new) {
  run_rounds(Publish::PerSet);
}

// One that may be ahead: whatever stood there and goes is put aside, also by the run that rolls forward.
BOOST_AUTO_TEST_CASE(a_kill_while_a_set_takes_the_place_of_what_nobody_has_seen_loses_nothing) {
  const std::uint64_t seed = random_seed();
  BOOST_TEST_MESSAGE("seed " << seed);
  Random random(seed);
  FileTargetOptions options = Target::fast();
  options.publish = Publish::PerSet;
  const ApplyOrigin ahead{{8, 2}, false, true, {{2, {7, 1, 0, {}}}}, 100};
  const Version theirs = version(1, nullptr);
  std::uint64_t calls = 0;
  std::uint64_t forward = 0;
  for (int round = 0; round <= kCarefulRounds; ++round) {
    Target t(options);
    const std::string index_path = (t.directory.path() / "index").string();
    const Version ours = version(0, nullptr);
    t.target.set_origin({{9, 1}, false, false, {}, 0});
    BOOST_REQUIRE(apply_all(t.target, ours).ok());
    IndexBatch batch = t.index.begin().value();
    BOOST_REQUIRE(batch.set_epoch(2).ok());
    BOOST_REQUIRE(batch.commit().ok());
    const Run run = run_and_kill(calls == 0 ? ~0ULL : random.between(calls / 2, calls), [&] {
      return recover(t.root.string(), index_path, options, &theirs, ahead).ok();
    });
    calls = calls == 0 ? run.calls : calls;
    const auto recovered = recover(t.root.string(), index_path, options, nullptr, ahead);
    BOOST_REQUIRE_MESSAGE(recovered.ok(), text_of(recovered));
    forward += recovered->rolled_forward;
    std::set<Bytes> aside;
    const fs::path store = t.root / ".hareplicate" / "stranded";
    for (const auto& each :
         fs::exists(store) ? fs::recursive_directory_iterator(store) : fs::recursive_directory_iterator()) {
      BOOST_TEST((!each.is_regular_file() || aside.insert(read_all(each.path())).second),
                 "seed " << seed << " round " << round << ": " << each.path() << " is there twice");
    }
    for (const auto& [key, content] : ours.files) {
      BOOST_TEST((read_all(t.root / key) == content || aside.contains(content)),
                 "seed " << seed << " round " << round << ": " << key << " is lost");
    }
  }
  BOOST_TEST_MESSAGE(forward << " items rolled forward");
}

BOOST_AUTO_TEST_SUITE_END()
