#include "replicator/delta/signature.h"

#include <boost/test/unit_test.hpp>

#include "tests/delta/samples.h"

using namespace ha;
using namespace ha::replicator;
using namespace ha::replicator::samples;

BOOST_AUTO_TEST_SUITE(delta_signature)

BOOST_AUTO_TEST_CASE(a_signature_has_one_sum_for_every_started_block) {
  Random random(seed());
  for (const std::size_t length : {std::size_t{1}, std::size_t{511}, std::size_t{512}, std::size_t{513},
                                   std::size_t{65'536}, std::size_t{kDataChunkBytesMax}}) {
    const Bytes signature = chunk_signature(random_bytes(random, length)).value();
    BOOST_TEST(signature.size() == (length + 511) / 512 * 12);
    BOOST_TEST(signature_matches_length(signature, static_cast<std::uint32_t>(length)));
  }
}

BOOST_AUTO_TEST_CASE(a_chunk_that_is_none_has_no_signature) {
  BOOST_TEST((chunk_signature({}).error().code() == Code::Invalid));
  const Bytes too_long(kDataChunkBytesMax + 1, 'x');
  BOOST_TEST((chunk_signature(too_long).error().code() == Code::Invalid));
}

// Signatures are kept and sent, so what librsync makes of a block must stay what it is.
BOOST_AUTO_TEST_CASE(the_sums_never_change) {
  BOOST_TEST(hex(chunk_signature("hareplicate").value()) == "234d881b53876298c6a9a574");
}

BOOST_AUTO_TEST_CASE(a_signature_of_the_wrong_length_is_rejected) {
  Random random(seed());
  const Bytes signature = chunk_signature(random_bytes(random, 1000)).value();
  BOOST_TEST(signature_matches_length(signature, 1000));
  BOOST_TEST(signature_matches_length(signature, 513));
  BOOST_TEST(!signature_matches_length(signature, 512));
  BOOST_TEST(!signature_matches_length(signature, 1025));
  BOOST_TEST(!signature_matches_length({}, 0));
  BOOST_TEST(!signature_matches_length(BytesView(signature).substr(1), 1000));
  const std::vector<ChunkSignature> wrong{{1000, signature}, {2000, signature}};
  BOOST_TEST((combine(wrong).error().code() == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(the_cache_forgets_the_least_recently_used) {
  SignatureCache cache(1000);
  cache.put({0, 1}, Bytes(200, 'a'));
  cache.put({0, 2}, Bytes(200, 'b'));
  BOOST_TEST(cache.get({0, 1}).value() == Bytes(200, 'a'));
  cache.put({0, 3}, Bytes(200, 'c'));
  BOOST_TEST(cache.get({0, 1}).has_value());
  BOOST_TEST(!cache.get({0, 2}).has_value());
  BOOST_TEST(cache.get({0, 3}).has_value());
  BOOST_TEST(!cache.get({1, 3}).has_value());
  BOOST_TEST(cache.bytes() <= 1000U);
}

BOOST_AUTO_TEST_CASE(the_cache_replaces_and_never_grows_over_its_limit) {
  SignatureCache cache(10'000);
  cache.put({0, 1}, "old");
  cache.put({0, 1}, "new");
  BOOST_TEST(cache.get({0, 1}).value() == "new");
  cache.put({0, 2}, Bytes(10'000, 'x'));
  BOOST_TEST(!cache.get({0, 2}).has_value());
  BOOST_TEST(cache.get({0, 1}).has_value());
  Random random(seed());
  for (int i = 0; i < 1000; ++i) {
    cache.put({0, random.below(100)}, Bytes(random.below(3000), 'x'));
    BOOST_TEST(cache.bytes() <= 10'000U);
  }
}

BOOST_AUTO_TEST_SUITE_END()
