#include "replicator/model/frame.h"

#include <boost/test/unit_test.hpp>

using namespace ha;
using namespace ha::replicator;

namespace {

bool is_corrupt(const auto& result) {
  return !result.ok() && result.error().code() == Code::Corrupt;
}

ItemPart sample() {
  Entry header;
  header.key = "a/b";
  header.sequence = 7;
  header.rank = Rank::Content;
  header.hash = {1, 2};
  header.content = {3, 4};
  header.size = 12;
  header.meta = "meta";
  ItemPart part{"a/b", {3, 4}, header, {5, 6}, {}};
  part.ops.push_back({0, CopyOp{2, 3}});
  part.ops.push_back({4, LiteralOp{{{3, {9, 9}}}, "abc"}});
  part.ops.push_back({7, PatchOp{{{5, {8, 8}}}, 1, 1, "delta"}});
  part.ops.push_back({1000, ZerosOp{4096}});
  return part;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(model_frame)

BOOST_AUTO_TEST_CASE(a_frame_comes_back_as_it_was) {
  const Frame frame = decode_frame(encode_frame({{sample()}})).value();
  BOOST_REQUIRE(frame.parts.size() == 1U);
  const ItemPart& part = frame.parts[0];
  BOOST_TEST(part.key == "a/b");
  BOOST_TEST((part.content == Digest{3, 4} && part.basis == Digest{5, 6}));
  BOOST_REQUIRE(part.header.has_value());
  BOOST_TEST(part.header->meta == "meta");
  BOOST_TEST(part.header->sequence == 7U);
  BOOST_REQUIRE(part.ops.size() == 4U);
  BOOST_TEST(std::get<CopyOp>(part.ops[0].kind).old_count == 3U);
  BOOST_TEST(std::get<LiteralOp>(part.ops[1].kind).data == "abc");
  BOOST_TEST(std::get<PatchOp>(part.ops[2].kind).delta == "delta");
  BOOST_TEST(std::get<ZerosOp>(part.ops[3].kind).bytes == 4096U);
  BOOST_TEST(part.ops[3].offset == 1000U);
}

BOOST_AUTO_TEST_CASE(literal_data_of_another_length_than_its_chunks_is_corrupt) {
  ItemPart part = sample();
  std::get<LiteralOp>(part.ops[1].kind).data = "abcd";
  BOOST_TEST(is_corrupt(decode_frame(encode_frame({{part}}))));
}

BOOST_AUTO_TEST_CASE(a_part_without_key_or_with_a_wrong_header_is_corrupt) {
  ItemPart part = sample();
  part.key.clear();
  BOOST_TEST(is_corrupt(decode_frame(encode_frame({{part}}))));
  part = sample();
  part.header->hash = {};
  BOOST_TEST(is_corrupt(decode_frame(encode_frame({{part}}))));
  part = sample();
  part.header->deleted = true;
  BOOST_TEST(is_corrupt(decode_frame(encode_frame({{part}}))));
}

BOOST_AUTO_TEST_CASE(garbage_is_corrupt) {
  BOOST_TEST(is_corrupt(decode_frame("\xff\xff garbage")));
}

BOOST_AUTO_TEST_CASE(questions_and_answers_come_back) {
  const SignatureRequest request = decode_request(encode_request({"k", {1, 2}, {0, 5}})).value();
  BOOST_TEST(request.chunks.at(1) == 5U);
  const SignatureReply reply =
      decode_reply(encode_reply({"k", {1, 2}, {{9, {3, 3}}}, {{{4, 4}, "signature"}}})).value();
  BOOST_TEST(reply.signatures.at(0).second == "signature");
  BOOST_TEST(reply.chunk_list.at(0).length == 9U);
  BOOST_TEST(is_corrupt(decode_request("")));
  BOOST_TEST(is_corrupt(decode_reply("x")));
}

BOOST_AUTO_TEST_CASE(ranges_are_sorted_and_disjoint_or_corrupt) {
  const std::vector<ByteRange> ranges{{0, 10}, {10, 5}, {100, 1}};
  BOOST_TEST(decode_ranges(encode_ranges(ranges)).value().size() == 3U);
  BOOST_TEST(is_corrupt(decode_ranges(encode_ranges({{5, 10}, {14, 1}}))));
  BOOST_TEST(is_corrupt(decode_ranges(encode_ranges({{5, 0}}))));
  BOOST_TEST(is_corrupt(decode_ranges("short")));
}

BOOST_AUTO_TEST_CASE(a_basis_report_comes_back) {
  const BasisReport basis = decode_basis(encode_basis({{1, 2}, {{3, {4, 5}}}})).value();
  BOOST_TEST((basis.content == Digest{1, 2}));
  BOOST_TEST(basis.chunks.size() == 1U);
  BOOST_TEST(is_corrupt(decode_basis("short")));
}

BOOST_AUTO_TEST_SUITE_END()
