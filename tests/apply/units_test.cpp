// Units at a replica and at a holder that adopts: docs/units.md.
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <functional>
#include <thread>

#include "replicator/apply/file_target.h"
#include "replicator/apply/stranded.h"
#include "tests/apply/apply_fixture.h"

using namespace ha;
using namespace ha::replicator;
using namespace ha::replicator::test;
namespace fs = std::filesystem;

namespace {

const Bytes kBox = "d/1/INBOX";

FileTargetOptions with_units() {
  FileTargetOptions options = Target::fast();
  options.is_unit = [](BytesView key) { return key == kBox; };
  return options;
}

using Files = std::map<Bytes, Bytes>;  // name → content

const Files kTwo = {
    {"msg0000.txt", "t0"}, {"msg0000.wav", "w0"}, {"msg0001.txt", "t1"}, {"msg0001.wav", "w1"}};

ItemPart unit_of(const Files& files) {
  FileMeta meta = meta_of(FileType::Directory, 0755);
  Digest sum;
  for (const auto& [name, content] : files) {
    sum += literal_item(kBox + "/" + name, content).header->hash;
  }
  meta.unit = sum;
  return plain_item(kBox, meta);
}

std::vector<ItemPart> parts_of(const Files& files) {
  std::vector<ItemPart> parts;
  for (const auto& [name, content] : files) {
    parts.push_back(literal_item(kBox + "/" + name, content));
  }
  return parts;
}

struct Box : Target {
  Box() : Target(with_units()) {
    batch({plain_item("d", meta_of(FileType::Directory, 0755)),
           plain_item("d/1", meta_of(FileType::Directory, 0755))});
  }
  void fill(const Files& files) {
    batch({unit_of(files)});
    batch(parts_of(files));
    commit();
  }
  [[nodiscard]] Files there() const {
    Files out;
    for (const auto& each : fs::directory_iterator(at(kBox))) {
      out[each.path().filename().string()] = read_all(each.path());
    }
    return out;
  }
  void put(const Bytes& name, BytesView content) const { write_all(at(kBox + "/" + name), content); }
  // A peer that is ahead: what goes has to be put aside, and there is room for one file.
  void hold_by_full_store(const Files& now) {
    target.set_origin({{7, 3}, false, true, {}, 1});
    batch({unit_of(now)});
    batch(parts_of(now));
    const auto held = try_batch({deleted_item(kBox + "/msg0001.txt"), deleted_item(kBox + "/msg0001.wav")});
    BOOST_REQUIRE(!held.ok());
    BOOST_TEST((held.error().code() == Code::Held));
    BOOST_TEST((there() == kTwo));
  }
  void holder() {
    index.set_own_changes(true);
    target.set_origin({{}, true, false, {}, 100});
  }
  std::vector<StrandedIncident> aside() {
    const auto opened = sys::Directory::open_root(root.string());
    return list_stranded(*opened, {""}, 100).value();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(apply_units, Box)

BOOST_AUTO_TEST_CASE(a_unit_appears_when_it_is_whole) {
  batch({unit_of(kTwo)});
  batch(parts_of({{"msg0000.txt", "t0"}, {"msg0000.wav", "w0"}, {"msg0001.wav", "w1"}}));
  BOOST_TEST(there().empty());
  batch(parts_of({{"msg0001.txt", "t1"}}));
  BOOST_TEST((there() == kTwo));  // and no lock
  commit();
  BOOST_TEST(staged_count() == 0U);
  BOOST_TEST(index.journal_size().value() == 0U);
}

BOOST_AUTO_TEST_CASE(a_renumbering_waits_for_its_deletions) {
  fill(kTwo);
  const Files one = {{"msg0000.txt", "t1"}, {"msg0000.wav", "w1"}};
  batch({unit_of(one)});
  batch(parts_of(one));
  BOOST_TEST((there() == kTwo));
  batch({deleted_item(kBox + "/msg0001.txt"), deleted_item(kBox + "/msg0001.wav")});
  BOOST_TEST((there() == one));
  commit();
}

BOOST_AUTO_TEST_CASE(what_is_missing_at_the_end_of_a_pass_may_come_with_the_next) {
  fill(kTwo);
  const Files one = {{"msg0000.txt", "t1"}, {"msg0000.wav", "w1"}};
  batch({unit_of(one)});
  batch(parts_of({{"msg0000.txt", "t1"}}));
  commit();
  BOOST_TEST((there() == kTwo));
  batch(parts_of({{"msg0000.wav", "w1"}}));
  batch({deleted_item(kBox + "/msg0001.txt"), deleted_item(kBox + "/msg0001.wav")});
  commit();
  BOOST_TEST((there() == one));
}

BOOST_AUTO_TEST_CASE(a_lock_of_the_pbx_is_waited_for_and_not_broken) {
  fill({{"msg0000.txt", "t0"}});
  for (const char* lock : {".lock"}) {
    put(lock, "");
    batch({unit_of(kTwo)});
    const BatchOutcome outcome = batch(parts_of(kTwo));
    BOOST_TEST(outcome.applied_items == 0U);
    BOOST_TEST(index.failure(kBox).value().has_value());
    BOOST_TEST(there().contains(lock));
    BOOST_TEST(there().size() == 2U);
    fs::remove(at(kBox + "/" + lock));
    commit();
    BOOST_TEST((there() == kTwo));
    BOOST_TEST(!index.failure(kBox).value().has_value());
  }
}

BOOST_AUTO_TEST_CASE(a_unit_with_a_message_that_nobody_knows_is_left_alone_and_reported) {
  fill({{"msg0000.txt", "t0"}});
  put("msg0001.txt", "left at the standby");
  batch({unit_of(kTwo)});
  batch(parts_of(kTwo));
  BOOST_TEST(read_all(at(kBox + "/msg0001.txt")) == "left at the standby");
  BOOST_TEST(there().size() == 2U);
  const CommitOutcome outcome = commit();
  BOOST_REQUIRE(outcome.changed_units.size() == 1U);
  BOOST_TEST(outcome.changed_units[0] == kBox);
  BOOST_TEST(staged_count() == 0U);
}

BOOST_AUTO_TEST_CASE(a_message_under_a_number_that_is_taken_gets_the_next_and_comes_only_once) {
  fill(kTwo);
  holder();
  const Files other = {{"msg0001.txt", "t-other"}, {"msg0001.wav", "w1"}};
  for (int i = 0; i < 2; ++i) {
    batch(parts_of(other));
    Files wanted = kTwo;
    wanted["msg0002.txt"] = "t-other";
    wanted["msg0002.wav"] = "w1";
    BOOST_TEST((there() == wanted));
  }
  BOOST_TEST(entry(kBox + "/msg0002.txt")->source.index_id == index.index_id());
  const FileMeta meta = decode_meta(entry(kBox)->meta).value();
  Digest sum;
  for (const auto& [name, content] : there()) {
    sum += entry(kBox + "/" + name)->hash;
  }
  BOOST_TEST((meta.unit == sum));
}

BOOST_AUTO_TEST_CASE(a_message_whose_number_is_free_keeps_it_and_one_that_is_here_is_not_taken) {
  fill(kTwo);
  holder();
  batch(parts_of({{"msg0005.txt", "t1"}, {"msg0005.wav", "w1"}, {"msg0007.txt", "t7"}}));
  Files wanted = kTwo;
  wanted["msg0007.txt"] = "t7";
  BOOST_TEST((there() == wanted));
  BOOST_TEST(staged_count() == 0U);
}

BOOST_AUTO_TEST_CASE(a_number_that_is_taken_on_the_disk_only_counts_as_taken) {
  fill(kTwo);
  holder();
  put("msg0002.wav", "just coming in");
  batch(parts_of({{"msg0002.txt", "t2"}}));
  BOOST_TEST(read_all(at(kBox + "/msg0003.txt")) == "t2");
  BOOST_TEST(!fs::exists(at(kBox + "/msg0002.txt")));
}

BOOST_AUTO_TEST_CASE(what_the_unit_still_has_afterwards_is_not_stranded_and_what_goes_is_put_aside_whole) {
  fill(kTwo);
  target.set_origin({{7, 3}, false, true, {}, 100});  // careful, and knows of nothing
  const Files now = {{"msg0000.txt", "t1"}, {"msg0000.wav", "w1"}};
  batch({unit_of(now)});
  batch(parts_of(now));
  batch({deleted_item(kBox + "/msg0001.txt"), deleted_item(kBox + "/msg0001.wav")});
  BOOST_TEST((there() == now));
  const auto incidents = aside();
  BOOST_REQUIRE(incidents.size() == 1U);
  BOOST_REQUIRE(incidents[0].items.size() == 2U);
  BOOST_TEST(incidents[0].items[0].key == kBox + "/msg0000.txt");
  BOOST_TEST(incidents[0].items[1].key == kBox + "/msg0000.wav");
}

BOOST_AUTO_TEST_CASE(a_lock_that_a_kill_has_left_goes_at_the_next_start_and_no_other_one) {
  fill(kTwo);
  write_all(root / ".hareplicate" / "unit-lock", kBox);
  fs::create_hard_link(root / ".hareplicate" / "unit-lock", at(kBox + "/.lock"));
  reopen();
  BOOST_TEST((there() == kTwo));
  BOOST_TEST(staged_count() == 0U);
  put(".lock", "of the PBX");
  write_all(root / ".hareplicate" / "unit-lock", kBox);
  reopen();
  BOOST_TEST(there().contains(".lock"));
}

BOOST_AUTO_TEST_CASE(a_unit_that_goes_is_deleted_with_its_directory) {
  fill(kTwo);
  batch({deleted_item(kBox + "/msg0000.txt"), deleted_item(kBox + "/msg0000.wav"), deleted_item(kBox),
         deleted_item(kBox + "/msg0001.txt"), deleted_item(kBox + "/msg0001.wav")});
  commit();
  BOOST_TEST(!fs::exists(at(kBox)));
}

BOOST_AUTO_TEST_CASE(a_saved_message_appears_in_its_new_folder_when_it_goes_from_the_old_one) {
  const Bytes old = "d/1/Old";
  options.is_unit = [&](BytesView key) { return key == kBox || key == old; };
  reopen();
  fill(kTwo);
  const auto saved = [&](const char* name, const char* content) {
    return literal_item(old + "/" + name, content);
  };
  FileMeta meta = meta_of(FileType::Directory, 0755);
  meta.unit = saved("msg0000.txt", "t0").header->hash + saved("msg0000.wav", "w0").header->hash;
  const Files rest = {{"msg0000.txt", "t1"}, {"msg0000.wav", "w1"}};
  batch({plain_item(old, meta)});
  batch({saved("msg0000.txt", "t0"), saved("msg0000.wav", "w0")});
  commit();
  BOOST_TEST(fs::is_empty(at(old)));
  batch({unit_of(rest)});
  batch(parts_of(rest));
  batch({deleted_item(kBox + "/msg0001.txt"), deleted_item(kBox + "/msg0001.wav")});
  BOOST_TEST((there() == rest));
  BOOST_TEST(read_all(at(old + "/msg0000.wav")) == "w0");
}

// Otherwise it would be twice here, and stay so if roles turned.
BOOST_AUTO_TEST_CASE(a_saved_message_waits_while_the_folder_it_comes_from_is_left_alone) {
  for (const char* folder : {"d/1/Old", "d/1/Family"}) {  // of either side of INBOX
    const Bytes other = folder;
    for (const char* obstacle : {"msg0002.txt", ".lock"}) {
      Box box;
      box.options.is_unit = [&](BytesView key) { return key == kBox || key == other; };
      box.reopen();
      box.fill(kTwo);
      const auto saved = [&](const char* name, const char* content) {
        return literal_item(other + "/" + name, content);
      };
      FileMeta meta = meta_of(FileType::Directory, 0755);
      meta.unit = saved("msg0000.txt", "t0").header->hash + saved("msg0000.wav", "w0").header->hash;
      const Files rest = {{"msg0000.txt", "t1"}, {"msg0000.wav", "w1"}};
      std::vector<ItemPart> all = parts_of(rest);
      all.push_back(saved("msg0000.txt", "t0"));
      all.push_back(saved("msg0000.wav", "w0"));
      all.push_back(deleted_item(kBox + "/msg0001.txt"));
      all.push_back(deleted_item(kBox + "/msg0001.wav"));
      box.batch({plain_item(other, meta), unit_of(rest)});
      box.put(obstacle, "of the PBX here");
      box.batch(all);
      BOOST_TEST(fs::is_empty(box.at(other)), other << " beside " << obstacle);
      fs::remove(box.at(kBox + "/" + obstacle));
      box.batch(all);
      box.commit();
      BOOST_TEST((box.there() == rest));
      BOOST_TEST(read_all(box.at(other + "/msg0000.wav")) == "w0");
      BOOST_TEST(box.staged_count() == 0U);
      BOOST_TEST(box.index.journal_size().value() == 0U);
    }
  }
}

BOOST_AUTO_TEST_CASE(two_folders_can_exchange_a_message) {
  const Bytes old = "d/1/Old";
  options.is_unit = [&](BytesView key) { return key == kBox || key == old; };
  reopen();
  const auto in_old = [&](const char* content) { return literal_item(old + "/msg0000.txt", content); };
  const auto old_with = [&](const char* content) {
    FileMeta meta = meta_of(FileType::Directory, 0755);
    meta.unit = in_old(content).header->hash;
    return plain_item(old, meta);
  };
  fill({{"msg0000.txt", "a"}});
  batch({old_with("b"), in_old("b")});
  const Files after = {{"msg0000.txt", "b"}};
  batch({old_with("a"), unit_of(after), in_old("a"), parts_of(after)[0]});
  commit();
  BOOST_TEST((there() == after));
  BOOST_TEST(read_all(at(old + "/msg0000.txt")) == "a");
}

// The tree is writable by strangers: whatever is called so, the PBX cannot use it as a lock either.
BOOST_AUTO_TEST_CASE(what_is_called_like_a_lock_and_is_no_file_is_in_the_way_of_its_unit_alone) {
  fill({{"msg0000.txt", "t0"}});
  const fs::path lock = at(kBox + "/lock");
  const std::vector<std::function<void()>> kinds = {[&] { fs::create_directory(lock); },
                                                    [&] { fs::create_symlink("msg0000.txt", lock); },
                                                    [&] { BOOST_REQUIRE(::mkfifo(lock.c_str(), 0600) == 0); },
                                                    [&] { fs::create_hard_link(at("linked"), lock); }};
  batch({literal_item("linked", "0")});
  Files files = kTwo;
  for (const auto& make : kinds) {
    make();
    files["msg0001.wav"] += "+";
    batch({unit_of(files)});
    std::vector<ItemPart> parts = parts_of(files);
    parts.push_back(literal_item("other", files["msg0001.wav"]));
    BOOST_TEST(batch(parts).troubles.empty());
    BOOST_TEST(read_all(at("other")) == files["msg0001.wav"]);  // the rest of the set goes on
    BOOST_TEST(index.failure(kBox).value().has_value());
    reopen();
    fs::remove(lock);
    commit();
    BOOST_TEST((there() == files));
  }
}

BOOST_AUTO_TEST_CASE(a_file_that_somebody_has_linked_as_a_lock_keeps_its_owner) {
  if (!is_root("files of others")) {
    return;
  }
  fill({{"msg0000.txt", "t0"}});
  put("../../../secret", "of somebody else");
  BOOST_REQUIRE(::chown(at("secret").c_str(), 4321, 4321) == 0);
  fs::create_hard_link(at("secret"), at(kBox + "/lock"));
  batch({unit_of(kTwo)});
  batch(parts_of(kTwo));
  BOOST_TEST(stat_of(at("secret")).st_uid == 4321U);
  BOOST_TEST(fs::exists(at(kBox + "/lock")));
}

BOOST_AUTO_TEST_CASE(a_unit_that_a_full_store_has_held_is_published_when_there_is_room) {
  fill(kTwo);
  const Files one = {{"msg0000.txt", "t1"}, {"msg0000.wav", "w1"}};
  hold_by_full_store(one);
  BOOST_REQUIRE(target.abort_transfers().ok());
  target.set_origin({{7, 3}, false, true, {}, 100});
  commit();
  BOOST_TEST((there() == one));
  BOOST_TEST(index.journal_size().value() == 0U);
  BOOST_REQUIRE(aside().size() == 1U);
  BOOST_TEST(aside()[0].items.size() == 2U);  // and none of them twice
}

BOOST_AUTO_TEST_CASE(what_a_full_store_has_held_does_not_undo_what_comes_after_it) {
  fill(kTwo);
  hold_by_full_store({{"msg0000.txt", "t1"}, {"msg0000.wav", "w1"}});
  BOOST_REQUIRE(target.abort_transfers().ok());
  target.set_origin({{7, 3}, false, true, {}, 100});
  const Files then = {
      {"msg0000.txt", "t1"}, {"msg0000.wav", "w1"}, {"msg0001.txt", "t2"}, {"msg0001.wav", "w2"}};
  batch({unit_of(then)});
  batch(parts_of(then));
  commit();
  BOOST_TEST((there() == then));
  BOOST_TEST(index.journal_size().value() == 0U);
  BOOST_TEST(staged_count() == 1U);  // what is stranded
}

BOOST_AUTO_TEST_CASE(what_is_in_another_mailbox_afterwards_is_stranded_all_the_same) {
  const Bytes other = "d/2/INBOX";
  options.is_unit = [&](BytesView key) { return key == kBox || key == other; };
  reopen();
  batch({plain_item("d/2", meta_of(FileType::Directory, 0755))});
  fill({{"msg0000.txt", "t0"}});
  target.set_origin({{7, 3}, false, true, {}, 100});
  FileMeta meta = meta_of(FileType::Directory, 0755);
  meta.unit = literal_item(other + "/msg0000.txt", "t0").header->hash;
  batch({unit_of({}), plain_item(other, meta)});
  batch({literal_item(other + "/msg0000.txt", "t0"), deleted_item(kBox + "/msg0000.txt")});
  BOOST_TEST(there().empty());
  BOOST_TEST(read_all(at(other + "/msg0000.txt")) == "t0");
  BOOST_REQUIRE(aside().size() == 1U);
  BOOST_TEST(aside()[0].items.at(0).key == kBox + "/msg0000.txt");
}

BOOST_AUTO_TEST_CASE(messages_for_which_there_is_no_number_leave_nothing_staged) {
  fill({{"msg9999.txt", "t"}});
  holder();
  const auto outcome = batch(parts_of({{"msg0005.txt", "free"}, {"msg9999.txt", "other"}}));
  BOOST_TEST(outcome.troubles.size() == 2U);
  BOOST_TEST(staged_count() == 0U);
  BOOST_TEST(index.journal_size().value() == 0U);
}

BOOST_AUTO_TEST_CASE(a_number_that_the_pbx_takes_while_we_wait_for_its_lock_is_its_own) {
  fill(kTwo);
  holder();
  put(".lock", "");
  std::thread pbx([&] {
    while (!fs::exists(root / ".hareplicate" / "unit-lock")) {
      std::this_thread::yield();
    }
    put("msg0002.txt", "of the PBX");
    fs::remove(at(kBox + "/.lock"));
  });
  const auto outcome = batch(parts_of({{"msg0002.txt", "t2"}}));
  pbx.join();
  BOOST_TEST(read_all(at(kBox + "/msg0002.txt")) == "of the PBX");
  if (!outcome.troubles.empty()) {
    BOOST_TEST(staged_count() == 0U);
    BOOST_TEST(index.journal_size().value() == 0U);
    batch(parts_of({{"msg0002.txt", "t2"}}));
  }
  BOOST_TEST(read_all(at(kBox + "/msg0003.txt")) == "t2");
}

BOOST_AUTO_TEST_SUITE_END()
