#include "failover/lease/etcd_client.h"

#include <string.h>

#include <algorithm>
#include <utility>

namespace ha::failover {
namespace {

constexpr int kStatusGood = 200;

template <typename T>
EtcdClient::Heard<T> understood(Result<T> parsed, const std::string& member) {
  if (parsed.ok()) {
    return std::move(parsed).value();
  }
  return EtcdFailure{EtcdNo::Doubtful, true, std::move(parsed).error().in(member)};
}

// Without the newline that editors leave.
BytesView line_of(const sys::Secret& secret) {
  BytesView text = secret.bytes();
  while (text.ends_with('\n') || text.ends_with('\r')) {
    text.remove_suffix(1);
  }
  return text;
}

}  // namespace

Result<EtcdClient> EtcdClient::open(const dns::ArbiterConfig& config, Duration patience, int cancel_fd) {
  HA_ASSERT(!config.endpoints.empty());
  HA_TRY(HttpClient http,
         HttpClient::open({config.ca, config.cert, config.key_file, kEtcdReplyBytesMax, cancel_fd}));
  EtcdClient out(std::move(http), config, patience, cancel_fd);
  if (!config.user.empty()) {
    auto password = sys::load_secret(config.password_file.string());
    if (!password.ok()) {
      return std::move(password).error().in("[arbiter] password_file");
    }
    out.password_ = std::move(password).value();
  }
  return out;
}

EtcdClient::Heard<HttpReply> EtcdClient::post(std::size_t member, const std::string& path,
                                              const std::string& body, SteadyTime until) {
  const std::string at = endpoints_[member].text();
  HttpRequest request{at + path, body, {"Content-Type: application/json"}, until};
  if (!token_.empty() && path != kEtcdAuthPath) {
    request.headers.push_back("Authorization: " + token_);
  }
  auto heard = http_.post(request);
  explicit_bzero(request.body.data(), request.body.size());  // it may have the password
  if (auto* failure = std::get_if<HttpFailure>(&heard)) {
    const bool tls = failure->error.code() == Code::Denied && !failure->arrived;
    return EtcdFailure{tls ? EtcdNo::Refused : EtcdNo::Doubtful, failure->arrived,
                       std::move(failure->error).in(at)};
  }
  HttpReply& reply = std::get<HttpReply>(heard);
  if (reply.status == kStatusGood) {
    return std::move(reply);
  }
  EtcdRefusal refusal = etcd_refusal(reply.status, reply.body);
  return EtcdFailure{refusal.no, true, std::move(refusal.error).in(at)};
}

std::optional<EtcdFailure> EtcdClient::authenticate(std::size_t member, SteadyTime until) {
  token_.clear();
  auto body = etcd_authenticate(user_, line_of(password_));
  if (!body.ok()) {
    return EtcdFailure{EtcdNo::Refused, false, std::move(body).error()};
  }
  auto heard = post(member, kEtcdAuthPath, *body, until);
  explicit_bzero(body->data(), body->size());
  if (auto* failure = std::get_if<EtcdFailure>(&heard)) {
    failure->arrived = failure->no != EtcdNo::Doubtful;  // what was to be asked has not been sent
    return std::move(*failure);
  }
  auto token = parse_etcd_token(std::get<HttpReply>(heard).body);
  if (!token.ok()) {
    return EtcdFailure{EtcdNo::Doubtful, false, std::move(token).error().in(endpoints_[member].text())};
  }
  token_ = std::move(token).value();
  return std::nullopt;
}

EtcdClient::Heard<HttpReply> EtcdClient::ask(std::size_t member, const std::string& path,
                                             const std::string& body, SteadyTime until) {
  until = std::min(until, read_clocks().steady + patience_);
  for (bool again : {true, false}) {
    if (!user_.empty() && token_.empty()) {
      if (auto failure = authenticate(member, until)) {
        return std::move(*failure);
      }
    }
    auto heard = post(member, path, body, until);
    auto* failure = std::get_if<EtcdFailure>(&heard);
    if (failure == nullptr || failure->no != EtcdNo::Token) {
      return heard;
    }
    token_.clear();
    failure->no = EtcdNo::Refused;
    if (!again || user_.empty()) {
      return heard;
    }
  }
  return EtcdFailure{EtcdNo::Refused, false, Error(Code::Internal, "no token")};
}

EtcdClient::Heard<HttpReply> EtcdClient::at_any(const std::string& path, const std::string& body,
                                                bool is_read, SteadyTime until) {
  std::optional<EtcdFailure> last;
  for (std::size_t tried = 0; tried < endpoints_.size(); ++tried) {
    auto heard = ask(member_, path, body, until);
    auto* failure = std::get_if<EtcdFailure>(&heard);
    const bool over = failure == nullptr || failure->error.code() == Code::Cancelled ||
                      (failure->no == EtcdNo::Refused && failure->arrived);
    if (over) {
      return heard;
    }
    member_ = (member_ + 1) % endpoints_.size();
    // A certificate that is not good says something of all members only if none is silent.
    const bool silent = last && last->no == EtcdNo::Doubtful && failure->no == EtcdNo::Refused;
    last = silent ? last : std::move(*failure);
    if ((last->arrived && !is_read) || read_clocks().steady >= until) {
      break;
    }
  }
  return std::move(*last);
}

EtcdClient::Heard<EtcdRead> EtcdClient::read(BytesView key, SteadyTime until) {
  auto heard = at_any(kEtcdRangePath, etcd_range(key), true, until);
  if (auto* failure = std::get_if<EtcdFailure>(&heard)) {
    return std::move(*failure);
  }
  return understood(parse_etcd_range(std::get<HttpReply>(heard).body, key), endpoints_[member_].text());
}

EtcdClient::Heard<EtcdSwapped> EtcdClient::exchange(BytesView key, const std::optional<EtcdValue>& before,
                                                    BytesView after, SteadyTime until) {
  auto heard = at_any(kEtcdTxnPath, etcd_swap_request(key, before, after), false, until);
  if (auto* failure = std::get_if<EtcdFailure>(&heard)) {
    return std::move(*failure);
  }
  return understood(parse_etcd_swap(std::get<HttpReply>(heard).body, key), endpoints_[member_].text());
}

}  // namespace ha::failover
