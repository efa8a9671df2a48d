// The network between one origin and one replica: lanes that delay, lose, repeat, reorder and break.
//
// A lane is one connection: the origin's end is told when it is made and lost, the replica's is not (like a
// ROUTER). Packets are encoded messages. Thread safety: none.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/world.h"

namespace ha::sim {

struct Packet {
  std::uint32_t set = 0;  // 0: of the link
  std::uint64_t attempt = 0;
  std::uint16_t type = 0;
  Bytes body;
};

// What a path is like; faults are changed while it runs.
struct PathProfile {
  Duration latency = std::chrono::milliseconds(20);
  Duration jitter = std::chrono::milliseconds(2);
  std::uint64_t bytes_per_s = 10'000'000;
  std::uint64_t lose_permille = 0;      // single messages (a full queue somewhere)
  std::uint64_t repeat_permille = 0;    // a message comes twice
  std::uint64_t overtake_permille = 0;  // within one lane
  bool cut = false;                     // nothing gets through, connections break
  bool origin_up = true;
  bool replica_up = true;
};

class Lane {
 public:
  Lane(World& world, PathProfile& path, std::string name, std::size_t queue_max);

  // Origin's end. False: no room, or not connected.
  bool send(Packet packet);
  [[nodiscard]] bool connected() const noexcept { return connected_; }
  std::function<void()> on_connected;
  std::function<void()> on_lost;
  std::function<void()> on_room;
  std::function<void(Packet)> to_origin;

  // Replica's end.
  void reply(Packet packet);
  std::function<void(std::size_t lane, Packet)> to_replica;
  std::size_t number = 0;

  void reset();                   // all under way is lost; connects again by itself
  void stall(Duration duration);  // all waits

 private:
  struct Direction {
    SteadyTime free_at{};  // the wire is busy until then
    SteadyTime last_at{};  // nothing arrives before what was sent before it
  };
  void try_connect();
  void carry(Direction& direction, Packet packet, bool up);
  void deliver(SteadyTime at, const Packet& packet, bool up);

  World& world_;
  PathProfile& path_;
  std::string name_;
  std::size_t queue_max_;
  std::size_t queued_ = 0;
  bool connected_ = false;
  std::shared_ptr<Life> connection_ = std::make_shared<Life>();
  std::shared_ptr<Life> life_ = std::make_shared<Life>();
  Direction up_;
  Direction down_;
};

// From one origin to one replica; outlives the programs at both ends.
struct Link {
  // `path` is as it is while both programs run; they are not up yet.
  Link(World& world, std::string origin_site, std::string replica_site, const PathProfile& path_profile);

  void reset();

  std::string origin;
  std::string replica;
  PathProfile path;
  std::vector<std::unique_ptr<Lane>> lanes;  // control, state, bulk…
};

}  // namespace ha::sim
