#include <boost/test/unit_test.hpp>

#include "replicator/model/file_meta.h"
#include "replicator/model/unit.h"

namespace {

using namespace ha;
using namespace ha::replicator;

BOOST_AUTO_TEST_SUITE(model_unit)

BOOST_AUTO_TEST_CASE(files_of_one_number_are_one_message) {
  const auto text = message_of("default/1001/INBOX/msg0004.txt");
  BOOST_REQUIRE(text.has_value());
  BOOST_TEST(text->stem == "default/1001/INBOX/msg0004");
  BOOST_TEST(text->extension == ".txt");
  BOOST_TEST(text->number == 4U);
  BOOST_TEST(message_of("default/1001/INBOX/msg0004.WAV")->stem == text->stem);
  BOOST_TEST(message_of("msg9999.g729")->number == 9999U);
}

BOOST_AUTO_TEST_CASE(greetings_and_directories_that_look_alike_are_no_messages) {
  for (const char* key : {"a/unavail.wav", "a/msg0004", "a/msg0004.", "a/msg004.txt", "a/msg00004.txt",
                          "a/xmsg0004.txt", "a/msg-004.txt", "msg0004.txt/greet.wav", "", "msg"}) {
    BOOST_TEST(!message_of(key).has_value(), key);
  }
}

BOOST_AUTO_TEST_CASE(numbers_are_written_as_asterisk_does) {
  BOOST_TEST(message_stem("d/1/INBOX", 7) == "d/1/INBOX/msg0007");
  BOOST_TEST(message_stem("d/1/INBOX", 9999) == "d/1/INBOX/msg9999");
}

BOOST_AUTO_TEST_CASE(locks_of_both_kinds_are_no_items) {
  BOOST_TEST(is_lock_name(".lock"));
  BOOST_TEST(is_lock_name(".lock-0a1b2c3d"));
  BOOST_TEST(is_lock_name("lock"));
  BOOST_TEST(!is_lock_name("locked.txt"));
  BOOST_TEST(!is_lock_name(".locker"));
}

BOOST_AUTO_TEST_CASE(only_files_directly_in_it_are_in_a_unit) {
  const IsUnit rule = [](BytesView key) { return key == "d/1/INBOX"; };
  BOOST_TEST(is_in_unit(rule, "d/1/INBOX/msg0000.txt"));
  BOOST_TEST(!is_in_unit(rule, "d/1/INBOX/x/msg0000.txt"));
  BOOST_TEST(!is_in_unit(rule, "d/1/INBOX"));
  BOOST_TEST(!is_in_unit(rule, "msg0000.txt"));
  BOOST_TEST(!is_in_unit(IsUnit(), "d/1/INBOX/msg0000.txt"));
}

BOOST_AUTO_TEST_CASE(the_digest_of_a_unit_travels_with_its_directory_and_nothing_else) {
  FileMeta meta;
  meta.type = FileType::Directory;
  meta.mode = 0755;
  const Bytes plain = encode_meta(meta);
  BOOST_TEST(!decode_meta(plain)->unit.has_value());
  meta.unit = Digest{};  // of an empty one
  const Bytes with = encode_meta(meta);
  BOOST_TEST(with.size() == plain.size() + kDigestBytes);
  BOOST_TEST((decode_meta(with)->unit == Digest{}));
  meta.unit = Digest{1, 2};
  BOOST_TEST((*decode_meta(encode_meta(meta)) == meta));
  BOOST_TEST(!decode_meta(BytesView(with).substr(0, with.size() - 1)).ok());
  BOOST_TEST(!decode_meta(with + "x").ok());
  meta.type = FileType::Regular;
  BOOST_TEST(!decode_meta(encode_meta(meta)).ok());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
