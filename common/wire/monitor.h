// The events of one socket, read on its own thread. Inside common/wire only.
//
// Its queue has no limit, because an I/O thread that waits in it would stop every connection; the owner reads
// it in each turn of its loop. Thread safety: none. Source: zmq_socket_monitor(3).
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/wire/zmq_handle.h"

namespace ha::wire {

class SocketMonitor {
 public:
  // `watched` must be stopped (stop_monitor) before this goes.
  static Result<SocketMonitor> open(Context& context, ZmqSocket& watched);

  // The next event; nullopt when there is none.
  std::optional<MonitorEvent> next();
  // To wait for.
  [[nodiscard]] ZmqSocket& pair() noexcept { return pair_; }

 private:
  explicit SocketMonitor(ZmqSocket pair) : pair_(std::move(pair)) {}
  ZmqSocket pair_;
};

// Why a handshake failed, as a sentence for the end that reports it.
std::string handshake_failure_text(const MonitorEvent& event, bool we_connect);

// Events for the owner, bounded: the oldest go first.
class EventQueue {
 public:
  static constexpr std::size_t kEventsMax = 256;
  void add(ConnectionEvent event);
  std::vector<ConnectionEvent> take();

 private:
  std::deque<ConnectionEvent> events_;
};

// What a Dealer and a Router set alike.
Status set_connection_options(ZmqSocket& socket, const ConnectionOptions& options);
Status check_message_size(BytesView message, const ConnectionOptions& options);

}  // namespace ha::wire
