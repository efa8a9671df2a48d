// The cases of arbiter_suite.h in which something goes wrong on the way, or at the server.
#pragma once

#include "tests/support/arbiter_turn.h"

namespace ha::failover::faults {

void lost_request(Turn& turn);
void lost_reply(Turn& turn);
void late_request(Turn& turn);
void late_and_first(Turn& turn);
void server_restarts(Turn& turn);
void server_away(Turn& turn);
void server_killed(Turn& turn);
void server_frozen(Turn& turn);
void rollback(Turn& turn);
void behind_its_names(Turn& turn);

}  // namespace ha::failover::faults
