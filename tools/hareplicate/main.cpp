// hareplicate: what operators type. Speaks schemas/control.proto with this site's replicator.
#include <string>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/sys/process.h"
#include "schemas/cluster_names.h"
#include "tools/hareplicate/context.h"

namespace {

using namespace ha;        // NOLINT: main only
using namespace ha::tool;  // NOLINT

constexpr VerbRunner kRunners[] = {
    {"status", run_status},
    {"resync", run_resync},
    {"verify", run_verify},
    {"diff", run_diff},
    {"hold", run_hold},
    {"release", run_release},
    {"jobs list", run_jobs},
    {"jobs follow", run_jobs},
    {"jobs stop", run_jobs},
    {"stranded list", run_stranded},
    {"stranded show", run_stranded},
    {"stranded keep", run_stranded},
    {"stranded drop", run_stranded},
    {"stranded merge", run_stranded_merge},
    {"history", run_history},
    {"events", run_events},
    {"config show", run_config_show},
    {"config check", run_config_check},
    {"config diff", run_config_diff},
    {"config push", run_config_push},
    {"config confirm", run_config_confirm},
    {"config undo", run_config_undo},
    {"keys new", run_keys_new},
    {"keys show", run_keys_show},
    {"keys rotate", run_keys_rotate},
    {"invite", run_invite},
    {"join", run_join},
    {"doctor", run_doctor},
    {"init", run_init},
    {"support-bundle", run_support_bundle},
    {"help", run_help},
    {"completion names", run_completion_names},
};

// "jobs" and "stranded" alone list them, with flags as well.
void add_list(std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool alone = i + 1 == words.size() || words[i + 1].starts_with('-');
    const bool first = i == 0 || words[i - 1].starts_with('-') || (i > 1 && words[i - 2].starts_with('-'));
    if ((words[i] == "jobs" || words[i] == "stranded") && alone && first) {
      words.insert(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, "list");
      return;
    }
  }
}

Status may_run(const CliInvocation& invocation, const CliGlobals& globals) {
  if (!globals.site.empty() && invocation.verb != "join") {  // join asks nobody: it is told its name
    return Error(Code::Unsupported, "this version cannot ask another site's daemon through this one",
                 "run it there: ssh " + escape(globals.site) + " hareplicate " + invocation.verb);
  }
  return ok();
}

}  // namespace

int main(int argc, char** argv) {
  sys::open_standard_descriptors();
  std::vector<std::string> words(argv + 1, argv + argc);
  add_list(words);
  return run_program(program(), kRunners, std::move(words), may_run);
}
