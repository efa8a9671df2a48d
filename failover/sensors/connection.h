// A UDP or TCP socket that talks to one endpoint, until a time at most.
//
// Connected, so that a closed port is known at once and datagrams of others never come in. Names are not
// looked up: a resolver that hangs would be measured instead. Thread safety: one thread.
// Errors: Unavailable (refused, no route, the connection broke), TimedOut, Cancelled.
#pragma once

#include <string>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/sys/file.h"
#include "dnsupdater/endpoint.h"
#include "failover/sensors/sensor.h"

namespace ha::failover {

enum class Transport { Udp, Tcp };

class Connection {
 public:
  // Of TCP: there is a connection.
  [[nodiscard]] static Result<Connection> open(Transport transport, const dns::Endpoint& to,
                                               const MeasureTurn& turn);
  // All of it.
  [[nodiscard]] Status send(BytesView bytes);
  // What has come, at most `bytes_max`: a datagram, or a part of the stream; empty: the stream has ended.
  // TimedOut at `until`, or at the end of the turn if that is before.
  [[nodiscard]] Result<Bytes> receive(std::size_t bytes_max, SteadyTime until);
  // This side of it: "192.0.2.10:43210".
  [[nodiscard]] std::string local() const;
  [[nodiscard]] int fd() const noexcept { return socket_.fd(); }

 private:
  Connection(dns::Endpoint to, SteadyTime until, int cancel_fd, sys::FileHandle socket)
      : to_(std::move(to)), until_(until), cancel_fd_(cancel_fd), socket_(std::move(socket)) {}
  [[nodiscard]] Status wait(short events, SteadyTime until) const;

  dns::Endpoint to_;
  SteadyTime until_;
  int cancel_fd_;
  sys::FileHandle socket_;
};

// "192.0.2.10:80", "[2001:db8::10]:80". Invalid, also without a port.
[[nodiscard]] Result<dns::Endpoint> endpoint_with_port(std::string_view text);
// Waits until `fd` is ready. TimedOut, saying that `who` does not answer; Cancelled.
[[nodiscard]] Status wait_for(int fd, short events, SteadyTime until, int cancel_fd, std::string_view who);

}  // namespace ha::failover
