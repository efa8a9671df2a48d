// The time of day in a time zone, for windows that people write.
//
// Only for people's windows: nothing is ordered or timed by it. Thread safety: plain functions.
// Errors: Invalid for a zone that the host does not know. Source: IANA time zones of the host.
#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace ha::failover {

// Minutes since midnight, 0 to 1439. `zone`: "Europe/Berlin"; empty: the host's.
[[nodiscard]] Result<int> minute_of_day(WallTime time, const std::string& zone);

}  // namespace ha::failover
