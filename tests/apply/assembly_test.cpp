#include "replicator/apply/assembly.h"

#include <boost/test/unit_test.hpp>

#include "replicator/delta/chunker.h"

using namespace ha;
using namespace ha::replicator;

BOOST_AUTO_TEST_SUITE(apply_assembly)

BOOST_AUTO_TEST_CASE(pieces_in_any_order_give_the_list_in_order) {
  Assembly assembly;
  BOOST_TEST(assembly.add(30, {{5, {0, 3}}}).ok());
  BOOST_TEST(assembly.add(0, {{10, {0, 1}}}).ok());
  BOOST_TEST(assembly.add(10, {{20, {0, 2}}}).ok());
  BOOST_TEST(assembly.covered_bytes() == 35U);
  BOOST_TEST(assembly.end() == 35U);
  const ChunkList expected{{10, {0, 1}}, {20, {0, 2}}, {5, {0, 3}}};
  BOOST_TEST((assembly.chunks() == expected));
  BOOST_TEST(assembly.ranges().size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_same_again_is_there_already) {
  Assembly assembly;
  BOOST_TEST(assembly.add(10, {{20, {0, 2}}}).ok());
  BOOST_TEST(assembly.has(10, 20, 100).value());
  BOOST_TEST(assembly.has(12, 3, 100).value());
  BOOST_TEST(!assembly.has(30, 5, 100).value());
}

BOOST_AUTO_TEST_CASE(overlaps_and_overruns_are_corrupt) {
  Assembly assembly;
  BOOST_TEST(assembly.add(10, {{20, {0, 2}}}).ok());
  BOOST_TEST((assembly.has(5, 10, 100).error().code() == Code::Corrupt));
  BOOST_TEST((assembly.has(25, 10, 100).error().code() == Code::Corrupt));
  BOOST_TEST((assembly.has(95, 6, 100).error().code() == Code::Corrupt));
  BOOST_TEST((assembly.has(~0ULL, 2, 100).error().code() == Code::Corrupt));
  BOOST_TEST((assembly.has(0, 0, 100).error().code() == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(runs_of_zeros_are_joined_as_the_chunker_does) {
  Assembly assembly;
  BOOST_TEST(assembly.add(65536, zero_chunks(65536)).ok());
  BOOST_TEST(assembly.add(0, zero_chunks(65536)).ok());
  BOOST_TEST(assembly.add(131072, {{9, {0, 1}}}).ok());
  const ChunkList expected{{131072, {}}, {9, {0, 1}}};
  BOOST_TEST((assembly.chunks() == expected));
  BOOST_TEST(zero_chunks(kZeroChunkBytesMax + 1ULL).size() == 2U);
}

BOOST_AUTO_TEST_CASE(encoding_round_trips_and_garbage_is_corrupt) {
  Assembly assembly;
  BOOST_TEST(assembly.add(100, {{20, {0, 2}}, {5, {1, 1}}}).ok());
  BOOST_TEST(assembly.add(0, {{7, {0, 9}}}).ok());
  const Bytes encoded = assembly.encode();
  const auto decoded = Assembly::decode(encoded);
  BOOST_REQUIRE(decoded.ok());
  BOOST_TEST(decoded->encode() == encoded);
  BOOST_TEST((Assembly::decode(encoded.substr(1)).error().code() == Code::Corrupt));
  BOOST_TEST((Assembly::decode(encoded + encoded).error().code() == Code::Corrupt));
}

BOOST_AUTO_TEST_SUITE_END()
