#include "replicator/model/file_meta.h"

#include <boost/test/unit_test.hpp>

using namespace ha;
using namespace ha::replicator;

namespace {

FileMeta sample() {
  FileMeta meta;
  meta.type = FileType::Symlink;
  meta.mode = 04755;
  meta.uid = 4294967294U;
  meta.user = "asterisk";
  meta.mtime_s = -2177452800;  // 1901
  meta.mtime_ns = 999'999'999;
  meta.target = "/somewhere\n\xff";
  meta.xattrs = {{"security.capability", Bytes("\1\0\0\2", 4)}, {"user.a", ""}};
  return meta;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(model_file_meta)

BOOST_AUTO_TEST_CASE(metadata_comes_back_as_it_was) {
  BOOST_TEST((decode_meta(encode_meta(sample())).value() == sample()));
}

BOOST_AUTO_TEST_CASE(equal_metadata_gives_equal_bytes_whatever_the_order_of_attributes) {
  FileMeta other = sample();
  std::swap(other.xattrs[0], other.xattrs[1]);
  BOOST_TEST((encode_meta(other) == encode_meta(sample())));
}

BOOST_AUTO_TEST_CASE(every_truncation_and_every_addition_is_corrupt) {
  const Bytes encoded = encode_meta(sample());
  for (std::size_t length = 0; length < encoded.size(); ++length) {
    BOOST_TEST((decode_meta(BytesView(encoded).substr(0, length)).error().code() == Code::Corrupt));
  }
  BOOST_TEST((decode_meta(encoded + '\0').error().code() == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(fields_out_of_range_are_corrupt) {
  const auto code_with = [](auto change) {
    FileMeta meta = sample();
    change(meta);
    const auto decoded = decode_meta(encode_meta(meta));
    return !decoded.ok() && decoded.error().code() == Code::Corrupt;
  };
  BOOST_TEST(code_with([](FileMeta& meta) { meta.mode = 010000; }));
  BOOST_TEST(code_with([](FileMeta& meta) { meta.mtime_ns = 1'000'000'000; }));
  BOOST_TEST(code_with([](FileMeta& meta) { meta.target.clear(); }));
  BOOST_TEST(code_with([](FileMeta& meta) { meta.type = FileType::Regular; }));
  BOOST_TEST(code_with([](FileMeta& meta) { meta.target = Bytes("a\0b", 3); }));
  BOOST_TEST(code_with([](FileMeta& meta) { meta.xattrs[0].first = meta.xattrs[1].first; }));
  BOOST_TEST(code_with([](FileMeta& meta) { meta.xattrs[0].first.clear(); }));
}

BOOST_AUTO_TEST_CASE(the_local_record_comes_back_and_nothing_else_does) {
  const LocalStat local{7, 8, -9, 10, 11, 12};
  const Bytes encoded = encode_local(local);
  BOOST_TEST((decode_local(encoded).value() == local));
  BOOST_TEST((decode_local(encoded + 'x').error().code() == Code::Corrupt));
  BOOST_TEST((decode_local("").error().code() == Code::Corrupt));
}

BOOST_AUTO_TEST_SUITE_END()
