// One HTTP request and the answer to it, over TCP or TLS. Blocks: for workers.
//
// HTTP/1.1, connections are kept between requests. No proxy of the environment, no redirects, no cookies; TLS
// from 1.2, and a certificate that is not of that host or not signed by `ca` ends it. Nothing is sent twice
// but by libcurl itself where a kept connection has been closed meanwhile: for requests of which a second
// copy does no harm. Thread safety: one thread; `cancel_fd` becomes readable from any.
// Source: libcurl 7.88 (OpenSSL); docs/adr/0015-libcurl-for-etcd.md.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"

namespace ha::failover {

struct HttpOptions {
  std::filesystem::path ca;        // PEM; empty: the system's
  std::filesystem::path cert;      // PEM; empty: none
  std::filesystem::path key_file;  // of cert: 0600 or stricter
  std::size_t reply_bytes_max = 64 * 1024;
  int cancel_fd = -1;  // readable: give up
};

struct HttpRequest {
  std::string url;
  std::string body;                  // posted, also if empty
  std::vector<std::string> headers;  // "Name: value"
  SteadyTime until{};
};

struct HttpReply {
  int status = 0;
  Bytes body;
  std::optional<WallTime> date;  // as the server says it, in whole seconds
};

struct HttpFailure {
  bool arrived = true;  // the request may have; false: nothing of it was sent
  Error error;  // Unavailable, TimedOut, Cancelled; Denied: TLS said no; Exhausted: too long an answer
};

class HttpClient {
 public:
  // Errors: those of load_secret() for key_file; NotFound for the other files.
  [[nodiscard]] static Result<HttpClient> open(const HttpOptions& options);
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;
  ~HttpClient();

  [[nodiscard]] std::variant<HttpReply, HttpFailure> post(const HttpRequest& request);

 private:
  struct State;
  explicit HttpClient(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

}  // namespace ha::failover
