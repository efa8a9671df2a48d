#include "replicator/apply/exchange.h"

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <fstream>

#include "common/base/random.h"
#include "replicator/apply/file_facts.h"
#include "replicator/apply/placement.h"
#include "tests/apply/apply_fixture.h"
#include "tests/apply/run_and_kill.h"

using namespace ha;
using namespace ha::replicator;
using namespace ha::replicator::test;
namespace fs = std::filesystem;

namespace {

using Tree = std::map<Bytes, Bytes>;  // content by path; a directory is "DIR " and its mode

void write(const fs::path& file, const Bytes& content) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << content;
}

Tree read(const fs::path& root) {
  Tree out;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const Bytes key = entry.path().lexically_relative(root).string();
    struct stat stat {};
    BOOST_REQUIRE(::lstat(entry.path().c_str(), &stat) == 0);
    out[key] = entry.is_directory() ? "DIR " + std::to_string(stat.st_mode & 07777U) : read_all(entry.path());
  }
  return out;
}

// A site that has its own things at the path, and a service on the shelf.
struct Place {
  TemporaryDirectory directory;
  fs::path path = directory.path() / "etc" / "pbx";
  fs::path shelf = directory.path() / "shelf" / "voice1" / "etc";
  fs::path tree = shelf / "tree";
  fs::path index = directory.path() / "index.sqlite";

  Place() {
    for (const char* name :
         {"a.conf", "b.conf", "own.conf", "d/deep/one", "keys/secret", "c/x.swp", "c/one"}) {
      write(path / name, Bytes("own ") + name);
    }
    for (const char* name :
         {"a.conf", "b.conf", "theirs.conf", "d", "e/f/g", "c/two", ".hareplicate/marker"}) {
      write(tree / name, Bytes("voice1 ") + name);
    }
    fs::permissions(path / "c", fs::perms(0750));
    fs::permissions(tree / "c", fs::perms(0711));
  }

  [[nodiscard]] PlacementOptions options(bool live) const {
    PlacementOptions out;
    out.set = "etc@voice1";
    out.path = path.string();
    out.shelf = shelf.string();
    out.index_path = index.string();
    out.exclude = GlobList::parse({"keys/", "*.swp"}).value();
    out.live = live;
    return out;
  }
  // As it is when nothing has ever been exchanged.
  void begin() const {
    const auto first = settle(options(false));
    BOOST_REQUIRE_MESSAGE(first.ok(), text_of(first));
    BOOST_TEST(!first->exchanged);
  }
};

// What the two sides must hold when the service is live, from what they held before.
void swap_by_hand(Tree& live, Tree& shelf) {
  Tree new_live;
  Tree new_shelf;
  for (const auto& [key, content] : live) {
    const bool stays = key == "keys" || key == "keys/secret" || key == "c/x.swp";
    (stays ? new_live : new_shelf)[key] = content;
  }
  new_live.insert(shelf.begin(), shelf.end());
  live = std::move(new_live);
  shelf = std::move(new_shelf);
}

void check_equal(const Tree& found, const Tree& wanted, const std::string& where) {
  for (const auto& [key, content] : wanted) {
    const auto at = found.find(key);
    BOOST_TEST((at != found.end() && at->second == content), where << ": " << key);
  }
  BOOST_TEST(found.size() == wanted.size(), where);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(apply_exchange)

BOOST_AUTO_TEST_CASE(trees_change_places_and_back_and_what_is_excluded_stays) {
  const Place place;
  place.begin();
  const Tree live_before = read(place.path);
  const Tree shelf_before = read(place.tree);
  Tree live = live_before;
  Tree shelf = shelf_before;
  swap_by_hand(live, shelf);
  const auto promoted = settle(place.options(true));
  BOOST_REQUIRE_MESSAGE(promoted.ok(), text_of(promoted));
  BOOST_TEST((promoted->exchanged && !promoted->resumed));
  check_equal(read(place.path), live, "live");
  check_equal(read(place.tree), shelf, "shelf");
  BOOST_TEST(read_all(place.shelf / "placement") ==
             "hareplicate-placement-1\nlive\n" + place.path.string() + "\n");
  BOOST_TEST(!fs::exists(place.shelf / "exchange"));
  BOOST_TEST(!settle(place.options(true))->exchanged);
  const auto demoted = settle(place.options(false));
  BOOST_REQUIRE_MESSAGE(demoted.ok(), text_of(demoted));
  check_equal(read(place.path), live_before, "live");
  check_equal(read(place.tree), shelf_before, "shelf");
}

BOOST_AUTO_TEST_CASE(a_directory_that_is_excluded_from_in_part_is_made_where_it_is_missing) {
  const Place place;
  write(place.path / "only/here/a.swp", "excluded");
  write(place.path / "only/here/b", "moves");
  write(place.path / "nothing/but/c.swp", "excluded");
  place.begin();
  BOOST_REQUIRE(settle(place.options(true)).ok());
  BOOST_TEST(read_all(place.tree / "only/here/b") == "moves");
  BOOST_TEST(read_all(place.path / "only/here/a.swp") == "excluded");
  BOOST_TEST(!fs::exists(place.path / "only/here/b"));
  BOOST_TEST(fs::exists(place.path / "nothing/but/c.swp"));
  BOOST_TEST(!fs::exists(place.tree / "nothing"));
  BOOST_REQUIRE(settle(place.options(false)).ok());
  BOOST_TEST(read_all(place.path / "only/here/b") == "moves");
}

BOOST_AUTO_TEST_CASE(after_a_kill_at_any_call_it_is_finished_and_nothing_is_lost) {
  const std::uint64_t seed = random_seed();
  BOOST_TEST_MESSAGE("seed " << seed);
  Random random(seed);
  const Place place;
  place.begin();
  Tree live = read(place.path);
  Tree shelf = read(place.tree);
  std::uint64_t calls = 0;
  std::uint64_t resumed = 0;
  for (int round = 0; round < 60; ++round) {
    const bool wanted = round % 2 == 0;
    const auto run = run_and_kill(calls == 0 ? ~0ULL : random.between(1, calls),
                                  [&] { return settle(place.options(wanted)).ok(); });
    BOOST_TEST((run.killed || run.succeeded), "seed " << seed << " round " << round);
    calls = calls == 0 ? run.calls : calls;
    // Changing one's mind in between must not matter.
    if (round % 5 == 3) {
      BOOST_REQUIRE(settle(place.options(!wanted)).ok());
    }
    const auto done = settle(place.options(wanted));
    BOOST_REQUIRE_MESSAGE(done.ok(), "seed " << seed << " round " << round << ": " << text_of(done));
    resumed += done->resumed ? 1U : 0U;
    swap_by_hand(live, shelf);
    check_equal(read(place.path), live, "round " + std::to_string(round) + " live");
    check_equal(read(place.tree), shelf, "round " + std::to_string(round) + " shelf");
  }
  BOOST_TEST(resumed > 0U);
}

BOOST_AUTO_TEST_CASE(what_a_pbx_replaces_in_between_goes_with_the_rest) {
  const Place place;
  place.begin();
  const auto live = sys::Directory::open_root(place.path.string());
  const auto tree = sys::Directory::open_root(place.tree.string());
  BOOST_REQUIRE((live.ok() && tree.ok()));
  const auto plan = plan_exchange(*live, *tree, place.options(true).exclude, true);
  BOOST_REQUIRE(plan.ok());
  write(place.path / "new", "written anew");
  fs::rename(place.path / "new", place.path / "a.conf");
  fs::remove(place.path / "own.conf");
  write(place.path / "late.conf", "later");
  const Status done = run_exchange(*live, *tree, *plan, {});
  BOOST_REQUIRE_MESSAGE(done.ok(), text_of(done));
  BOOST_TEST(read_all(place.tree / "a.conf") == "written anew");
  BOOST_TEST(read_all(place.path / "a.conf") == "voice1 a.conf");
  BOOST_TEST(!fs::exists(place.tree / "own.conf"));
  BOOST_TEST(read_all(place.path / "late.conf") == "later");
  BOOST_REQUIRE(run_exchange(*live, *tree, *plan, {}).ok());  // all is done already
  BOOST_TEST(read_all(place.path / "a.conf") == "voice1 a.conf");
}

BOOST_AUTO_TEST_CASE(what_cannot_move_undoes_the_rest) {
  if (::geteuid() != 0) {
    BOOST_TEST_MESSAGE("skipped: needs root, to become somebody else");
    return;
  }
  const Place place;
  constexpr uid_t kNobody = 65534;
  place.begin();
  write(place.path / "z/x.swp", "excluded");  // so that z is entered, last of all
  write(place.path / "z/y", "fixed");
  for (const auto& entry : fs::recursive_directory_iterator(place.directory.path())) {
    BOOST_REQUIRE(::lchown(entry.path().c_str(), kNobody, kNobody) == 0);
  }
  BOOST_REQUIRE(::lchown(place.directory.path().c_str(), kNobody, kNobody) == 0);
  BOOST_REQUIRE(::lchown((place.path / "z").c_str(), 0, 0) == 0);  // nobody may rename in it
  const Tree live = read(place.path);
  const Tree shelf = read(place.tree);
  const auto run = run_and_kill(~0ULL, [&] {
    if (::setresgid(kNobody, kNobody, kNobody) != 0 || ::setresuid(kNobody, kNobody, kNobody) != 0) {
      return false;
    }
    const auto refused = settle(place.options(true));
    return !refused.ok() && refused.error().what().find("\"z/y\" cannot change places") != std::string::npos;
  });
  BOOST_TEST(run.succeeded);
  check_equal(read(place.path), live, "live");
  check_equal(read(place.tree), shelf, "shelf");
  BOOST_TEST(!fs::exists(place.shelf / "exchange"));
  const auto as_root = settle(place.options(true));
  BOOST_REQUIRE_MESSAGE(as_root.ok(), text_of(as_root));
  BOOST_TEST(read_all(place.tree / "z/y") == "fixed");
}

BOOST_AUTO_TEST_CASE(a_set_that_was_live_goes_to_the_shelf_when_it_has_to) {
  const Place place;
  fs::remove_all(place.tree);
  write(place.path / ".hareplicate/marker", "marker");
  BOOST_REQUIRE(Index::open(place.index.string()).ok());
  const auto done = settle(place.options(false));
  BOOST_REQUIRE_MESSAGE(done.ok(), text_of(done));
  BOOST_TEST(done->exchanged);
  BOOST_TEST(read_all(place.tree / "a.conf") == "own a.conf");
  BOOST_TEST(!fs::exists(place.path / "a.conf"));
}

BOOST_AUTO_TEST_CASE(the_index_is_told_of_what_it_knew_and_of_nothing_else) {
  const Place place;
  place.begin();
  const auto tree = sys::Directory::open_root(place.tree.string());
  {
    auto index = Index::open(place.index.string());
    BOOST_REQUIRE(index.ok());
    auto batch = index->begin();
    BOOST_REQUIRE(batch.ok());
    for (const char* key : {"a.conf", "b.conf"}) {
      Entry entry = header_of(key, meta_of(FileType::Regular), Bytes("voice1 ") + key);
      LocalStat local = local_stat(*tree->stat(key));
      local.size += std::string(key) == "b.conf" ? 1U : 0U;  // it was changed since
      entry.local = encode_local(local);
      BOOST_REQUIRE(batch->put(entry).ok());
    }
    BOOST_REQUIRE(batch->commit().ok());
  }
  BOOST_REQUIRE(settle(place.options(true)).ok());
  auto index = Index::open(place.index.string());
  const auto live = sys::Directory::open_root(place.path.string());
  const auto of = [&](const char* key) { return (*index->get(key))->local; };
  BOOST_TEST((of("a.conf") == encode_local(local_stat(*live->stat("a.conf")))));
  BOOST_TEST((of("b.conf") != encode_local(local_stat(*live->stat("b.conf")))));
}

BOOST_AUTO_TEST_CASE(what_cannot_be_right_is_refused_before_anything_moves) {
  const Place place;
  place.begin();
  const Tree live = read(place.path);
  const auto refused = [&](const PlacementOptions& options, Code code, const std::string& part) {
    const auto result = settle(options);
    BOOST_REQUIRE(!result.ok());
    BOOST_TEST((result.error().code() == code), result.error().what());
    BOOST_TEST(result.error().what().find(part) != std::string::npos, result.error().what());
    BOOST_TEST(!result.error().hint().empty());
  };
  PlacementOptions elsewhere = place.options(true);
  elsewhere.shelf = "/dev/shm/hareplicate-test-" + std::to_string(::getpid());
  refused(elsewhere, Code::Refused, "are not on one file system");
  fs::remove_all(elsewhere.shelf);
  PlacementOptions missing = place.options(true);
  missing.path += "-not";
  refused(missing, Code::NotFound, "pbx-not");
  write(place.shelf / "placement", "hareplicate-placement-1\nliver\n/x\n");
  refused(place.options(true), Code::Corrupt, "does not say where");
  write(place.shelf / "placement", "hareplicate-placement-1\nlive\n/somewhere/else\n");
  refused(place.options(false), Code::Conflict, "stands at \"/somewhere/else\"");
  write(place.shelf / "placement", "hareplicate-placement-1\nshelf\n" + place.path.string() + "\n");
  fs::remove_all(place.tree / "c");
  write(place.tree / "keys", "a file of the set");
  const auto excluded = settle(place.options(true));
  BOOST_REQUIRE(!excluded.ok());
  BOOST_TEST(excluded.error().what().find("\"keys\" is excluded at the path") != std::string::npos);
  check_equal(read(place.path), live, "live");
}

BOOST_AUTO_TEST_CASE(what_holds_a_mount_point_is_refused_before_anything_moves) {
  const Place place;
  place.begin();
  const fs::path point = place.path / "d" / "a mount";
  fs::create_directories(point);
  for (const unsigned long flags : {0UL, static_cast<unsigned long>(MS_BIND)}) {  // the latter has our st_dev
    const char* const from = flags == 0 ? "tmpfs" : place.shelf.c_str();
    if (::mount(from, point.c_str(), "tmpfs", flags, nullptr) != 0) {
      BOOST_TEST_MESSAGE("skipped: cannot mount");
      return;
    }
    const Tree before = read(place.tree);
    const auto refused = settle(place.options(true));
    BOOST_TEST(::umount2(point.c_str(), MNT_DETACH) == 0);
    BOOST_REQUIRE(!refused.ok());
    BOOST_TEST((refused.error().code() == Code::Refused));
    BOOST_TEST(refused.error().what().find("d/a mount") != std::string::npos);
    check_equal(read(place.tree), before, "shelf");
  }
  BOOST_TEST(settle(place.options(true)).ok());
}

BOOST_AUTO_TEST_CASE(a_journal_is_read_as_it_was_written_and_nothing_else_is) {
  ExchangePlan plan;
  plan.to_live = true;
  plan.entered.push_back({"c", meta_of(FileType::Directory, 0750), meta_of(FileType::Directory, 0711)});
  plan.entered.push_back({"c/d", meta_of(FileType::Directory, 0700), std::nullopt});
  plan.steps = {{"a", 1, 2}, {"b", 0, 3}, {"c/x", 4, 0}};
  const Bytes bytes = encode_exchange(plan);
  const auto back = decode_exchange(bytes);
  BOOST_REQUIRE(back.ok());
  BOOST_TEST((*back == plan));
  const auto damaged = [&](auto change) {
    ExchangePlan other = plan;
    change(other);
    return !decode_exchange(encode_exchange(other)).ok();
  };
  BOOST_TEST(damaged([](ExchangePlan& other) { other.steps[0].live_inode = 2; }));
  BOOST_TEST(damaged([](ExchangePlan& other) { other.entered[0].live.type = FileType::Regular; }));
  BOOST_TEST(!decode_exchange(bytes.substr(0, bytes.size() - 1)).ok());
  BOOST_TEST(!decode_exchange("").ok());
}

BOOST_AUTO_TEST_SUITE_END()
