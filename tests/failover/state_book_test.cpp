#include "failover/state_book.h"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <string>

namespace ha::failover {
namespace {

namespace fs = std::filesystem;

struct Fixture {
  fs::path folder = fs::temp_directory_path() / ("ha-state-" + std::to_string(::getpid()));
  Fixture() { fs::create_directories(folder); }
  ~Fixture() { fs::remove_all(folder); }

  StateBook open() {
    auto book = StateBook::open(folder.string());
    BOOST_REQUIRE_MESSAGE(book.ok(), (book.ok() ? "" : book.error().what()));
    return std::move(book).value();
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(failover_state_book, Fixture)

BOOST_AUTO_TEST_CASE(what_was_put_is_there_after_a_restart) {
  StateBook book = open();
  BOOST_TEST(book.facts().highest.empty());
  StateFacts facts;
  facts.highest["pbx"] = 41;
  facts.paused = true;
  facts.paused_by = "ann";
  facts.maintenance = true;
  facts.moves.push_back(
      {WallTime(std::chrono::seconds(5)), "pbx", 41, "fra1", "", "gone", std::chrono::seconds(3)});
  facts.muted["ping"] = WallTime(std::chrono::seconds(9));
  BOOST_TEST(book.put(facts).ok());
  const StateBook again = open();
  BOOST_TEST(again.facts().highest.at("pbx") == 41U);
  BOOST_TEST(again.facts().paused);
  BOOST_TEST(again.facts().paused_by == "ann");
  BOOST_TEST(again.facts().maintenance);
  BOOST_TEST_REQUIRE(again.facts().moves.size() == 1U);
  const Move& move = again.facts().moves.front();
  BOOST_TEST(move.service + move.from + move.to + move.why == "pbxfra1gone");
  BOOST_TEST((move.took == std::chrono::seconds(3)));
  BOOST_TEST((again.facts().muted.at("ping") == WallTime(std::chrono::seconds(9))));
}

BOOST_AUTO_TEST_CASE(of_many_moves_the_newest_are_kept) {
  StateBook book = open();
  StateFacts facts;
  for (std::uint64_t epoch = 1; epoch <= StateBook::kMovesMax + 5; ++epoch) {
    Move move;
    move.epoch = epoch;
    facts.moves.push_back(move);
  }
  BOOST_TEST(book.put(facts).ok());
  BOOST_TEST(book.facts().moves.size() == StateBook::kMovesMax);
  BOOST_TEST(book.facts().moves.front().epoch == 6U);
}

BOOST_AUTO_TEST_CASE(a_file_that_does_not_parse_is_an_error_with_a_next_step) {
  static_cast<void>(open());
  std::ofstream(folder / "failover" / "state") << "\xff\xff nonsense";
  const auto book = StateBook::open(folder.string());
  BOOST_TEST_REQUIRE(!book.ok());
  BOOST_TEST((book.error().code() == Code::Corrupt));
  BOOST_TEST(!book.error().hint().empty());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_written_changes_nothing) {
  StateBook book = open();
  fs::remove_all(folder / "failover");
  StateFacts facts;
  facts.paused = true;
  BOOST_TEST(!book.put(facts).ok());
  BOOST_TEST(!book.facts().paused);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::failover
