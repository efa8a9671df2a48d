#include "replicator/source/signature_maker.h"

#include "replicator/model/chunk.h"
#include "tests/source/tree_fixture.h"

namespace fs = std::filesystem;

namespace ha::replicator {
namespace {

constexpr std::uint64_t kNoLimit = 1ULL << 40;

}  // namespace

BOOST_AUTO_TEST_SUITE(source_signature_maker)

BOOST_FIXTURE_TEST_CASE(every_chunk_gets_its_signature_within_the_budget, TreeFixture) {
  Random random(1);
  write("f", random_bytes_of(random, 3'000'000) + Bytes(1'000'000, '\0'));
  scan();
  SignaturesMade first = must(make_signatures(root, index, key, "f", 1'000'000, stop));
  BOOST_TEST(!first.complete);
  BOOST_TEST(first.bytes_read <= 1'000'000U);
  BOOST_TEST(first.chunks > 0U);
  const SignaturesMade rest = must(make_signatures(root, index, key, "f", kNoLimit, stop));
  BOOST_TEST(rest.complete);
  BOOST_TEST(must(make_signatures(root, index, key, "f", kNoLimit, stop)).chunks == 0U);
  const auto stored = must(index.current_chunks("f"));
  IndexSignatures kept(index);
  for (const Chunk& chunk : must(decode_chunks(stored->list))) {
    BOOST_TEST((chunk.is_zeros() || kept.get(chunk.digest).has_value()));
  }
}

BOOST_FIXTURE_TEST_CASE(small_deleted_and_irregular_items_need_none, TreeFixture) {
  write("small", Bytes(kWholeFileBytesMax, 'x'));
  fs::create_directory(path("d"));
  scan();
  for (const char* name : {"small", "d", "absent"}) {
    const SignaturesMade made = must(make_signatures(root, index, key, name, kNoLimit, stop));
    BOOST_TEST(made.complete);
    BOOST_TEST(made.chunks == 0U);
  }
}

BOOST_FIXTURE_TEST_CASE(a_changed_or_vanished_file_is_an_error_and_stores_nothing_wrong, TreeFixture) {
  Random random(2);
  write("f", random_bytes_of(random, 200'000));
  scan();
  write("f", random_bytes_of(random, 200'000));
  BOOST_TEST((make_signatures(root, index, key, "f", kNoLimit, stop).error().code() == Code::Conflict));
  BOOST_TEST(!must(index.get_signature(entry("f")->content)).has_value());
  fs::remove(path("f"));
  BOOST_TEST((make_signatures(root, index, key, "f", kNoLimit, stop).error().code() == Code::NotFound));
}

BOOST_FIXTURE_TEST_CASE(a_stop_is_heeded, TreeFixture) {
  write("f", Bytes(200'000, 'x'));
  scan();
  stop = true;
  BOOST_TEST(!must(make_signatures(root, index, key, "f", kNoLimit, stop)).complete);
}

BOOST_FIXTURE_TEST_CASE(what_is_put_is_found_before_and_after_saving, TreeFixture) {
  IndexSignatures kept(index);
  const Digest chunk{1, 2};
  BOOST_TEST(!kept.get(chunk).has_value());
  kept.put(chunk, "signature");
  BOOST_TEST((kept.get(chunk) == Bytes("signature")));
  IndexBatch batch = must(index.begin());
  must(kept.save(batch));
  must(batch.commit());
  BOOST_TEST(!kept.has(chunk));
  BOOST_TEST((kept.get(chunk) == Bytes("signature")));
}

BOOST_FIXTURE_TEST_CASE(what_is_put_and_never_saved_stays_bounded_and_the_last_is_kept, TreeFixture) {
  IndexSignatures kept(index);
  const Bytes signature(kSignatureBytesMax, 's');
  std::size_t found = 0;
  const std::uint64_t count = 3 * kFreshSignatureBytesMax / signature.size();
  for (std::uint64_t number = 1; number <= count; ++number) {
    kept.put({number, 1}, signature);
    BOOST_TEST(kept.has({number, 1}));
  }
  for (std::uint64_t number = 1; number <= count; ++number) {
    found += kept.has({number, 1}) ? 1U : 0U;
  }
  BOOST_TEST(found * signature.size() <= kFreshSignatureBytesMax);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::replicator
