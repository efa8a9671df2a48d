// HTTP/1.1 as a client, without a connection: a request as bytes, one response from bytes in any pieces.
//
// No redirects, no TLS, no cookies, no compression. Requests are checked so that no name or value of theirs
// can begin another one. Pure; one thread an HttpReader. Source: RFC 9110, RFC 9112, RFC 7617; responses are
// parsed by Boost.Beast 1.74 (docs/adr/0013-beast.md).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha {

struct HttpField {
  std::string name;
  std::string value;
};

struct HttpRequest {
  std::string method;  // GET, PUT, …
  std::string target;  // from '/' on, percent-encoded
  std::vector<HttpField> fields;
  Bytes body;
};

struct HttpLimits {
  std::size_t head_bytes_max = std::size_t{64} << 10;  // of the head, and of what is between two chunks
  std::size_t body_bytes_max = std::size_t{8} << 20;
};

struct HttpResponse {
  unsigned status = 0;
  std::vector<HttpField> fields;
  Bytes body;
  bool keep_alive = false;  // the connection may carry another request

  // Of the first field of this name, in any case; empty if there is none.
  [[nodiscard]] std::string_view text(std::string_view name) const noexcept;
};

// With Host, and Content-Length where it belongs. Invalid if a part has what cannot be in it.
[[nodiscard]] Result<Bytes> encode_http(const HttpRequest& request, std::string_view host);

// For one segment of a path: all but letters, digits and "-._~" as %XX.
[[nodiscard]] std::string percent_encode(BytesView text);
// "Basic …", the value of an Authorization field. Invalid with a colon in `user`.
[[nodiscard]] Result<std::string> basic_credentials(std::string_view user, BytesView secret);

// Reads one response. After an error every call returns it.
class HttpReader {
 public:
  explicit HttpReader(const HttpLimits& limits = {});
  HttpReader(HttpReader&&) noexcept;
  HttpReader& operator=(HttpReader&&) noexcept;
  ~HttpReader();

  // True: it is whole, take() it. Corrupt if these bytes are no response, or go on behind it; Exhausted.
  [[nodiscard]] Result<bool> feed(BytesView bytes);
  // The connection has ended: whole if that is how the body ends, else Corrupt.
  [[nodiscard]] Status end();
  // Whether anything has come.
  [[nodiscard]] bool has_begun() const noexcept { return begun_; }
  // Once, when it is whole.
  [[nodiscard]] HttpResponse take();

 private:
  struct Parser;
  [[nodiscard]] Error fail(Error error);
  [[nodiscard]] Result<bool> has_head();
  HttpLimits limits_;
  std::unique_ptr<Parser> parser_;
  Bytes pending_;           // not parsed yet
  std::size_t looked_ = 0;  // so many bytes of it have no end of the head
  std::unique_ptr<Error> error_;
  bool begun_ = false;
};

}  // namespace ha
