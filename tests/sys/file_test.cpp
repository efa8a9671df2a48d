#include "common/sys/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <set>
#include <thread>

#include "tests/sys/temp_directory.h"

namespace ha::sys {
namespace {

const std::string kShm = "/dev/shm";

// A directory chain whose path is longer than PATH_MAX, of 200-byte names.
Bytes deep_path(int levels) {
  Bytes path;
  for (int i = 0; i < levels; ++i) {
    path += (i == 0 ? "" : "/") + Bytes(200, static_cast<char>('a' + i % 26));
  }
  return path;
}

void make_deep(const Directory& root, int levels) {
  Directory at = must(root.duplicate());
  for (int i = 0; i < levels; ++i) {
    const Bytes name(200, static_cast<char>('a' + i % 26));
    must(at.make_directory(name, 0755));
    at = must(at.open_beneath(name));
  }
}

BOOST_AUTO_TEST_SUITE(sys_file)

BOOST_AUTO_TEST_CASE(keys_that_leave_or_mislead_are_invalid) {
  for (const Bytes& bad : {Bytes(), Bytes("."), Bytes(".."), Bytes("/etc"), Bytes("a//b"), Bytes("a/"),
                           Bytes("a/../b"), Bytes("./a"), Bytes("a/."), Bytes(256, 'x'), Bytes("a\0b", 3)}) {
    BOOST_TEST((code_of(check_key(bad)) == Code::Invalid), escape(bad));
  }
  Bytes longest;
  while (longest.size() < kPathBytesMax) {
    longest += "a/";
  }
  longest.back() = 'b';
  BOOST_TEST(check_key(longest).ok());
  BOOST_TEST((code_of(check_key(longest + "c")) == Code::Invalid));
  for (const Bytes& good : {Bytes("a"), Bytes("..."), Bytes(".a/b.."), Bytes(255, 'x'), Bytes("\xff\n")}) {
    BOOST_TEST(check_key(good).ok(), escape(good));
  }
}

BOOST_AUTO_TEST_CASE(every_call_refuses_a_key_that_leaves) {
  const TempDirectory temp;
  const Bytes bad = "../x";
  BOOST_TEST((code_of(temp.root.open_beneath(bad)) == Code::Invalid));
  BOOST_TEST((code_of(temp.root.open_file(bad, O_RDONLY)) == Code::Invalid));
  BOOST_TEST((code_of(temp.root.open_parent(bad)) == Code::Invalid));
  BOOST_TEST((code_of(temp.root.stat(bad)) == Code::Invalid));
  BOOST_TEST((code_of(temp.root.make_directory(bad, 0755)) == Code::Invalid));
  BOOST_TEST((code_of(temp.root.rename("a", temp.root, bad, RenameMode::Replace)) == Code::Invalid));
  BOOST_TEST((code_of(temp.root.unlink(bad)) == Code::Invalid));
  BOOST_TEST((code_of(temp.root.remove_tree(bad)) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(a_root_that_is_missing_or_a_file_is_an_error) {
  const TempDirectory temp;
  temp.write("file", "x");
  BOOST_TEST((code_of(Directory::open_root(temp.path + "/none")) == Code::NotFound));
  BOOST_TEST((code_of(Directory::open_root(temp.path + "/file")) == Code::Conflict));
}

BOOST_AUTO_TEST_CASE(files_are_written_and_read_at_offsets) {
  const TempDirectory temp;
  FileHandle file = must(temp.root.open_file("f", O_RDWR | O_CREAT | O_EXCL, 0600));
  must(file.write_at(3, "def"));
  must(file.write_at(0, "abc"));
  BOOST_TEST(must(file.read_at(1, 100)) == "bcdef");
  BOOST_TEST(must(file.read_at(6, 1)) == "");
  must(file.truncate(2));
  must(file.sync());
  file.start_writeback(0, 2);
  BOOST_TEST(must(file.stat()).size == 2U);
  must(file.close());
  BOOST_TEST(!file.is_open());
  BOOST_TEST((code_of(file.write_at(0, "x")) == Code::Io));
  BOOST_TEST((code_of(file.read_at(0, 1)) == Code::Io));
  BOOST_TEST((code_of(temp.root.open_file("f", O_RDWR | O_CREAT | O_EXCL, 0600)) == Code::Exists));
  BOOST_TEST((code_of(temp.root.open_file("none", O_RDONLY)) == Code::NotFound));
}

BOOST_AUTO_TEST_CASE(symbolic_links_are_never_followed) {
  const TempDirectory temp;
  const TempDirectory outside;
  outside.write("secret", "x");
  must(temp.root.make_symlink("dir", outside.path));
  must(temp.root.make_symlink("file", outside.path + "/secret"));
  must(temp.root.make_symlink("proc", "/proc/self/root"));
  BOOST_TEST((code_of(temp.root.open_beneath("dir")) == Code::Conflict));
  BOOST_TEST((code_of(temp.root.open_beneath("proc/etc")) == Code::Conflict));
  BOOST_TEST((code_of(temp.root.open_file("dir/secret", O_RDONLY)) == Code::Conflict));
  BOOST_TEST((code_of(temp.root.open_file("file", O_RDONLY)) == Code::Conflict));
  BOOST_TEST((code_of(temp.root.open_regular("file")) == Code::Conflict));
  BOOST_TEST((code_of(temp.root.unlink("dir/secret")) == Code::Conflict));
  BOOST_TEST((code_of(temp.root.make_directory("dir/new", 0755)) == Code::Conflict));
  BOOST_TEST((must(temp.root.stat("dir")).type == FileType::Symlink));
  BOOST_TEST((must(must(temp.root.pin("dir")).stat()).type == FileType::Symlink));
  BOOST_TEST(must(temp.root.read_link("dir")) == outside.path);
  must(temp.root.remove_tree("dir"));
  BOOST_TEST(outside.read("secret") == "x");
}

BOOST_AUTO_TEST_CASE(a_directory_swapped_for_a_link_never_lets_us_out) {
  const TempDirectory temp;
  const TempDirectory outside;
  outside.write("prey", "outside");
  must(temp.root.make_directory("d", 0755));
  temp.write("d/prey", "inside");
  must(temp.root.make_symlink("link", outside.path));
  std::atomic<bool> stop = false;
  std::thread swapper([&] {
    while (!stop) {
      static_cast<void>(temp.root.rename("d", temp.root, "link", RenameMode::Exchange));
    }
  });
  int inside = 0;
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    const auto file = temp.root.open_file("d/prey", O_RDONLY);
    if (!file.ok()) {
      ++refused;
    } else {
      const auto content = file->read_at(0, 10);
      inside += content.ok() && *content == "inside" ? 1 : 0;
    }
    static_cast<void>(temp.root.make_directory("d/made", 0755));
    static_cast<void>(temp.root.remove_directory("d/made"));
  }
  stop = true;
  swapper.join();
  BOOST_TEST_MESSAGE(inside << " opened inside, " << refused << " refused");
  BOOST_TEST(inside + refused == 20000);
  BOOST_TEST(must(outside.root.names(10)).size() == 1U);
}

BOOST_AUTO_TEST_CASE(any_name_the_kernel_allows_makes_the_round_trip) {
  const TempDirectory temp;
  const std::set<Bytes> names = {Bytes(255, 'n'),
                                 "\xff\xfe",
                                 "new\nline",
                                 "\x1b[31m",
                                 "\xe2\x80\xae"
                                 "rtl",
                                 " ",
                                 "-rf",
                                 "..."};
  for (const Bytes& name : names) {
    temp.write(name, name);
  }
  const auto listed = must(temp.root.names(100));
  BOOST_TEST((std::set<Bytes>(listed.begin(), listed.end()) == names));
  for (const Bytes& name : names) {
    BOOST_TEST((temp.read(name) == name));
  }
  const auto missing = temp.root.open_file("none\n", O_RDONLY);
  BOOST_TEST(missing.error().what().find("none\\x0a") != std::string::npos);
  BOOST_TEST((code_of(temp.root.names(names.size() - 1)) == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(a_directory_is_listed_in_bounded_parts) {
  const TempDirectory temp;
  for (int i = 0; i < 25; ++i) {
    must(temp.root.make_directory("d" + std::to_string(i), 0755));
  }
  DirectoryReader reader = must(temp.root.read());
  std::size_t seen = 0;
  for (auto part = must(reader.next(10)); !part.empty(); part = must(reader.next(10))) {
    BOOST_TEST(part.size() <= 10U);
    seen += part.size();
    BOOST_TEST((part[0].type_known && part[0].type == FileType::Directory));
  }
  BOOST_TEST(seen == 25U);
}

BOOST_AUTO_TEST_CASE(paths_longer_than_path_max_work_everywhere) {
  const TempDirectory temp;
  constexpr int kLevels = 70;  // 14 kB
  make_deep(temp.root, kLevels);
  const Bytes deep = deep_path(kLevels);
  BOOST_REQUIRE(deep.size() > 3 * 4096U);
  temp.write(deep + "/file", "deep");
  BOOST_TEST(temp.read(deep + "/file") == "deep");
  BOOST_TEST(must(temp.root.stat(deep + "/file")).size == 4U);
  must(temp.root.rename(deep + "/file", temp.root, "up", RenameMode::NoReplace));
  must(temp.root.link("up", temp.root, deep + "/again"));
  BOOST_TEST(must(temp.root.stat("up")).nlink == 2U);
  const auto parent = must(temp.root.open_parent(deep + "/again"));
  BOOST_TEST(parent.name == "again");
  BOOST_TEST(must(parent.directory.exists("again")));
  must(temp.root.remove_tree(Bytes(200, 'a')));
  BOOST_TEST(must(temp.root.names(10)).size() == 1U);
}

BOOST_AUTO_TEST_CASE(trees_of_any_depth_are_removed_with_few_descriptors) {
  const TempDirectory temp(kShm);
  must(temp.root.make_directory("t", 0755));
  Directory at = must(temp.root.open_beneath("t"));
  for (int i = 0; i < 5000; ++i) {
    must(at.make_directory("d", 0755));
    must(replace_file(at, "f", "", 0600));
    // Not by at's own path, which would grow quadratically.
    at = must(Directory::open_root("/proc/self/fd/" + std::to_string(must(at.open_beneath("d")).fd())));
  }
  must(temp.root.remove_tree("t"));
  BOOST_TEST(must(temp.root.names(1)).empty());
  BOOST_TEST((code_of(temp.root.remove_tree("t")) == Code::NotFound));
}

BOOST_AUTO_TEST_CASE(a_mount_point_is_not_removed_or_entered) {
  const Directory root = must(Directory::open_root("/dev"));
  if (must(root.stat("shm")).dev == must(root.stat()).dev) {
    BOOST_TEST_MESSAGE("skipped: /dev/shm is no mount point here");
    return;
  }
  BOOST_TEST((code_of(root.remove_tree("shm")) == Code::Unsupported));
}

BOOST_AUTO_TEST_CASE(specials_do_not_block_and_are_not_regular) {
  const TempDirectory temp;
  must(temp.root.make_node("fifo", FileType::Fifo, 0600, 0));
  must(temp.root.make_node("socket", FileType::Socket, 0600, 0));
  must(temp.root.make_node("file", FileType::Regular, 0600, 0));
  BOOST_TEST(must(temp.root.open_file("fifo", O_RDONLY)).is_open());
  BOOST_TEST((code_of(temp.root.open_regular("fifo")) == Code::Conflict));
  BOOST_TEST((code_of(temp.root.open_regular("socket")) == Code::Conflict));
  BOOST_TEST(must(temp.root.open_regular("file")).is_open());
  BOOST_TEST((must(temp.root.stat("socket")).type == FileType::Socket));
  BOOST_TEST((code_of(temp.root.make_node("d", FileType::Directory, 0, 0)) == Code::Invalid));
  BOOST_TEST((code_of(temp.root.make_node("fifo", FileType::Fifo, 0, 0)) == Code::Exists));
  if (::geteuid() == 0) {
    must(temp.root.make_node("null", FileType::CharDevice, 0600, makedev(1, 3)));
    const Stat stat = must(temp.root.stat("null"));
    BOOST_TEST((stat.type == FileType::CharDevice && stat.rdev == makedev(1, 3)));
    BOOST_TEST((code_of(temp.root.open_regular("null")) == Code::Conflict));
  }
}

BOOST_AUTO_TEST_CASE(renames_replace_refuse_or_exchange) {
  const TempDirectory temp;
  temp.write("a", "a");
  temp.write("b", "b");
  must(temp.root.make_directory("d", 0755));
  BOOST_TEST((code_of(temp.root.rename("a", temp.root, "b", RenameMode::NoReplace)) == Code::Exists));
  must(temp.root.rename("a", temp.root, "d", RenameMode::Exchange));
  BOOST_TEST(temp.read("d") == "a");
  BOOST_TEST((must(temp.root.stat("a")).type == FileType::Directory));
  must(temp.root.rename("d", temp.root, "b", RenameMode::Replace));
  BOOST_TEST(temp.read("b") == "a");
  BOOST_TEST((code_of(temp.root.rename("none", temp.root, "b", RenameMode::Replace)) == Code::NotFound));
  BOOST_TEST((code_of(temp.root.rename("b", temp.root, "a", RenameMode::Replace)) == Code::Conflict));
  BOOST_TEST((code_of(temp.root.open_beneath("b")) == Code::Conflict));
  temp.write("a/x", "x");
  BOOST_TEST((code_of(temp.root.remove_directory("a")) == Code::Exists));
  BOOST_TEST((code_of(temp.root.unlink("a")) == Code::Conflict));
  BOOST_TEST((code_of(temp.root.read_link("b")) == Code::Conflict));
  BOOST_TEST((code_of(temp.root.make_symlink("l", Bytes("a\0b", 3))) == Code::Invalid));
}

void holes_round_trip_in(const std::string& below) {
  const TempDirectory temp(below);
  const FileHandle file = must(temp.root.open_file("sparse", O_RDWR | O_CREAT, 0600));
  constexpr std::uint64_t kBlock = 64 * 1024;
  constexpr std::uint64_t kTera = std::uint64_t{1} << 40;
  must(file.write_at(0, Bytes(kBlock, 'x')));
  must(file.truncate(kTera));
  must(file.write_at(kTera / 2, Bytes(kBlock, 'y')));
  BOOST_TEST(must(file.seek_data(0)) == 0U);
  BOOST_TEST(must(file.seek_hole(0)) == kBlock);
  BOOST_TEST(must(file.seek_data(kBlock)) == kTera / 2);
  BOOST_TEST(must(file.seek_data(kTera / 2 + kBlock)) == kTera);
  BOOST_TEST(must(file.seek_hole(kTera * 2)) == kTera);
  must(file.punch_hole(0, kBlock));
  must(file.punch_hole(5, 0));
  BOOST_TEST(must(file.seek_data(0)) == kTera / 2);
  BOOST_TEST(must(file.read_at(0, 4)) == Bytes(4, '\0'));
  BOOST_TEST(must(file.stat()).size == kTera);
  BOOST_TEST(must(file.stat()).blocks * 512 < 1024 * 1024U);
}

BOOST_AUTO_TEST_CASE(holes_are_found_and_made) {
  holes_round_trip_in(std::filesystem::temp_directory_path().string());
  holes_round_trip_in(kShm);
}

BOOST_AUTO_TEST_CASE(ranges_are_copied_within_and_across_file_systems) {
  const TempDirectory temp;
  const TempDirectory shm(kShm);
  Bytes content;
  for (int i = 0; i < 300000; ++i) {
    content += static_cast<char>(i * 7 + i / 251);
  }
  temp.write("from", content);
  const FileHandle from = must(temp.root.open_regular("from"));
  for (const Directory* to_root : {&temp.root, &shm.root}) {
    const FileHandle to = must(to_root->open_file("to", O_RDWR | O_CREAT, 0600));
    must(to.copy_range(from, 1000, 5, 290000));
    must(to.copy_range(from, 0, 0, 0));
    BOOST_TEST((must(to.read_at(5, 300000)) == content.substr(1000, 290000)));
    BOOST_TEST((code_of(to.copy_range(from, 299000, 0, 2000)) == Code::Conflict));
  }
}

BOOST_AUTO_TEST_CASE(a_temporary_file_gets_its_name_at_the_end) {
  for (const std::string& below : {std::filesystem::temp_directory_path().string(), kShm}) {
    const TempDirectory temp(below);
    TemporaryFile file = must(temp.root.create_temporary(0640));
    must(file.file.write_at(0, "new"));
    BOOST_TEST(must(temp.root.names(10)).empty());
    must(temp.root.link_temporary(file, "name"));
    BOOST_TEST(temp.read("name") == "new");
    TemporaryFile second = must(temp.root.create_temporary(0640));
    BOOST_TEST((code_of(temp.root.link_temporary(second, "name")) == Code::Exists));
  }
}

BOOST_AUTO_TEST_CASE(a_named_temporary_file_is_renamed_without_replacing) {
  const TempDirectory temp;
  TemporaryFile file{must(temp.root.open_file(".tmp", O_RDWR | O_CREAT | O_EXCL, 0600)), ".tmp"};
  temp.write("taken", "old");
  BOOST_TEST((code_of(temp.root.link_temporary(file, "taken")) == Code::Exists));
  must(temp.root.link_temporary(file, "name"));
  BOOST_TEST(file.name == "");
  BOOST_TEST(must(temp.root.exists("name")));
  BOOST_TEST(!must(temp.root.exists(".tmp")));
}

BOOST_AUTO_TEST_CASE(an_atomic_file_is_there_as_a_whole_or_not_at_all) {
  const TempDirectory temp;
  const Bytes name(255, 'n');
  temp.write(name, "old");
  {
    AtomicFile dropped = must(AtomicFile::create(temp.root, name, 0600));
    must(dropped.write("new"));
  }
  BOOST_TEST(temp.read(name) == "old");
  AtomicFile file = must(AtomicFile::create(temp.root, name, 0600));
  must(file.write("ne"));
  must(file.write("w"));
  BOOST_TEST(temp.read(name) == "old");
  must(file.commit());
  BOOST_TEST(temp.read(name) == "new");
  BOOST_TEST(must(temp.root.names(10)).size() == 1U);
  BOOST_TEST((code_of(AtomicFile::create(temp.root, "none/x", 0600)) == Code::NotFound));
  must(temp.root.make_directory("d", 0755));
  AtomicFile onto_directory = must(AtomicFile::create(temp.root, "d", 0600));
  BOOST_TEST((code_of(onto_directory.commit()) == Code::Conflict));
}

BOOST_AUTO_TEST_CASE(a_failed_commit_leaves_no_temporary_name) {
  const TempDirectory temp;
  must(temp.root.make_directory("d", 0755));
  {
    AtomicFile file = must(AtomicFile::create(temp.root, "d", 0600));
    BOOST_TEST(!file.commit().ok());
  }
  BOOST_TEST(must(temp.root.names(10)).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_file_too_large_to_read_is_exhausted) {
  const TempDirectory temp;
  temp.write("f", Bytes(1000, 'x'));
  BOOST_TEST(must(read_file(temp.root, "f", 1000)).size() == 1000U);
  BOOST_TEST((code_of(read_file(temp.root, "f", 999)) == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(syncing_and_its_trust_by_file_system) {
  const TempDirectory temp(kShm);
  must(temp.root.sync());
  must(temp.root.sync_file_system());
  BOOST_TEST(temp.root.syncfs_is_trusted());
  BOOST_TEST(!must(Directory::open_root("/proc")).syncfs_is_trusted());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::sys
