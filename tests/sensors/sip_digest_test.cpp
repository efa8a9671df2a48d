#include "failover/sensors/sip_digest.h"

#include <boost/test/unit_test.hpp>

namespace ha::failover {
namespace {

Code refused(const std::string& value) {
  const auto parsed = parse_sip_challenge(value);
  BOOST_REQUIRE_MESSAGE(!parsed.ok(), value);
  return parsed.error().code();
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

BOOST_AUTO_TEST_SUITE(sensors_sip_digest)

// RFC 7616, 3.9.1: one request, both hashes.
BOOST_AUTO_TEST_CASE(the_examples_of_rfc_7616_come_out) {
  const std::string asked = R"(Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=)";
  const std::string more = R"(, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",)"
                           R"( opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS")";
  const SipLogin login{"GET", "/dir/index.html", "Mufasa", "Circle of Life",
                       "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"};
  const std::string md5 = sip_credentials(parse_sip_challenge(asked + "MD5" + more).value(), login).value();
  BOOST_TEST(has(md5, R"(response="8ca523f5e9506fed4657c9700eebdbec")"));
  BOOST_TEST(has(md5, R"(username="Mufasa", realm="http-auth@example.org", nonce="7ypf/)"));
  BOOST_TEST(has(md5, R"(algorithm=MD5, opaque="FQhe/)"));
  BOOST_TEST(has(md5, R"(qop=auth, nc=00000001, cnonce="f2/)"));
  const std::string sha =
      sip_credentials(parse_sip_challenge(asked + "SHA-256" + more).value(), login).value();
  BOOST_TEST(has(sha, R"(response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1")"));
}

// RFC 2069's way, which old PBXs speak: no qop, no algorithm, no opaque. The sum is that of RFC
// 2617, 3.2.2.1.
BOOST_AUTO_TEST_CASE(a_challenge_without_qop_is_answered_without) {
  const SipChallenge asked =
      parse_sip_challenge(R"(Digest realm="testrealm@host.com",nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093")")
          .value();
  const std::string out =
      sip_credentials(asked, {"GET", "/dir/index.html", "Mufasa", "Circle Of Life", "0a4f113b"}).value();
  BOOST_TEST(has(out, R"(response="670fd8c2df070c60b045671b8b24ff02")"));
  BOOST_TEST(!has(out, "qop"));
  BOOST_TEST(!has(out, "opaque"));
  BOOST_TEST(!has(out, "algorithm"));
  BOOST_TEST(!has(out, "nc="));
}

BOOST_AUTO_TEST_CASE(a_challenge_may_be_written_in_many_ways) {
  const SipChallenge out =
      parse_sip_challenge(
          "dIGEST  REALM = \"a \\\"b\\\", c\" ,nonce=abc,, algorithm=\"md5\",\tstale=TRUE,"
          " qop=auth, charset=UTF-8")
          .value();
  BOOST_TEST(out.realm == "a \\\"b\\\", c");  // as it stands
  BOOST_TEST(out.nonce == "abc");
  BOOST_TEST(out.has_qop);
  BOOST_TEST(!out.is_sha256);
  BOOST_TEST(!out.opaque.has_value());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_answered_is_told_apart_from_what_cannot_be_read) {
  for (const char* value :
       {"Basic realm=\"a\"", "Digestive nonce=1", "Digest", "Digest nonce=\"a\", algorithm=MD5-sess",
        "Digest nonce=\"a\", algorithm=\"SHA-512-256\"", "Digest nonce=\"a\", qop=\"auth-int\""}) {
    BOOST_TEST((refused(value) == Code::Unsupported), value);
  }
  std::string many = "Digest nonce=\"a\"";
  for (int i = 0; i < 40; ++i) {
    many += ", x=1";
  }
  for (const std::string& value :
       {std::string("Digest realm=\"a\""), std::string("Digest nonce=\"\""), std::string("Digest nonce=\"a"),
        std::string("Digest nonce=\"a\\\""), std::string("Digest nonce=\"a\"b"), std::string("Digest nonce"),
        std::string("Digest nonce=\"a\rb\""), std::string("Digest nonce=\"a\x01\""), many}) {
    BOOST_TEST((refused(value) == Code::Corrupt), escape(value));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
