// Asks other sites about cluster.toml: one question, one connection, one answer.
//
// Connects to the port that links use, with the same keys, so that what cannot be asked cannot be linked
// either. Thread safety: the thread of `loop`. Source: docs/config-push.md.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/wire/loop.h"
#include "common/wire/socket.h"
#include "replicator/config.h"
#include "replicator/session/config_messages.h"

namespace ha::replicator {

inline constexpr Duration kCourierPatience = std::chrono::seconds(8);
inline constexpr std::size_t kCourierCallsMax = 512;

class ConfigCourier {
 public:
  using Done = std::function<void(ConfigAnswer)>;

  // All must outlive it.
  static Result<std::unique_ptr<ConfigCourier>> open(wire::Loop& loop, const Config& config,
                                                     const wire::KeyPair& keys);
  ~ConfigCourier();
  ConfigCourier(const ConfigCourier&) = delete;
  ConfigCourier& operator=(const ConfigCourier&) = delete;

  // `done` is called once, later, on the loop; an answer's error says when the site could not be asked. Not
  // called any more when the courier is gone.
  void ask(const std::string& site, const ConfigQuestion& question, Done done);

 private:
  struct Call {
    std::string site;
    std::unique_ptr<wire::Dealer> dealer;
    wire::Loop::Id registered = 0;
    Bytes message;
    SteadyTime until{};
    std::string trouble;  // of the last handshake
    Done done;
  };

  ConfigCourier(wire::Loop& loop, const Config& config, const wire::KeyPair& keys);
  Result<std::unique_ptr<wire::Dealer>> connect(const SiteConfig& site);
  void on_call(std::uint64_t number, const Now& now);
  void on_tick(const Now& now);
  void finish(std::uint64_t number, ConfigAnswer answer);

  wire::Loop& loop_;
  const Config& config_;
  const wire::KeyPair& keys_;
  std::unique_ptr<wire::Context> context_;
  std::map<std::uint64_t, Call> calls_;
  std::uint64_t next_ = 1;
  wire::Loop::Id timer_ = 0;
};

}  // namespace ha::replicator
