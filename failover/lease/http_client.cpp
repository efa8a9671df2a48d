#include "failover/lease/http_client.h"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>
#include <string_view>
#include <utility>

#include <curl/curl.h>

#include "common/sys/secret.h"
#include "common/sys/unique.h"

namespace ha::failover {
namespace {

constexpr std::size_t kHeaderBytesMax = 64 * 1024;
constexpr Duration kPollLongest = std::chrono::seconds(1);

// OpenSSL writes to sockets without MSG_NOSIGNAL. A SIGPIPE of ours is taken back before it is let through.
class WithoutSigpipe {
 public:
  WithoutSigpipe() noexcept {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~WithoutSigpipe() {
    const timespec now{};
    while (!was_pending_ && sigtimedwait(&pipe_, nullptr, &now) == SIGPIPE) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

 private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

Status readable(const std::filesystem::path& file, std::string_view what) {
  std::error_code error;
  if (file.empty() || std::filesystem::is_regular_file(file, error)) {
    return ok();
  }
  return Error(Code::NotFound, "[arbiter] " + std::string(what) + ": there is no file " + file.string());
}

Code code_of(CURLcode code) {
  switch (static_cast<int>(code)) {
    case CURLE_OPERATION_TIMEDOUT:
      return Code::TimedOut;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
      return Code::Denied;
    default:
      return Code::Unavailable;
  }
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return out;
}

}  // namespace

struct HttpClient::State {
  sys::Unique<CURLM, curl_multi_cleanup> multi;
  sys::Unique<CURL, curl_easy_cleanup> easy;
  HttpOptions options;
  std::array<char, CURL_ERROR_SIZE> error{};
  HttpReply reply;
  std::size_t header_bytes = 0;
  bool too_long = false;

  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) noexcept {
    auto& state = *static_cast<State*>(self);
    state.too_long = state.too_long || size > state.options.reply_bytes_max - state.reply.body.size();
    if (state.too_long) {
      return 0;  // ends the transfer
    }
    state.reply.body.append(data, size);
    return size;
  }
  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) noexcept {
    auto& state = *static_cast<State*>(self);
    state.header_bytes += size;
    state.too_long = state.too_long || state.header_bytes > kHeaderBytesMax;
    constexpr std::string_view kDate = "date:";
    const std::string_view line(data, size);
    if (lower(line.substr(0, kDate.size())) == kDate) {
      const std::time_t at = curl_getdate(std::string(line.substr(kDate.size())).c_str(), nullptr);
      state.reply.date = at < 0 ? std::nullopt : std::optional(WallTime(std::chrono::seconds(at)));
    }
    return state.too_long ? 0 : size;
  }

  void set_up();
  [[nodiscard]] std::variant<CURLcode, Error> transfer(SteadyTime until);
  [[nodiscard]] HttpFailure failure(Error why) const;
};

void HttpClient::State::set_up() {
  CURL* const handle = easy.get();
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, error.data());
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &State::on_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &State::on_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);  // never waits for a resolver that hangs
  curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  if (!options.ca.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, options.ca.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  }
  if (!options.cert.empty()) {
    curl_easy_setopt(handle, CURLOPT_SSLCERT, options.cert.c_str());
    curl_easy_setopt(handle, CURLOPT_SSLKEY, options.key_file.c_str());
  }
}

// Of the handle that was added; an Error where it was broken off.
std::variant<CURLcode, Error> HttpClient::State::transfer(SteadyTime until) {
  for (;;) {
    int running = 0;
    if (const CURLMcode done = curl_multi_perform(multi.get(), &running); done != CURLM_OK) {
      return Error(Code::Internal, std::string("libcurl: ") + curl_multi_strerror(done));
    }
    if (running == 0) {
      break;
    }
    const Duration left = until - read_clocks().steady;
    if (left <= Duration::zero()) {
      return Error(Code::TimedOut, "no answer in time");
    }
    curl_waitfd extra{options.cancel_fd, CURL_WAIT_POLLIN, 0};
    const auto wait_ms = std::chrono::ceil<std::chrono::milliseconds>(std::min(left, kPollLongest)).count();
    curl_multi_poll(multi.get(), &extra, options.cancel_fd >= 0 ? 1 : 0, static_cast<int>(wait_ms), nullptr);
    if (extra.revents != 0) {
      return Error(Code::Cancelled, "given up");
    }
  }
  int left = 0;
  const CURLMsg* message = curl_multi_info_read(multi.get(), &left);
  return message != nullptr && message->msg == CURLMSG_DONE ? message->data.result : CURLE_RECV_ERROR;
}

HttpFailure HttpClient::State::failure(Error why) const {
  long sent_bytes = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_REQUEST_SIZE, &sent_bytes);
  return {sent_bytes > 0, std::move(why)};
}

HttpClient::HttpClient(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpClient> HttpClient::open(const HttpOptions& options) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  HA_CHECK(readable(options.ca, "ca"));
  HA_CHECK(readable(options.cert, "cert"));
  if (!options.key_file.empty()) {
    HA_TRY([[maybe_unused]] const sys::Secret key, sys::load_secret(options.key_file.string()));
  }
  auto state = std::make_unique<State>();
  state->multi.reset(curl_multi_init());
  state->easy.reset(curl_easy_init());
  if (ready != CURLE_OK || state->multi == nullptr || state->easy == nullptr) {
    return Error(Code::Internal, "libcurl cannot start");
  }
  state->options = options;
  state->set_up();
  return HttpClient(std::move(state));
}

std::variant<HttpReply, HttpFailure> HttpClient::post(const HttpRequest& request) {
  const WithoutSigpipe quiet;
  State& state = *state_;
  CURL* const handle = state.easy.get();
  state.reply = {};
  state.header_bytes = 0;
  state.too_long = false;
  state.error[0] = '\0';
  sys::Unique<curl_slist, curl_slist_free_all> headers;
  for (const std::string& each : request.headers) {
    curl_slist* const longer = curl_slist_append(headers.get(), each.c_str());
    if (longer == nullptr) {
      return HttpFailure{false, Error(Code::Exhausted, "no memory")};
    }
    static_cast<void>(headers.release());
    headers.reset(longer);
  }
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.c_str());
  if (curl_multi_add_handle(state.multi.get(), handle) != CURLM_OK) {
    return HttpFailure{false, Error(Code::Internal, "libcurl takes no request")};
  }
  const auto done = state.transfer(request.until);
  curl_multi_remove_handle(state.multi.get(), handle);  // what is under way is broken off
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, nullptr);
  curl_easy_setopt(handle, CURLOPT_POSTFIELDS, nullptr);
  if (const auto* broken_off = std::get_if<Error>(&done)) {
    return state.failure(*broken_off);
  }
  const CURLcode code = std::get<CURLcode>(done);
  if (state.too_long) {
    return state.failure(Error(Code::Exhausted, "an answer that is too long"));
  }
  if (code != CURLE_OK) {
    const std::string text = state.error[0] != '\0' ? state.error.data() : curl_easy_strerror(code);
    return state.failure(Error(code_of(code), escape(text)));
  }
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  state.reply.status = static_cast<int>(status);
  return std::move(state.reply);
}

}  // namespace ha::failover
