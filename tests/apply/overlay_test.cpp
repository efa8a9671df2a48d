#include "replicator/apply/overlay_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>

#include <boost/test/unit_test.hpp>

#include "replicator/apply/live_content.h"
#include "tests/apply/apply_fixture.h"

using namespace ha;
using namespace ha::replicator;
using namespace ha::replicator::test;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMiB = 1024 * 1024;
const OverlayStore::Rules kRules{{"etc/a.conf", {{"^address=.*$", "address=here"}}}};
const Bytes kKey = "etc/a.conf";

Bytes content_of(const Bytes& more) {
  return "first\naddress=there\n" + more + "\n";
}
Bytes altered_content(const Bytes& more) {
  return "first\naddress=here\n" + more + "\n";
}

// A target whose files are altered by the rules.
struct Overlaid {
  explicit Overlaid(const OverlayStore::Rules& rules = kRules, Publish publish = Publish::PerFile)
      : root(sys::Directory::open_root(directory.path().string()).value()) {
    options.publish = publish;
    configure(rules);
  }

  // As after a restart.
  void configure(const OverlayStore::Rules& rules) {
    store = OverlayStore::open(root, rules, [this](const char* event, BytesView, const std::string& why) {
              events.push_back(std::string(event) + ": " + why);
            }).value();
    BOOST_REQUIRE(store->know_copies().ok());
    options.overlays = store.get();
    if (!target) {
      target = std::make_unique<Target>(directory.path().string(), ":memory:", options);
    }
    target->options = options;
    target->reopen();
  }

  void deliver(const Bytes& content) { target->batch({literal_item(kKey, content)}); }
  [[nodiscard]] Bytes live() const { return read_all(directory.path() / kKey); }
  void edit(const Bytes& content) const { write_all(directory.path() / kKey, content); }
  void align() { BOOST_REQUIRE(target->target.align_overlays().ok()); }
  [[nodiscard]] bool has_copies() const {
    return fs::exists(directory.path() / ".hareplicate/pristine") ||
           fs::exists(directory.path() / ".hareplicate/pristine-next");
  }
  // The live file is `altered`, everything else says `content`.
  void check(const Bytes& altered, const Bytes& content) {
    BOOST_TEST(live() == altered);
    const auto entry = target->entry(kKey);
    BOOST_REQUIRE(entry);
    BOOST_TEST((entry->state == EntryState::Overlaid));
    BOOST_TEST((entry->content == digest_of(content)));
    BOOST_TEST(entry->size == content.size());
    const auto local = decode_local(entry->local).value();
    const auto stat = stat_of(directory.path() / kKey);
    BOOST_TEST(local.inode == stat.st_ino);
    BOOST_TEST(local.size == static_cast<std::uint64_t>(stat.st_size));
    BOOST_TEST(local.ctime_ns == static_cast<std::uint32_t>(stat.st_ctim.tv_nsec));
    BOOST_TEST(store->current(kKey).value().content == content);
    BOOST_TEST(!fs::exists(directory.path() / ".hareplicate/pristine-next"));
    const LiveContent basis = open_live(root, target->index, test_key(), kKey).value();
    BOOST_TEST(basis.pristine);
    BOOST_TEST((basis.content == digest_of(content)));
  }
  std::string undone_or(OverlayRole role) {
    store->set_role(role);
    const auto pristine = store->pristine_of(kKey, live());
    return !pristine.ok() ? "error" : *pristine ? **pristine : "as it stands";
  }

  TemporaryDirectory directory;
  sys::Directory root;
  std::vector<std::string> events;
  FileTargetOptions options = Target::fast();
  std::unique_ptr<OverlayStore> store;
  std::unique_ptr<Target> target;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(apply_overlay)

BOOST_AUTO_TEST_CASE(a_file_is_delivered_altered_and_counts_as_it_was_sent) {
  Overlaid o;
  FileMeta meta = meta_of(FileType::Regular, 0640);
  meta.mtime_s = 1'600'000'000;
  o.target->batch({literal_item(kKey, content_of("x"), meta)});
  o.check(altered_content("x"), content_of("x"));
  BOOST_TEST((stat_of(o.directory.path() / kKey).st_mode & 07777U) == 0640U);
  BOOST_TEST(stat_of(o.directory.path() / kKey).st_mtime == 1'600'000'000);
  BOOST_TEST((stat_of(o.directory.path() / ".hareplicate/pristine" / kKey).st_mode & 07777U) == 0600U);
  BOOST_TEST(o.events.empty());
}

BOOST_AUTO_TEST_CASE(a_delta_is_made_against_the_pristine_copy) {
  Overlaid o;
  const Bytes large = random_content(1, kMiB);
  Bytes edited = large;
  edited.replace(kMiB / 2, 10, "0123456789");
  o.deliver(content_of(large));
  const auto outcome =
      o.target->batch({delta_item(kKey, content_of(large), content_of(edited), meta_of(FileType::Regular))});
  BOOST_TEST(outcome.troubles.empty());
  o.check(altered_content(edited), content_of(edited));
}

BOOST_AUTO_TEST_CASE(metadata_alone_is_put_on_the_altered_file) {
  Overlaid o;
  o.deliver(content_of("x"));
  const auto outcome =
      o.target->batch({same_content_item(kKey, content_of("x"), meta_of(FileType::Regular, 0600))});
  BOOST_TEST(outcome.troubles.empty());
  o.check(altered_content("x"), content_of("x"));
  BOOST_TEST((stat_of(o.directory.path() / kKey).st_mode & 07777U) == 0600U);
}

BOOST_AUTO_TEST_CASE(copies_survive_a_start_and_go_with_the_file) {
  Overlaid o;
  o.deliver(content_of("x"));
  o.configure(kRules);
  o.check(altered_content("x"), content_of("x"));
  o.target->batch({deleted_item(kKey)});
  BOOST_TEST(!fs::exists(o.directory.path() / kKey));
  BOOST_TEST(!o.has_copies());
  o.deliver(content_of("y"));
  o.target->batch({plain_item(kKey, meta_of(FileType::Directory, 0755))});
  BOOST_TEST(!o.has_copies());
}

BOOST_AUTO_TEST_CASE(a_whole_set_is_published_altered_also_when_it_is_rolled_forward) {
  Overlaid o(kRules, Publish::PerSet);
  o.deliver(content_of("x"));
  BOOST_TEST(!fs::exists(o.directory.path() / kKey));
  o.target->commit();
  o.check(altered_content("x"), content_of("x"));
  o.deliver(content_of("y"));
  // A kill before the first rename: the journal says go.
  auto batch = o.target->index.begin().value();
  BOOST_REQUIRE(batch.put_journal(".", {}, 2).ok());
  BOOST_REQUIRE(batch.commit().ok());
  const Recovery recovery = o.target->reopen();
  BOOST_TEST(recovery.rolled_forward == 1U);
  o.check(altered_content("y"), content_of("y"));
}

BOOST_AUTO_TEST_CASE(what_had_been_renamed_before_a_kill_is_found_by_the_journal) {
  Overlaid o(kRules, Publish::PerSet);
  o.deliver(content_of("x"));
  const auto waiting = o.target->index.journal(0, 10).value();
  BOOST_REQUIRE(waiting.size() == 1U);
  o.target->commit();
  auto batch = o.target->index.begin().value();  // as if the index had not been told
  BOOST_REQUIRE(batch.erase(kKey).ok());
  BOOST_REQUIRE(batch.put_journal(waiting[0].key, waiting[0].staged, waiting[0].op).ok());
  BOOST_REQUIRE(batch.put_journal(".", {}, 2).ok());
  BOOST_REQUIRE(batch.commit().ok());
  const Recovery recovery = o.target->reopen();
  BOOST_TEST(recovery.troubles.empty());
  BOOST_TEST(recovery.rolled_forward == 1U);
  o.check(altered_content("x"), content_of("x"));
}

BOOST_AUTO_TEST_CASE(what_matches_nothing_or_is_too_large_is_delivered_as_it_is_with_a_warning) {
  Overlaid o;
  o.deliver("nothing\n");
  o.check("nothing\n", "nothing\n");
  BOOST_TEST(o.events.back() == "overlay.no_match: no line is altered");
  const Bytes large = random_content(2, 5 * kMiB);
  o.target->batch({delta_item(kKey, "nothing\n", large, meta_of(FileType::Regular))});
  BOOST_TEST(o.live() == large);
  BOOST_TEST((o.target->entry(kKey)->state == EntryState::Mirrored));
  BOOST_TEST(o.events.back() == "overlay.no_match: it is larger than 4 MiB");
  BOOST_TEST(!o.has_copies());
}

BOOST_AUTO_TEST_CASE(other_rules_alter_anew_and_no_rules_give_the_pristine_file_back) {
  Overlaid o(OverlayStore::Rules{});
  o.deliver(content_of("x"));
  const auto before = o.target->entry(kKey).value();
  o.configure(kRules);
  o.align();
  o.check(altered_content("x"), content_of("x"));
  o.configure({{kKey, {{"there", "elsewhere"}}}});
  o.align();
  o.check("first\naddress=elsewhere\nx\n", content_of("x"));
  o.configure({});
  o.align();
  check_converged(*o.target, kKey, content_of("x"));
  const auto after = o.target->entry(kKey).value();
  BOOST_TEST((after.state == EntryState::Mirrored));
  BOOST_TEST(after.sequence == before.sequence);
  BOOST_TEST((after.hash == before.hash));
  BOOST_TEST(!o.has_copies());
  BOOST_TEST(o.target->staged_count() == 0U);
}

BOOST_AUTO_TEST_CASE(aligning_leaves_alone_what_was_edited_and_mends_what_is_pristine) {
  Overlaid o;
  o.deliver(content_of("x"));
  o.edit("edited\n");
  o.align();
  BOOST_TEST(o.live() == "edited\n");
  o.edit(content_of("x"));
  o.configure(kRules);
  o.align();
  o.check(altered_content("x"), content_of("x"));
}

BOOST_AUTO_TEST_CASE(the_directorys_time_stays_when_a_file_is_altered_in_it) {
  Overlaid o(OverlayStore::Rules{});
  o.deliver(content_of("x"));
  const fs::path parent = (o.directory.path() / kKey).parent_path();
  const struct timespec times[2] = {{1'500'000'000, 0}, {1'500'000'000, 0}};
  BOOST_REQUIRE(::utimensat(AT_FDCWD, parent.c_str(), times, 0) == 0);
  o.configure(kRules);
  o.align();
  BOOST_TEST(o.live() == altered_content("x"));
  BOOST_TEST(stat_of(parent).st_mtime == 1'500'000'000);
}

BOOST_AUTO_TEST_CASE(an_altered_file_stands_for_its_pristine_content_in_every_role) {
  Overlaid o;
  BOOST_TEST(o.store->covers(kKey));
  BOOST_TEST(!o.store->covers("etc/b.conf"));
  o.deliver(content_of("x"));
  for (const OverlayRole role : {OverlayRole::Replica, OverlayRole::Holder, OverlayRole::LastLook}) {
    BOOST_TEST(o.undone_or(role) == content_of("x"));
  }
}

BOOST_AUTO_TEST_CASE(an_edit_is_drift_at_a_replica_and_is_undone_at_the_holder) {
  Overlaid o;
  o.deliver(content_of("x"));
  o.edit("new\n" + altered_content("y"));
  BOOST_TEST(o.undone_or(OverlayRole::Replica) == "as it stands");
  BOOST_TEST(o.undone_or(OverlayRole::Holder) == "new\n" + content_of("y"));
  BOOST_TEST(o.undone_or(OverlayRole::Replica) == "new\n" + content_of("y"));  // it is the copy now
}

BOOST_AUTO_TEST_CASE(an_edit_that_cannot_be_undone_is_never_told) {
  Overlaid o;
  o.deliver(content_of("x"));
  o.edit("address=here, or there\n");
  BOOST_TEST(o.undone_or(OverlayRole::Holder) == "error");
  BOOST_TEST(o.undone_or(OverlayRole::Holder) == "error");
  BOOST_REQUIRE(o.events.size() == 1U);
  BOOST_TEST(o.events[0].starts_with("overlay.failed: its overlay can no longer be undone"));
  BOOST_TEST(o.undone_or(OverlayRole::LastLook) == "as it stands");
  o.edit(altered_content("x"));
  BOOST_TEST(o.undone_or(OverlayRole::Holder) == content_of("x"));
}

BOOST_AUTO_TEST_CASE(a_kill_between_copy_and_rename_is_sorted_out_by_what_stands_there) {
  Overlaid o;
  o.deliver(content_of("x"));
  const Pristine next{content_of("y"), {{2, "address=there", "address=here"}}};
  BOOST_REQUIRE(o.store->save_next(kKey, next).ok());
  BOOST_TEST(o.undone_or(OverlayRole::Holder) == content_of("x"));
  o.edit("new\n" + altered_content("x"));  // of which one is this an edit?
  BOOST_TEST(o.undone_or(OverlayRole::Holder) == "error");
  o.edit(altered_content("y"));
  BOOST_TEST(o.undone_or(OverlayRole::Holder) == content_of("y"));
  BOOST_TEST((o.store->current(kKey).value() == next));
  BOOST_TEST(!fs::exists(o.directory.path() / ".hareplicate/pristine-next"));
}

BOOST_AUTO_TEST_CASE(a_copy_that_somebody_deletes_makes_the_file_pristine_as_it_stands) {
  Overlaid o;
  o.deliver(content_of("x"));
  o.align();
  fs::remove(o.directory.path() / ".hareplicate/pristine" / kKey);
  o.align();
  const auto entry = o.target->entry(kKey).value();
  BOOST_TEST((decode_local(entry.local).value() == LocalStat{}));  // the next scan reads it
  BOOST_TEST(o.undone_or(OverlayRole::Holder) == "as it stands");
  BOOST_TEST(o.undone_or(OverlayRole::Holder) == "as it stands");
}

BOOST_AUTO_TEST_CASE(a_damaged_copy_is_an_error_at_the_holder_and_fetched_again_by_a_replica) {
  Overlaid o;
  o.deliver(content_of("x"));
  write_all(o.directory.path() / ".hareplicate/pristine" / kKey, "damaged");
  BOOST_TEST(o.undone_or(OverlayRole::Holder) == "error");
  BOOST_TEST(o.undone_or(OverlayRole::Replica) == "as it stands");
  const LiveContent basis = open_live(o.root, o.target->index, test_key(), kKey).value();
  BOOST_TEST(!basis.pristine);
  o.deliver(content_of("y"));
  o.check(altered_content("y"), content_of("y"));
}

BOOST_AUTO_TEST_SUITE_END()
