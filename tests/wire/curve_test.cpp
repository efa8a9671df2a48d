#include "common/wire/curve.h"

#include <boost/test/unit_test.hpp>

namespace ha::wire {

BOOST_AUTO_TEST_SUITE(wire_curve)

BOOST_AUTO_TEST_CASE(a_generated_pair_belongs_together) {
  const KeyPair pair = KeyPair::generate().value();
  BOOST_TEST(pair.public_key.z85().size() == kCurveTextBytes);
  BOOST_TEST((pair.secret_key.public_key().value() == pair.public_key));
  const KeyPair again = KeyPair::from_secret(pair.secret_key.z85()).value();
  BOOST_TEST((again.public_key == pair.public_key));
  BOOST_TEST(again.secret_key.view() == pair.secret_key.view());
}

BOOST_AUTO_TEST_CASE(two_pairs_differ) {
  BOOST_TEST(!(KeyPair::generate().value().public_key == KeyPair::generate().value().public_key));
}

BOOST_AUTO_TEST_CASE(the_pair_of_the_specification_is_found_from_its_secret) {
  // zmq_curve(7): the example pairs.
  const auto pair = KeyPair::from_secret("JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6").value();
  BOOST_TEST(pair.public_key.z85() == "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7");
}

BOOST_AUTO_TEST_CASE(a_public_key_survives_its_text) {
  const PublicKey key = KeyPair::generate().value().public_key;
  BOOST_TEST((PublicKey::parse(key.z85()).value() == key));
  BOOST_TEST((PublicKey::from_bytes(key.view()).value() == key));
}

BOOST_AUTO_TEST_CASE(what_is_not_a_key_is_invalid) {
  const std::string good = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
  for (const std::string& bad : {std::string{}, good.substr(1), good + "a", std::string(40, ' '),
                                 std::string(40, '"'), std::string(40, '\0'), std::string(40, '\xff')}) {
    BOOST_TEST((PublicKey::parse(bad).error().code() == Code::Invalid));
    BOOST_TEST((SecretKey::parse(bad).error().code() == Code::Invalid));
    BOOST_TEST((KeyPair::from_secret(bad).error().code() == Code::Invalid));
  }
  BOOST_TEST((PublicKey::from_bytes(std::string(31, 'x')).error().code() == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(a_secret_that_was_moved_is_wiped) {
  KeyPair pair = KeyPair::generate().value();
  const SecretKey copy = pair.secret_key.clone();
  const SecretKey moved = std::move(pair.secret_key);
  BOOST_TEST(moved.view() == copy.view());
  BOOST_TEST(pair.secret_key.view() == BytesView(std::string(kCurveKeyBytes, '\0')));  // NOLINT: on purpose
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace ha::wire
