// What `failover status` is answered with: the coordinator as it is now, and what needs a person.
//
// Reads, and changes nothing. Thread safety: the loop's thread. Source: schemas/coordinator.proto.
#pragma once

#include "common/base/clock.h"
#include "failover/controller.h"

namespace ha::schemas::coordinator {
class Status;
}  // namespace ha::schemas::coordinator

namespace ha::failover {

void fill_status(const Controller& controller, const Now& now, schemas::coordinator::Status& out);

}  // namespace ha::failover
