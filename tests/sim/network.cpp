#include "tests/sim/network.h"

#include <algorithm>
#include <utility>

namespace ha::sim {
namespace {

constexpr std::size_t kHeaderBytes = 64;
constexpr std::size_t kBulkFlows = 2;
constexpr std::size_t kBulkQueue = 4;
constexpr std::size_t kControlQueue = 1000;

}  // namespace

Lane::Lane(World& world, PathProfile& path, std::string name, std::size_t queue_max)
    : world_(world), path_(path), name_(std::move(name)), queue_max_(queue_max) {
  try_connect();
}

void Lane::try_connect() {
  const Duration wait =
      world_.random().duration(std::chrono::milliseconds(5), std::chrono::milliseconds(800));
  world_.after(life_, wait, [this] {
    if (path_.cut || !path_.origin_up || !path_.replica_up) {
      try_connect();
      return;
    }
    connected_ = true;
    if (on_connected) {
      on_connected();
    }
  });
}

void Lane::reset() {
  if (!connected_) {
    return;
  }
  connected_ = false;
  connection_ = std::make_shared<Life>();
  up_ = {};
  down_ = {};
  queued_ = 0;
  world_.trace(name_ + " lost");
  if (on_lost) {
    on_lost();
  }
  try_connect();
}

void Lane::stall(Duration duration) {
  for (Direction* direction : {&up_, &down_}) {
    direction->free_at = std::max(direction->free_at, world_.now()) + duration;
  }
}

bool Lane::send(Packet packet) {
  if (!connected_ || queued_ >= queue_max_) {
    return false;
  }
  carry(up_, std::move(packet), true);
  return true;
}

void Lane::reply(Packet packet) {
  if (connected_) {
    carry(down_, std::move(packet), false);
  }
}

void Lane::carry(Direction& direction, Packet packet, bool up) {
  const auto bytes = static_cast<double>(packet.body.size() + kHeaderBytes);
  const auto time = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double>(bytes / static_cast<double>(path_.bytes_per_s)));
  direction.free_at = std::max(direction.free_at, world_.now()) + time;
  if (up) {
    ++queued_;
    world_.after(connection_, direction.free_at - world_.now(), [this] {
      --queued_;
      if (on_room) {
        on_room();
      }
    });
  }
  Random& random = world_.random();
  if (path_.cut || random.chance(path_.lose_permille)) {
    return;
  }
  SteadyTime at = direction.free_at + path_.latency + random.duration(Duration::zero(), path_.jitter);
  if (random.chance(path_.overtake_permille)) {
    at += random.duration(Duration::zero(), std::chrono::milliseconds(300));  // the next ones may be sooner
  } else {
    at = std::max(at, direction.last_at);
    direction.last_at = at;
  }
  if (random.chance(path_.repeat_permille)) {
    deliver(at + random.duration(Duration::zero(), std::chrono::milliseconds(500)), packet, up);
  }
  deliver(at, packet, up);
}

void Lane::deliver(SteadyTime at, const Packet& packet, bool up) {
  world_.after(connection_, at - world_.now(), [this, packet, up] {
    if (up && path_.replica_up && to_replica) {
      to_replica(number, packet);
    } else if (!up && path_.origin_up && to_origin) {
      to_origin(packet);
    }
  });
}

Link::Link(World& world, std::string origin_site, std::string replica_site, const PathProfile& path_profile)
    : origin(std::move(origin_site)), replica(std::move(replica_site)), path(path_profile) {
  path.origin_up = path.replica_up = false;
  for (std::size_t i = 0; i < 2 + kBulkFlows; ++i) {
    const std::string name = origin + ">" + replica + "/" + std::to_string(i);
    lanes.push_back(std::make_unique<Lane>(world, path, name, i < 2 ? kControlQueue : kBulkQueue));
    lanes.back()->number = i;
  }
}

void Link::reset() {
  for (auto& lane : lanes) {
    lane->reset();
  }
}

}  // namespace ha::sim
