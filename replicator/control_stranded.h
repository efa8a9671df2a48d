// `hareplicate stranded`: what was put aside at this site when holders changed. docs/divergence.md.
//
// Each set's store is asked on its own strand, one after the other. Thread safety: the main loop's thread.
#pragma once

#include <cstdint>

#include "common/wire/control.h"
#include "common/wire/loop.h"
#include "replicator/pipeline.h"

namespace ha::schemas::control {
class Request;
}

namespace ha::replicator {

// Whether it changes anything: then it is for root.
[[nodiscard]] bool changes_stranded(const schemas::control::Request& asked);
// All must outlive the loop's last task.
void answer_stranded(wire::ControlServer& server, wire::Loop& loop, Pipeline& pipeline, std::uint64_t client,
                     const schemas::control::Request& asked);

}  // namespace ha::replicator
