#include "common/pbx/ari.h"

#include "common/base/json.h"
#include "tests/pbx/transcript.h"

using namespace ha;
using namespace ha::pbx;

namespace {

HttpResponse response(const std::string& bytes) {
  HttpReader reader;
  BOOST_REQUIRE(must(reader.feed(bytes)));
  return reader.take();
}

HttpResponse recorded(const std::string& version, const std::string& name) {
  return response(fixture("asterisk" + version + "-ari-" + name + ".http"));
}

HttpResponse of(unsigned status, const std::string& body) {
  return {status, {}, body, true};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(pbx_ari)

BOOST_AUTO_TEST_CASE(requests_are_written_as_they_travel) {
  const AriLogin login{"ha", "s3cret", ""};
  const auto request = must(ari_request(login, "GET", ari_info_path()));
  BOOST_TEST(must(encode_http(request, "127.0.0.1:8088")) ==
             "GET /ari/asterisk/info HTTP/1.1\r\nHost: 127.0.0.1:8088\r\n"
             "Authorization: Basic aGE6czNjcmV0\r\n\r\n");
  const auto put =
      must(ari_request({"ha", "s3cret", "/asterisk"}, "PUT", ari_contact_path("100;@3b89/x"), "{}"));
  BOOST_TEST(put.target == "/asterisk/ari/asterisk/config/dynamic/res_pjsip/contact/100%3B%403b89%2Fx");
  BOOST_TEST(put.fields[1].value == "application/json");
  BOOST_TEST((code_of(ari_request({"h:a", "x", ""}, "GET", "/")) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(the_body_of_a_contact_reads_back) {
  const Bytes body =
      must(ari_contact_body({{"uri", "sip:100@127.0.0.1"}, {"user_agent", "J\xc3\xb6rg's \"x\\y\""}}));
  BOOST_TEST(body ==
             "{\"fields\":[{\"attribute\":\"uri\",\"value\":\"sip:100@127.0.0.1\"},"
             "{\"attribute\":\"user_agent\",\"value\":\"J\xc3\xb6rg's \\\"x\\\\y\\\"\"}]}");
  BOOST_TEST(must(read_json(body)).find("fields")->list()->size() == 2U);
  BOOST_TEST(must(ari_contact_body({})) == "{\"fields\":[]}");
  BOOST_TEST((code_of(ari_contact_body({{"uri", "\xff"}})) == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(what_real_asterisks_answered_is_read) {
  for (const auto& [version, system] :
       {std::pair("16", "16.28.0~dfsg-0+deb11u4"), std::pair("22", "22.10.1+dfsg+~cs6.17.60671434-1")}) {
    BOOST_TEST_CONTEXT(version) {
      const AriInfo info = must(read_ari_info(recorded(version, "info")));
      BOOST_TEST(info.version == system);
      BOOST_TEST(info.system_name == "siteA");
      BOOST_TEST(info.started.substr(0, 11) == "2026-11-22T");
      BOOST_TEST(info.started == info.reloaded);
      const Fields contact = must(read_ari_contact(recorded(version, "contact")));
      BOOST_TEST(contact.text("uri") == "sip:100@127.0.0.1:5060");
      BOOST_TEST(contact.text("user_agent") == "J\xc3\xb6rg's");
      BOOST_TEST((contact.find("qualify_2xx_only") != nullptr) == (version == std::string("22")));
      const HttpResponse deleted = recorded(version, "deleted");
      BOOST_TEST(deleted.status == 204U);
      BOOST_TEST(deleted.keep_alive);
      BOOST_TEST(check_ari(deleted).ok());
      const auto gone = read_ari_contact(recorded(version, "gone"));
      BOOST_TEST((code_of(gone) == Code::NotFound));
      BOOST_TEST(gone.error().what() ==
                 "ARI says 404: Object with id '100;@c0d25db6b1c38813c28603e475d4766e' not found");
      const auto denied = read_ari_info(recorded(version, "denied"));
      BOOST_TEST((code_of(denied) == Code::Denied));
      BOOST_TEST(denied.error().hint() == "see user and password in ari.conf");
    }
  }
}

BOOST_AUTO_TEST_CASE(channels_are_listed) {
  const auto channels =
      must(read_ari_channels(of(200, R"([{"id":"1.2","name":"PJSIP/100-1","state":"Up"}])")));
  BOOST_REQUIRE(channels.size() == 1U);
  BOOST_TEST(channels[0].id == "1.2");
  BOOST_TEST(channels[0].name == "PJSIP/100-1");
  BOOST_TEST(channels[0].state == "Up");
  BOOST_TEST(must(read_ari_channels(of(200, "[]"))).empty());
}

BOOST_AUTO_TEST_CASE(an_answer_that_is_something_else_is_corrupt) {
  for (const char* const wrong : {"", "{", "7", "{}", R"([{"x":1}])"}) {
    BOOST_TEST((code_of(read_ari_info(of(200, wrong))) == Code::Corrupt));
    BOOST_TEST((code_of(read_ari_channels(of(200, wrong))) == Code::Corrupt));
    BOOST_TEST((code_of(read_ari_contact(of(200, wrong))) == Code::Corrupt));
  }
  BOOST_TEST((code_of(read_ari_info(of(200, "<html>"))) == Code::Corrupt));
}

BOOST_AUTO_TEST_CASE(errors_have_codes) {
  BOOST_TEST((code_of(check_ari(of(403, "{}"))) == Code::Denied));
  BOOST_TEST((code_of(check_ari(of(404, "<html>no such page</html>"))) == Code::NotFound));
  BOOST_TEST(!check_ari(of(404, "<html>")).error().hint().empty());
  BOOST_TEST((code_of(check_ari(of(400, R"({"message":"Creation of object failed"})"))) == Code::Invalid));
  BOOST_TEST((code_of(check_ari(of(503, ""))) == Code::Unavailable));
  BOOST_TEST(check_ari(of(500, R"({"message":"a\nb"})")).error().what() == "ARI says 500: a\\x0ab");
}

BOOST_AUTO_TEST_SUITE_END()
