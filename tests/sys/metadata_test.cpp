#include "common/sys/metadata.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "tests/sys/temp_directory.h"

namespace ha::sys {
namespace {

// linux/posix_acl_xattr.h: version 2, then (tag, permissions, id) entries.
Bytes acl(std::uint32_t uid) {
  Bytes out;
  put_u32(out, 2);
  const auto entry = [&](std::uint16_t tag, std::uint16_t permissions, std::uint32_t id) {
    put_u16(out, tag);
    put_u16(out, permissions);
    put_u32(out, id);
  };
  entry(0x01, 6, UINT32_MAX);  // owner
  entry(0x02, 4, uid);         // a named user
  entry(0x04, 4, UINT32_MAX);  // group
  entry(0x10, 4, UINT32_MAX);  // mask
  entry(0x20, 0, UINT32_MAX);  // others
  return out;
}

// linux/capability.h, vfs_cap_data revision 2, effective: cap_net_bind_service.
Bytes capability() {
  Bytes out;
  put_u32(out, 0x02000001);
  put_u32(out, 1U << 10);
  put_u32(out, 0);
  put_u32(out, 0);
  put_u32(out, 0);
  return out;
}

bool without_root() {
  if (::geteuid() != 0) {
    BOOST_TEST_MESSAGE("skipped: needs root");
    return true;
  }
  return false;
}

BOOST_AUTO_TEST_SUITE(sys_metadata)

// ext4 says ENOSPC, as a full disk does.
BOOST_AUTO_TEST_CASE(an_attribute_that_does_not_fit_is_not_a_full_disk) {
  const TempDirectory temp;
  temp.write("f", "x");
  const FileHandle pinned = must(temp.root.pin("f"));
  const auto set = set_xattrs(pinned, {{"user.large", Bytes(60'000, 'v')}});
  if (set.ok()) {
    BOOST_TEST_MESSAGE("skipped: this file system takes 60,000 bytes");
    return;
  }
  BOOST_TEST((set.error().code() == Code::Exhausted));
  BOOST_TEST(set.error().what().find("user.large") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(everything_of_a_file_survives_in_one_go) {
  if (without_root()) {
    return;
  }
  const TempDirectory temp;
  temp.write("from", "x");
  temp.write("to", "x");
  const Metadata wanted{4294967294U,
                        4294967294U,
                        04750U,
                        {-2147483647LL, 123456789},
                        {{"security.capability", capability()},
                         {"trusted.t", Bytes("\0\xff", 2)},
                         {"user.empty", ""},
                         {"user.u", Bytes(2000, 'v')}}};
  for (const char* name : {"from", "to"}) {
    const FileHandle pinned = must(temp.root.pin(name));
    must(apply_metadata(pinned, wanted));
    const Metadata got = must(read_metadata(pinned));
    BOOST_TEST(got.uid == wanted.uid);
    BOOST_TEST(got.gid == wanted.gid);
    BOOST_TEST(got.mode == wanted.mode);
    BOOST_TEST((got.mtime == wanted.mtime));
    BOOST_TEST((got.xattrs == wanted.xattrs));
  }
  // And away again: a new owner clears what the kernel clears, and we set what is wanted.
  const Metadata plain{0,
                       0,
                       0,
                       {15'032'385'534LL, 999'999'999},
                       {}};  // 2446; ext4 cuts the nanoseconds of its very last second
  const FileHandle pinned = must(temp.root.pin("to"));
  must(apply_metadata(pinned, plain));
  const Metadata got = must(read_metadata(pinned));
  BOOST_TEST((got.uid == 0U && got.mode == 0U && got.mtime == plain.mtime && got.xattrs.empty()));
}

BOOST_AUTO_TEST_CASE(access_lists_of_files_and_directories_are_set_and_removed) {
  if (without_root()) {
    return;
  }
  const TempDirectory temp;
  must(temp.root.make_directory("d", 0755));
  temp.write("f", "");
  const FileHandle directory = must(temp.root.pin("d"));
  const Metadata with_acl{
      0, 0, 02640, {1, 2}, {{"system.posix_acl_access", acl(1000)}, {"system.posix_acl_default", acl(1001)}}};
  must(apply_metadata(directory, with_acl));
  BOOST_TEST((must(read_metadata(directory)).xattrs == with_acl.xattrs));
  BOOST_TEST(must(directory.stat()).mode == 02640U);
  // A file made in it inherits a list, which is extra.
  temp.write("d/child", "");
  const FileHandle child = must(temp.root.pin("d/child"));
  BOOST_TEST(must(read_xattrs(child)).contains("system.posix_acl_access"));
  must(apply_metadata(child, {0, 0, 0604, {1, 2}, {}}));
  BOOST_TEST(must(read_xattrs(child)).empty());
  BOOST_TEST(must(child.stat()).mode == 0604U);
}

BOOST_AUTO_TEST_CASE(a_symbolic_link_keeps_its_own_owner_and_time) {
  if (without_root()) {
    return;
  }
  const TempDirectory temp;
  temp.write("target", "x");
  const Stat before = must(temp.root.stat("target"));
  must(temp.root.make_symlink("link", "target"));
  const FileHandle pinned = must(temp.root.pin("link"));
  must(apply_metadata(pinned, {12, 34, 0777, {1000, 5}, {{"trusted.t", "v"}}}));
  const Metadata got = must(read_metadata(pinned));
  BOOST_TEST((got.uid == 12U && got.gid == 34U && got.mtime == Timestamp{1000, 5}));
  BOOST_TEST(got.xattrs.size() == 1U);
  must(set_mode(pinned, 0));
  const Stat after = must(temp.root.stat("target"));
  BOOST_TEST((after.uid == before.uid && after.mode == before.mode && after.mtime == before.mtime));
  BOOST_TEST((code_of(set_xattrs(pinned, {{"user.u", "no user attributes on links"}})) == Code::Denied));
}

BOOST_AUTO_TEST_CASE(specials_and_opened_files_have_metadata_too) {
  if (without_root()) {
    return;
  }
  const TempDirectory temp;
  must(temp.root.make_node("fifo", FileType::Fifo, 0600, 0));
  must(apply_metadata(must(temp.root.pin("fifo")), {5, 6, 0123, {7, 8}, {}}));
  const Stat stat = must(temp.root.stat("fifo"));
  BOOST_TEST((stat.uid == 5U && stat.mode == 0123U && stat.mtime == Timestamp{7, 8}));
  TemporaryFile unnamed = must(temp.root.create_temporary(0600));
  must(apply_metadata(unnamed.file, {5, 6, 04711, {7, 8}, {{"user.u", "v"}}}));
  BOOST_TEST(must(unnamed.file.stat()).mode == 04711U);
}

BOOST_AUTO_TEST_CASE(an_equal_file_is_not_touched) {
  const TempDirectory temp;
  temp.write("f", "x");
  const FileHandle pinned = must(temp.root.pin("f"));
  const Stat before = must(pinned.stat());
  must(apply_metadata(pinned, must(read_metadata(pinned))));
  BOOST_TEST((must(pinned.stat()).ctime == before.ctime));
}

BOOST_AUTO_TEST_CASE(a_file_system_without_attributes_has_none) {
  const Directory proc = must(Directory::open_root("/proc/self"));
  const FileHandle pinned = must(proc.pin("status"));
  BOOST_TEST(must(read_xattrs(pinned)).empty());
  BOOST_TEST(!set_xattrs(pinned, {{"user.u", "v"}}).ok());
}

BOOST_AUTO_TEST_CASE(what_a_peer_must_not_set_is_invalid) {
  const TempDirectory temp;
  temp.write("f", "x");
  const FileHandle pinned = must(temp.root.pin("f"));
  BOOST_TEST((code_of(set_xattrs(pinned, {{"system.other", "v"}})) == Code::Invalid));
  BOOST_TEST((code_of(set_xattrs(pinned, {{"user." + Bytes(251, 'n'), "v"}})) == Code::Invalid));
  BOOST_TEST(
      (code_of(set_xattrs(pinned, {{"user.u", Bytes(kXattrValueBytesMax + 1, 'v')}})) == Code::Invalid));
  BOOST_TEST((code_of(set_xattrs(pinned, {{Bytes("user.a\0b", 8), "v"}})) == Code::Invalid));
  BOOST_TEST((code_of(set_owner(pinned, UINT32_MAX, 0)) == Code::Invalid));
  BOOST_TEST((code_of(set_owner(pinned, 0, UINT32_MAX)) == Code::Invalid));
  BOOST_TEST((code_of(set_mtime(pinned, {0, 1'000'000'000})) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(a_closed_handle_is_an_error_everywhere) {
  const FileHandle closed;
  BOOST_TEST(!read_metadata(closed).ok());
  BOOST_TEST(!read_xattrs(closed).ok());
  BOOST_TEST(!set_owner(closed, 0, 0).ok());
  BOOST_TEST(!set_mode(closed, 0).ok());
  BOOST_TEST(!set_mtime(closed, {}).ok());
}

BOOST_AUTO_TEST_CASE(names_and_ids_are_found_and_remembered) {
  NameCache cache;
  for (int i = 0; i < 2; ++i) {
    BOOST_TEST((cache.user_name(0) == "root"));
    BOOST_TEST((cache.group_name(0) == "root"));
    BOOST_TEST((cache.user_id("root") == 0U));
    BOOST_TEST((cache.group_id("root") == 0U));
    BOOST_TEST(!cache.user_name(4294967294U).has_value());
    BOOST_TEST(!cache.group_name(4294967294U).has_value());
    BOOST_TEST(!cache.user_id("no such user").has_value());
    BOOST_TEST(!cache.group_id("no such group").has_value());
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::sys
