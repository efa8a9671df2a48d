// Admission: which public keys may talk to our Routers (the server side of ZAP).
//
// One per Context, because its address inproc://zeromq.zap.01 is; open it before a Router binds and close it
// after, because libzmq lets everybody in while there is none (ZMQ_ZAP_ENFORCE_DOMAIN is a draft in 4.3.4).
// Routers drop messages that do not carry its stamp, so even then nothing is heard. An unknown key is
// answered 400, so that the refused end can say why; our Dealer makes a new socket then and pairs once the
// key is admitted. What is malformed is answered 500, and 300 (come back later) while no key is configured at
// all. Thread safety: none; one loop's thread, the same as the Routers that ask admits(). Source: ZeroMQ RFC
// 27 (ZAP).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/wire/curve.h"
#include "common/wire/pollable.h"

namespace ha::wire {

class Context;

struct Refusals {
  std::uint64_t count = 0;
  std::string last_key;      // Z85; empty when it offered none
  std::string last_address;  // numeric, without the port
};

class ZapHandler final : public Pollable {
 public:
  // Exists when this context has a handler already. The context must outlive it.
  static Result<std::unique_ptr<ZapHandler>> open(Context& context, std::vector<PeerKey> admitted);
  // Admits every key, and calls each peer by it (Z85) where a site's name would stand. For pairing only
  // (docs/pairing.md), where the server's key is one that nobody knows but who was invited; never in a
  // context that has a replicator's Routers.
  static Result<std::unique_ptr<ZapHandler>> open_for_any_key(Context& context);
  ~ZapHandler() override;

  // From now on. Connections of keys that are gone stay open, but Routers drop what they say.
  void set_admitted(std::vector<PeerKey> admitted);
  // Is this key (Z85, as a message's metadata has it) still admitted, and for this site?
  [[nodiscard]] bool admits(std::string_view site, std::string_view key_z85) const;
  [[nodiscard]] const Refusals& refusals() const;

  void add_poll_items(std::vector<PollItem>& items) override;
  void on_turn(const Now& now) override;

 private:
  struct Impl;
  explicit ZapHandler(std::unique_ptr<Impl> impl);
  static Result<std::unique_ptr<ZapHandler>> make(Context& context, std::vector<PeerKey> admitted,
                                                  bool any_key);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ha::wire
