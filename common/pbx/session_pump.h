// Moves a session on by one turn of its connection: what AmiClient and EslClient share.
//
// Session: AmiSession, EslSession. Thread safety: that of its arguments.
#pragma once

#include <algorithm>

#include "common/pbx/connection.h"

namespace ha::pbx {

// `unsent`: what is left of the session's output. Waits until something comes, or `patience` or the session's
// next deadline is over, which the session then knows. How the session took it is in its state.
template <typename Session>
Status pump(Connection& connection, Session& session, Bytes& unsent, const Patience& patience) {
  unsent += session.take_output();
  Patience wait = patience;
  if (const auto wakeup = session.next_wakeup()) {
    wait.until = std::min(wait.until, *wakeup);
  }
  HA_TRY(const Connection::Turn turn, connection.turn(unsent, wait));
  const SteadyTime now = read_clocks().steady;
  session.on_bytes(turn.received, now);
  if (turn.has_ended) {
    session.on_closed();
  }
  session.on_tick(now);
  return ok();
}

}  // namespace ha::pbx
