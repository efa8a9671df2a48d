// An etcd cluster by its JSON gateway: one request at a time, at whichever member answers.
//
// Blocks, for workers. The member that answered last is asked first; the next one when it is silent. Who we
// are is said by user and password, for which etcd gives a token; a new one is asked for when it is no longer
// good. Thread safety: one thread; `cancel_fd` becomes readable from any. Source: docs/failover.md,
// "Arbiters".
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/sys/secret.h"
#include "dnsupdater/config_arbiter.h"
#include "failover/lease/etcd_message.h"
#include "failover/lease/http_client.h"

namespace ha::failover {

struct EtcdFailure {
  EtcdNo no = EtcdNo::Doubtful;  // Token is tried here, and then Refused
  bool arrived = true;           // of Doubtful: the request may have
  Error error;
};

class EtcdClient {
 public:
  template <typename T>
  using Heard = std::variant<T, EtcdFailure>;

  // Reads the password. `patience`: for one answer of one member. Errors: those of HttpClient::open() and
  // load_secret().
  [[nodiscard]] static Result<EtcdClient> open(const dns::ArbiterConfig& config, Duration patience,
                                               int cancel_fd = -1);

  // Linearizable, at every member in turn until one answers.
  [[nodiscard]] Heard<EtcdRead> read(BytesView key, SteadyTime until);
  // At the next member only where nothing of it arrived before: who sends it again names another `before`, or
  // knows that a second copy does no harm.
  [[nodiscard]] Heard<EtcdSwapped> exchange(BytesView key, const std::optional<EtcdValue>& before,
                                            BytesView after, SteadyTime until);

  // For a check: at one member only. None of it is linearizable.
  [[nodiscard]] Heard<HttpReply> ask(std::size_t member, const std::string& path, const std::string& body,
                                     SteadyTime until);
  [[nodiscard]] const std::vector<dns::EtcdEndpoint>& endpoints() const noexcept { return endpoints_; }
  [[nodiscard]] int cancel_fd() const noexcept { return cancel_fd_; }

 private:
  EtcdClient(HttpClient http, const dns::ArbiterConfig& config, Duration patience, int cancel_fd)
      : http_(std::move(http)),
        endpoints_(config.endpoints),
        user_(config.user),
        patience_(patience),
        cancel_fd_(cancel_fd) {}

  [[nodiscard]] Heard<HttpReply> at_any(const std::string& path, const std::string& body, bool is_read,
                                        SteadyTime until);
  [[nodiscard]] Heard<HttpReply> post(std::size_t member, const std::string& path, const std::string& body,
                                      SteadyTime until);
  [[nodiscard]] std::optional<EtcdFailure> authenticate(std::size_t member, SteadyTime until);

  HttpClient http_;
  std::vector<dns::EtcdEndpoint> endpoints_;
  std::string user_;
  sys::Secret password_;
  Duration patience_;
  int cancel_fd_;
  std::size_t member_ = 0;  // that answered last
  std::string token_;
};

}  // namespace ha::failover
