// The link between two sites, above the connections and below the sets: who is there, is it the right
// cluster, does it answer, how long does an answer take.
//
// OriginLink is the connecting end (it sends Hello and pings), judge() the answering one, which keeps no
// state. Sans-IO: actions out. Source: docs/wire.md, "Link". Thread safety: none; one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "replicator/session/messages.h"

namespace ha::replicator {

struct LinkFacts {  // about this site; what Hello and Welcome say
  std::string cluster_id;
  std::string site;
  std::string config_digest;
  std::vector<SetDefinition> sets = {};
};

enum class LinkLane { Control, State };
struct LinkSend {
  LinkLane lane;
  LinkMessage message;
};
struct LinkUp {
  std::uint32_t nonce = 0;  // of the sessions
  std::uint64_t window_bytes = 0;
};
struct LinkDown {
  std::string reason;
};
using LinkAction = std::variant<LinkSend, LinkUp, LinkDown>;

enum class LinkState { Unconnected, Greeting, Up, Refused };

struct LinkStatus {
  LinkState state = LinkState::Unconnected;
  SteadyTime since{};
  std::optional<Duration> rtt;           // of the last answered ping
  std::optional<Duration> clock_offset;  // positive: the peer's wall clock is ahead
  SteadyTime last_heard{};               // with state Up: the last answer
  std::string peer_config_digest;
  std::map<std::string, Digest> peer_sets;  // definitions; empty: not known
  std::string reason;                       // of Refused, or of the last loss
  std::string hint;
};

class OriginLink {
 public:
  OriginLink(LinkFacts facts, std::string peer, std::function<std::uint64_t()> random);

  // All lanes are connected / one of them was lost.
  void on_connected(const Now& now);
  void on_lost(const std::string& reason, const Now& now);
  void on_message(LinkMessage message, const Now& now);
  void on_tick(const Now& now);

  [[nodiscard]] std::vector<LinkAction> take_actions();
  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const;
  [[nodiscard]] const LinkStatus& status() const noexcept { return status_; }

  static constexpr Duration kGreetingRepeat = std::chrono::seconds(3);
  static constexpr Duration kRefusedRepeat = std::chrono::seconds(10);
  static constexpr Duration kPingInterval = std::chrono::seconds(1);
  static constexpr Duration kSilenceMax = std::chrono::seconds(15);

 private:
  void greet(const Now& now);
  void ping(const Now& now);
  void go_down(const std::string& reason, const Now& now);
  void on_welcome(const Welcome& welcome, const Now& now);
  void on_pong(const Ping& ping, const Now& now);

  LinkFacts facts_;
  std::string peer_;
  std::function<std::uint64_t()> random_;
  LinkStatus status_;
  std::uint64_t nonce_ = 0;
  std::uint64_t ping_id_ = 0;
  std::uint64_t answered_ = 0;  // every ping comes back twice
  SteadyTime wake_at_{};
  std::vector<LinkAction> actions_;
};

// Why a set waits until both ends have the same definition of it; empty: they have, or the peer does not say.
[[nodiscard]] std::string pause_reason(const std::vector<SetDefinition>& own,
                                       const std::map<std::string, Digest>& theirs, const std::string& set,
                                       const std::string& peer);

// The answer to a Hello from the site that CURVE admitted as `admitted`.
[[nodiscard]] LinkMessage judge(const Hello& hello, const std::string& admitted, const LinkFacts& own,
                                std::uint64_t window_bytes, const Now& now);

}  // namespace ha::replicator
