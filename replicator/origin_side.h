// This site as origin: the sets that it sends, and the connections to those that it sends them to.
//
// Connections are to every other site, and last as long as the program; sets come and go with the services
// that this site holds. Not here: what a set is (OriginSet) and how it is sent (OriginPeer).
// Thread safety: the origin loop's thread, or before it turns.
#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/base/workers.h"
#include "common/wire/loop.h"
#include "replicator/origin_peer.h"
#include "replicator/origin_set.h"

namespace ha::replicator {

// What each peer had acknowledged of a set.
using Acknowledged = std::map<std::string, Position>;
// On the set's strand, or before it is used.
[[nodiscard]] Acknowledged acknowledged_by_all(SetStore& store);

class OriginSide {
 public:
  // All must outlive it.
  OriginSide(wire::Loop& loop, Workers& workers, Logger& log) : loop_(loop), workers_(workers), log_(log) {}

  Status open_peer(wire::Context& context, const wire::KeyPair& keys, OriginPeerOptions options);
  // To be started by its start(). With `told` it is sent only with a right: allow().
  OriginSet& add(SetStore& store, Strand& strand, const Acknowledged& acknowledged, bool told,
                 const Now& now);
  // Nothing of it is sent or scanned any more; `done` is called on the loop when nothing refers to its store.
  // Ends sooner when the store's stop flag is set. At once if it is not sent from here.
  void leave(const std::string& set, std::function<void()> done);
  // The right to send the sets of `service`, those that come later too.
  void allow(const std::string& service, const SendRight& right, const Now& now);

  [[nodiscard]] std::vector<std::unique_ptr<OriginPeer>>& peers() noexcept { return peers_; }
  [[nodiscard]] std::vector<std::unique_ptr<OriginSet>>& sets() noexcept { return sets_; }

 private:
  struct Leaving {
    std::unique_ptr<OriginSet> set;
    std::size_t busy = 0;  // strands that still have something of it
    std::function<void()> done;
  };
  void drained(std::list<Leaving>::iterator leaving);

  wire::Loop& loop_;
  Workers& workers_;
  Logger& log_;
  std::map<std::string, SendRight> rights_;
  std::vector<std::unique_ptr<OriginSet>> sets_;
  std::list<Leaving> leaving_;
  std::vector<std::unique_ptr<OriginPeer>> peers_;  // their sessions refer to sets: they go first
};

}  // namespace ha::replicator
