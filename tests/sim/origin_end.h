// The origin's half of a site in the simulation: what OriginSet and OriginPeer do, over simulated lanes.
//
// Thread safety: none.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "replicator/session/link.h"
#include "replicator/session/sender.h"
#include "tests/sim/network.h"
#include "tests/sim/store.h"

namespace ha::sim {

struct EndOptions {  // of a run
  Duration work_max = std::chrono::milliseconds(20);
  Duration settle = std::chrono::milliseconds(100);
  Duration check = std::chrono::seconds(30);
  std::uint64_t window_bytes = 64 * 1024;
  std::size_t frame_bytes = 1024;
  std::size_t padding = 0;
  std::uint64_t ask_permille = 0;
  std::uint64_t wrong_basis_permille = 0;
  std::uint64_t drop_permille = 0;
};

class OriginEnd;

// A set at its origin: scans what users have changed, tells the peers.
class OriginSetSim {
 public:
  OriginSetSim(World& world, SimStore& store, const EndOptions& options);

  void start();
  void changed(const Bytes& key);  // by a user
  void scan_everything();
  void renew();
  void drop_adoptions(const std::string& peer);
  void adopt(const std::string& peer, replicator::AdoptAction action,
             std::function<void(Result<SimStore::Adopted>)> done);
  void set_acknowledged(const std::string& peer, const replicator::Position& position);
  [[nodiscard]] const replicator::IndexFacts& facts() const noexcept { return facts_; }
  [[nodiscard]] SimStore& store() noexcept { return store_; }
  std::vector<OriginEnd*> peers;

 private:
  void post_facts();
  void scan();

  World& world_;
  SimStore& store_;
  const EndOptions& options_;
  SimStrand strand_;
  std::shared_ptr<Life> life_ = std::make_shared<Life>();
  replicator::IndexFacts facts_;
  std::set<Bytes> dirty_;
  bool full_ = false;
  bool planned_ = false;
};

class OriginEnd {
 public:
  OriginEnd(World& world, Invariants& invariants, Link& link, const std::string& cluster,
            const EndOptions& options, const std::vector<OriginSetSim*>& sets);
  ~OriginEnd();

  void on_facts(OriginSetSim& set);
  void expect(const OriginSetSim& set, const Bytes& key);
  void observe(Invariants& invariants);
  [[nodiscard]] std::string difference() const;  // a session that does not know that its peer is equal
  [[nodiscard]] std::string describe() const;

  struct Session {
    std::uint32_t number = 0;
    OriginSetSim* set = nullptr;
    replicator::Sender sender;
    std::unique_ptr<SimStrand> strand;
    std::unique_ptr<SimReader> reader;
    std::uint64_t waiting_bytes = 0;
    std::uint64_t waiting_attempt = 0;
    std::string name;
  };
  std::vector<std::unique_ptr<Session>>& sessions() noexcept { return sessions_; }

 private:
  void on_packet(const Packet& packet);
  void advance();
  void perform_link();
  void perform(Session& session, replicator::SenderAction action);
  void adopt(Session& session, replicator::AdoptAction action);
  void send_set(Session& session, const replicator::SetMessage& message);
  void on_built(Session& session, std::uint64_t attempt, std::uint64_t batch, SimReader::Built built);
  template <typename Work, typename Done>
  void run(Session& session, Work work, Done done);
  bool send_data();
  void on_tick();
  void arm();
  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const;
  [[nodiscard]] std::uint64_t in_flight() const;

  World& world_;
  Invariants& invariants_;
  Link& lanes_;
  const EndOptions& options_;
  replicator::OriginLink link_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::uint64_t window_bytes_ = 0;
  std::optional<Packet> stuck_;
  std::size_t next_session_ = 0;
  std::size_t next_flow_ = 0;
  std::optional<SteadyTime> armed_;
  std::shared_ptr<Life> life_ = std::make_shared<Life>();
};

}  // namespace ha::sim
