// One TCP connection to a PBX on this host, waited for with patience. For workers: it blocks.
//
// Knows no protocol. Thread safety: one thread; the cancel_fd of a Patience becomes readable from any.
// Source: tcp(7), poll(2).
#pragma once

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/pbx/address.h"
#include "common/sys/file.h"

namespace ha::pbx {

// How long somebody waits.
struct Patience {
  SteadyTime until{};
  int cancel_fd = -1;  // readable: give up
};

class Connection {
 public:
  // Unavailable: nobody listens there; TimedOut; Cancelled.
  [[nodiscard]] static Result<Connection> open(const PbxAddress& to, const Patience& patience);

  struct Turn {
    Bytes received;
    bool has_ended = false;  // the other end has closed it, or it broke
    bool timed_out = false;
  };
  // Sends what it can of `output`, which is taken off it, and waits until bytes come or more can be sent.
  // What has come already is returned also after `until`. Cancelled.
  [[nodiscard]] Result<Turn> turn(Bytes& output, const Patience& patience);

 private:
  explicit Connection(sys::FileHandle socket) noexcept : socket_(std::move(socket)) {}
  sys::FileHandle socket_;
};

}  // namespace ha::pbx
