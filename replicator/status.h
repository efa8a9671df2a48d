// What the two sides tell about themselves: the values behind `hareplicate status`.
//
// Values only; taken on the loop that owns the facts, shown by control_service.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "replicator/model/position.h"

namespace ha::replicator {

struct LinkReport {
  std::string peer;
  std::string state;  // up, greeting, refused, down
  Duration for_time{};
  std::optional<Duration> rtt;
  std::optional<Duration> clock_offset;
  std::optional<Duration> last_heard;
  std::string congestion;
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t send_bytes_per_s = 0;
  std::uint64_t pacing_bytes_per_s = 0;  // 0: not paced
  std::uint64_t in_flight_bytes = 0;
  std::uint64_t reconnects = 0;
  bool config_equal = true;
  std::string reason;
  std::string hint;
};

// One set towards one peer, from this site's point of view.
struct SetReport {
  std::string set;
  std::string peer;
  bool is_origin = false;  // this site sends
  std::string state;       // in sync, copying, comparing, reading, HELD, paused, failed, waiting, down
  std::optional<Duration> behind;
  std::uint64_t items = 0;  // in the set here
  std::uint64_t pending_items = 0;
  std::uint64_t pending_bytes = 0;
  std::uint64_t sent_items = 0;  // in this pass
  std::uint64_t sent_bytes = 0;
  std::uint64_t link_bytes = 0;  // of all messages about it since the program started, both ways
  std::uint64_t failed_items = 0;
  std::optional<WallTime> last_equal;
  bool was_equal = false;  // of a replica: when the two were last compared, however long ago
  Position position;
  std::string reason;
  std::string hint;
};

// A command of `after` that failed when it ran last.
struct AfterReport {
  std::string set;
  std::string command;
  std::string reason;
};

struct SideReport {
  std::vector<LinkReport> links;
  std::vector<SetReport> sets;
  std::vector<AfterReport> after;
};

}  // namespace ha::replicator
