#include "common/sys/digest.h"

#include <set>

#include <boost/test/unit_test.hpp>

using namespace ha;
using sys::DigestKey;

namespace {

DigestKey key(char fill) {
  return DigestKey::from_bytes(Bytes(sys::kDigestKeyBytes, fill)).value();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sys_digest)

// Digests are stored and sent, so they must stay what they are, whatever xxHash is installed.
BOOST_AUTO_TEST_CASE(digests_never_change) {
  BOOST_TEST(hex(sys::digest(key('k'), "hareplicate")) == "6d214b239a95fd8e732cfa649f9f9048");
  BOOST_TEST(hex(sys::digest(key('k'), Bytes(100'000, 'x'))) == "7d821751cc74a3fd11148c9817556e0c");
}

BOOST_AUTO_TEST_CASE(a_key_of_another_length_is_invalid) {
  BOOST_TEST((DigestKey::from_bytes("short").error().code() == Code::Invalid));
  BOOST_TEST((DigestKey::from_bytes(Bytes(33, 'k')).error().code() == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(the_digest_depends_on_every_byte_and_on_the_key) {
  const Bytes data(1000, 'a');
  const Digest digest = sys::digest(key('k'), data);
  BOOST_TEST((sys::digest(key('k'), data) == digest));
  BOOST_TEST((sys::digest(key('j'), data) != digest));
  for (std::size_t i = 0; i < data.size(); ++i) {
    Bytes changed = data;
    changed[i] = 'b';
    BOOST_TEST((sys::digest(key('k'), changed) != digest));
  }
}

BOOST_AUTO_TEST_CASE(pieces_give_the_digest_of_the_whole) {
  for (const std::size_t length : {0U, 1U, 16U, 240U, 241U, 1024U, 100'000U}) {
    Bytes data;
    for (std::size_t i = 0; i < length; ++i) {
      data.push_back(static_cast<char>(i * 7));
    }
    for (const std::size_t piece : {1U, 13U, 256U, 100'000U}) {
      sys::Hasher hasher(key('k'));
      for (std::size_t at = 0; at < length; at += piece) {
        hasher.update(BytesView(data).substr(at, piece));
      }
      sys::Hasher moved = std::move(hasher);
      moved.update({});
      BOOST_TEST((moved.finish() == sys::digest(key('k'), data)), length << " in pieces of " << piece);
    }
  }
}

BOOST_AUTO_TEST_CASE(no_data_still_has_a_digest) {
  BOOST_TEST(!sys::digest(key('k'), {}).is_zero());
}

BOOST_AUTO_TEST_CASE(random_bytes_are_as_many_as_asked_and_never_the_same) {
  BOOST_TEST(sys::random_bytes(0).value().empty());
  std::set<Bytes> seen;
  for (int i = 0; i < 100; ++i) {
    const Bytes bytes = sys::random_bytes(32).value();
    BOOST_TEST(bytes.size() == 32U);
    BOOST_TEST(seen.insert(bytes).second);
  }
  BOOST_TEST(sys::random_bytes(100'000).value().size() == 100'000U);
}

BOOST_AUTO_TEST_SUITE_END()
