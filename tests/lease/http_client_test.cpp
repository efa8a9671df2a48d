#include "failover/lease/http_client.h"

#include "tests/lease/http_server.h"
#include "tests/sys/temp_directory.h"

using namespace ha::failover;
using ha::Code;
using ha::read_clocks;
using ha::sys::must;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

HttpRequest request(const std::string& url, const std::string& body = "{}") {
  return {url + "/v3/x", body, {"Content-Type: application/json"}, read_clocks().steady + seconds(60)};
}

HttpReply reply_to(HttpClient& client, const HttpRequest& what) {
  auto heard = client.post(what);
  const auto* const failure = std::get_if<HttpFailure>(&heard);
  BOOST_REQUIRE_MESSAGE(failure == nullptr, (failure == nullptr ? "" : failure->error.what()));
  return std::get<HttpReply>(std::move(heard));
}

HttpFailure failure_of(HttpClient& client, const HttpRequest& what) {
  auto heard = client.post(what);
  BOOST_REQUIRE(std::holds_alternative<HttpFailure>(heard));
  return std::get<HttpFailure>(std::move(heard));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lease_http_client)

BOOST_AUTO_TEST_CASE(what_is_posted_arrives_and_so_does_the_answer) {
  HttpServer server({http_reply(200, "{\"a\":1}", "Date: Sun, 22 Nov 2026 02:13:48 GMT\r\n")});
  HttpClient client = must(HttpClient::open({}));
  HttpRequest what = request(server.url(), "{\"key\":\"aw==\"}");
  what.headers.push_back("Authorization: abc.7");
  const HttpReply reply = reply_to(client, what);
  BOOST_TEST(reply.status == 200);
  BOOST_TEST(reply.body == "{\"a\":1}");
  BOOST_TEST((reply.date == ha::WallTime(seconds(1'795'313'628))));
  const auto asked = server.requests();
  BOOST_REQUIRE(asked.size() == 1U);
  BOOST_TEST(asked[0].starts_with("POST /v3/x HTTP/1.1\r\n"));
  BOOST_TEST(asked[0].find("\r\nAuthorization: abc.7\r\n") != std::string::npos);
  BOOST_TEST(asked[0].ends_with("\r\n\r\n{\"key\":\"aw==\"}"));
}

BOOST_AUTO_TEST_CASE(connections_are_kept_and_headers_of_one_request_are_not_in_the_next) {
  HttpServer server({http_reply(200, "1"), http_reply(503, "2", "Date: yesterday\r\n")});
  HttpClient client = must(HttpClient::open({}));
  HttpRequest what = request(server.url());
  what.headers.push_back("Authorization: abc.7");
  BOOST_TEST(reply_to(client, what).body == "1");
  const HttpReply second = reply_to(client, request(server.url(), ""));
  BOOST_TEST(second.body == "2");
  BOOST_TEST(second.status == 503);
  BOOST_TEST(!second.date.has_value());
  const auto asked = server.requests();
  BOOST_REQUIRE(asked.size() == 2U);
  BOOST_TEST(asked[1].find("Authorization") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_kept_connection_that_was_closed_meanwhile_does_no_harm) {
  HttpServer server({http_reply(200, "1", "Connection: close\r\n"), http_reply(200, "2")});
  HttpClient client = must(HttpClient::open({}));
  BOOST_TEST(reply_to(client, request(server.url())).body == "1");
  BOOST_TEST(reply_to(client, request(server.url())).body == "2");
}

BOOST_AUTO_TEST_CASE(where_nobody_listens_nothing_has_arrived) {
  std::string url;
  {
    const HttpServer gone({});
    url = gone.url();
  }
  HttpClient client = must(HttpClient::open({}));
  const HttpFailure failure = failure_of(client, request(url));
  BOOST_TEST(!failure.arrived);
  BOOST_TEST((failure.error.code() == Code::Unavailable));
}

BOOST_AUTO_TEST_CASE(what_is_not_answered_may_have_arrived) {
  HttpServer server({kClose, "HTTP/1.1 200 x\r\nContent-Length: 100\r\n\r\nhalf"});
  HttpClient client = must(HttpClient::open({}));
  const HttpFailure closed = failure_of(client, request(server.url()));
  BOOST_TEST(closed.arrived);
  BOOST_TEST((closed.error.code() == Code::Unavailable));
  std::thread ending;
  HttpRequest half = request(server.url());
  half.until = read_clocks().steady + milliseconds(200);
  BOOST_TEST(failure_of(client, half).arrived);
}

BOOST_AUTO_TEST_CASE(silence_ends_at_the_deadline) {
  HttpServer server({kHang});
  HttpClient client = must(HttpClient::open({}));
  HttpRequest what = request(server.url());
  const ha::SteadyTime begin = read_clocks().steady;
  what.until = begin + milliseconds(100);
  const HttpFailure failure = failure_of(client, what);
  BOOST_TEST((failure.error.code() == Code::TimedOut));
  BOOST_TEST(failure.arrived);
  BOOST_TEST((read_clocks().steady - begin >= milliseconds(100)));
  what.until = begin;  // over before it began
  BOOST_TEST((failure_of(client, what).error.code() == Code::TimedOut));
}

BOOST_AUTO_TEST_CASE(who_is_cancelled_gives_up_at_once) {
  HttpServer server({kHang});
  const ha::sys::FileHandle cancel(::eventfd(1, EFD_CLOEXEC), "cancel");
  HttpOptions options;
  options.cancel_fd = cancel.fd();
  HttpClient client = must(HttpClient::open(options));
  BOOST_TEST((failure_of(client, request(server.url())).error.code() == Code::Cancelled));
}

BOOST_AUTO_TEST_CASE(an_answer_that_is_too_long_is_not_taken) {
  HttpServer server({http_reply(200, std::string(1000, 'x')), http_reply(200, std::string(1001, 'x')),
                     http_reply(200, "1", "X: " + std::string(90'000, 'x') + "\r\n"), http_reply(200, "2")});
  HttpOptions options;
  options.reply_bytes_max = 1000;
  HttpClient client = must(HttpClient::open(options));
  BOOST_TEST(reply_to(client, request(server.url())).body.size() == 1000U);
  for (int i = 0; i < 2; ++i) {
    const HttpFailure failure = failure_of(client, request(server.url()));
    BOOST_TEST((failure.error.code() == Code::Exhausted));
    BOOST_TEST(failure.arrived);
  }
  BOOST_TEST(reply_to(client, request(server.url())).body == "2");
}

BOOST_AUTO_TEST_CASE(what_is_no_http_is_no_answer_and_a_redirect_is_not_followed) {
  HttpServer server({"SSH-2.0-x\r\n\r\n", http_reply(302, "", "Location: http://127.0.0.1:1/\r\n")});
  HttpClient client = must(HttpClient::open({}));
  HttpRequest what = request(server.url());
  what.until = read_clocks().steady + milliseconds(500);
  BOOST_TEST(failure_of(client, what).arrived);
  BOOST_TEST(reply_to(client, request(server.url())).status == 302);
}

BOOST_AUTO_TEST_CASE(plain_http_is_no_tls) {
  HttpServer server({http_reply(200, "1")});
  HttpClient client = must(HttpClient::open({}));
  HttpRequest what = request("https" + server.url().substr(4));
  what.until = read_clocks().steady + milliseconds(300);
  BOOST_TEST(!failure_of(client, what).arrived);
  what.url = "ftp" + server.url().substr(4);
  BOOST_TEST(!failure_of(client, what).arrived);
}

BOOST_AUTO_TEST_CASE(files_are_looked_at_before_anything_is_asked) {
  const ha::sys::TempDirectory directory;
  HttpOptions options;
  options.ca = directory.path + "/ca.pem";
  BOOST_TEST((ha::sys::code_of(HttpClient::open(options)) == Code::NotFound));
  directory.write("ca.pem", "no certificate");
  options.key_file = directory.path + "/key.pem";
  BOOST_TEST(!HttpClient::open(options).ok());
  directory.write("key.pem", "key");  // readable by all
  BOOST_TEST((ha::sys::code_of(HttpClient::open(options)) == Code::Refused));
}

BOOST_AUTO_TEST_SUITE_END()
