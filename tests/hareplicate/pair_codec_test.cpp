#include <boost/test/unit_test.hpp>

#include "tests/sys/temp_directory.h"
#include "tools/hareplicate/pair_codec.h"

using namespace ha;        // NOLINT: a test
using namespace ha::tool;  // NOLINT

namespace {

PairRequest request() {
  PairRequest out;
  out.secret = "0123456789abcdef";
  out.wire_major = 1;
  out.program_version = "0.1.0";
  out.site = "nyc1";
  out.addresses = {"tcp://a:1", "tcp://b:2"};
  out.host_name = "host";
  out.local_address = "192.0.2.1";
  out.cluster_id = "5b1f";
  out.wall = WallTime(std::chrono::seconds(1'795'252'489));
  return out;
}

template <typename T>
T there_and_back(const T& message) {
  return std::get<T>(sys::must(decode_pair(encode_pair(message))));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hareplicate_pair_codec)

BOOST_AUTO_TEST_CASE(every_message_comes_back) {
  const PairRequest asked = there_and_back(request());
  BOOST_TEST(asked.protocol == kPairProtocol);
  BOOST_TEST(asked.secret == "0123456789abcdef");
  BOOST_TEST(asked.addresses.size() == 2U);
  BOOST_TEST(asked.cluster_id == "5b1f");
  BOOST_TEST((asked.wall == request().wall));
  const PairWelcome welcome = there_and_back(
      PairWelcome{"nyc1", "5b1f", "fra1", Bytes(replicator::kConfigBytesMax, '\xff'), true, request().wall});
  BOOST_TEST(welcome.cluster_toml.size() == replicator::kConfigBytesMax);
  BOOST_TEST(welcome.was_member);
  const PairRefusal refusal =
      there_and_back(PairRefusal{Error(Code::Unsupported, "what", "hint"), request().wall});
  BOOST_TEST((refusal.error.code() == Code::Unsupported));
  BOOST_TEST(refusal.error.hint() == "hint");
  static_cast<void>(there_and_back(PairStored{}));
}

BOOST_AUTO_TEST_CASE(a_text_that_is_not_utf_8_comes_back_as_it_was) {
  PairRequest asked = request();
  asked.host_name = "\xff\xfe";
  BOOST_TEST(there_and_back(asked).host_name == "\xff\xfe");
}

BOOST_AUTO_TEST_CASE(noise_is_corrupt) {
  for (const BytesView noise : {BytesView(), BytesView("x"), BytesView("\x0a\xff\xff\xff\xff\x0f", 6)}) {
    BOOST_TEST((sys::code_of(decode_pair(noise)) == Code::Corrupt));
  }
  const Bytes whole = encode_pair(request());
  for (std::size_t length = 1; length < whole.size(); ++length) {
    const auto cut = decode_pair(BytesView(whole).substr(0, length));
    BOOST_TEST((cut.ok() || cut.error().code() == Code::Corrupt));
  }
}

BOOST_AUTO_TEST_CASE(what_is_too_long_is_corrupt) {
  const auto refused = [](const PairMessage& message) {
    return sys::code_of(decode_pair(encode_pair(message))) == Code::Corrupt;
  };
  const std::string text(kPairTextBytesMax + 1, 'x');
  PairRequest asked = request();
  asked.secret = Bytes(65, 's');
  BOOST_TEST(refused(asked));
  for (auto field : {&PairRequest::program_version, &PairRequest::site, &PairRequest::host_name,
                     &PairRequest::local_address, &PairRequest::cluster_id}) {
    asked = request();
    asked.*field = text;
    BOOST_TEST(refused(asked));
  }
  asked = request();
  asked.addresses.assign(kPairAddressesMax + 1, "tcp://a:1");
  BOOST_TEST(refused(asked));
  asked.addresses = {text};
  BOOST_TEST(refused(asked));
  BOOST_TEST(refused(PairWelcome{text, "", "", "", false, {}}));
  BOOST_TEST(refused(PairWelcome{"a", "b", "c", Bytes(replicator::kConfigBytesMax + 1, 'x'), false, {}}));
  BOOST_TEST(refused(PairRefusal{Error(Code::Refused, std::string(kPairSentenceBytesMax + 1, 'x')), {}}));
  BOOST_TEST(refused(PairRefusal{Error(static_cast<Code>(99), "x"), {}}));
  BOOST_TEST(!decode_pair(Bytes(kPairMessageBytesMax + 1, '\0')).ok());
}

BOOST_AUTO_TEST_SUITE_END()
