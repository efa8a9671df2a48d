// The connections to the other coordinators: heartbeats on every path, and messages about services.
//
// Each site listens on its own heartbeat addresses, one a path, and connects to every address of every other
// site. What is said goes out on all of them, so that one that is cut costs nothing; words are made so that
// hearing them twice does no harm. Nothing is kept for a path that is down. Who a peer is, its key says.
// Not here: who is suspected (model/detector.h). Thread safety: one loop's thread.
// Errors: of open(), as wire::Router and wire::Dealer. Source: docs/failover.md, "Suspicion".
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/wire/loop.h"
#include "common/wire/socket.h"
#include "common/wire/zap.h"
#include "failover/config.h"
#include "failover/peer_codec.h"

namespace ha::failover {

struct PeerFacts {
  std::optional<Duration> rtt;           // of the newest heartbeat
  std::optional<Duration> clock_offset;  // its wall clock minus ours
  std::vector<std::string> worst;        // what adds most to its score, as it says
  std::uint64_t heard = 0;               // heartbeats, on all paths
};

class PeerLink {
 public:
  struct Hooks {
    std::function<void(const std::string& peer, unsigned path, const Heartbeat&, SteadyTime now)> on_beat;
    std::function<void(const std::string& peer, const ServiceWord&, SteadyTime now)> on_word;
  };
  // All that is passed by reference outlives it.
  [[nodiscard]] static Result<std::unique_ptr<PeerLink>> open(wire::Loop& loop, wire::Context& context,
                                                              const FailoverConfig& config,
                                                              const wire::KeyPair& keys, Hooks hooks,
                                                              Logger& log);
  ~PeerLink();
  PeerLink(const PeerLink&) = delete;
  PeerLink& operator=(const PeerLink&) = delete;

  void beat(const Heartbeat& heartbeat, const std::vector<std::string>& worst, const Now& now);
  // `to`: a site.
  void tell(const std::string& to, const ServiceWord& word);

  [[nodiscard]] const std::map<std::string, PeerFacts>& facts() const noexcept { return facts_; }

 private:
  struct Way {  // to one address of a peer
    std::unique_ptr<wire::Dealer> dealer;
    std::uint64_t sequence = 0;
    bool was_up = false;
  };
  struct Newest {  // of a peer's heartbeats
    Duration clock{};
    SteadyTime came;
  };
  PeerLink(wire::Loop& loop, Hooks hooks, Logger& log) : loop_(loop), hooks_(std::move(hooks)), log_(log) {}
  Status listen(wire::Context& context, const FailoverConfig& config, const wire::KeyPair& keys);
  Status connect(wire::Context& context, const replicator::SiteConfig& site, const SiteSettings& settings,
                 const wire::KeyPair& keys, const std::string& self);
  void on_router(std::size_t path, const Now& now);
  void on_message(std::size_t path, const wire::RouterMessage& message, const Now& now);
  void on_beat(std::size_t path, const std::string& peer, const PathBeat& beat, const Now& now);
  void on_way(const std::string& peer, Way& way);
  void send(Way& way, const PeerMessage& message);

  wire::Loop& loop_;
  Hooks hooks_;
  Logger& log_;
  std::vector<wire::Loop::Id> registered_;
  std::unique_ptr<wire::ZapHandler> zap_;
  std::vector<std::unique_ptr<wire::Router>> routers_;  // by path
  std::map<std::string, std::vector<std::unique_ptr<Way>>> ways_;
  std::map<std::string, Newest> newest_;
  std::map<std::string, PeerFacts> facts_;
  std::uint64_t refusals_seen_ = 0;
};

}  // namespace ha::failover
