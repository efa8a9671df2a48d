#include "common/base/http.h"

#include <boost/test/unit_test.hpp>
#include <string>

using namespace ha;

namespace {

const std::string kCounted =
    "HTTP/1.1 200 OK\r\nServer: Asterisk\r\nContent-type: application/json\r\nContent-Length: "
    "5\r\n\r\n{\"a\"}";
const std::string kChunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n10;x=y\r\n0123456789abcdef\r\n0\r\nX: "
    "y\r\n\r\n";
const std::string kNoContent = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";

HttpResponse read(const std::string& bytes, std::size_t piece) {
  HttpReader reader;
  bool whole = false;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    BOOST_REQUIRE(!whole);
    const auto fed = reader.feed(BytesView(bytes).substr(at, piece));
    BOOST_REQUIRE(fed.ok());
    whole = fed.value();
  }
  BOOST_REQUIRE(whole);
  return reader.take();
}

Error error_of(const std::string& bytes, const HttpLimits& limits = {}) {
  HttpReader reader(limits);
  auto fed = reader.feed(bytes);
  if (fed.ok()) {
    auto ended = reader.end();
    BOOST_REQUIRE(!ended.ok());
    return ended.error();
  }
  BOOST_TEST(reader.feed("x").error().what() == fed.error().what());  // and it stays so
  BOOST_TEST(!reader.end().ok());
  return fed.error();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(base_http)

BOOST_AUTO_TEST_CASE(a_request_is_written_as_it_travels) {
  const auto bytes =
      encode_http({"GET", "/ari/channels", {{"Authorization", "Basic eA=="}}, {}}, "127.0.0.1:8088");
  BOOST_REQUIRE(bytes.ok());
  BOOST_TEST(bytes.value() ==
             "GET /ari/channels HTTP/1.1\r\nHost: 127.0.0.1:8088\r\nAuthorization: Basic eA==\r\n\r\n");
  BOOST_TEST(encode_http({"PUT", "/x", {}, "{}"}, "h").value() ==
             "PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}");
  BOOST_TEST(encode_http({"POST", "/x", {}, ""}, "h").value() ==
             "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
}

BOOST_AUTO_TEST_CASE(nothing_in_a_request_can_begin_another_one) {
  const std::string nul("a\0b", 3);
  for (const HttpRequest& wrong : std::initializer_list<HttpRequest>{{"", "/", {}, {}},
                                                                     {"GET ", "/", {}, {}},
                                                                     {"GET", "x", {}, {}},
                                                                     {"GET", "/a b", {}, {}},
                                                                     {"GET", "/a\r\nb", {}, {}},
                                                                     {"GET", "/\xc3\xb6", {}, {}},
                                                                     {"GET", "/", {{"", "x"}}, {}},
                                                                     {"GET", "/", {{"A:", "x"}}, {}},
                                                                     {"GET", "/", {{"A\r\nB", "x"}}, {}},
                                                                     {"GET", "/", {{"A", "x\ny"}}, {}},
                                                                     {"GET", "/", {{"A", "x\ry"}}, {}},
                                                                     {"GET", "/", {{"A", nul}}, {}}}) {
    BOOST_TEST((encode_http(wrong, "h").error().code() == Code::Invalid));
  }
  BOOST_TEST((encode_http({"GET", "/", {}, {}}, "h\r\nX: y").error().code() == Code::Invalid));
  BOOST_TEST((encode_http({"GET", "/", {}, {}}, "").error().code() == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(segments_and_credentials_are_encoded) {
  BOOST_TEST(percent_encode("103;@c0d2~x-y._") == "103%3B%40c0d2~x-y._");
  BOOST_TEST(percent_encode("\xff/ %") == "%FF%2F%20%25");
  BOOST_TEST(basic_credentials("Aladdin", "open sesame").value() == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  BOOST_TEST(basic_credentials("a", "").value() == "Basic YTo=");
  BOOST_TEST(basic_credentials("a", "b").value() == "Basic YTpi");
  BOOST_TEST((basic_credentials("a:b", "c").error().code() == Code::Invalid));
}

BOOST_AUTO_TEST_CASE(a_response_in_any_pieces_is_the_same) {
  for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U}) {
    const HttpResponse counted = read(kCounted, piece);
    BOOST_TEST(counted.status == 200U);
    BOOST_TEST(counted.body == "{\"a\"}");
    BOOST_TEST(counted.keep_alive);
    BOOST_TEST(counted.text("CONTENT-TYPE") == "application/json");
    BOOST_TEST(counted.text("X") == "");
    BOOST_TEST(read(kChunked, piece).body == "abc0123456789abcdef");
    const HttpResponse none = read(kNoContent, piece);
    BOOST_TEST(none.status == 204U);
    BOOST_TEST(none.body == "");
    BOOST_TEST(!none.keep_alive);
  }
}

BOOST_AUTO_TEST_CASE(a_body_without_a_length_ends_with_the_connection) {
  HttpReader reader;
  BOOST_TEST(!reader.has_begun());
  BOOST_TEST(!reader.feed("HTTP/1.1 404 Not Found\r\n\r\nno such").value());
  BOOST_TEST(reader.has_begun());
  BOOST_TEST(!reader.feed(" thing").value());
  BOOST_TEST(reader.end().ok());
  const HttpResponse response = reader.take();
  BOOST_TEST(response.status == 404U);
  BOOST_TEST(response.body == "no such thing");
  BOOST_TEST(!response.keep_alive);
}

BOOST_AUTO_TEST_CASE(what_is_no_response_is_corrupt) {
  for (const std::string& wrong :
       {std::string("SSH-2.0-OpenSSH_9.2\r\n\r\n"), std::string("\r\n\r\n"),
        std::string("HTTP/1.1 xx OK\r\n\r\n"), std::string("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nbad line\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", 28),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")}) {
    BOOST_TEST_CONTEXT(escape(wrong)) {
      BOOST_TEST((error_of(wrong).code() == Code::Corrupt));
    }
  }
  BOOST_TEST(error_of(kCounted + "x").what() == "bytes behind the HTTP response");
}

BOOST_AUTO_TEST_CASE(half_a_response_is_corrupt_when_the_connection_ends) {
  for (std::size_t size = 1; size < kCounted.size(); ++size) {
    BOOST_TEST((error_of(kCounted.substr(0, size)).code() == Code::Corrupt));
  }
  BOOST_TEST(error_of(kChunked.substr(0, kChunked.size() - 1)).what() ==
             "the connection ended within an HTTP response");
  BOOST_TEST(error_of("").what() == "the connection ended before an HTTP response");
}

BOOST_AUTO_TEST_CASE(each_limit_holds) {
  const HttpLimits limits{200, 10};
  const std::string head = "HTTP/1.1 200 OK\r\n";
  for (const std::string& large :
       {head + "A: " + std::string(300, 'x'), std::string(300, 'H'), head + "Content-Length: 11\r\n\r\n",
        head + "\r\n" + std::string(11, 'x'),
        head + "Transfer-Encoding: chunked\r\n\r\nb\r\n" + std::string(11, 'x') + "\r\n0\r\n\r\n",
        head + "Transfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n",
        head + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(300, 'x')}) {
    BOOST_TEST_CONTEXT(large.substr(0, 60)) {
      HttpReader reader(limits);
      const auto fed = reader.feed(large);
      BOOST_REQUIRE(!fed.ok());
      BOOST_TEST((fed.error().code() == Code::Exhausted || fed.error().code() == Code::Corrupt));
    }
  }
  BOOST_TEST((error_of(head + "Content-Length: 11\r\n\r\n", limits).code() == Code::Exhausted));
  BOOST_TEST((error_of(head + "\r\n" + std::string(11, 'x'), limits).code() == Code::Exhausted));
}

BOOST_AUTO_TEST_CASE(a_million_fields_are_too_many) {
  std::string bytes = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 1'000'000; ++i) {
    bytes += "A: b\r\n";
  }
  BOOST_TEST((error_of(bytes).code() == Code::Exhausted));
  HttpReader reader;
  std::size_t at = 0;
  while (reader.feed(BytesView(bytes).substr(at, 100)).ok()) {
    at += 100;
    BOOST_REQUIRE(at <= std::size_t{64} << 10);
  }
}

BOOST_AUTO_TEST_CASE(the_largest_head_is_read_in_any_cut) {
  const HttpLimits limits{200, 10};
  const std::string start = "HTTP/1.1 204 No Content\r\nA: ";
  const std::string fits = start + std::string(200 - start.size(), 'x') + "\r\n\r\n";
  const std::string too_long = start + std::string(201 - start.size(), 'x') + "\r\n\r\n";
  for (std::size_t cut = 0; cut <= fits.size(); ++cut) {
    HttpReader reader(limits);
    BOOST_TEST(reader.feed(BytesView(fits).substr(0, cut)).ok());
    BOOST_TEST((cut == fits.size() || reader.feed(BytesView(fits).substr(cut)).value()));
    HttpReader other(limits);
    const bool begun = other.feed(BytesView(too_long).substr(0, cut)).ok();
    BOOST_TEST((!begun || !other.feed(BytesView(too_long).substr(cut)).ok()));
  }
}

BOOST_AUTO_TEST_SUITE_END()
