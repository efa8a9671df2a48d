#include "common/sys/watch.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <functional>

#include "common/sys/metadata.h"
#include "tests/sys/temp_directory.h"

namespace ha::sys {
namespace {

using Directories = std::vector<Bytes>;
const std::string kShm = "/dev/shm";

// Runs the case over both back ends and two file systems; what this system does not let us open is named.
void with_each(const std::function<void(Watch&, const TempDirectory&)>& run,
               const std::function<void(const TempDirectory&)>& prepare = {}) {
  for (const WatchKind kind : {WatchKind::Fanotify, WatchKind::Inotify}) {
    for (const std::string& below : {std::filesystem::temp_directory_path().string(), kShm}) {
      const TempDirectory temp(below);
      if (prepare) {
        prepare(temp);
      }
      auto watch = Watch::open_as(kind, temp.path, ".hareplicate");
      if (!watch.ok() && kind == WatchKind::Fanotify) {
        BOOST_TEST_MESSAGE("skipped: " << watch.error().what());
        continue;
      }
      Watch opened = must(std::move(watch));
      BOOST_TEST_CONTEXT((kind == WatchKind::Fanotify ? "fanotify in " : "inotify in ") << below) {
        run(opened, temp);
      }
    }
  }
}

Directories changed(Watch& watch) {
  WatchBatch batch = must(watch.read());
  BOOST_TEST(!batch.overflow);
  return batch.directories;
}

void touch(const Directory& root, BytesView rel) {
  must(must(root.open_file(rel, O_WRONLY | O_CREAT, 0600)).write_at(0, "x"));
}

BOOST_AUTO_TEST_SUITE(sys_watch)

BOOST_AUTO_TEST_CASE(a_quiet_tree_gives_nothing_and_does_not_wait) {
  with_each([](Watch& watch, const TempDirectory&) { BOOST_TEST(changed(watch).empty()); });
}

BOOST_AUTO_TEST_CASE(every_kind_of_change_names_its_directory_once) {
  with_each(
      [](Watch& watch, const TempDirectory& temp) {
        const auto after = [&](const Status& status) {
          must(Status(status));
          return changed(watch);
        };
        touch(temp.root, "top");
        pollfd wait{watch.fd(), POLLIN, 0};
        BOOST_TEST(::poll(&wait, 1, 5000) == 1);
        BOOST_TEST((changed(watch) == Directories{""}));
        touch(temp.root, "a/b/f");
        touch(temp.root, "a/b/g");
        BOOST_TEST((changed(watch) == Directories{"a/b"}));
        BOOST_TEST((after(set_mode(must(temp.root.pin("a/b/f")), 0640)) == Directories{"a/b"}));
        BOOST_TEST((after(temp.root.rename("a/b/f", temp.root, "c/f", RenameMode::NoReplace)) ==
                    Directories{"a/b", "c"}));
        BOOST_TEST((after(temp.root.make_symlink("c/l", "f")) == Directories{"c"}));
        BOOST_TEST((after(temp.root.unlink("c/l")) == Directories{"c"}));
        const FileHandle open = must(temp.root.open_file("a/b/g", O_WRONLY));
        BOOST_TEST((after(open.write_at(0, "changed, not closed")) == Directories{"a/b"}));
      },
      [](const TempDirectory& temp) {
        must(temp.root.make_directory("a", 0755));
        must(temp.root.make_directory("a/b", 0755));
        must(temp.root.make_directory("c", 0755));
      });
}

BOOST_AUTO_TEST_CASE(new_moved_and_removed_directories_are_followed) {
  with_each(
      [](Watch& watch, const TempDirectory& temp) {
        must(temp.root.make_directory("new", 0755));
        must(temp.root.make_directory("new/deep\n\xff", 0755));
        touch(temp.root, "new/deep\n\xff/f");
        BOOST_TEST((changed(watch) == Directories{"", "new", "new/deep\n\xff"}));
        must(temp.root.rename("new", temp.root, "old/moved", RenameMode::NoReplace));
        const Directories both = changed(watch);
        BOOST_TEST((both.size() >= 2 && both[0].empty() && both[1] == "old"));
        touch(temp.root, "old/moved/deep\n\xff/g");
        BOOST_TEST((changed(watch) == Directories{"old/moved/deep\n\xff"}));
        must(temp.root.remove_tree("old/moved"));
        const Directories removed = changed(watch);
        BOOST_TEST((!removed.empty() && removed[0] == "old"));
        touch(temp.root, "old/f");
        BOOST_TEST((changed(watch) == Directories{"old"}));
      },
      [](const TempDirectory& temp) { must(temp.root.make_directory("old", 0755)); });
}

BOOST_AUTO_TEST_CASE(a_directory_moved_out_is_not_ours_any_more) {
  const TempDirectory outside;
  const TempDirectory temp;
  must(temp.root.make_directory("d", 0755));
  for (const WatchKind kind : {WatchKind::Fanotify, WatchKind::Inotify}) {
    auto watch = Watch::open_as(kind, temp.path, "");
    if (!watch.ok()) {
      BOOST_TEST_MESSAGE("skipped: " << watch.error().what());
      continue;
    }
    must(temp.root.rename("d", outside.root, "d", RenameMode::NoReplace));
    BOOST_TEST((changed(*watch) == Directories{""}));
    touch(outside.root, "d/f");
    BOOST_TEST(changed(*watch).empty());
    must(outside.root.rename("d", temp.root, "d", RenameMode::NoReplace));
    BOOST_TEST((changed(*watch).at(0) == ""));
    touch(temp.root, "d/f");
    BOOST_TEST((changed(*watch) == Directories{"d"}));
  }
}

BOOST_AUTO_TEST_CASE(the_excluded_directory_is_silent_but_not_its_namesakes) {
  with_each(
      [](Watch& watch, const TempDirectory& temp) {
        touch(temp.root, ".hareplicate/staged");
        must(set_mode(must(temp.root.pin(".hareplicate")), 0711));
        must(temp.root.make_directory(".hareplicate/sub", 0755));
        touch(temp.root, ".hareplicate/sub/f");
        const Directories own = changed(watch);
        BOOST_TEST((own.empty() || own == Directories{""}));
        touch(temp.root, ".hareplicate.d/f");
        touch(temp.root, "d/.hareplicate");
        BOOST_TEST((changed(watch) == Directories{".hareplicate.d", "d"}));
        must(temp.root.rename(".hareplicate/staged", temp.root, "d/published", RenameMode::NoReplace));
        BOOST_TEST((changed(watch) == Directories{"d"}));
      },
      [](const TempDirectory& temp) {
        must(temp.root.make_directory(".hareplicate", 0700));
        must(temp.root.make_directory(".hareplicate.d", 0700));
        must(temp.root.make_directory("d", 0755));
      });
}

BOOST_AUTO_TEST_CASE(more_directories_than_a_batch_holds_overflow) {
  const TempDirectory temp(kShm);
  for (const WatchKind kind : {WatchKind::Fanotify, WatchKind::Inotify}) {
    auto watch = Watch::open_as(kind, temp.path, "");
    if (!watch.ok()) {
      BOOST_TEST_MESSAGE("skipped: " << watch.error().what());
      continue;
    }
    must(temp.root.make_directory("many", 0755));
    const Directory many = must(temp.root.open_beneath("many"));
    for (std::size_t i = 0; i <= kWatchBatchMax; ++i) {
      const Bytes name = std::to_string(i);
      must(many.make_directory(name, 0755));
      must(many.make_node(name + "/f", FileType::Regular, 0600, 0));
    }
    bool overflow = false;
    for (int i = 0; i < 100 && !overflow; ++i) {
      const WatchBatch batch = must(watch->read());
      overflow = batch.overflow;
      BOOST_TEST((!overflow || batch.directories.empty()));
    }
    BOOST_TEST(overflow);
    while (!must(watch->read()).directories.empty()) {
    }
    touch(temp.root, "many/17/g");  // and it goes on working
    BOOST_TEST((changed(*watch) == Directories{"many/17"}));
    must(temp.root.remove_tree("many"));
  }
}

BOOST_AUTO_TEST_CASE(a_root_that_is_no_directory_is_an_error) {
  const TempDirectory temp;
  touch(temp.root, "f");
  BOOST_TEST((code_of(Watch::open(temp.path + "/none", "")) == Code::NotFound));
  BOOST_TEST((code_of(Watch::open(temp.path + "/f", "")) == Code::Conflict));
  BOOST_TEST(Watch::open(temp.path, "").ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::sys
