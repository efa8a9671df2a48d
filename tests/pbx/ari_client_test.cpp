#include "common/pbx/ari_client.h"

#include <sys/eventfd.h>

#include "tests/pbx/fake_server.h"

using namespace ha;
using namespace ha::pbx;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const std::string kEmptyList = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]";

AriLogin login() {
  return {"ha", "s3cret", ""};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pbx_ari_client)

BOOST_AUTO_TEST_CASE(requests_share_a_connection_and_get_what_asterisk_answered) {
  for (const std::string& version : {std::string("16"), std::string("22")}) {
    const auto said = [&](const char* name) {
      return fixture("asterisk" + version + "-ari-" + name + ".http");
    };
    std::vector<Bytes> heard;
    {
      FakeServer server({[&](Caller& caller) {
        for (const char* const name : {"info", "contact", "contact", "deleted", "gone"}) {
          heard.push_back(caller.hear("\r\n\r\n"));
          if (heard.back().starts_with("PUT")) {
            heard.back() += caller.hear("]}");
          }
          caller.say(said(name));
        }
      }});
      AriClient client(server.address, login());
      BOOST_TEST(must(client.info(patience())).system_name == "siteA");
      BOOST_TEST(must(client.put_contact("100;@x", {{"uri", "sip:a"}}, patience())).text("endpoint") ==
                 "100");
      BOOST_TEST(must(client.contact("100;@x", patience())).text("uri") == "sip:100@127.0.0.1:5060");
      BOOST_TEST(client.delete_contact("100;@x", patience()).ok());
      BOOST_TEST((code_of(client.delete_contact("100;@x", patience())) == Code::NotFound));
    }
    BOOST_REQUIRE(heard.size() == 5U);
    BOOST_TEST(heard[1].starts_with(
        "PUT /ari/asterisk/config/dynamic/res_pjsip/contact/100%3B%40x HTTP/1.1\r\nHost: 127.0.0.1:"));
    BOOST_TEST(heard[1].ends_with("\r\n\r\n{\"fields\":[{\"attribute\":\"uri\",\"value\":\"sip:a\"}]}"));
    BOOST_TEST(heard[3].starts_with("DELETE /ari/"));
  }
}

BOOST_AUTO_TEST_CASE(a_connection_that_was_closed_meanwhile_is_made_anew_once) {
  FakeServer server({[](Caller& caller) { caller.hear("\r\n\r\n"), caller.say(kEmptyList); },
                     [](Caller& caller) { caller.hear("\r\n\r\n"), caller.say(kEmptyList); },
                     [](Caller& caller) { caller.hear("\r\n\r\n"); }});
  AriClient client(server.address, login());
  BOOST_TEST(client.channels(patience()).ok());
  BOOST_TEST(client.channels(patience()).ok());
  const auto none = client.channels(patience());  // the third ends without an answer
  BOOST_TEST((code_of(none) == Code::Unavailable));
  BOOST_TEST(none.error().what() ==
             "ARI " + server.address.text() + ": Asterisk has ended the connection without an answer");
}

BOOST_AUTO_TEST_CASE(a_connection_that_asterisk_will_not_keep_is_not_kept) {
  const auto once = [](Caller& caller) {
    caller.hear("\r\n\r\n");
    caller.say("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n[]");
    caller.hear("x");  // until the caller has gone
  };
  FakeServer server({once, once});
  AriClient client(server.address, login());
  BOOST_TEST(client.channels(patience()).ok());
  BOOST_TEST(client.channels(patience()).ok());
}

BOOST_AUTO_TEST_CASE(a_body_that_ends_with_the_connection_is_taken) {
  FakeServer server(
      {[](Caller& caller) { caller.hear("\r\n\r\n"), caller.say("HTTP/1.1 200 OK\r\n\r\n[]"); }});
  AriClient client(server.address, login());
  BOOST_TEST(must(client.channels(patience())).empty());
}

BOOST_AUTO_TEST_CASE(half_an_answer_is_none) {
  for (const std::size_t size : {std::size_t{1}, kEmptyList.size() / 2, kEmptyList.size() - 1}) {
    FakeServer server(
        {[&](Caller& caller) { caller.hear("\r\n\r\n"), caller.say(kEmptyList.substr(0, size)); }});
    AriClient client(server.address, login());
    BOOST_TEST((code_of(client.channels(patience())) == Code::Corrupt));
  }
}

BOOST_AUTO_TEST_CASE(garbage_and_strangers_are_corrupt) {
  FakeServer server(
      {[](Caller& caller) { caller.say("Asterisk Call Manager/5.0.4\r\n"), caller.hear("x"); }});
  AriClient client(server.address, login());
  BOOST_TEST((code_of(client.info(patience())) == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(errors_of_the_way_are_told_apart) {
  const PbxAddress closed = closed_port();
  AriClient nobody(closed, login());
  const auto refused = nobody.info(patience());
  BOOST_TEST((code_of(refused) == Code::Unavailable));
  BOOST_TEST(refused.error().what() == "ARI " + closed.text() + ": Connection refused");
  FakeServer server;
  AriClient silent(server.address, login());
  BOOST_TEST((code_of(silent.info(patience(milliseconds(20)))) == Code::TimedOut));
  const sys::FileHandle cancel(::eventfd(1, EFD_CLOEXEC), "cancel");
  BOOST_TEST((code_of(silent.info(patience(seconds(60), cancel.fd()))) == Code::Cancelled));
  AriClient wrong(server.address, {"a:b", "x", ""});
  BOOST_TEST((code_of(wrong.info(patience())) == Code::Invalid));
  BOOST_TEST((code_of(silent.put_contact("x", {{"uri", "\xff"}}, patience())) == Code::Invalid));
  AriClient prefix(server.address, {"ha", "x", "no slash"});
  BOOST_TEST((code_of(prefix.info(patience())) == Code::Invalid));
}

BOOST_AUTO_TEST_SUITE_END()
