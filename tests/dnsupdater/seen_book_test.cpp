#include "dnsupdater/seen_book.h"

#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <csignal>

#include "tests/dnsupdater/samples.h"

using namespace ha::dns;
using ha::Code;

namespace {

const Name kGuard = name("_ha.pbx.example.net");
const Name kOther = name("_ha.fax.example.net");

std::string what_of(const ha::Status& status) {
  return status.ok() ? "" : status.error().what() + " / " + status.error().hint();
}

Record at(std::uint64_t epoch, std::uint64_t seq) {
  Record record = held_record();
  record.version = {epoch, seq};
  return record;
}

// Writing fails with EFBIG, as it would with ENOSPC. Of the process: returns what was.
rlimit files_of_at_most(rlim_t bytes) {
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  BOOST_REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const rlimit limit{bytes, before.rlim_max};
  BOOST_REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  return before;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_seen_book)

BOOST_AUTO_TEST_CASE(what_was_seen_is_known_after_a_restart) {
  const ha::sys::TempDirectory directory;
  {
    SeenBook book = must(SeenBook::open(directory.path));
    BOOST_TEST(!book.of(kGuard).has_value());
    BOOST_TEST(book.put(kGuard, {7, 120}).ok());
    BOOST_TEST(book.put(kOther, {1, 2}).ok());
  }
  const SeenBook book = must(SeenBook::open(directory.path));
  BOOST_TEST((book.of(kGuard) == Version{7, 120}));
  BOOST_TEST((book.of(kOther) == Version{1, 2}));
  BOOST_TEST(directory.read("dns/seen") == "_ha.fax.example.net 1 2\n_ha.pbx.example.net 7 120\n");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_is_not_known) {
  const ha::sys::TempDirectory directory;
  SeenBook book = must(SeenBook::open(directory.path));
  BOOST_TEST(book.prove_writable().ok());
  BOOST_TEST(book.put(kGuard, {7, 120}).ok());
  BOOST_TEST(book.prove_writable().ok());
  BOOST_TEST(directory.read("dns/seen") == "_ha.pbx.example.net 7 120\n");
  const rlimit before = files_of_at_most(0);
  BOOST_TEST(!book.prove_writable().ok());
  BOOST_TEST(!book.put(kGuard, {7, 121}).ok());
  BOOST_TEST(book.has_epoch(kGuard, 7));
  BOOST_TEST(!book.put(kGuard, {8, 1}).ok());
  BOOST_TEST(!book.has_epoch(kGuard, 8));
  BOOST_TEST((book.of(kGuard) == Version{7, 120}));
  BOOST_TEST(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  BOOST_TEST(book.put(kGuard, {8, 1}).ok());
  BOOST_TEST(book.has_epoch(kGuard, 8));
}

BOOST_AUTO_TEST_CASE(a_lower_version_changes_nothing) {
  const ha::sys::TempDirectory directory;
  SeenBook book = must(SeenBook::open(directory.path));
  BOOST_TEST(book.put(kGuard, {7, 120}).ok());
  BOOST_TEST(book.put(kGuard, {7, 119}).ok());
  BOOST_TEST(book.put(kGuard, {6, 500}).ok());
  BOOST_TEST((book.of(kGuard) == Version{7, 120}));
  BOOST_TEST(book.put(kGuard, {8, 1}).ok());
  BOOST_TEST((must(SeenBook::open(directory.path)).of(kGuard) == Version{8, 1}));
}

BOOST_AUTO_TEST_CASE(dns_that_went_back_is_refused_with_the_command_that_accepts_it) {
  const ha::sys::TempDirectory directory;
  SeenBook book = must(SeenBook::open(directory.path));
  BOOST_TEST(book.check(kGuard, std::nullopt).ok());
  BOOST_TEST(book.check(kGuard, at(1, 1)).ok());
  BOOST_TEST(book.put(kGuard, {7, 120}).ok());
  BOOST_TEST(book.check(kGuard, at(7, 120)).ok());
  BOOST_TEST(book.check(kGuard, at(8, 121)).ok());
  for (const auto& now : {std::optional<Record>(), std::optional(at(7, 119)), std::optional(at(6, 500))}) {
    const ha::Status status = book.check(kGuard, now);
    BOOST_REQUIRE(!status.ok());
    BOOST_TEST((status.error().code() == Code::Refused));
    BOOST_TEST(what_of(status).find("seen at epoch 7, seq 120") != std::string::npos);
    BOOST_TEST(what_of(status).find(now ? "is at epoch" : "is gone") != std::string::npos);
    BOOST_TEST(what_of(status).ends_with("dnsupdater accept _ha.pbx.example.net"));
  }
}

BOOST_AUTO_TEST_CASE(what_a_person_accepts_is_right_and_what_was_seen_is_gone_beyond) {
  const ha::sys::TempDirectory directory;
  SeenBook book = must(SeenBook::open(directory.path));
  BOOST_TEST(book.accept(kGuard).ok());
  BOOST_TEST(directory.read("dns/seen") == "");
  BOOST_TEST(book.put(kGuard, {7, 120}).ok());
  BOOST_TEST(book.put(kOther, {1, 2}).ok());
  BOOST_TEST(book.all().size() == 2U);
  BOOST_TEST(book.accept(kGuard).ok());
  BOOST_TEST(book.check(kGuard, std::nullopt).ok());
  SeenBook again = must(SeenBook::open(directory.path));
  BOOST_TEST(!again.of(kGuard).has_value());
  BOOST_TEST((again.beyond(kGuard) == Version{7, 120}));
  BOOST_TEST((again.of(kOther) == Version{1, 2}));
  BOOST_TEST((again.beyond(kOther) == Version{}));
  // From what DNS shows on less is a regression again, and what was seen before is kept until it is reached.
  BOOST_TEST(again.put(kGuard, {5, 9}).ok());
  BOOST_TEST(!again.check(kGuard, at(5, 8)).ok());
  BOOST_TEST(directory.read("dns/seen") == "_ha.fax.example.net 1 2\n_ha.pbx.example.net 5 9 7 120\n");
  BOOST_TEST(again.accept(kGuard, {6, 1}).ok());
  BOOST_TEST((again.beyond(kGuard) == Version{7, 120}));
  BOOST_TEST(again.accept(kGuard, {9, 1}).ok());
  BOOST_TEST((again.beyond(kGuard) == Version{9, 1}));
  BOOST_TEST(again.put(kGuard, {10, 1}).ok());
  BOOST_TEST(directory.read("dns/seen") == "_ha.fax.example.net 1 2\n_ha.pbx.example.net 10 1\n");
}

BOOST_AUTO_TEST_CASE(two_programs_with_one_book_keep_what_the_other_has_seen) {
  const ha::sys::TempDirectory directory;
  SeenBook one = must(SeenBook::open(directory.path));
  SeenBook two = must(SeenBook::open(directory.path));
  BOOST_TEST(one.put(kGuard, {7, 120}).ok());
  BOOST_TEST(two.put(kOther, {1, 2}).ok());
  BOOST_TEST(!two.check(kGuard, at(7, 119)).ok());
  BOOST_TEST(two.put(kGuard, {7, 100}).ok());
  BOOST_TEST(one.accept(kGuard).ok());
  BOOST_TEST(two.check(kGuard, at(7, 119)).ok());
  BOOST_TEST(directory.read("dns/seen") == "_ha.fax.example.net 1 2\n_ha.pbx.example.net 0 0 7 120\n");
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_read_is_an_error) {
  const ha::sys::TempDirectory directory;
  must(SeenBook::open(directory.path));
  for (const char* const text :
       {"_ha.pbx.example.net 7\n", "_ha.pbx.example.net 7 120 9\n", "_ha.pbx.example.net 7 120 9 1 1\n", "\n",
        "x y z\n", "_ha.pbx.example.net seven 120\n", "_ha..net 7 120\n", "_ha.pbx.example.net -7 120\n",
        "_ha.pbx.example.net 7 12"}) {
    directory.write("dns/seen", text);
    const auto book = SeenBook::open(directory.path);
    BOOST_TEST_CONTEXT(text) {
      BOOST_TEST((code_of(book) == Code::Corrupt));
      BOOST_TEST(!book.error().hint().empty());
    }
  }
  directory.write("dns/seen", "");
  BOOST_TEST(SeenBook::open(directory.path).ok());
}

BOOST_AUTO_TEST_CASE(a_state_directory_that_is_not_there_is_an_error) {
  const ha::sys::TempDirectory directory;
  BOOST_TEST((code_of(SeenBook::open(directory.path + "/none")) == Code::NotFound));
}

BOOST_AUTO_TEST_SUITE_END()
