#include "replicator/delta/chunker.h"

#include <boost/test/unit_test.hpp>

#include "tests/delta/samples.h"

using namespace ha;
using namespace ha::replicator;
using namespace ha::replicator::samples;

namespace {

// Feeds `content` in pieces of random length up to `piece_max`.
ChunkList chunks_in_pieces(const Bytes& content, Random& random, std::size_t piece_max) {
  Chunker chunker(key(), content.size());
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t piece = std::min(content.size() - at, 1 + random.below(piece_max));
    BOOST_REQUIRE(chunker.feed(BytesView(content).substr(at, piece)).ok());
    at += piece;
  }
  return chunker.finish().value();
}

// A file as data and holes.
struct Piece {
  bool hole = false;
  std::uint64_t length = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(delta_chunker)

BOOST_AUTO_TEST_CASE(an_empty_file_has_no_chunks) {
  BOOST_TEST(chunks_of(Bytes()).empty());
  BOOST_TEST(!content_digest(key(), {}, 0)->is_zero());
}

BOOST_AUTO_TEST_CASE(a_file_up_to_the_limit_is_one_chunk_even_of_zeros) {
  Random random(seed());
  const Bytes data = random_bytes(random, kDataChunkBytesMax);
  const ChunkList one = chunks_of(data);
  BOOST_REQUIRE(one.size() == 1);
  BOOST_TEST((one[0] == Chunk{kDataChunkBytesMax, sys::digest(key(), data)}));
  BOOST_TEST((*content_digest(key(), one, data.size()) == one[0].digest));
  BOOST_TEST((chunks_in_pieces(data, random, 100'000) == one));

  const Bytes zeros(100'000, '\0');
  const ChunkList small = chunks_of(zeros);
  BOOST_REQUIRE(small.size() == 1);
  BOOST_TEST(!small[0].is_zeros());
  Chunker chunker(key(), zeros.size());
  BOOST_REQUIRE(chunker.feed_zeros(zeros.size()).ok());
  BOOST_TEST((chunker.finish().value() == small));
}

BOOST_AUTO_TEST_CASE(chunks_cover_the_file_within_their_bounds_and_about_the_average) {
  Random random(seed());
  const Bytes data = random_bytes(random, 24 * kMiB + 12'345);
  const ChunkList chunks = chunks_of(data);
  BOOST_TEST(total_bytes(chunks) == data.size());
  std::size_t at = 0;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    BOOST_TEST(chunks[i].length <= kChunkBytesMax);
    BOOST_TEST((chunks[i].length > kChunkBytesMin || i + 1 == chunks.size()));
    BOOST_TEST((chunks[i].digest == sys::digest(key(), BytesView(data).substr(at, chunks[i].length))));
    at += chunks[i].length;
  }
  const std::size_t average = data.size() / chunks.size();
  BOOST_TEST(average > 48 * 1024);
  BOOST_TEST(average < 96 * 1024);
}

// Both ends of the wire must agree for ever. The cuts were computed once, with this code.
BOOST_AUTO_TEST_CASE(the_cuts_never_change) {
  Random random(1);
  const ChunkList chunks = chunks_of(random_bytes(random, 2 * kMiB));
  BOOST_REQUIRE(chunks.size() > 4);
  std::vector<std::uint32_t> lengths;
  for (std::size_t i = 0; i < 4; ++i) {
    lengths.push_back(chunks[i].length);
  }
  const std::vector<std::uint32_t> expected = {77588, 97352, 67588, 76265};
  BOOST_TEST(lengths == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(how_the_bytes_are_fed_does_not_matter) {
  Random random(seed());
  Bytes data = random_bytes(random, 5 * kMiB + 777);
  data.replace(kMiB + 100, 300'000, 300'000, '\0');
  const ChunkList whole = chunks_of(data);
  for (const std::size_t piece_max : {std::size_t{5'000}, std::size_t{70'000}, std::size_t{2'000'000}}) {
    BOOST_TEST((chunks_in_pieces(data, random, piece_max) == whole));
  }
}

BOOST_AUTO_TEST_CASE(holes_and_written_zeros_give_the_same_list) {
  for (int round = 0; round < 60; ++round) {
    const std::uint64_t round_seed = seed() + static_cast<std::uint64_t>(round);
    BOOST_TEST_INFO_SCOPE("HA_TEST_SEED=" << round_seed);
    Random random(round_seed);
    std::vector<Piece> pieces;
    Bytes content;
    const std::size_t count = 1 + random.below(8);
    for (std::size_t i = 0; i < count; ++i) {
      Piece piece{random.below(2) == 0, 1 + random.below(random.below(3) == 0 ? 2'000'000 : 200'000)};
      if (random.below(2) == 0) {
        piece.length = (piece.length / 4096 + 1) * 4096;
      }
      pieces.push_back(piece);
      content += piece.hole ? Bytes(piece.length, '\0') : random_bytes(random, piece.length);
    }
    Chunker chunker(key(), content.size());
    std::size_t at = 0;
    for (const Piece& piece : pieces) {
      const Status fed = piece.hole ? chunker.feed_zeros(piece.length)
                                    : chunker.feed(BytesView(content).substr(at, piece.length));
      BOOST_REQUIRE(fed.ok());
      at += piece.length;
    }
    const ChunkList with_holes = chunker.finish().value();
    BOOST_TEST((with_holes == chunks_of(content)));
    BOOST_TEST((chunks_in_pieces(content, random, 100'000) == with_holes));
    BOOST_TEST(total_bytes(with_holes) == content.size());
  }
}

BOOST_AUTO_TEST_CASE(a_zero_chunk_stands_for_whole_grid_blocks_only) {
  Random random(seed());
  Bytes content = random_bytes(random, kMiB) + Bytes(3 * kZeroGridBytes, '\0') + random_bytes(random, 100) +
                  Bytes(2 * kMiB, '\0');
  const ChunkList chunks = chunks_of(content);
  std::uint64_t at = 0;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> zeros;
  for (const Chunk& chunk : chunks) {
    if (chunk.is_zeros()) {
      zeros.emplace_back(at, chunk.length);
    }
    at += chunk.length;
  }
  // The 100 bytes keep the zeros that share their block; the last block is short and counts.
  BOOST_REQUIRE(zeros.size() == 2);
  BOOST_TEST(zeros[0].first == kMiB);
  BOOST_TEST(zeros[0].second == 3 * kZeroGridBytes);
  BOOST_TEST(zeros[1].first == kMiB + 4 * kZeroGridBytes);
  BOOST_TEST(zeros[1].first + zeros[1].second == content.size());
}

BOOST_AUTO_TEST_CASE(a_hole_of_a_tebibyte_costs_neither_time_nor_memory) {
  const std::uint64_t size = (1ULL << 40) + 5;
  Chunker chunker(key(), size);
  BOOST_REQUIRE(chunker.feed("first").ok());
  BOOST_REQUIRE(chunker.feed_zeros(size - 10).ok());
  BOOST_REQUIRE(chunker.feed("final").ok());
  const ChunkList chunks = chunker.finish().value();
  BOOST_TEST(total_bytes(chunks) == size);
  BOOST_TEST(chunks.size() < 520U);
  BOOST_TEST(decode_chunks(encode_chunks(chunks)).ok());
  BOOST_TEST(chunks[1].length == kZeroChunkBytesMax);
}

BOOST_AUTO_TEST_CASE(an_insertion_at_the_front_keeps_almost_every_chunk) {
  Random random(seed());
  const Bytes old_content = random_bytes(random, 64 * kMiB);
  const ChunkList before = chunks_of(old_content);
  const ChunkList after = chunks_of(random_bytes(random, kMiB) + old_content);
  std::size_t kept = 0;
  for (const Chunk& chunk : before) {
    kept += std::find(after.begin(), after.end(), chunk) != after.end() ? 1U : 0U;
  }
  BOOST_TEST(kept * 100 >= before.size() * 99, kept << " of " << before.size());
}

BOOST_AUTO_TEST_CASE(what_the_file_was_before_never_changes_a_cut) {
  Random random(seed());
  for (int round = 0; round < 60; ++round) {
    Bytes content;
    while (content.size() < 2 * kMiB + random.below(kMiB)) {
      content += random.below(4) == 0 ? Bytes(random.below(300'000), '\0')
                                      : random_bytes(random, 1 + random.below(400'000));
    }
    const ChunkList before = chunks_of(content);
    for (std::uint64_t edits = random.below(4); edits > 0; --edits) {
      const std::size_t at = random.below(content.size());
      const std::size_t length = std::min<std::size_t>(random.below(200'000), content.size() - at);
      switch (random.below(5)) {
        case 0:
          content.replace(at, length, Bytes(length, '\0'));
          break;
        case 1:
          content.replace(at, length, random_bytes(random, length));
          break;
        case 2:
          content.erase(at, length);
          break;
        case 3:
          content.resize(std::max<std::size_t>(at, kMiB + kMiB / 2));
          break;
        default:
          content.insert(at, random_bytes(random, length));
          break;
      }
    }
    Chunker chunker(key(), content.size());
    chunker.remember(before);
    for (std::size_t at = 0; at < content.size();) {
      const std::size_t piece = std::min<std::size_t>(content.size() - at, 1 + random.below(700'000));
      BOOST_REQUIRE(chunker.feed(BytesView(content).substr(at, piece)).ok());
      at += piece;
    }
    BOOST_TEST((chunker.finish().value() == chunks_of(content)), "round " << round);
  }
}

BOOST_AUTO_TEST_CASE(the_sink_sees_every_chunk_with_its_bytes) {
  Random random(seed());
  Bytes content = random_bytes(random, 3 * kMiB);
  content.replace(kMiB, kMiB, kMiB, '\0');
  Bytes rebuilt;
  ChunkList seen;
  Chunker chunker(key(), content.size(), [&](std::uint64_t offset, const Chunk& chunk, BytesView data) {
    BOOST_TEST(offset == rebuilt.size());
    rebuilt += chunk.is_zeros() ? Bytes(chunk.length, '\0') : Bytes(data);
    seen.push_back(chunk);
  });
  for (std::size_t at = 0; at < content.size(); at += 50'000) {
    BOOST_REQUIRE(chunker.feed(BytesView(content).substr(at, 50'000)).ok());
  }
  BOOST_TEST((chunker.finish().value() == seen));
  BOOST_TEST((rebuilt == content));
}

BOOST_AUTO_TEST_CASE(a_file_that_grows_or_shrinks_while_it_is_read_is_a_conflict) {
  Chunker grows(key(), 10);
  BOOST_REQUIRE(grows.feed("12345").ok());
  BOOST_TEST((grows.feed("123456").error().code() == Code::Conflict));
  BOOST_TEST((grows.feed_zeros(6).error().code() == Code::Conflict));
  Chunker shrinks(key(), 10);
  BOOST_REQUIRE(shrinks.feed("12345").ok());
  BOOST_TEST((shrinks.finish().error().code() == Code::Conflict));
  Chunker too_large(key(), kChunkedFileBytesMax + 1);
  BOOST_TEST((too_large.feed_zeros(1).error().code() == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(the_content_digest_covers_the_list_and_its_length) {
  Random random(seed());
  ChunkList chunks = chunks_of(random_bytes(random, 2 * kMiB));
  const Digest digest = content_digest(key(), chunks, 2 * kMiB).value();
  BOOST_TEST((content_digest(key(), chunks, 2 * kMiB + 1).error().code() == Code::Invalid));
  std::swap(chunks[0], chunks[1]);
  BOOST_TEST((*content_digest(key(), chunks, 2 * kMiB) != digest));
  const ChunkList zeros{{2 * kMiB, Digest{}}};
  BOOST_TEST(!content_digest(key(), zeros, 2 * kMiB)->is_zero());
}

BOOST_AUTO_TEST_SUITE_END()
