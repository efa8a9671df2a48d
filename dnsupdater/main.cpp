// dnsupdater: DNS changes as compare-and-swap, and maintenance swaps, for operators.
#include "common/sys/process.h"
#include "dnsupdater/desk.h"
#include "schemas/cluster_names.h"

namespace {

using namespace ha;       // NOLINT: main only
using namespace ha::dns;  // NOLINT

constexpr VerbRunner kRunners[] = {
    {"show", run_show},
    {"check", run_check},
    {"set", run_set},
    {"delete", run_delete},
    {"swap", run_swap_site},
    {"maintenance start", run_maintenance},
    {"maintenance stop", run_maintenance},
    {"pool show", run_pool_show},
    {"pool in", run_pool},
    {"pool drain", run_pool},
    {"pool maint", run_pool},
    {"pool down", run_pool},
    {"pool add", run_pool},
    {"pool remove", run_pool},
    {"pool weight", run_pool},
    {"probe", run_probe},
    {"resume", run_resume},
    {"undo", run_undo},
    {"wait", run_wait},
    {"journal", run_journal},
    {"accept", run_accept},
    {"doctor", run_doctor},
    {"completion names", run_completion_names},
};

}  // namespace

int main(int argc, char** argv) {
  sys::open_standard_descriptors();
  return run_program(program(), kRunners, {argv + 1, argv + argc});
}
