#include "tools/init/below.h"

#include <boost/test/unit_test.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/sys/temp_directory.h"

namespace {

using namespace ha;
using namespace ha::init;

}  // namespace

BOOST_AUTO_TEST_SUITE(init_below)

BOOST_AUTO_TEST_CASE(symbolic_links_lead_to_their_target_inside_the_root) {
  const sys::TempDirectory temp;
  std::filesystem::create_directories(temp.path + "/srv/my recs");
  BOOST_TEST(::symlink("/srv/my recs", (temp.path + "/monitor").c_str()) == 0);
  BOOST_TEST(::symlink("../../../../srv", (temp.path + "/up").c_str()) == 0);
  const Below below = sys::must(Below::open(temp.path));
  BOOST_TEST(sys::must(below.real("/monitor")) == "/srv/my recs");
  BOOST_TEST(sys::must(below.real("/up/my recs")) == "/srv/my recs");
  BOOST_TEST((sys::code_of(below.real("/etc")) == Code::NotFound));
}

BOOST_AUTO_TEST_CASE(only_regular_files_of_bounded_size_are_read) {
  const sys::TempDirectory temp;
  temp.write("a.conf", "text");
  temp.write("big.conf", std::string(kFileBytesMax + 1, 'x'));
  BOOST_TEST(::mkfifo((temp.path + "/fifo.conf").c_str(), 0600) == 0);
  std::filesystem::create_directories(temp.path + "/dir.conf");
  const Below below = sys::must(Below::open(temp.path));
  BOOST_TEST(sys::must(below.read("/a.conf")) == "text");
  BOOST_TEST((sys::code_of(below.read("/big.conf")) == Code::Exhausted));
  BOOST_TEST((sys::code_of(below.read("/fifo.conf")) == Code::Conflict));
  BOOST_TEST((sys::code_of(below.read("/dir.conf")) == Code::Conflict));
  BOOST_TEST((sys::code_of(below.read("/none.conf")) == Code::NotFound));
}

BOOST_AUTO_TEST_CASE(files_are_listed_sorted_without_following_links) {
  const sys::TempDirectory temp;
  std::filesystem::create_directories(temp.path + "/etc/a/b");
  temp.write("etc/z.conf", "");
  temp.write("etc/a/x.conf", "");
  temp.write("etc/a/b/deep.conf", "");
  temp.write("etc/a/x.txt", "");
  BOOST_TEST(::symlink("/etc", (temp.path + "/etc/a/loop").c_str()) == 0);
  const Below below = sys::must(Below::open(temp.path));
  BOOST_TEST(below.files("/etc", ".conf", 1) == (std::vector<std::string>{"/etc/a/x.conf", "/etc/z.conf"}),
             boost::test_tools::per_element());
  BOOST_TEST(below.files("/none", ".conf", 1).empty());
}

BOOST_AUTO_TEST_CASE(a_tree_is_counted_and_its_databases_are_named) {
  const sys::TempDirectory temp;
  std::filesystem::create_directories(temp.path + "/t/sub");
  temp.write("t/a", "12345");
  temp.write("t/sub/real.db", std::string("SQLite format 3\0rest", 20));
  temp.write("t/sub/fake.db", "not a database");
  BOOST_TEST(::symlink("/t", (temp.path + "/t/loop").c_str()) == 0);
  const Below below = sys::must(Below::open(temp.path));
  const TreeSize size = sys::must(below.measure("/t"));
  BOOST_TEST(size.items == 5U);
  BOOST_TEST(size.bytes == 5U + 20U + 14U);
  BOOST_TEST(size.counted);
  BOOST_TEST(size.links_out == 0U);
  BOOST_TEST(::symlink("../elsewhere", (temp.path + "/t/sub/out").c_str()) == 0);
  BOOST_TEST(sys::must(below.measure("/t")).links_out == 1U);
  BOOST_TEST(sys::must(below.measure("/t")).link_out == "sub/out");
  BOOST_TEST(size.databases == std::vector<std::string>{"sub/real.db"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_root_that_is_not_there_is_an_error_that_names_the_flag) {
  const auto opened = Below::open("/nonexistent/root");
  BOOST_TEST((sys::code_of(opened) == Code::NotFound));
  BOOST_TEST(opened.error().hint().find("--root") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
