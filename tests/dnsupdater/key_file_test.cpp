#include "dnsupdater/key_file.h"

#include <boost/test/unit_test.hpp>

#include "tests/dnsupdater/samples.h"
#include "tests/sys/temp_directory.h"

using namespace ha::dns;
using ha::Bytes;
using ha::Code;

namespace {

const std::string kSecret = "MDEyMzQ1Njc4OWFiY2RlZg==";  // 0123456789abcdef
const std::string kBind = "key \"Fra.Key\" {\n\talgorithm hmac-sha256;\n\tsecret \"" + kSecret + "\";\n};\n";
const std::string kKnot = "# hmac-sha512:fra.key:" + kSecret +
                          "\nkey:\n  - id: fra.key.\n    algorithm: hmac-sha512\n    secret: " + kSecret +
                          "\n";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  BOOST_REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

// The error's text; it must not show the secret, nor anything of the file but what we expect there.
std::string why(std::string_view text, Code code = Code::Invalid) {
  const auto key = parse_key(text);
  BOOST_TEST((code_of(key) == code), text);
  BOOST_TEST(!key.error().hint().empty());
  BOOST_TEST(key.error().what().find("MDEy") == std::string::npos);
  return key.error().what();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(dnsupdater_key_file)

BOOST_AUTO_TEST_CASE(what_tsig_keygen_writes_is_a_key) {
  const TsigKey key = must(parse_key(kBind));
  BOOST_TEST(key.name.text() == "fra.key");
  BOOST_TEST((key.algorithm == TsigAlgorithm::HmacSha256));
  BOOST_TEST(key.secret.equals("0123456789abcdef"));
}

BOOST_AUTO_TEST_CASE(what_keymgr_writes_is_a_key) {
  const TsigKey key = must(parse_key(kKnot));
  BOOST_TEST(key.name.text() == "fra.key");
  BOOST_TEST((key.algorithm == TsigAlgorithm::HmacSha512));
  BOOST_TEST(key.secret.equals("0123456789abcdef"));
}

BOOST_AUTO_TEST_CASE(comments_order_and_quotes_are_as_in_named_conf) {
  BOOST_TEST(
      parse_key("# a\n// b\n/* c\n */ key fra{secret " + kSecret + ";/*d*/algorithm \"hmac-sha512\";}; # e")
          .ok());
  BOOST_TEST(parse_key("# key:\n" + kBind).ok());
}

BOOST_AUTO_TEST_CASE(comments_and_quotes_are_as_in_knot) {
  BOOST_TEST(parse_key("key: # one\n- id: 'fra' # two\n  secret: \"" + kSecret +
                       "\"\n\n  algorithm: hmac-sha256\r\n")
                 .ok());
  BOOST_TEST(
      (parse_key("key:\n\t-  id:   fra\n\t   secret: " + kSecret + "\n\t   algorithm: hmac-sha256").ok()));
}

BOOST_AUTO_TEST_CASE(a_file_of_bind_that_is_wrong_says_where) {
  BOOST_TEST(why("") == "line 1: expected key");
  BOOST_TEST(why("zone \"a\" {};") == "line 1: expected key");
  BOOST_TEST(why("key") == "line 1: expected a value");
  BOOST_TEST(why("key { algorithm") == "line 1: expected a value");
  BOOST_TEST(why("key \"fra\n\" {") == "line 1: a quote has no end");
  BOOST_TEST(why("/* key") == "line 1: a comment has no end");
  BOOST_TEST(why(replaced(kBind, "hmac-sha256;", "hmac-sha256")) == "line 3: expected ;");
  BOOST_TEST(why(replaced(kBind, "};", "}")) == "line 5: expected ;");
  BOOST_TEST(why(replaced(kBind, "};", "")) == "line 5: the key has no end: expected }");
  BOOST_TEST(why(kBind + kBind) ==
             "line 5: there is something after the key; one file has one key, and nothing else");
  BOOST_TEST(why(replaced(kBind, "\talgorithm hmac-sha256;", "")) == "line 1: the key has no algorithm");
  BOOST_TEST(why(replaced(kBind, "algorithm hmac-sha256", "secret " + kSecret)) ==
             "line 3: the key has two of them: secret");
  BOOST_TEST(why(replaced(kBind, "algorithm", kSecret)) ==
             "line 2: a key has an algorithm and a secret, and nothing else");
}

BOOST_AUTO_TEST_CASE(a_file_of_knot_that_is_wrong_says_where) {
  BOOST_TEST(why("key:") == "line 1: there is no key");
  BOOST_TEST(why("key: x") == "line 1: expected one section \"key:\", and nothing else");
  BOOST_TEST(why(kKnot + "acl:\n") == "line 6: expected one section \"key:\", and nothing else");
  BOOST_TEST(why(kKnot + "  - id: nyc\n") == "line 6: there is a second key; one file has one key");
  BOOST_TEST(why("key:\n  algorithm: hmac-sha256\n") == "line 2: a key begins with \"- id: NAME\"");
  BOOST_TEST(why("key:\n  - algorithm: hmac-sha256\n") == "line 2: a key begins with \"- id: NAME\"");
  BOOST_TEST(why(replaced(kKnot, "secret:", "secret")).find("line 5: expected") == 0U);
  BOOST_TEST(why("key:\n  - id: \"fra\n").find("line 2: expected") == 0U);
  BOOST_TEST(why("key:\n  -\n").find("line 2: expected") == 0U);
  BOOST_TEST(why("key:\n  - \n").find("line 2: expected") == 0U);
  BOOST_TEST(why("key:\n  - id: \n").find("line 2: expected") == 0U);
  BOOST_TEST(why(replaced(kKnot, "    secret: " + kSecret, "")) == "line 3: the key has no secret");
}

BOOST_AUTO_TEST_CASE(values_that_are_none_are_named_without_being_shown) {
  BOOST_TEST(why(replaced(kBind, "Fra.Key", kSecret + kSecret + kSecret + kSecret)) ==
             "line 1: the key's name is not a domain name");
  BOOST_TEST(why(replaced(kBind, "Fra.Key", "")) == "line 1: the key's name is not a domain name");
  BOOST_TEST(why(replaced(kBind, kSecret, "MDEy MzQ1")) == "line 1: the secret is not base64");
  BOOST_TEST(why(replaced(kBind, kSecret, "MDEyMzQ1Njc4OWFiY2Rl")) ==
             "line 1: the secret has less than 16 bytes");
  BOOST_TEST(why(replaced(kBind, "hmac-sha256", "hmac-md5"), Code::Unsupported) ==
             "line 1: the algorithm of the key is not supported");
}

BOOST_AUTO_TEST_CASE(every_prefix_is_an_error_and_not_a_crash) {
  for (const std::string& text : {kBind, kKnot}) {
    for (std::size_t length = 0; length + 2 < text.size(); ++length) {
      const auto key = parse_key(std::string_view(text).substr(0, length));
      // Base64 without its padding is none, so that half a secret is never taken for one.
      BOOST_TEST(!key.ok());
    }
  }
}

BOOST_AUTO_TEST_CASE(a_key_file_belongs_to_its_owner_alone) {
  const ha::sys::TempDirectory temp;
  const Bytes path = temp.path + "/key";
  must(ha::sys::write_secret(path, must(ha::sys::Secret::copy_of(kBind))));
  BOOST_TEST(must(load_key(path)).name.text() == "fra.key");
  temp.write("open", kBind);  // 0644
  const auto open = load_key(temp.path + "/open");
  BOOST_TEST((code_of(open) == Code::Refused));
  BOOST_TEST(open.error().hint().find("chmod 600") == 0U);
  BOOST_TEST((code_of(load_key(temp.path + "/none")) == Code::NotFound));
  must(ha::sys::write_secret(temp.path + "/bad", must(ha::sys::Secret::copy_of("x"))));
  BOOST_TEST(load_key(temp.path + "/bad").error().what() ==
             "the key file \"" + temp.path + "/bad\": line 1: expected key");
}

BOOST_AUTO_TEST_SUITE_END()
