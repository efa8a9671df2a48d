// What a Loop can wait for. Implemented by Dealer, Router, ZapHandler and ControlServer; a plain file
// descriptor or a timer needs none of it (Loop::add_fd, Loop::add_timer).
//
// Thread safety: none; everything is called on the loop's thread.
#pragma once

#include <optional>
#include <vector>

#include "common/base/clock.h"

namespace ha::wire {

class ZmqSocket;  // zmq_handle.h

// One thing to wait for: a ZeroMQ socket, or a file descriptor when zmq_socket is null.
struct PollItem {
  ZmqSocket* zmq_socket = nullptr;
  int fd = -1;
  bool want_read = true;
  bool want_write = false;
  bool ready = false;  // filled in by the wait; also set by an error or a hang-up of an fd
};

class Pollable {
 public:
  Pollable() = default;
  Pollable(const Pollable&) = delete;
  Pollable& operator=(const Pollable&) = delete;
  virtual ~Pollable() = default;

  // Appends what it waits for now; asked again every turn.
  virtual void add_poll_items(std::vector<PollItem>& items) = 0;
  // When on_turn wants to be called although nothing is ready.
  [[nodiscard]] virtual std::optional<SteadyTime> next_wakeup() const { return std::nullopt; }
  // One of its items is ready or its wakeup has come: housekeeping, before the owner's handler is called.
  virtual void on_turn(const Now& now) = 0;
};

}  // namespace ha::wire
