// failover: the coordinator daemon of a site, and the command that asks it.
#include <exception>

#include "common/sys/process.h"
#include "failover/verbs.h"
#include "schemas/cluster_names.h"

namespace {

using namespace ha;            // NOLINT: main only
using namespace ha::failover;  // NOLINT

constexpr VerbRunner kRunners[] = {
    {"status", run_status},
    {"why", run_why},
    {"history", run_history},
    {"switchover", run_switchover},
    {"takeover", run_takeover},
    {"fallback", run_fallback},
    {"pause", run_pause},
    {"resume", run_pause},
    {"maintenance start", run_maintenance},
    {"maintenance stop", run_maintenance},
    {"health", run_health},
    {"sensor list", run_sensor_list},
    {"sensor test", run_sensor_test},
    {"sensor mute", run_sensor_mute},
    {"sensor unmute", run_sensor_mute},
    {"fence confirm", run_fence_confirm},
    {"ack", run_ack},
    {"simulate", run_simulate},
    {"arbiter check", run_arbiter_check},
    {"arbiter accept", run_arbiter_accept},
    {"handlers list", run_handlers_list},
    {"handlers test", run_handlers_test},
    {"config check", run_config_check},
    {"config reload", run_config_reload},
    {"daemon", run_daemon},
    {"completion names", run_completion_names},
};

}  // namespace

int main(int argc, char** argv) {
  sys::open_standard_descriptors();
  return run_program(program(), kRunners, {argv + 1, argv + argc});
}
