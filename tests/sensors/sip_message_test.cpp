#include "failover/sensors/sip_message.h"

#include <boost/test/unit_test.hpp>

namespace ha::failover {
namespace {

const SipRequest kRequest{"OPTIONS", "UDP", "192.0.2.20:43210", "abc123"};
const std::string kHost = "192.0.2.10:5060";

Bytes reply(const std::string& first = "SIP/2.0 200 OK", const std::string& more = "") {
  return first +
         "\r\nVia: SIP/2.0/UDP 192.0.2.20:43210;rport=43210;branch=z9hG4bKabc123.1;received=192.0.2.20\r\n"
         "Call-ID: abc123@hareplicate\r\nFrom: <sip:hareplicate@192.0.2.20>;tag=abc123\r\n"
         "To: <sip:192.0.2.10>;tag=x\r\nCSeq: 1 OPTIONS\r\n" +
         more + "Content-Length: 0\r\n\r\n";
}

Bytes replaced(Bytes text, const Bytes& what, const Bytes& with) {
  const std::size_t at = text.find(what);
  BOOST_REQUIRE(at != text.npos);
  return text.replace(at, what.size(), with);
}

Code refused(const Bytes& message) {
  const auto parsed = parse_sip_reply(message, kRequest);
  BOOST_REQUIRE(!parsed.ok());
  return parsed.error().code();
}

BOOST_AUTO_TEST_SUITE(sensors_sip_message)

BOOST_AUTO_TEST_CASE(a_request_has_what_rfc_3261_wants) {
  const Bytes bytes = make_sip_options(kRequest, kHost, "").value();
  BOOST_TEST(bytes.starts_with("OPTIONS sip:192.0.2.10:5060 SIP/2.0\r\n"));
  for (const char* line :
       {"\r\nVia: SIP/2.0/UDP 192.0.2.20:43210;branch=z9hG4bKabc123.1;rport\r\n", "\r\nMax-Forwards: 70\r\n",
        "\r\nCSeq: 1 OPTIONS\r\n", "\r\nContent-Length: 0\r\n\r\n",
        "\r\nFrom: <sip:hareplicate@192.0.2.20:43210>;tag=abc123\r\n", "\r\nTo: <sip:192.0.2.10:5060>\r\n",
        "\r\nCall-ID: abc123@hareplicate\r\n"}) {
    BOOST_TEST((bytes.find(line) != bytes.npos), line);
  }
  BOOST_TEST(sip_message_end(bytes).value().value() == bytes.size());
  BOOST_TEST(make_sip_options(kRequest, kHost, "echo")
                 .value()
                 .starts_with("OPTIONS sip:echo@192.0.2.10:5060 SIP/2.0\r\n"));
}

BOOST_AUTO_TEST_CASE(what_would_break_a_line_is_refused) {
  for (const char* user : {"a b", "a\r\nX: y", "a>b", "a@b", "\"a"}) {
    BOOST_TEST((make_sip_options(kRequest, kHost, user).error().code() == Code::Invalid), user);
    for (const SipBinding& each : {SipBinding{user, "example.net", "", 0}, SipBinding{"probe", user, "", 0},
                                   SipBinding{"probe", "a", user, 0}}) {
      BOOST_TEST((make_sip_register(kRequest, each, "").error().code() == Code::Invalid), user);
    }
  }
  SipRequest request = kRequest;
  request.token = "";
  BOOST_TEST((make_sip_options(request, kHost, "").error().code() == Code::Invalid));
  BOOST_TEST((make_sip_register(kRequest, {"probe", "", "", 0}, "").error().code() == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(a_registration_is_of_an_account_and_may_only_ask) {
  const SipRequest request{"REGISTER", "TCP", "192.0.2.20:43210", "abc123", 2};
  const Bytes bytes =
      make_sip_register(request, {"probe", "example.net", "it", 120}, "Authorization: Digest x\r\n").value();
  BOOST_TEST(bytes.starts_with("REGISTER sip:example.net SIP/2.0\r\n"));
  for (const char* line :
       {"\r\nTo: <sip:probe@example.net>\r\n", "\r\nFrom: <sip:probe@example.net>;tag=abc123\r\n",
        "\r\nContact: <sip:it@192.0.2.20:43210;transport=tcp>\r\n", "\r\nExpires: 120\r\n",
        "\r\nCSeq: 2 REGISTER\r\n", ";branch=z9hG4bKabc123.2;", "\r\nAuthorization: Digest x\r\n"}) {
    BOOST_TEST((bytes.find(line) != bytes.npos), line);
  }
  BOOST_TEST(sip_message_end(bytes).value().value() == bytes.size());
  const Bytes asks = make_sip_register(request, {"probe", "example.net", "", 0}, "").value();
  BOOST_TEST((asks.find("Contact") == asks.npos && asks.find("Expires") == asks.npos));
}

BOOST_AUTO_TEST_CASE(contacts_and_challenges_of_an_answer_are_all_there) {
  const auto two = parse_sip_reply(
      reply("SIP/2.0 200 OK", "Contact: <sip:a@192.0.2.1>;expires=5\r\nm: <sip:b@h>,\r\n <sip:c@h>\r\n"),
      kRequest);
  BOOST_TEST(
      two->contacts == (std::vector<std::string>{"<sip:a@192.0.2.1>;expires=5", "<sip:b@h>, <sip:c@h>"}),
      boost::test_tools::per_element());
  const std::string asked =
      "Proxy-Authenticate: Digest p\r\nWWW-Authenticate: Digest a\r\nwww-authenticate: b\r\n";
  BOOST_TEST(parse_sip_reply(reply("SIP/2.0 401 x", asked), kRequest)->challenges ==
                 (std::vector<std::string>{"Digest a", "b"}),
             boost::test_tools::per_element());
  BOOST_TEST(parse_sip_reply(reply("SIP/2.0 407 x", asked), kRequest)->challenges ==
                 (std::vector<std::string>{"Digest p"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(any_answer_to_it_is_read) {
  BOOST_TEST(parse_sip_reply(reply(), kRequest)->status == 200U);
  BOOST_TEST(parse_sip_reply(reply(), kRequest)->reason == "OK");
  BOOST_TEST(parse_sip_reply(reply("SIP/2.0 404 Not Found"), kRequest)->reason == "Not Found");
  BOOST_TEST(parse_sip_reply(reply("SIP/2.0 100 "), kRequest)->status == 100U);
  BOOST_TEST(parse_sip_reply(reply("SIP/2.0 699"), kRequest)->reason == "");
  BOOST_TEST(parse_sip_reply(reply("SIP/2.0 200 \x1b[2J"), kRequest)->reason == "\\x1b[2J");
}

BOOST_AUTO_TEST_CASE(headers_may_be_short_folded_and_of_any_case) {
  Bytes text = replaced(reply(), "Call-ID:", "i  :");
  text = replaced(text, "Via: SIP/2.0/UDP", "v: SIP/2.0/UDP\r\n ");
  text = replaced(text, "CSeq:", "cSEQ:");
  BOOST_TEST(parse_sip_reply(text, kRequest)->status == 200U);
}

BOOST_AUTO_TEST_CASE(an_answer_to_somebody_else_is_told_apart) {
  BOOST_TEST((refused(replaced(reply(), "ID: abc123", "ID: abc124")) == Code::Conflict));
  BOOST_TEST((refused(replaced(reply(), "bKabc123", "bKabc1234")) == Code::Conflict));
  BOOST_TEST((refused(replaced(reply(), "1 OPTIONS", "2 OPTIONS")) == Code::Conflict));
  BOOST_TEST((refused(replaced(reply(), "1 OPTIONS", "1 INVITE")) == Code::Conflict));
  BOOST_TEST((refused(reply("OPTIONS sip:us SIP/2.0")) == Code::Conflict));
}

BOOST_AUTO_TEST_CASE(what_is_no_answer_is_corrupt) {
  BOOST_TEST((refused("") == Code::Corrupt));
  BOOST_TEST((refused("HTTP/1.1 400 Bad Request\r\n\r\n") == Code::Corrupt));
  for (const char* first :
       {"SIP/2.0", "SIP/2.0 20", "SIP/2.0 700 x", "SIP/2.0 099 x", "SIP/2.0 2000 x", "SIP/2.0 abc"}) {
    BOOST_TEST((refused(reply(first)) == Code::Corrupt), first);
  }
  BOOST_TEST((refused(replaced(reply(), "CSeq", "XSeq")) == Code::Corrupt));
  BOOST_TEST(
      (refused(reply("SIP/2.0 200 OK", std::string(kSipMessageMax, 'a') + ": b\r\n")) == Code::Exhausted));
  const Bytes whole = reply();
  for (std::size_t end = 0; end < whole.size(); ++end) {  // cut anywhere it is no message yet
    BOOST_TEST(!parse_sip_reply(BytesView(whole).substr(0, end), kRequest).ok());
    BOOST_TEST(!sip_message_end(BytesView(whole).substr(0, end)).value().has_value());
  }
}

BOOST_AUTO_TEST_CASE(a_stream_is_cut_by_content_length) {
  const Bytes first = replaced(reply(), "Content-Length: 0", "l : 5") + "12345";
  BOOST_TEST(sip_message_end(first + reply()).value().value() == first.size());
  BOOST_TEST((sip_message_end(replaced(reply(), "Length: 0", "Length: x")).error().code() == Code::Corrupt));
  BOOST_TEST(
      (sip_message_end(replaced(reply(), "Length: 0", "Length: 65536")).error().code() == Code::Exhausted));
  BOOST_TEST((sip_message_end(Bytes(kSipMessageMax + 1, 'x')).error().code() == Code::Exhausted));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ha::failover
