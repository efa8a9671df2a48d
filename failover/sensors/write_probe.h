// Writes a small file, syncs it and takes it away again: whether, and how fast, a directory takes data.
//
// Blocks in the kernel for as long as the disk does. Thread safety: plain functions.
#pragma once

#include <string>

#include "common/base/result.h"
#include "failover/sensors/sensor.h"

namespace ha::failover {

// How long it took. `user`: written as that one, by dd; empty: by us. Denied: also of a file system that is
// read-only; NoSpace, Io, NotFound; TimedOut.
[[nodiscard]] Result<Duration> probe_write(const std::string& directory, const std::string& user,
                                           const MeasureTurn& turn);

}  // namespace ha::failover
