#include "replicator/session/codec.h"

#include <boost/test/unit_test.hpp>
#include <functional>

#include "replicator/model/entry.h"

namespace ha::replicator {
namespace {

const Position kPosition{7, 8, 9, {10, 11}};
const Bytes kKey("a/\0\xff", 4);

std::vector<SetMessage> set_messages() {
  return {
      Offer{"etc",
            kPosition,
            Bytes(32, 'k'),
            5,
            Look::Content,
            "as shown",
            0,
            true,
            {{9, {7, 8, 6, {4, 5}}}, {8, {6, 5, 4, {}}}}},
      Have{kPosition, 6, {{kKey, {1, 2}, "resume"}}},
      Refusal{Code::NoSpace, "full", "make room"},
      Compare{3,
              {Range{"a", "b", 4, {1, 2}, true, {{kKey, {3, 4}, true}}}, Range{"b", {}, 0, {}, false, {}}}},
      Differ{
          3, {Range{"a", "b", 4, {}, false, {}}}, {{kKey, {3, 4}, true}, {"x", {}, true}}, {"extra"}, {kKey}},
      Data{2, 3, true, 1, Bytes("\0body", 5)},
      Ask{4, "?"},
      Answer{4, "!"},
      Ack{5, {7, 9}, 1000, {{kKey, "why", true, "basis"}, {"b", "other", false, {}}}},
      Mark{5, kPosition, 2, true},
      Done{kPosition, 1},
      Expect{kKey},
      Head{11},
      Fetch{12, 0, {kKey, "b"}},
      Fetched{12, 3, true, Bytes("\0body", 5)},
  };
}

std::vector<LinkMessage> link_messages() {
  return {
      Hello{"cluster", "fra", 1, "digest", 2},
      Welcome{1, "sin", "digest", -3, 4},
      Refusal{Code::Refused, "no", "do"},
      Ping{1, -2, 3, "padding"},
      Pong{Ping{1, -2, 3, {}}},
  };
}

Result<SetMessage> decode(const Encoded& message) {
  return decode_set_message(static_cast<std::uint16_t>(message.type), message.body);
}
bool is_corrupt(const auto& result) {
  return !result.ok() && result.error().code() == Code::Corrupt;
}
bool refused(const SetMessage& message) {
  return is_corrupt(decode(encode(message)));
}

}  // namespace
}  // namespace ha::replicator

BOOST_AUTO_TEST_SUITE(session_codec)

using namespace ha;
using namespace ha::replicator;

// Encoding is a function of the value, so the same bytes again mean the same value, field by field, as long
// as every field is in the bytes: the next case looks at those.
BOOST_AUTO_TEST_CASE(every_message_comes_back_as_it_was) {
  for (const SetMessage& message : set_messages()) {
    const Encoded encoded = encode(message);
    const auto decoded = decode(encoded);
    BOOST_REQUIRE(decoded.ok());
    BOOST_TEST(decoded->index() == message.index());
    BOOST_TEST((encode(*decoded).body == encoded.body));
    BOOST_TEST(!is_link_message(static_cast<std::uint16_t>(encoded.type)));
  }
  for (const LinkMessage& message : link_messages()) {
    const Encoded encoded = encode(message);
    const auto type = static_cast<std::uint16_t>(encoded.type);
    const auto decoded = decode_link_message(type, encoded.body);
    BOOST_REQUIRE(decoded.ok());
    BOOST_TEST(decoded->index() == message.index());
    BOOST_TEST((encode(*decoded).body == encoded.body));
    BOOST_TEST(is_link_message(type));
  }
}

BOOST_AUTO_TEST_CASE(no_field_is_left_out) {
  const auto messages = set_messages();
  const auto back = [&](std::size_t i) { return decode(encode(messages.at(i))).value(); };
  const auto offer = std::get<Offer>(back(0));
  BOOST_CHECK(offer.set == "etc" && offer.position == kPosition && offer.digest_key == Bytes(32, 'k'));
  BOOST_CHECK(offer.count == 5 && offer.look == Look::Content);
  BOOST_CHECK(offer.released == "as shown" && offer.accepted == 0U && offer.compare_only);
  BOOST_CHECK((offer.lineage == Lineage{{9, {7, 8, 6, {4, 5}}}, {8, {6, 5, 4, {}}}}));
  const auto have = std::get<Have>(back(1));
  BOOST_CHECK(have.position == kPosition && have.count == 6 && have.partials.at(0).key == kKey);
  BOOST_CHECK(have.partials[0].content == (Digest{1, 2}) && have.partials[0].resume == "resume");
  const auto refusal = std::get<Refusal>(back(2));
  BOOST_CHECK(refusal.code == Code::NoSpace && refusal.what == "full" && refusal.hint == "make room");
  const auto compare = std::get<Compare>(back(3));
  BOOST_CHECK(compare.step == 3 && compare.ranges.at(0).leaf && compare.ranges[0].count == 4);
  BOOST_CHECK(compare.ranges[0].sum == (Digest{1, 2}) && compare.ranges[0].items.at(0).key == kKey);
  const auto differ = std::get<Differ>(back(4));
  BOOST_CHECK(differ.wanted.at(1).present && differ.wanted[1].hash.is_zero() &&
              differ.extra.at(0) == "extra" && differ.ahead.at(0) == kKey);
  const auto data = std::get<Data>(back(5));
  BOOST_CHECK(data.batch == 2 && data.frame == 3 && data.last && data.after == 1 && data.body.size() == 5);
  const auto ack = std::get<Ack>(back(8));
  BOOST_CHECK(ack.batches == 5 && ack.sparse.at(1) == 9 && ack.consumed_bytes == 1000);
  BOOST_CHECK(ack.trouble.at(0).redo && ack.trouble[0].basis == "basis" && !ack.trouble.at(1).redo);
  const auto mark = std::get<Mark>(back(9));
  BOOST_CHECK(mark.batches == 5 && mark.position == kPosition && mark.redone == 2 && mark.exact);
  BOOST_CHECK(std::get<Done>(back(10)).position == kPosition);
  BOOST_TEST(std::get<Expect>(back(11)).key == kKey);
  BOOST_TEST(std::get<Head>(back(12)).sequence == 11U);
  const auto fetch = std::get<Fetch>(back(13));
  BOOST_CHECK(fetch.number == 12 && fetch.frame == 0 && fetch.keys == (std::vector<Bytes>{kKey, "b"}));
  const auto fetched = std::get<Fetched>(back(14));
  BOOST_CHECK(fetched.number == 12 && fetched.frame == 3 && fetched.last && fetched.body.size() == 5);
}

BOOST_AUTO_TEST_CASE(truncated_messages_never_harm) {
  for (const SetMessage& message : set_messages()) {
    const Encoded whole = encode(message);
    for (std::size_t length = 0; length < whole.body.size(); ++length) {
      const auto decoded = decode({whole.type, whole.body.substr(0, length)});
      BOOST_TEST((decoded.ok() || decoded.error().code() == Code::Corrupt));
    }
  }
}

BOOST_AUTO_TEST_CASE(garbage_and_unknown_types_are_corrupt) {
  for (std::uint16_t type = 0; type < 40; ++type) {
    BOOST_TEST(is_corrupt(decode_set_message(type, "\xff\xff\xff")));
    BOOST_TEST(is_corrupt(decode_link_message(type, "\xff\xff\xff")));
  }
  BOOST_TEST(is_corrupt(decode_set_message(1, {})));    // a link's
  BOOST_TEST(is_corrupt(decode_link_message(16, {})));  // a set's
}

BOOST_AUTO_TEST_CASE(values_out_of_bounds_are_corrupt) {
  const Bytes long_key(kKeyBytesMax + 1, 'k');
  const Bytes long_text(kTextBytesMax + 1, 't');
  const Bytes long_body(kDataBytesMax + 1, 'b');
  const Bytes key(32, 'k');
  BOOST_TEST(refused(Offer{"", kPosition, key, 0}));
  BOOST_TEST(refused(Offer{long_text, kPosition, key, 0}));
  BOOST_TEST(refused(Offer{"etc", kPosition, Bytes(31, 'k'), 0}));
  BOOST_TEST(refused(Have{kPosition, 0, std::vector<Partial>(kHavePartialsMax + 1, {"a", {1, 1}, {}})}));
  BOOST_TEST(refused(Have{kPosition, 0, {{long_key, {1, 1}, {}}}}));
  BOOST_TEST(refused(Compare{1, {Range{"b", "a", 0, {}, false, {}}}}));
  BOOST_TEST(refused(Compare{1, {Range{"a", "a", 0, {}, false, {}}}}));
  BOOST_TEST(refused(Compare{1, std::vector<Range>(kCompareRangesMax + 1)}));
  BOOST_TEST(refused(Compare{1, {Range{{}, {}, 0, {}, true, {{"", {1, 1}, false}}}}}));
  BOOST_TEST(refused(Differ{1, {}, {}, std::vector<Bytes>(kLeafItemsMax + 1, "a")}));
  BOOST_TEST(refused(Differ{1, {}, std::vector<ItemHash>(kLeafItemsMax + 1, {"a", {1, 1}, false}), {}}));
  BOOST_TEST(refused(Differ{1, {}, {}, {""}}));
  BOOST_TEST(refused(Data{0, 0, true, 0, {}}));
  BOOST_TEST(refused(Data{2, 0, true, 2, {}}));
  BOOST_TEST(refused(Data{1, 0, true, 0, long_body}));
  BOOST_TEST(refused(Ask{0, {}}));
  BOOST_TEST(refused(Answer{1, long_body}));
  BOOST_TEST(refused(Ack{0, std::vector<std::uint64_t>(kSparseMax + 1, 1), 0, {}}));
  BOOST_TEST(refused(Ack{0, {}, 0, std::vector<ItemTrouble>(kTroubleMax + 1, {"a", {}, true, {}})}));
}

BOOST_AUTO_TEST_CASE(limits_of_link_messages_hold) {
  const auto refused_link = [](const LinkMessage& message) {
    const Encoded encoded = encode(message);
    return is_corrupt(decode_link_message(static_cast<std::uint16_t>(encoded.type), encoded.body));
  };
  const Bytes long_text(kTextBytesMax + 1, 't');
  BOOST_TEST(refused_link(Hello{long_text, {}, 1, {}, 0}));
  BOOST_TEST(refused_link(Welcome{1, long_text, {}, 0, 0}));
  BOOST_TEST(refused_link(Ping{1, 0, 0, Bytes(kPingPaddingMax + 1, 'p')}));
}

BOOST_AUTO_TEST_CASE(what_is_fetched_and_the_lineage_are_bounded) {
  BOOST_TEST(refused(Fetch{1, 0, std::vector<Bytes>(kFetchItemsMax + 1, "k")}));
  BOOST_TEST(!refused(Fetch{1, 0, std::vector<Bytes>(kFetchItemsMax, "k")}));
  BOOST_TEST(refused(Fetched{1, 0, true, Bytes(kDataBytesMax + 1, 'x')}));
  Offer offer{"etc", kPosition, Bytes(32, 'k'), 5};
  offer.lineage.assign(kLineageMax + 1, {9, kPosition});
  BOOST_TEST(refused(offer));
}

BOOST_AUTO_TEST_CASE(texts_are_cut_so_that_the_other_end_can_read_them) {
  const std::string text = std::string(kTextBytesMax - 1, 't') + "\u00e9 and more";
  const std::string cut(kTextBytesMax - 1, 't');  // no half of a character
  const auto refusal = std::get<Refusal>(decode(encode(SetMessage(Refusal{Code::Held, text, text}))).value());
  BOOST_CHECK(refusal.what == cut && refusal.hint == cut);
  const auto ack = std::get<Ack>(decode(encode(SetMessage(Ack{0, {}, 0, {{"a", text, true, {}}}}))).value());
  BOOST_TEST(ack.trouble.at(0).reason == cut);
  const Encoded of_link = encode(LinkMessage(Refusal{Code::Refused, text, text}));
  BOOST_TEST(decode_link_message(static_cast<std::uint16_t>(of_link.type), of_link.body).ok());
}

// Encoders cut these, so they are written by hand: a tag, the length as a varint, the text.
BOOST_AUTO_TEST_CASE(texts_that_nobody_has_cut_are_corrupt) {
  const Bytes longest = "\x80\x20" + Bytes(kTextBytesMax, 't');
  const Bytes too_long = "\x81\x20" + Bytes(kTextBytesMax + 1, 't');
  const Bytes code = "\x08\x01";
  for (const char* tag : {"\x12", "\x1a"}) {
    BOOST_TEST(decode({MessageType::SetRefusal, code + tag + longest}).ok());
    BOOST_TEST(is_corrupt(decode({MessageType::SetRefusal, code + tag + too_long})));
    const auto type = static_cast<std::uint16_t>(MessageType::LinkRefusal);
    BOOST_TEST(decode_link_message(type, code + tag + longest).ok());
    BOOST_TEST(is_corrupt(decode_link_message(type, code + tag + too_long)));
  }
  const Bytes key = "\x0a\x01k";
  BOOST_TEST(decode({MessageType::Ack, "\x22\x86\x20" + key + "\x12" + longest}).ok());
  BOOST_TEST(is_corrupt(decode({MessageType::Ack, "\x22\x87\x20" + key + "\x12" + too_long})));
}

BOOST_AUTO_TEST_SUITE_END()
