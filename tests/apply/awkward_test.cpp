// Items and places that are hard: every type, deep and odd names, full disks, other file systems, immutable
// files, and somebody who swaps directories for links meanwhile.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>

#include "common/sys/file.h"
#include "replicator/apply/file_target.h"
#include "tests/apply/apply_fixture.h"

using namespace ha;
using namespace ha::replicator;
using namespace ha::replicator::test;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMiB = 1024 * 1024;

class SmallMount {
 public:
  SmallMount(fs::path path, const char* size) : path_(std::move(path)) {
    fs::create_directories(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, (std::string("size=") + size).c_str()) == 0;
  }
  ~SmallMount() { unmount(); }
  SmallMount(const SmallMount&) = delete;
  SmallMount& operator=(const SmallMount&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }
  void unmount() {
    if (mounted_) {
      ::umount2(path_.c_str(), MNT_DETACH);
      mounted_ = false;
    }
  }

 private:
  fs::path path_;
  bool mounted_ = false;
};

// False where the file system has no such flag.
bool set_immutable(const fs::path& path, bool on) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  unsigned long flags = 0;
  bool done = fd >= 0 && ::ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0;
  flags = on ? flags | FS_IMMUTABLE_FL : flags & ~static_cast<unsigned long>(FS_IMMUTABLE_FL);
  done = done && ::ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
  if (fd >= 0) {
    ::close(fd);
  }
  return done;
}

FileMeta special(FileType type, Bytes target = {}, std::uint64_t device = 0) {
  FileMeta meta = meta_of(type, type == FileType::Symlink ? 0777 : 0640);
  meta.target = std::move(target);
  meta.device = device;
  return meta;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(apply_awkward)

BOOST_AUTO_TEST_CASE(every_type_arrives) {
  if (!is_root("devices")) {
    return;
  }
  Target t;
  FileMeta odd_owner = special(FileType::Symlink, "\xff/../\n");
  odd_owner.uid = 4'294'967'294U;
  odd_owner.gid = 77;
  const auto outcome =
      t.batch({plain_item("fifo", special(FileType::Fifo)), plain_item("socket", special(FileType::Socket)),
               plain_item("null", special(FileType::CharDevice, {}, makedev(1, 3))),
               plain_item("loop", special(FileType::BlockDevice, {}, makedev(7, 200))),
               plain_item("link", odd_owner)});
  BOOST_TEST(outcome.troubles.empty());
  BOOST_TEST(S_ISFIFO(stat_of(t.at("fifo")).st_mode));
  BOOST_TEST(S_ISSOCK(stat_of(t.at("socket")).st_mode));
  BOOST_TEST(S_ISCHR(stat_of(t.at("null")).st_mode));
  BOOST_TEST(stat_of(t.at("null")).st_rdev == makedev(1, 3));
  BOOST_TEST(S_ISBLK(stat_of(t.at("loop")).st_mode));
  BOOST_TEST((stat_of(t.at("fifo")).st_mode & 07777U) == 0640U);
  BOOST_TEST(stat_of(t.at("link")).st_uid == 4'294'967'294U);
  BOOST_TEST(stat_of(t.at("link")).st_mtim.tv_sec == 1'600'000'000);
  BOOST_TEST(fs::read_symlink(t.at("link")).string() == "\xff/../\n");
}

BOOST_AUTO_TEST_CASE(owners_capabilities_and_lists_survive) {
  if (!is_root("owners and trusted attributes")) {
    return;
  }
  Target t;
  FileMeta meta = meta_of(FileType::Regular, 06755);
  meta.uid = 12345;
  meta.gid = 54321;
  Bytes capability(20, '\0');  // vfs_cap_data, revision 2: cap_net_raw
  capability[3] = '\x02';
  capability[5] = '\x20';
  meta.xattrs = {{"security.capability", capability}, {"trusted.x", "y"}, {"user.a", Bytes("\0b", 2)}};
  BOOST_TEST(t.batch({literal_item("f", "x", meta)}).troubles.empty());
  const struct stat facts = stat_of(t.at("f"));
  BOOST_TEST((facts.st_mode & 07777U) == 06755U);
  BOOST_TEST(facts.st_uid == 12345U);
  std::array<char, 64> value{};
  BOOST_TEST(::getxattr(t.at("f").c_str(), "security.capability", value.data(), value.size()) == 20);
  // In place: the owner changes, the set-id bits and the capability stay.
  meta.uid = 1;
  BOOST_TEST(t.batch({same_content_item("f", "x", meta)}).troubles.empty());
  BOOST_TEST((stat_of(t.at("f")).st_mode & 07777U) == 06755U);
  BOOST_TEST(::getxattr(t.at("f").c_str(), "security.capability", value.data(), value.size()) == 20);
}

BOOST_AUTO_TEST_CASE(a_staging_directory_that_was_given_away_is_not_used_again) {
  if (!is_root("owners")) {
    return;
  }
  Target t;
  BOOST_TEST(t.batch({literal_item("f", "old")}).troubles.empty());
  write_all(t.at(".hareplicate/planted"), "x");
  BOOST_REQUIRE(::chown(t.at(".hareplicate").c_str(), 65534, 65534) == 0);
  t.reopen();
  struct stat found {};
  BOOST_REQUIRE(::stat(t.at(".hareplicate").c_str(), &found) == 0);
  BOOST_TEST(found.st_uid == 0U);
  BOOST_TEST(t.staged_count() == 0U);
  BOOST_TEST(fs::exists(t.at(".hareplicate/marker")));
  std::size_t aside = 0;
  for (const auto& entry : fs::directory_iterator(t.root)) {
    const bool is_it = entry.path().filename().string().find(".hareplicate-of-65534-") == 0;
    aside += is_it && fs::exists(entry.path() / "planted") ? 1U : 0U;
  }
  BOOST_TEST(aside == 1U);
  BOOST_TEST(t.batch({literal_item("f", "new")}).troubles.empty());
  BOOST_TEST(read_all(t.at("f")) == "new");
}

BOOST_AUTO_TEST_CASE(odd_names_and_extreme_times_survive) {
  Target t;
  FileMeta meta = meta_of(FileType::Regular, 0);
  meta.mtime_s = -2'000'000'000;
  const Bytes longest(255, '\xff');
  const std::vector<Bytes> names{"\xff\xfe", "new\nline", "tab\t\x1b[31m", longest,
                                 " ",        "-rf",       "\xe2\x80\xae"};
  for (const Bytes& name : names) {
    BOOST_TEST(t.batch({literal_item(name, name, meta)}).troubles.empty());
    BOOST_TEST((read_all(t.at(name)) == name));
    BOOST_TEST(stat_of(t.at(name)).st_mtim.tv_sec == -2'000'000'000);
    BOOST_TEST((stat_of(t.at(name)).st_mode & 07777U) == 0U);
  }
}

BOOST_AUTO_TEST_CASE(keys_far_deeper_than_a_path_may_be) {
  Target t;
  Bytes key;
  while (key.size() < 9000) {
    key += (key.empty() ? "" : "/") + Bytes(200, 'd');
    BOOST_TEST(t.batch({plain_item(key, meta_of(FileType::Directory, 0755))}).troubles.empty());
  }
  BOOST_TEST(t.batch({literal_item(key + "/file", "deep")}).troubles.empty());
  const auto root = sys::Directory::open_root(t.root.string()).value();
  BOOST_TEST(sys::read_file(root, key + "/file", 100).value() == "deep");
  BOOST_TEST(t.batch({deleted_item(key + "/file"), deleted_item(key)}).troubles.empty());
  BOOST_TEST(!root.exists(key).value());
}

BOOST_AUTO_TEST_CASE(a_name_too_long_for_the_file_system_is_corrupt_and_an_id_that_is_none_is_trouble) {
  Target t;
  BOOST_TEST((t.try_batch({literal_item(Bytes(256, 'x'), "x")}).error().code() == Code::Corrupt));
  FileMeta meta = meta_of(FileType::Regular);
  meta.uid = 4'294'967'295U;
  const auto outcome = t.batch({literal_item("bad", "x", meta), literal_item("good", "y")});
  BOOST_REQUIRE(outcome.troubles.size() == 1U);
  BOOST_TEST(outcome.troubles[0].key == "bad");
  BOOST_TEST(read_all(t.at("good")) == "y");
}

BOOST_AUTO_TEST_CASE(a_full_disk_leaves_the_old_content_and_frees_what_was_staged) {
  TemporaryDirectory directory;
  SmallMount mount(directory.path() / "root", "4m");
  if (!mount.mounted()) {
    BOOST_TEST_MESSAGE("skipped: cannot mount");
    return;
  }
  Target t((directory.path() / "root").string(), (directory.path() / "index").string(), Target::fast());
  BOOST_REQUIRE(t.target.recover().ok());
  const Bytes old_content = random_content(1, kMiB / 2);
  BOOST_TEST(t.batch({literal_item("f", old_content)}).troubles.empty());
  const auto full = t.try_batch({literal_item("small", "s"), literal_item("f", random_content(2, 8 * kMiB))});
  BOOST_REQUIRE(!full.ok());
  BOOST_TEST((full.error().code() == Code::NoSpace));
  BOOST_TEST((read_all(t.at("f")) == old_content));
  BOOST_TEST(t.staged_count() == 0U);
  // It comes back by itself when there is room.
  BOOST_TEST(t.batch({literal_item("f", random_content(3, kMiB))}).troubles.empty());
  BOOST_TEST((read_all(t.at("f")) == random_content(3, kMiB)));
}

BOOST_AUTO_TEST_CASE(kept_transfers_give_way_when_the_disk_is_full) {
  TemporaryDirectory directory;
  SmallMount mount(directory.path() / "root", "4m");
  if (!mount.mounted()) {
    BOOST_TEST_MESSAGE("skipped: cannot mount");
    return;
  }
  FileTargetOptions options = Target::fast();
  options.partial_bytes_min = kMiB;
  Target t((directory.path() / "root").string(), (directory.path() / "index").string(), options);
  BOOST_REQUIRE(t.target.recover().ok());
  BOOST_REQUIRE(t.target.apply_frame(1, 0, frame_of({literal_item("a", random_content(4, 2 * kMiB))})).ok());
  BOOST_REQUIRE(t.target.abort_transfers().ok());
  BOOST_TEST(t.target.partials().size() == 1U);
  BOOST_TEST(!t.try_batch({literal_item("b", random_content(5, 3 * kMiB))}).ok());
  BOOST_TEST(t.target.partials().empty());
  BOOST_TEST(t.batch({literal_item("b", random_content(5, 3 * kMiB))}).troubles.empty());
}

BOOST_AUTO_TEST_CASE(a_mount_inside_the_set_has_its_own_staging_and_is_missed_when_gone) {
  Target t;
  BOOST_TEST(t.batch({plain_item("m", meta_of(FileType::Directory, 0755)), literal_item("leader", "x")})
                 .troubles.empty());
  SmallMount mount(t.at("m"), "4m");
  if (!mount.mounted()) {
    BOOST_TEST_MESSAGE("skipped: cannot mount");
    return;
  }
  BOOST_TEST(t.batch({plain_item("m/d", meta_of(FileType::Directory, 0755)), literal_item("m/d/f", "inside")})
                 .troubles.empty());
  BOOST_TEST(read_all(t.at("m/d/f")) == "inside");
  BOOST_TEST(fs::exists(t.at("m/.hareplicate/marker")));
  // EXDEV is trouble of that item alone.
  const auto outcome = t.batch({link_item("m/link", "leader", "x"), literal_item("after", "y")});
  BOOST_REQUIRE(outcome.troubles.size() == 1U);
  BOOST_TEST(outcome.troubles[0].key == "m/link");
  BOOST_TEST(read_all(t.at("after")) == "y");
  BOOST_TEST(t.staged_count() == 0U);
  t.reopen();
  mount.unmount();
  t.target = FileTarget::open(t.root.string(), t.index, test_key()).value();
  const auto recovered = t.target.recover();
  BOOST_REQUIRE(!recovered.ok());
  BOOST_TEST((recovered.error().code() == Code::Held));
}

BOOST_AUTO_TEST_CASE(a_file_of_our_name_is_moved_aside_and_nothing_of_it_is_lost) {
  Target t;
  SmallMount mount(t.at("m"), "4m");
  if (!mount.mounted()) {
    BOOST_TEST_MESSAGE("skipped: cannot mount");
    return;
  }
  write_all(t.at("m/.hareplicate"), "somebody's");
  const Status marked = t.target.mark({"m"});
  BOOST_REQUIRE_MESSAGE(marked.ok(), text_of(marked));
  BOOST_TEST(fs::exists(t.at("m/.hareplicate/marker")));
  std::size_t kept = 0;
  for (const auto& entry : fs::directory_iterator(t.at("m"))) {
    kept += entry.is_regular_file() && read_all(entry.path()) == "somebody's" ? 1U : 0U;
  }
  BOOST_TEST(kept == 1U);
}

BOOST_AUTO_TEST_CASE(immutable_files_are_trouble_and_the_rest_goes_on) {
  Target t;
  BOOST_TEST(t.batch({literal_item("fixed", "old"), literal_item("free", "old")}).troubles.empty());
  if (!set_immutable(t.at("fixed"), true)) {
    BOOST_TEST_MESSAGE("skipped: no immutable flag here");
    return;
  }
  const auto outcome = t.batch({literal_item("fixed", "new"), literal_item("free", "new")});
  const auto deletion = t.batch({deleted_item("fixed")});
  BOOST_TEST(set_immutable(t.at("fixed"), false));
  BOOST_REQUIRE(outcome.troubles.size() == 1U);
  BOOST_TEST(outcome.troubles[0].key == "fixed");
  BOOST_TEST(deletion.troubles.size() == 1U);
  BOOST_TEST(read_all(t.at("fixed")) == "old");
  BOOST_TEST(read_all(t.at("free")) == "new");
  BOOST_TEST(t.index.failure("fixed").value().has_value());
  BOOST_TEST(t.staged_count() == 0U);
  BOOST_TEST(t.batch({literal_item("fixed", "new")}).troubles.empty());
  BOOST_TEST(t.index.failure_count().value() == 0U);
}

BOOST_AUTO_TEST_CASE(swapped_links_never_lead_out_of_the_root) {
  Target t;
  TemporaryDirectory outside;
  write_all(outside.path() / "f", "canary");
  write_all(outside.path() / "g", "canary");
  fs::permissions(outside.path() / "f", fs::perms(0600));
  const struct stat before = stat_of(outside.path());
  BOOST_TEST(t.batch({plain_item("d", meta_of(FileType::Directory, 0755)), literal_item("d/f", "canary")})
                 .troubles.empty());
  std::atomic<bool> stop = false;
  std::atomic<int> swaps = 0;
  std::thread swapper([&] {
    const fs::path real = t.at("d");
    const fs::path aside = t.directory.path() / "aside";
    while (!stop) {
      std::error_code ignored;
      fs::rename(real, aside, ignored);
      fs::create_directory_symlink(outside.path(), real, ignored);
      fs::remove(real, ignored);
      fs::rename(aside, real, ignored);
      ++swaps;
    }
  });
  for (int round = 0; round < 300; ++round) {
    const Bytes content = "round " + std::to_string(round);
    for (const ItemPart& item :
         {literal_item("d/f", content), same_content_item("d/f", content, meta_of(FileType::Regular, 04777)),
          deleted_item("d/g"), literal_item("d/new", content)}) {
      static_cast<void>(t.try_batch({item}));  // it may fail in many ways
    }
  }
  stop = true;
  swapper.join();
  BOOST_TEST_MESSAGE(swaps << " swaps");
  BOOST_TEST(read_all(outside.path() / "f") == "canary");
  BOOST_TEST(read_all(outside.path() / "g") == "canary");
  BOOST_TEST(!fs::exists(outside.path() / "new"));
  BOOST_TEST((stat_of(outside.path() / "f").st_mode & 07777U) == 0600U);
  BOOST_TEST(stat_of(outside.path()).st_mtim.tv_nsec == before.st_mtim.tv_nsec);
  BOOST_TEST(t.staged_count() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
