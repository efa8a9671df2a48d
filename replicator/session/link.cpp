#include "replicator/session/link.h"

#include <algorithm>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/nanoseconds.h"
#include "replicator/session/overloaded.h"

namespace ha::replicator {
OriginLink::OriginLink(LinkFacts facts, std::string peer, std::function<std::uint64_t()> random)
    : facts_(std::move(facts)), peer_(std::move(peer)), random_(std::move(random)) {}

// A greeting that is repeated keeps its nonce: a copy of it that comes late, after the link is up, would else
// begin another link at the replica, which then takes no notice of this one.
void OriginLink::greet(const Now& now) {
  if (status_.state != LinkState::Greeting) {
    nonce_ = std::max<std::uint64_t>(random_() >> 32, 1);
  }
  status_.state = LinkState::Greeting;
  wake_at_ = now.steady + kGreetingRepeat;
  actions_.push_back(
      LinkSend{LinkLane::Control, Hello{facts_.cluster_id, facts_.site, nonce_, facts_.config_digest,
                                        nanoseconds(now.wall), facts_.sets}});
}

void OriginLink::on_connected(const Now& now) {
  if (status_.state == LinkState::Unconnected) {
    greet(now);
  }
}

void OriginLink::go_down(const std::string& reason, const Now& now) {
  if (status_.state == LinkState::Up) {
    actions_.push_back(LinkDown{reason});
    status_.since = now.steady;
  }
  status_.rtt.reset();
  status_.reason = reason;
}

void OriginLink::on_lost(const std::string& reason, const Now& now) {
  go_down(reason, now);
  status_.state = LinkState::Unconnected;
}

void OriginLink::on_message(LinkMessage message, const Now& now) {
  if (status_.state == LinkState::Unconnected) {
    return;
  }
  std::visit(Overloaded{
                 [&](const Welcome& welcome) { on_welcome(welcome, now); },
                 [&](const Refusal& refusal) {
                   go_down(refusal.what, now);
                   status_.state = LinkState::Refused;
                   status_.reason = refusal.what;
                   status_.hint = refusal.hint;
                   wake_at_ = now.steady + kRefusedRepeat;
                 },
                 [&](const Pong& pong) { on_pong(pong.ping, now); },
                 [](const auto&) {},
             },
             message);
}

void OriginLink::on_welcome(const Welcome& welcome, const Now& now) {
  if (status_.state == LinkState::Up && welcome.link_nonce != nonce_) {
    go_down("the replica has answered an older greeting", now);
    greet(now);
    return;
  }
  if (status_.state != LinkState::Greeting || welcome.link_nonce != nonce_) {
    return;
  }
  if (welcome.site != peer_) {
    status_.state = LinkState::Refused;
    status_.reason = "the site that answers calls itself \"" + escape(welcome.site) + "\"";
    status_.hint = "compare [[site]] name, address and key on both sites: hareplicate config show";
    wake_at_ = now.steady + kRefusedRepeat;
    return;
  }
  status_.state = LinkState::Up;
  status_.since = now.steady;
  status_.peer_config_digest = welcome.config_digest;
  status_.peer_sets.clear();
  for (const SetDefinition& set : welcome.sets) {
    status_.peer_sets[set.set] = set.digest;
  }
  status_.reason.clear();
  status_.hint.clear();
  status_.last_heard = now.steady;
  actions_.push_back(LinkUp{static_cast<std::uint32_t>(nonce_), welcome.window_bytes});
  ping(now);
}

void OriginLink::ping(const Now& now) {
  wake_at_ = now.steady + kPingInterval;
  actions_.push_back(
      LinkSend{LinkLane::State, Ping{++ping_id_, nanoseconds(now.steady), nanoseconds(now.wall), {}}});
}

void OriginLink::on_pong(const Ping& ping, const Now& now) {
  const Duration rtt = std::chrono::nanoseconds(nanoseconds(now.steady) - ping.sent_ns);
  if (status_.state != LinkState::Up || ping.id > ping_id_ || ping.id <= answered_ ||
      rtt < Duration::zero()) {
    return;
  }
  answered_ = ping.id;
  status_.last_heard = now.steady;
  status_.rtt = rtt;
  status_.clock_offset = std::chrono::nanoseconds(ping.wall_ns - nanoseconds(now.wall)) + rtt / 2;
}

void OriginLink::on_tick(const Now& now) {
  if (status_.state == LinkState::Unconnected || now.steady < wake_at_) {
    return;
  }
  if (status_.state != LinkState::Up) {
    greet(now);
  } else if (now.steady - status_.last_heard > kSilenceMax) {
    go_down("no answer to pings", now);
    greet(now);
  } else {
    ping(now);
  }
}

std::optional<SteadyTime> OriginLink::next_wakeup() const {
  return status_.state == LinkState::Unconnected ? std::nullopt : std::optional(wake_at_);
}

std::vector<LinkAction> OriginLink::take_actions() {
  return std::exchange(actions_, {});
}

std::string pause_reason(const std::vector<SetDefinition>& own, const std::map<std::string, Digest>& theirs,
                         const std::string& set, const std::string& peer) {
  const auto here =
      std::find_if(own.begin(), own.end(), [&](const SetDefinition& each) { return each.set == set; });
  if (here == own.end() || theirs.empty()) {
    return {};
  }
  const auto there = theirs.find(set);
  if (there == theirs.end()) {
    return peer + " has no set " + set;
  }
  return there->second == here->digest ? std::string() : "its definition differs at " + peer;
}

LinkMessage judge(const Hello& hello, const std::string& admitted, const LinkFacts& own,
                  std::uint64_t window_bytes, const Now& now) {
  if (hello.cluster_id != own.cluster_id) {
    return Refusal{Code::Refused,
                   "cluster id \"" + escape(hello.cluster_id) + "\" of site " + admitted + " is not ours",
                   "two clusters never pair: compare [cluster] id in both cluster.toml"};
  }
  if (hello.site != admitted) {
    return Refusal{Code::Refused,
                   "site \"" + escape(hello.site) + "\" uses the key of site \"" + admitted + "\"",
                   "give each site its own key: hareplicate keys new"};
  }
  return Welcome{hello.link_nonce,      own.site,     own.config_digest,
                 nanoseconds(now.wall), window_bytes, own.sets};
}

}  // namespace ha::replicator
