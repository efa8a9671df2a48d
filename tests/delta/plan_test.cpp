#include "replicator/delta/plan.h"

#include <boost/test/unit_test.hpp>

#include "tests/delta/samples.h"

using namespace ha;
using namespace ha::replicator;
using namespace ha::replicator::samples;

namespace {

constexpr std::uint32_t kLength = 1000;

// A chunk list from letters: the same letter is the same chunk, '.' is a run of zeros.
ChunkList list(std::string_view letters, std::uint32_t length = kLength) {
  ChunkList chunks;
  for (const char letter : letters) {
    chunks.push_back({length, letter == '.' ? Digest{} : Digest{7, static_cast<unsigned char>(letter)}});
  }
  return chunks;
}

// A list of new chunks that are all different, from `first` on.
ChunkList fresh(std::size_t count, std::uint64_t first, std::uint32_t length) {
  ChunkList chunks;
  for (std::size_t i = 0; i < count; ++i) {
    chunks.push_back({length, Digest{1, first + i}});
  }
  return chunks;
}

// Whether the ops are in order, without gaps, true, and within their limits.
void check(const ChunkList& old_chunks, const ChunkList& new_chunks, const std::vector<PlanOp>& ops) {
  std::uint64_t at = 0;
  std::size_t next = 0;
  for (const PlanOp& op : ops) {
    if (const auto* copy = std::get_if<Copy>(&op)) {
      BOOST_TEST(copy->new_offset == at);
      std::uint64_t bytes = 0;
      for (std::size_t i = 0; i < copy->count; ++i, ++next) {
        BOOST_REQUIRE(copy->old_first + i < old_chunks.size());
        BOOST_TEST((old_chunks[copy->old_first + i] == new_chunks[next]));
        bytes += new_chunks[next].length;
      }
      BOOST_TEST(copy->bytes == bytes);
      at += bytes;
    } else if (const auto* zeros = std::get_if<Zeros>(&op)) {
      BOOST_TEST(zeros->new_offset == at);
      for (at += zeros->bytes; next < new_chunks.size() && new_chunks[next].is_zeros(); ++next) {
      }
    } else {
      const auto& run = std::get<Run>(op);
      BOOST_TEST(run.new_offset == at);
      BOOST_TEST(run.new_first == next);
      BOOST_TEST(run.new_count > 0U);
      BOOST_TEST(run.bytes <= kRunNewBytesMax);
      next += run.new_count;
      at += run.bytes;
      std::uint64_t old_bytes = 0;
      for (std::size_t i = 0; i < run.old_count; ++i) {
        BOOST_REQUIRE(run.old_first + i < old_chunks.size());
        BOOST_TEST(!old_chunks[run.old_first + i].is_zeros());
        old_bytes += old_chunks[run.old_first + i].length;
      }
      BOOST_TEST(old_bytes <= kRunOldBytesMax);
    }
  }
  BOOST_TEST(at == total_bytes(new_chunks));
  BOOST_TEST(next == new_chunks.size());
}

void expect(std::string_view old_letters, std::string_view new_letters, const std::vector<PlanOp>& expected) {
  const std::vector<PlanOp> ops = plan(list(old_letters), list(new_letters));
  check(list(old_letters), list(new_letters), ops);
  BOOST_TEST((ops == expected), old_letters << " -> " << new_letters);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(delta_plan)

BOOST_AUTO_TEST_CASE(equal_files_are_one_copy) {
  expect("", "", {});
  expect("abc", "", {});
  expect("abc", "abc", {Copy{0, 0, 3, 3000}});
}

BOOST_AUTO_TEST_CASE(a_changed_chunk_is_compared_with_the_one_between_its_neighbours) {
  expect("abc", "aXc", {Copy{0, 0, 1, 1000}, Run{1000, 1000, 1, 1, 1, 1}, Copy{2000, 2, 1, 1000}});
  expect("abc", "Xbc", {Run{0, 1000, 0, 1, 0, 1}, Copy{1000, 1, 2, 2000}});
  expect("abc", "abXY", {Copy{0, 0, 2, 2000}, Run{2000, 2000, 2, 2, 2, 1}});
}

BOOST_AUTO_TEST_CASE(an_insertion_has_nothing_to_be_compared_with) {
  expect("abc", "aXbc", {Copy{0, 0, 1, 1000}, Run{1000, 1000, 1, 1, 0, 0}, Copy{2000, 1, 2, 2000}});
  expect("", "X", {Run{0, 1000, 0, 1, 0, 0}});
}

BOOST_AUTO_TEST_CASE(copies_are_found_anywhere_and_joined_only_when_consecutive_in_the_old_file) {
  expect("abcd", "cdab", {Copy{0, 2, 2, 2000}, Copy{2000, 0, 2, 2000}});
  expect("abcd", "abd", {Copy{0, 0, 2, 2000}, Copy{2000, 3, 1, 1000}});
  expect("ab", "aaa", {Copy{0, 0, 1, 1000}, Copy{1000, 0, 1, 1000}, Copy{2000, 0, 1, 1000}});
}

BOOST_AUTO_TEST_CASE(of_equal_old_chunks_the_one_that_continues_the_copy_is_taken) {
  expect("xaxb", "axb", {Copy{0, 1, 3, 3000}});
  expect("aaaa", "aaaa", {Copy{0, 0, 4, 4000}});
}

BOOST_AUTO_TEST_CASE(between_neighbours_that_changed_places_there_is_nothing_to_compare_with) {
  expect("abcd", "cXa", {Copy{0, 2, 1, 1000}, Run{1000, 1000, 1, 1, 0, 0}, Copy{2000, 0, 1, 1000}});
}

BOOST_AUTO_TEST_CASE(equal_digests_of_other_lengths_do_not_match) {
  const ChunkList shorter{{999, Digest{7, 'a'}}};
  BOOST_TEST((plan(list("a"), shorter) == std::vector<PlanOp>{Run{0, 999, 0, 1, 0, 1}}));
}

BOOST_AUTO_TEST_CASE(zeros_are_never_copied_nor_compared_with) {
  expect("..", "...", {Zeros{0, 3000}});
  expect("a.b", "X.Y", {Run{0, 1000, 0, 1, 0, 1}, Zeros{1000, 1000}, Run{2000, 1000, 2, 1, 2, 1}});
  expect("ab.c", "X...", {Run{0, 1000, 0, 1, 0, 2}, Zeros{1000, 3000}});
  // Another number of pieces: what was at the same offset counts.
  expect("a.b.c", "X...Y", {Run{0, 1000, 0, 1, 0, 1}, Zeros{1000, 3000}, Run{4000, 1000, 4, 1, 4, 1}});
}

BOOST_AUTO_TEST_CASE(long_runs_are_split_and_their_old_windows_move_along) {
  const ChunkList old_chunks = fresh(160, 1000, 64 * 1024);  // 10 MiB
  const ChunkList new_chunks = fresh(160, 5000, 64 * 1024);
  const std::vector<PlanOp> ops = plan(old_chunks, new_chunks);
  check(old_chunks, new_chunks, ops);
  BOOST_REQUIRE(ops.size() == 10);
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const auto& run = std::get<Run>(ops[i]);
    BOOST_TEST(run.old_count == 32U);
    BOOST_TEST(run.old_first <= run.new_first);
    BOOST_TEST(run.old_first + run.old_count >= run.new_first + run.new_count);
  }
}

BOOST_AUTO_TEST_CASE(any_two_lists_give_a_valid_plan) {
  for (int round = 0; round < 300; ++round) {
    const std::uint64_t round_seed = seed() + static_cast<std::uint64_t>(round);
    BOOST_TEST_INFO_SCOPE("HA_TEST_SEED=" << round_seed);
    Random random(round_seed);
    const auto some = [&] {
      ChunkList chunks;
      const std::size_t count = random.below(60);
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t letter = random.below(40);
        // The length follows from the letter, so that equal ones match.
        chunks.push_back(
            {static_cast<std::uint32_t>(1 + letter * 25'000), letter < 8 ? Digest{} : Digest{3, letter}});
      }
      return chunks;
    };
    const ChunkList old_chunks = some();
    const ChunkList new_chunks = some();
    check(old_chunks, new_chunks, plan(old_chunks, new_chunks));
  }
}

BOOST_AUTO_TEST_SUITE_END()
