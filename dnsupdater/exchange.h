// One message to one server and the answer to it, over UDP or TCP. Blocks: for workers.
//
// Connected sockets of our own: datagrams of others never come in, what answers another question is passed
// over until the time is up, an unsigned answer only counts if no signed one follows at once, a closed port
// is known at once. No resends here: each needs a new message. Thread safety: plain functions; `cancel_fd`
// becomes readable from any thread. Source: RFC 1035 4.2, 7766.
#pragma once

#include "common/base/clock.h"
#include "common/base/result.h"
#include "dnsupdater/endpoint.h"
#include "dnsupdater/message.h"

namespace ha::dns {

inline constexpr std::size_t kUdpBytesMax = 512;  // longer messages of ours go by TCP

enum class Transport { Udp, Tcp };

struct Exchange {
  Endpoint to;
  Transport transport = Transport::Udp;
  SteadyTime until{};
  int cancel_fd = -1;                // readable: give up
  WallTime::duration clock_shift{};  // added to our clock where an answer's signature is judged
};

struct Answer {
  Reply reply;
  Transport transport = Transport::Udp;  // that it came by
  Duration took{};
};

// A truncated answer to UDP is returned as it is. `key`: of `request`, null if it is not signed.
// Unavailable: nobody is there (refused, no route, the connection broke); TimedOut: silence until then;
// Corrupt: TCP brought something else than an answer to this; Cancelled.
[[nodiscard]] Result<Answer> exchange(const Exchange& with, const Request& request, const TsigKey* key);

}  // namespace ha::dns
