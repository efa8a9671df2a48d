// The connection of pairing: the end that waits for machines with a token, and the end that comes with one.
//
// Both are a loop of their own for one thread that has nothing else to do. What is said and decided is
// invitation.h and verb_join.cpp. Source: docs/pairing.md.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/wire/curve.h"
#include "tools/hareplicate/pair_codec.h"

namespace ha::tool {

class PairServer {
 public:
  struct Message {
    std::string from;     // where an answer goes
    std::string key;      // Z85, of the connection
    std::string address;  // numeric
    PairMessage message;
  };

  // Admits every key that knows that of `keys`. Exists when somebody listens there already.
  static Result<PairServer> open(const std::string& endpoint, const wire::KeyPair& keys);
  PairServer(PairServer&&) noexcept;
  ~PairServer();

  // Waits at most so long; a signal ends it early. What is no message of pairing is dropped and counted.
  Result<std::vector<Message>> turn(std::chrono::milliseconds wait_max);
  // What cannot be sent now is dropped: the joiner asks again.
  Status send(const std::string& to, const PairMessage& message);
  [[nodiscard]] const std::string& endpoint() const;  // with the real port
  // Connections without the server's key, and messages that are none.
  [[nodiscard]] std::uint64_t strangers() const;
  [[nodiscard]] std::uint64_t left() const;  // connections that were made and have ended

 private:
  struct Impl;
  explicit PairServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class PairClient {
 public:
  // `endpoint`: "tcp://address:port". Refused when what listens there does not have `server_key`;
  // Unavailable when it says nothing.
  static Result<PairClient> connect(const std::string& endpoint, const wire::PublicKey& server_key,
                                    const wire::KeyPair& own_keys, Duration limit);
  PairClient(PairClient&&) noexcept;
  ~PairClient();

  // Sends and waits for the answer. Unavailable when the connection broke or nothing came, Cancelled by ^C.
  Result<PairMessage> ask(const PairMessage& message, Duration limit);

 private:
  struct Impl;
  explicit PairClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ha::tool
