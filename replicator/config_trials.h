// `hareplicate config push` at one site: what was prepared, what is on trial, and when it goes back.
//
// Lives as long as the program, over reloads. Each site keeps its own time: nobody has to reach it for the
// old cluster.toml to come back. Not here: who is asked and who answers (control_config.h). Thread safety:
// the main loop's thread. Source: docs/config-push.md.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "replicator/config.h"
#include "replicator/session/config_messages.h"
#include "replicator/trial_files.h"

namespace ha::replicator {

inline constexpr Duration kTrialMin = std::chrono::seconds(5);
inline constexpr Duration kTrialMax = std::chrono::hours(24);

// Who asks: a site by its key, or an operator at this site's own socket.
struct ConfigCaller {
  std::string site;
  std::string user;
  bool local = false;
};

class ConfigTrials {
 public:
  // `log` must outlive it. The files are looked at by open().
  ConfigTrials(std::filesystem::path cluster_file, std::filesystem::path node_file, Logger& log);

  // At the start, before cluster.toml is read, with the state directory locked: goes on with the trial that a
  // program before this one began, or undoes it.
  Status open(const std::string& state_dir, const Now& now);
  [[nodiscard]] bool is_open() const noexcept { return files_.has_value(); }

  // This configuration is in force. It must outlive the calls below, or be replaced by another call.
  void in_force(const Config& config);
  // What is on trial cannot be read or run: the old one is put back at once. False: nothing was on trial, or
  // it was in force before.
  bool failed(const Error& error, const Now& now);

  // The requests. `now` is of the loop. Refused, Denied, Invalid, Conflict with what to do about it.
  Result<std::vector<std::string>> prepare(const ConfigQuestion& question, const ConfigCaller& caller,
                                           const Now& now);
  Status apply(const std::string& id, const ConfigCaller& caller, const Now& now);
  Status confirm(const std::string& id, const ConfigCaller& caller, const Now& now);
  Status undo(const std::string& id, const ConfigCaller& caller, const Now& now);
  void cancel(const std::string& id);

  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const;
  // True: cluster.toml is another one now, load it.
  [[nodiscard]] bool on_tick(const Now& now);

  [[nodiscard]] std::optional<ConfigTrialFacts> facts(const Now& now) const;
  [[nodiscard]] const std::string& last() const noexcept { return last_; }
  // Whether what stands in cluster.toml is in force.
  [[nodiscard]] bool settled() const;

 private:
  struct Prepared {
    ConfigQuestion question;
    ConfigCaller caller;
    SteadyTime until{};
  };
  Status may_ask(const ConfigCaller& caller) const;
  Status check_free(const std::string& id, const Now& now) const;
  Result<std::vector<std::string>> check_text(const std::string& text) const;
  Status go_back(const std::string& why, const Now& now);

  std::filesystem::path cluster_file_;
  std::filesystem::path node_file_;
  Logger& log_;
  std::optional<TrialFiles> files_;
  const Config* config_ = nullptr;
  std::optional<Prepared> prepared_;
  std::optional<Trial> trial_;
  bool was_in_force_ = false;  // the configuration on trial
  std::optional<SteadyTime> reload_at_;
  std::optional<std::string> going_back_;  // why; it could not be written yet
  SteadyTime retry_at_{};                  // when that is tried again
  std::string last_;
  std::string confirmed_;  // id of the last one
};

}  // namespace ha::replicator
