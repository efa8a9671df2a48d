#include "common/sys/mounts.h"

#include <algorithm>

#include <boost/test/unit_test.hpp>

#include "tests/sys/temp_directory.h"

namespace ha::sys {
namespace {

BOOST_AUTO_TEST_SUITE(sys_mounts)

BOOST_AUTO_TEST_CASE(the_fifth_field_is_the_mount_point_with_its_escapes_undone) {
  const auto found = mount_points(
      "24 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n"
      "30 24 0:25 / /srv/a\\040b\\134c rw shared:5 - tmpfs tmpfs rw\n"
      "31 24 8:1 /x /srv/odd\\9 rw - ext4 /dev/sda1 rw");
  BOOST_TEST((found == std::vector<Bytes>{"/", "/srv/a b\\c", "/srv/odd\\9"}));
}

BOOST_AUTO_TEST_CASE(lines_that_are_cut_off_are_left_out) {
  BOOST_TEST(mount_points("").empty());
  BOOST_TEST(mount_points("1 2 3 4\n\n1 2 8:1 /\n").empty());
  BOOST_TEST((mount_points("1 2 3:4 / /a") == std::vector<Bytes>{"/a"}));
}

BOOST_AUTO_TEST_CASE(what_is_mounted_in_a_tree_is_found_beneath_it_and_nowhere_else) {
  const auto all = must(mounts_beneath(must(Directory::open_root("/"))));
  BOOST_TEST((std::find(all.begin(), all.end(), Bytes("proc")) != all.end()));
  BOOST_TEST(std::is_sorted(all.begin(), all.end()));
  const TempDirectory temp;
  BOOST_TEST(must(mounts_beneath(temp.root)).empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::sys
