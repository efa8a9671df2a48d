// The replica's half of a site in the simulation: what ReplicaSide does, over simulated lanes.
//
// Thread safety: none.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "replicator/model/position.h"
#include "replicator/session/link.h"
#include "replicator/session/receiver.h"
#include "tests/sim/origin_end.h"

namespace ha::sim {

class ReplicaEnd {
 public:
  // `stores` and `links` (those that lead here) must outlive it. `admitted`: who may offer; empty: whoever
  // does.
  ReplicaEnd(World& world, std::string site, std::string cluster, const EndOptions& options,
             std::map<std::string, SimStore*> stores, std::vector<Link*> links, std::string admitted = {});
  ~ReplicaEnd();

  [[nodiscard]] const replicator::Receiver* receiver(const std::string& set) const;

 private:
  struct Session {
    std::string set;
    replicator::Receiver receiver;
    std::map<std::uint64_t, std::uint64_t> after;  // batch → what it waits for
    std::uint64_t attempt = 0;
    std::set<std::uint64_t> closed;
  };
  struct Origin {
    Link* link = nullptr;
    std::uint64_t nonce = 0;
    std::map<std::uint32_t, Session> sessions;
  };
  void on_packet(Origin& origin, std::size_t lane, const Packet& packet);
  void on_hello(Origin& origin, std::size_t lane, const replicator::Hello& hello);
  Session* session_for(Origin& origin, std::uint32_t number, const replicator::SetMessage& message,
                       std::uint64_t attempt);
  void advance(Origin& origin, std::uint32_t number);
  void fetch(Origin& origin, std::uint32_t number, Session& session, replicator::Fetch wanted);
  void commit(Origin& origin, std::uint32_t number, Session& session, const replicator::CommitAction& mark);
  void perform(Origin& origin, std::uint32_t number, Session& session, replicator::ReceiverAction action);
  void send_set(Origin& origin, std::uint32_t number, std::uint64_t attempt,
                const replicator::SetMessage& message);
  void note_data(Session& session, const replicator::SetMessage& message, std::uint64_t attempt);
  void check_order(Session& session, std::uint64_t batch);
  template <typename Work, typename Done>
  void run(Origin& origin, std::uint32_t number, Session& session, Work work, Done done);
  void arm();
  void on_tick();
  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const;

  World& world_;
  std::string site_;
  std::string cluster_;
  const EndOptions& options_;
  std::string admitted_;
  std::map<std::string, SimStore*> stores_;
  std::map<std::string, std::unique_ptr<SimStrand>> strands_;
  std::map<std::string, Origin> origins_;
  std::optional<SteadyTime> armed_;
  std::shared_ptr<Life> life_ = std::make_shared<Life>();
};

}  // namespace ha::sim
