// Questions about cluster.toml to several sites at once, through this site's replicator.
//
// Thread safety: one thread. Errors: those of Daemon; that a site does not answer is in its answer.
// Source: docs/config-push.md.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "schemas/replication.pb.h"
#include "tools/hareplicate/context.h"

namespace ha::tool {

enum class ConfigVerb : std::uint32_t { State = 1, Text, Prepare, Apply, Confirm, Undo, Cancel };

using ConfigAnswers = std::map<std::string, schemas::replication::ConfigAnswer>;

[[nodiscard]] schemas::replication::ConfigQuestion config_question(ConfigVerb verb,
                                                                   const std::string& id = {});
// A reload closes the socket for a moment, so a question is tried for some seconds; but not the first one,
// which finds out whether a replicator runs at all.
enum class Asking { First, Again };
// To these sites, or to all that the replicator knows, itself included.
[[nodiscard]] Result<ConfigAnswers> ask_sites(const Context& context,
                                              const schemas::replication::ConfigQuestion& question,
                                              const std::vector<std::string>& sites = {},
                                              Asking asking = Asking::Again);

// The error that an answer is; call it only when code() is not 0.
[[nodiscard]] Error error_of(const schemas::replication::ConfigAnswer& answer);
// Whether the site was not there to be asked.
[[nodiscard]] bool is_silent(const schemas::replication::ConfigAnswer& answer);
// Whether the trial of that id is in force there.
[[nodiscard]] bool is_on_trial(const schemas::replication::ConfigAnswer& answer, const std::string& id);

// "fra1, nyc1"
[[nodiscard]] std::string names(const std::vector<std::string>& all);
// The words of a list with commas between.
[[nodiscard]] std::vector<std::string> words_of(const std::string& list);

}  // namespace ha::tool
