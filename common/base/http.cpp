#include "common/base/http.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

namespace ha {
namespace {

namespace http = boost::beast::http;

constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter_or_digit(c) || kTokenMarks.find(c) != std::string_view::npos;
  });
}

// What ends a line, or a C string at the other end, ends the field too.
bool is_field_value(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

bool is_target(std::string_view text) {
  return text.starts_with('/') &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

std::string base64(BytesView bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - at);
    unsigned group = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      group = group << 8 | (i < count ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      out += i <= count ? kDigits[group >> (18 - 6 * i) & 63U] : '=';
    }
  }
  return out;
}

}  // namespace

struct HttpReader::Parser {
  http::response_parser<http::string_body> beast;
};

std::string_view HttpResponse::text(std::string_view name) const noexcept {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const HttpField& each) { return same_name(each.name, name); });
  return found != fields.end() ? std::string_view(found->value) : std::string_view();
}

Result<Bytes> encode_http(const HttpRequest& request, std::string_view host) {
  if (!is_token(request.method) || !is_target(request.target) || host.empty() || !is_field_value(host)) {
    return Error(Code::Invalid,
                 "no HTTP request: " + in_quotes(request.method) + " " + in_quotes(request.target));
  }
  Bytes out = request.method + " " + request.target + " HTTP/1.1\r\nHost: " + std::string(host) + "\r\n";
  for (const HttpField& each : request.fields) {
    if (!is_token(each.name) || !is_field_value(each.value)) {
      return Error(Code::Invalid, "no HTTP field: " + in_quotes(each.name));
    }
    out += each.name + ": " + each.value + "\r\n";
  }
  if (!request.body.empty() || request.method == "PUT" || request.method == "POST") {
    out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  return out + "\r\n" + request.body;
}

std::string percent_encode(BytesView text) {
  std::string out;
  for (const char c : text) {
    if (is_letter_or_digit(c) || std::string_view("-._~").find(c) != std::string_view::npos) {
      out += c;
    } else {
      constexpr std::string_view kHex = "0123456789ABCDEF";
      out += '%';
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[static_cast<unsigned char>(c) & 15];
    }
  }
  return out;
}

Result<std::string> basic_credentials(std::string_view user, BytesView secret) {
  if (user.find(':') != std::string_view::npos) {
    return Error(Code::Invalid, "a user name with a colon cannot log in over HTTP: " + in_quotes(user));
  }
  return "Basic " + base64(std::string(user) + ":" + std::string(secret));
}

HttpReader::HttpReader(const HttpLimits& limits) : limits_(limits), parser_(std::make_unique<Parser>()) {
  parser_->beast.eager(true);
  // take_head() sees to the limit of the head: Beast's depends on how the bytes are cut.
  parser_->beast.header_limit(std::numeric_limits<std::uint32_t>::max());
  parser_->beast.body_limit(limits.body_bytes_max);
}
HttpReader::HttpReader(HttpReader&&) noexcept = default;
HttpReader& HttpReader::operator=(HttpReader&&) noexcept = default;
HttpReader::~HttpReader() = default;

Error HttpReader::fail(Error error) {
  error_ = std::make_unique<Error>(std::move(error));
  pending_.clear();
  return *error_;
}

// True: the head, with its end, is in pending_.
Result<bool> HttpReader::has_head() {
  constexpr std::string_view kStart = "HTTP/1.";
  const std::string_view start = BytesView(pending_).substr(0, kStart.size());
  if (start != kStart.substr(0, start.size())) {
    return fail(Error(Code::Corrupt, "no HTTP response: it begins with " + in_quotes(start)));
  }
  constexpr std::string_view kEnd = "\r\n\r\n";
  const std::size_t end = pending_.find(kEnd, looked_);
  looked_ = pending_.size() - std::min(pending_.size(), kEnd.size() - 1);  // an end may have begun there
  if (std::min(end, looked_) > limits_.head_bytes_max) {
    return fail(Error(Code::Exhausted, "the HTTP response is too large: a head of more than " +
                                           std::to_string(limits_.head_bytes_max) + " bytes"));
  }
  return end != Bytes::npos;
}

Result<bool> HttpReader::feed(BytesView bytes) {
  if (error_) {
    return *error_;
  }
  begun_ = begun_ || !bytes.empty();
  pending_ += bytes;
  auto& beast = parser_->beast;
  if (!beast.is_header_done()) {
    HA_TRY(const bool is_there, has_head());
    if (!is_there) {
      return false;
    }
  }
  while (!pending_.empty()) {
    if (beast.is_done()) {
      return fail(Error(Code::Corrupt, "bytes behind the HTTP response"));
    }
    boost::beast::error_code code;
    const std::size_t taken = beast.put(boost::asio::buffer(pending_.data(), pending_.size()), code);
    pending_.erase(0, taken);
    if (code == http::error::need_more) {
      if (pending_.size() > limits_.head_bytes_max) {
        return fail(Error(Code::Exhausted,
                          "an HTTP line of more than " + std::to_string(limits_.head_bytes_max) + " bytes"));
      }
      break;
    }
    if (code == http::error::body_limit || code == http::error::buffer_overflow) {
      return fail(Error(Code::Exhausted, "the HTTP response is too large: " + code.message()));
    }
    if (code) {
      return fail(Error(Code::Corrupt, "no HTTP response: " + code.message()));
    }
  }
  return beast.is_done();
}

Status HttpReader::end() {
  if (error_) {
    return *error_;
  }
  boost::beast::error_code code;
  if (!begun_) {
    return fail(Error(Code::Corrupt, "the connection ended before an HTTP response"));
  }
  if (!parser_->beast.is_done() && parser_->beast.is_header_done()) {
    parser_->beast.put_eof(code);
  }
  if (code || !parser_->beast.is_done()) {
    return fail(Error(Code::Corrupt, "the connection ended within an HTTP response"));
  }
  return ok();
}

HttpResponse HttpReader::take() {
  HA_ASSERT(parser_->beast.is_done());
  HttpResponse out;
  out.keep_alive = parser_->beast.keep_alive();
  auto message = parser_->beast.release();
  out.status = message.result_int();
  for (const auto& each : message) {
    out.fields.push_back({std::string(each.name_string()), std::string(each.value())});
  }
  out.body = std::move(message.body());
  return out;
}

}  // namespace ha
