#include "common/sys/secret.h"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <type_traits>

#include "common/sys/metadata.h"
#include "tests/sys/temp_directory.h"

namespace ha::sys {
namespace {

BOOST_AUTO_TEST_SUITE(sys_secret)

static_assert(!std::is_copy_constructible_v<Secret> && !std::is_copy_assignable_v<Secret>);

BOOST_AUTO_TEST_CASE(a_secret_holds_its_bytes_and_moves) {
  Secret secret = must(Secret::copy_of(Bytes("a\0b", 3)));
  BOOST_TEST((secret.bytes() == Bytes("a\0b", 3)));
  const Secret moved = std::move(secret);
  BOOST_TEST(moved.equals(Bytes("a\0b", 3)));
  BOOST_TEST(!moved.equals("a"));
  BOOST_TEST(!moved.equals(Bytes("a\0c", 3)));
  BOOST_TEST(must(Secret::copy_of("")).equals(""));
  BOOST_TEST((code_of(Secret::random(kSecretBytesMax + 1)) == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(random_secrets_differ) {
  const Secret one = must(Secret::random(32));
  BOOST_TEST(one.size() == 32U);
  BOOST_TEST(!one.equals(must(Secret::random(32)).bytes()));
}

BOOST_AUTO_TEST_CASE(base64_becomes_a_secret_or_an_error_that_does_not_show_it) {
  BOOST_TEST(must(Secret::from_base64("aGVsbG8=")).equals("hello"));
  BOOST_TEST(must(Secret::from_base64("aGVsbG8h")).equals("hello!"));
  BOOST_TEST(must(Secret::from_base64("")).equals(""));
  for (const char* const text : {"aGVsbG8", "aGVs bG8=", "aGVsbG8=\n", "aGVsbG8=x", "-_==", "bQ", "===="}) {
    const auto secret = Secret::from_base64(text);
    BOOST_TEST((code_of(secret) == Code::Invalid), text);
    BOOST_TEST(secret.error().what().find(text) == std::string::npos);
  }
  BOOST_TEST((code_of(Secret::from_base64(Bytes(4 * kSecretBytesMax, 'a'))) == Code::Exhausted));
}

// RFC 4231, test cases 2 and 6 (a key that is longer than a block).
BOOST_AUTO_TEST_CASE(macs_are_those_of_the_rfc) {
  const Secret jefe = must(Secret::copy_of("Jefe"));
  const Bytes text = "what do ya want for nothing?";
  BOOST_TEST(hex(hmac(Hmac::Sha256, jefe, text)) ==
             "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  BOOST_TEST(hex(hmac(Hmac::Sha512, jefe, text)) ==
             "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
             "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
  const Secret longer = must(Secret::copy_of(Bytes(131, '\xaa')));
  BOOST_TEST(hex(hmac(Hmac::Sha256, longer, "Test Using Larger Than Block-Size Key - Hash Key First")) ==
             "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  BOOST_TEST(hmac(Hmac::Sha256, must(Secret::copy_of("")), "").size() == 32U);
}

BOOST_AUTO_TEST_CASE(macs_are_equal_as_a_whole) {
  BOOST_TEST(same_mac("abc", "abc"));
  BOOST_TEST(!same_mac("abc", "abd"));
  BOOST_TEST(!same_mac("abc", "ab"));
  BOOST_TEST(same_mac("", ""));
}

BOOST_AUTO_TEST_CASE(a_key_file_is_private_and_never_overwritten) {
  const TempDirectory temp;
  const Bytes path = temp.path + "/key";
  const Secret secret = must(Secret::random(32));
  const mode_t old_umask = ::umask(0777);
  const auto written = write_secret(path, secret);
  ::umask(old_umask);
  BOOST_TEST(written.ok());
  BOOST_TEST(must(temp.root.stat("key")).mode == 0600U);
  BOOST_TEST(must(load_secret(path)).equals(secret.bytes()));
  BOOST_TEST((code_of(write_secret(path, secret)) == Code::Exists));
  BOOST_TEST(must(load_secret(path)).equals(secret.bytes()));
  BOOST_TEST((code_of(write_secret(temp.path + "/none/key", secret)) == Code::NotFound));
}

BOOST_AUTO_TEST_CASE(a_key_file_that_others_may_read_is_refused_with_the_remedy) {
  const TempDirectory temp;
  const Bytes path = temp.path + "/key";
  must(write_secret(path, must(Secret::copy_of("k"))));
  for (const std::uint32_t mode : {0640U, 0604U, 0700U, 0620U}) {
    must(set_mode(must(temp.root.pin("key")), mode));
    const auto loaded = load_secret(path);
    BOOST_TEST((code_of(loaded) == Code::Refused));
    BOOST_TEST(loaded.error().hint() == "chmod 600 " + path);
  }
  must(set_mode(must(temp.root.pin("key")), 0400));
  BOOST_TEST(load_secret(path).ok());
}

BOOST_AUTO_TEST_CASE(a_key_file_of_a_stranger_is_refused) {
  if (::geteuid() != 0) {
    BOOST_TEST_MESSAGE("skipped: needs root");
    return;
  }
  const TempDirectory temp;
  must(write_secret(temp.path + "/key", must(Secret::copy_of("k"))));
  must(set_owner(must(temp.root.pin("key")), 1234, 0));
  const auto loaded = load_secret(temp.path + "/key");
  BOOST_TEST((code_of(loaded) == Code::Refused));
  BOOST_TEST(loaded.error().what().find("1234") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_no_key_file_is_an_error) {
  const TempDirectory temp;
  BOOST_TEST((code_of(load_secret(temp.path + "/none")) == Code::NotFound));
  BOOST_TEST((code_of(load_secret(temp.path)) == Code::Conflict));
  must(temp.root.make_symlink("link", "key"));
  BOOST_TEST((code_of(load_secret(temp.path + "/link")) == Code::Conflict));
  temp.write("large", Bytes(kSecretBytesMax + 1, 'x'));
  must(set_mode(must(temp.root.pin("large")), 0600));
  BOOST_TEST((code_of(load_secret(temp.path + "/large")) == Code::Exhausted));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::sys
