// What is on trial at the sites, confirming it and taking it back. For the verbs push, confirm and undo.
//
// Thread safety: one thread. Source: docs/config-push.md.
#pragma once

#include <string>
#include <vector>

#include "tools/hareplicate/config_ask.h"

namespace ha::tool {

struct TrialView {
  std::string id;
  std::string digest;              // of the configuration on trial
  std::int64_t left_ns = 0;        // at the site where it ends first
  std::vector<std::string> sites;  // all that take part
  ConfigAnswers answers;           // of every site that is known
};

// NotFound when nothing is on trial anywhere. An empty `id` means whatever is.
[[nodiscard]] Result<TrialView> look_at_trial(const Context& context, const std::string& id = {});

// Keeps it on every site that takes part but those in `without`, and those that have confirmed it before.
// Nothing is confirmed anywhere while one of the rest does not have it on trial or does not answer. What came
// of it is printed, site by site.
[[nodiscard]] Outcome confirm_trial(const Context& context, const std::string& id,
                                    const std::vector<std::string>& without);

// Takes it back on these sites; those that do not hear it go back by themselves.
[[nodiscard]] Outcome undo_trial(const Context& context, const TrialView& trial);

}  // namespace ha::tool
