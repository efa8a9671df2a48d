#include "replicator/model/chunk.h"

#include <boost/test/unit_test.hpp>

using namespace ha;
using namespace ha::replicator;

BOOST_AUTO_TEST_SUITE(model_chunk)

BOOST_AUTO_TEST_CASE(a_list_comes_back_as_it_was) {
  const ChunkList chunks{{65536, {1, 2}}, {kChunkLengthMax, {}}, {1, {3, 4}}};
  const Bytes encoded = encode_chunks(chunks);
  BOOST_TEST(encoded.size() == 3 * kChunkRecordBytes);
  BOOST_TEST((decode_chunks(encoded).value() == chunks));
  BOOST_TEST(total_bytes(chunks) == 65536ULL + kChunkLengthMax + 1);
  BOOST_TEST(decode_chunks("").value().empty());
}

BOOST_AUTO_TEST_CASE(a_list_that_is_cut_short_is_corrupt) {
  const Bytes encoded = encode_chunks({{65536, {1, 2}}, {1, {3, 4}}});
  for (std::size_t length = 1; length < encoded.size(); ++length) {
    if (length % kChunkRecordBytes != 0) {
      BOOST_TEST((decode_chunks(BytesView(encoded).substr(0, length)).error().code() == Code::Corrupt));
    }
  }
}

BOOST_AUTO_TEST_CASE(lengths_out_of_range_are_corrupt) {
  for (const Chunk& bad :
       {Chunk{0, {1, 2}}, Chunk{kDataChunkBytesMax + 1, {1, 2}}, Chunk{kChunkLengthMax + 1, {}}}) {
    BOOST_TEST((decode_chunks(encode_chunks({bad})).error().code() == Code::Corrupt));
  }
}

BOOST_AUTO_TEST_SUITE_END()
