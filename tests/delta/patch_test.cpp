#include "replicator/delta/patch.h"

#include <boost/test/unit_test.hpp>

#include "replicator/delta/plan.h"
#include "replicator/delta/signature.h"
#include "tests/delta/samples.h"

using namespace ha;
using namespace ha::replicator;
using namespace ha::replicator::samples;

namespace {

// Old chunks as the replica has them.
struct Basis {
  std::vector<Bytes> chunks;

  [[nodiscard]] std::vector<std::uint32_t> lengths() const {
    std::vector<std::uint32_t> out;
    for (const Bytes& chunk : chunks) {
      out.push_back(static_cast<std::uint32_t>(chunk.size()));
    }
    return out;
  }
  [[nodiscard]] Bytes signature() const {
    std::vector<Bytes> kept;
    std::vector<ChunkSignature> views;
    kept.reserve(chunks.size());
    for (const Bytes& chunk : chunks) {
      kept.push_back(chunk_signature(chunk).value());
      views.push_back({static_cast<std::uint32_t>(chunk.size()), kept.back()});
    }
    return combine(views).value();
  }
  [[nodiscard]] BasisReader reader() const {
    return [this, places = VirtualBasis(lengths())](std::uint64_t position,
                                                    std::size_t length) -> Result<BytesView> {
      HA_TRY(const VirtualBasis::Place place, places.locate(position));
      return BytesView(chunks[place.chunk])
          .substr(place.offset, std::min<std::size_t>(length, place.available));
    };
  }
};

Bytes delta_of(const Basis& basis, BytesView new_run) {
  return make_delta(basis.signature(), new_run).value();
}

// The bytes that the plan's runs cost, after checking that its ops rebuild the new content.
std::size_t rebuild(const Bytes& old_content, const Bytes& new_content) {
  const ChunkList old_chunks = chunks_of(old_content);
  const ChunkList new_chunks = chunks_of(new_content);
  std::vector<std::size_t> begins{0};
  for (const Chunk& chunk : old_chunks) {
    begins.push_back(begins.back() + chunk.length);
  }
  Bytes out;
  std::size_t cost = 0;
  for (const PlanOp& op : plan(old_chunks, new_chunks)) {
    if (const auto* copy = std::get_if<Copy>(&op)) {
      out += BytesView(old_content).substr(begins[copy->old_first], copy->bytes);
    } else if (const auto* zeros = std::get_if<Zeros>(&op)) {
      out.append(zeros->bytes, '\0');
    } else {
      const auto& run = std::get<Run>(op);
      Basis basis;
      for (std::size_t i = run.old_first; i < run.old_first + run.old_count; ++i) {
        basis.chunks.push_back(old_content.substr(begins[i], old_chunks[i].length));
      }
      const Bytes delta = delta_of(basis, BytesView(new_content).substr(run.new_offset, run.bytes));
      cost += delta.size();
      out += apply_delta(delta, basis.reader(), run.bytes).value();
    }
  }
  BOOST_TEST((out == new_content));
  return cost;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(delta_patch)

BOOST_AUTO_TEST_CASE(any_edits_are_rebuilt) {
  for (int round = 0; round < 40; ++round) {
    const std::uint64_t round_seed = seed() + static_cast<std::uint64_t>(round);
    BOOST_TEST_INFO_SCOPE("HA_TEST_SEED=" << round_seed);
    Random random(round_seed);
    Bytes content = random_bytes(random, random.below(round % 2 == 0 ? 3 * kMiB : 60'000));
    if (random.below(3) == 0 && content.size() > 600'000) {
      content.replace(200'000, 400'000, 400'000, '\0');
    }
    Bytes changed = content;
    for (std::size_t edits = random.below(12); edits > 0; --edits) {
      edit(random, changed, random.below(4) == 0 ? 300'000 : 200);
    }
    rebuild(content, changed);
  }
}

BOOST_AUTO_TEST_CASE(tiny_edits_cost_little) {
  Random random(seed());
  const Bytes content = random_bytes(random, 32 * kMiB);
  Bytes changed = content;
  constexpr std::size_t kEdits = 60;
  for (std::size_t i = 0; i < kEdits; ++i) {
    changed.replace(random.below(changed.size() - 16), 16, random_bytes(random, 16));
  }
  const std::size_t cost = rebuild(content, changed);
  BOOST_TEST(cost < kEdits * 700, cost << " bytes for " << kEdits << " edits");
}

BOOST_AUTO_TEST_CASE(a_small_file_is_one_delta_of_its_old_version) {
  Random random(seed());
  const Bytes content = random_bytes(random, 200'000);
  Bytes changed = content;
  changed.insert(100, "a line more\n");
  BOOST_TEST(rebuild(content, changed) < 600U);
}

BOOST_AUTO_TEST_CASE(old_chunks_with_short_tails_are_found_and_never_read_beyond) {
  Random random(seed());
  Basis basis;
  Bytes joined;
  for (const std::size_t length : {70'001U, 512U, 33'333U, 1U, 99'999U}) {
    basis.chunks.push_back(random_bytes(random, length));
    joined += basis.chunks.back();
  }
  const Bytes delta = delta_of(basis, joined);
  BOOST_TEST((apply_delta(delta, basis.reader(), joined.size()).value() == joined));
  // A short block is found at the very end only, so all but the last chunk's are sent.
  BOOST_TEST(delta.size() < 600U);
  Bytes shuffled = basis.chunks[4] + basis.chunks[2] + basis.chunks[0];
  edit(random, shuffled, 20);
  const Bytes other = delta_of(basis, shuffled);
  BOOST_TEST((apply_delta(other, basis.reader(), shuffled.size()).value() == shuffled));
  BOOST_TEST(other.size() < 3000U);
}

BOOST_AUTO_TEST_CASE(nothing_to_compare_with_and_nothing_to_send_both_work) {
  const Basis none;
  const Bytes literal = delta_of(none, "all new");
  BOOST_TEST(apply_delta(literal, none.reader(), 7).value() == "all new");
  const Bytes empty = delta_of(none, "");
  BOOST_TEST(apply_delta(empty, none.reader(), 0).value() == "");
}

BOOST_AUTO_TEST_CASE(more_output_than_announced_is_corrupt) {
  Random random(seed());
  const Basis basis{{random_bytes(random, 100'000)}};
  const Bytes changed = basis.chunks[0] + "and more";
  const Bytes delta = delta_of(basis, changed);
  BOOST_TEST((apply_delta(delta, basis.reader(), changed.size() - 1).error().code() == Code::Corrupt));
  BOOST_TEST((apply_delta(delta, basis.reader(), 10).error().code() == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(garbage_is_corrupt_not_a_crash) {
  Random random(seed());
  const Basis basis{{random_bytes(random, 5'000), random_bytes(random, 700)}};
  const Bytes changed = basis.chunks[0] + "and more" + basis.chunks[1];
  const Bytes delta = delta_of(basis, changed);
  for (std::size_t length = 0; length < delta.size(); ++length) {
    BOOST_TEST((apply_delta(BytesView(delta).substr(0, length), basis.reader(), 10'000).error().code() ==
                Code::Corrupt));
  }
  BOOST_TEST((apply_delta(delta + "x", basis.reader(), 10'000).error().code() == Code::Corrupt));
  BOOST_TEST((apply_delta("not a delta", basis.reader(), 10'000).error().code() == Code::Corrupt));
  for (int round = 0; round < 20'000; ++round) {
    Bytes damaged = delta.substr(0, 4) + random_bytes(random, random.below(40));
    if (round % 2 == 0) {
      damaged = delta;
      damaged[random.below(40)] = static_cast<char>(random.below(256));
    }
    const auto result = apply_delta(damaged, basis.reader(), 10'000);
    BOOST_TEST((result.ok() || result.error().code() == Code::Corrupt));
  }
  BOOST_TEST((make_delta("", "new").error().code() == Code::Corrupt));
  BOOST_TEST((make_delta("not a signature", "new").error().code() == Code::Corrupt));
  const Bytes signature = basis.signature();
  const BytesView cut_off = BytesView(signature).substr(0, signature.size() - 1);
  BOOST_TEST((make_delta(cut_off, changed).error().code() == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(librsync_complains_in_the_error_and_not_on_stderr) {
  const Error error = apply_delta("not a delta", Basis{}.reader(), 100).error();
  BOOST_TEST(error.what().find("magic") != std::string::npos, error.what());
}

BOOST_AUTO_TEST_CASE(copies_from_outside_of_the_basis_are_corrupt) {
  const Basis basis{{Bytes(600, 'x')}};
  // A copy command with position and length of 8 bytes each: op 0x54.
  const auto copy = [](std::uint64_t position, std::uint64_t length) {
    Bytes delta("rs\x02\x36\x54");
    for (const std::uint64_t value : {position, length}) {
      for (int shift = 56; shift >= 0; shift -= 8) {
        delta.push_back(static_cast<char>(value >> shift));
      }
    }
    return delta + Bytes(1, '\0');
  };
  BOOST_TEST((apply_delta(copy(0, 600), basis.reader(), 600).value() == basis.chunks[0]));
  BOOST_TEST((apply_delta(copy(100, 500), basis.reader(), 600).value() == Bytes(500, 'x')));
  const std::uint64_t huge = 1ULL << 63;
  for (const auto& [position, length] :
       std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0, 601},
                                                            {600, 1},
                                                            {1024, 1},
                                                            {huge, 1},
                                                            {huge - 1, 1},
                                                            {0, huge},
                                                            {0, huge - 1},
                                                            {0, ~0ULL},
                                                            {0, 0},
                                                            {0, 1ULL << 32},
                                                            {0, (1ULL << 32) - 1}}) {
    const auto result = apply_delta(copy(position, length), basis.reader(), 600);
    // A version of librsync that takes the length modulo 2^32 may give nothing; never too much.
    BOOST_TEST((result.ok() ? result->empty() : result.error().code() == Code::Corrupt),
               position << " " << length);
  }
}

BOOST_AUTO_TEST_CASE(an_error_of_the_reader_is_handed_on) {
  Random random(seed());
  const Basis basis{{random_bytes(random, 5'000)}};
  const Bytes delta = delta_of(basis, basis.chunks[0]);
  const BasisReader failing = [](std::uint64_t, std::size_t) -> Result<BytesView> {
    return Error(Code::Conflict, "the basis changed");
  };
  const Error error = apply_delta(delta, failing, 5'000).error();
  BOOST_TEST((error.code() == Code::Conflict));
  BOOST_TEST(error.what() == "the basis changed");
}

BOOST_AUTO_TEST_CASE(the_virtual_basis_pads_every_chunk_to_whole_blocks) {
  const std::vector<std::uint32_t> lengths{1000, 512, 1};
  const VirtualBasis basis(lengths);
  const auto place = [&](std::uint64_t position) { return basis.locate(position).value(); };
  BOOST_TEST(place(0).chunk == 0U);
  BOOST_TEST(place(0).available == 1000U);
  BOOST_TEST(place(999).offset == 999U);
  BOOST_TEST(place(999).available == 1U);
  BOOST_TEST(place(1024).chunk == 1U);
  BOOST_TEST(place(1024).offset == 0U);
  BOOST_TEST(place(1536).chunk == 2U);
  for (const std::uint64_t outside :
       {std::uint64_t{1000}, std::uint64_t{1023}, std::uint64_t{1537}, ~std::uint64_t{0}}) {
    BOOST_TEST((basis.locate(outside).error().code() == Code::Corrupt));
  }
  BOOST_TEST((VirtualBasis({}).locate(0).error().code() == Code::Corrupt));
}

BOOST_AUTO_TEST_SUITE_END()
