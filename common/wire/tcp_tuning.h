// Congestion control and pacing of one TCP connection that ZeroMQ owns.
//
// The descriptor comes from a socket monitor's event and is borrowed: ZeroMQ may have closed it, and its
// number may have been given to another connection. So the pair of addresses is noted at first and compared
// before each use. SO_SNDBUF and SO_RCVBUF are never touched: setting them switches the kernel's autotuning
// off. Thread safety: a plain value. Source: tcp(7), TCP_CONGESTION and TCP_INFO; socket(7),
// SO_MAX_PACING_RATE.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "common/base/bytes.h"

namespace ha::wire {

// What the kernel knows of the path, for pacing and for the operator.
struct PathFacts {
  std::chrono::microseconds rtt{0};
  std::chrono::microseconds rtt_min{0};
  std::uint64_t delivery_bytes_per_second = 0;
  std::uint64_t acknowledged_bytes = 0;  // by the other end's kernel, since the connection began
  std::uint64_t unsent_bytes = 0;        // written by us, not yet sent by the kernel
  std::uint32_t retransmits = 0;         // since the connection began
};

class TcpConnection {
 public:
  TcpConnection() = default;
  // Notes who is at both ends of fd; an fd that is not a TCP connection gives one that is never current.
  static TcpConnection adopt(int fd);

  // Asks for a congestion control ("bbr"; empty: leave it) and returns the one in force, empty if unknown.
  std::string set_congestion(const std::string& name);
  // 0: unlimited. False when the connection has gone or the kernel refused.
  bool set_pacing(std::uint64_t bytes_per_second);
  // All zero when the connection has gone.
  [[nodiscard]] PathFacts facts() const;
  [[nodiscard]] bool current() const;

 private:
  int fd_ = -1;
  Bytes ends_;  // both socket addresses, as the kernel gives them
};

// The same request for a listening socket, whose connections inherit it.
void set_listener_congestion(int fd, const std::string& name);

}  // namespace ha::wire
