#include "replicator/config_trials.h"

#include <utility>

#include "common/base/nanoseconds.h"
#include "common/base/units.h"
#include "common/sys/process.h"
#include "common/sys/replace.h"
#include "replicator/config_keys.h"

namespace ha::replicator {
namespace {

constexpr Duration kPreparedMax = std::chrono::seconds(60);
// Between the answer to "apply" and the reload, which closes the connection that the answer goes by.
constexpr Duration kAnswerFirst = std::chrono::milliseconds(300);
constexpr Duration kUndoRetry = std::chrono::seconds(5);
constexpr std::size_t kProblemsShown = 20;

std::string who(const std::string& user, const std::string& site) {
  return (user.empty() ? "somebody" : escape(user)) + " at " + escape(site);
}

// A turn cannot be tried: its epoch has been seen then, and the one before is refused for good.
Status check_turns(const Config& now, const Config& next) {
  for (const ServiceConfig& service : now.services()) {
    const ServiceConfig* other = next.service(service.name);
    if (other != nullptr && (other->holder != service.holder || other->epoch != service.epoch)) {
      return Error(
          Code::Refused,
          "service " + service.name +
              " has another holder or epoch in it; that could not be taken back, as epochs only rise",
          "change these two by hand on every site, systemctl reload replicator; push the rest");
    }
  }
  for (const SetConfig& set : now.sets()) {
    const SetConfig* other = next.set(set.name);
    if (other != nullptr && (other->origin != set.origin || other->epoch != set.epoch)) {
      return Error(Code::Refused,
                   "set " + set.name +
                       " has another author, service or epoch in it; that could not be taken back, as epochs "
                       "only rise",
                   "change these by hand on every site, systemctl reload replicator; push the rest");
    }
  }
  return ok();
}

Error not_ours() {
  return Error(Code::NotFound, "no such configuration is on trial at this site", "hareplicate status");
}

}  // namespace

ConfigTrials::ConfigTrials(std::filesystem::path cluster_file, std::filesystem::path node_file, Logger& log)
    : cluster_file_(std::move(cluster_file)), node_file_(std::move(node_file)), log_(log) {}

Status ConfigTrials::open(const std::string& state_dir, const Now& now) {
  HA_TRY(files_, TrialFiles::open(state_dir, cluster_file_.string()));
  auto found = files_->read();
  if (!found.ok()) {
    log_.error("config.trial_damaged", found.error());
    return ok();
  }
  if (!*found) {
    return ok();
  }
  trial_ = std::move(**found);
  const auto in_place = files_->in_place();
  switch (judge_found(*trial_, in_place.ok() ? *in_place : std::string(), now)) {
    case TrialFound::Forget:
      HA_CHECK(files_->run(TrialStep::DropJournal, *trial_));
      trial_.reset();
      return ok();
    case TrialFound::Undo:
      HA_CHECK(go_back("it was not confirmed while this program did not run", now));
      reload_at_.reset();  // nothing is loaded yet
      return ok();
    case TrialFound::GoOn:
      log_.warn("config.on_trial", {{"from", trial_->site},
                                    {"user", trial_->user},
                                    {"seconds", time_left(*trial_, now.steady).count() / 1'000'000'000}});
      return ok();
  }
  return ok();
}

void ConfigTrials::in_force(const Config& config) {
  config_ = &config;
  was_in_force_ = trial_ && config.cluster_text() == trial_->after;
}

bool ConfigTrials::failed(const Error& error, const Now& now) {
  if (!trial_ || was_in_force_) {
    return false;
  }
  const Status back = go_back("it cannot be run here: " + error.what(), now);
  reload_at_.reset();  // the old one runs already, or is about to
  return back.ok();
}

// Puts the old cluster.toml in place; the reload follows by on_tick().
Status ConfigTrials::go_back(const std::string& why, const Now& now) {
  const Status done = files_->run_all(steps_to_undo(), *trial_);
  if (!done.ok()) {
    going_back_ = why;
    retry_at_ = now.steady + kUndoRetry;
    log_.error("config.undo_failed", done.error(), {{"from", trial_->site}});
    return done;
  }
  last_ = "the one from " + who(trial_->user, trial_->site) + " was undone: " + why;
  log_.warn("config.undone", {{"from", trial_->site}, {"user", trial_->user}, {"reason", why}});
  if (trial_->before != trial_->after) {
    reload_at_ = now.steady + kAnswerFirst;
  }
  trial_.reset();
  going_back_.reset();
  return ok();
}

// ---------------------------------------------------------------- requests
Status ConfigTrials::may_ask(const ConfigCaller& caller) const {
  if (caller.local || config_->accepts_config()) {
    return ok();
  }
  return Error(Code::Denied, "it takes no configuration from other sites",
               "on " + config_->self().name + ": accept_config = true in " + escape(node_file_.string()) +
                   ", then systemctl reload replicator");
}

Status ConfigTrials::check_free(const std::string& id, const Now& now) const {
  if (trial_) {
    return Error(Code::Refused,
                 "one from " + who(trial_->user, trial_->site) + " is on trial, it goes back in " +
                     show_age(time_left(*trial_, now.steady)),
                 "hareplicate config confirm, or hareplicate config undo; then push again");
  }
  if (reload_at_) {
    return Error(Code::Unavailable, "it is just loading another cluster.toml", "again in a few seconds");
  }
  if (prepared_ && prepared_->question.id != id && prepared_->until > now.steady) {
    return Error(Code::Refused,
                 who(prepared_->caller.user, prepared_->caller.site) + " is pushing another one just now",
                 "wait for it: hareplicate status");
  }
  return ok();
}

// As a reload would see it, with this site's own node.toml and key. Its warnings.
Result<std::vector<std::string>> ConfigTrials::check_text(const std::string& text) const {
  ConfigTexts texts{cluster_file_, text, node_file_, std::nullopt, sys::short_host_name()};
  auto node = sys::read_kept(node_file_.string(), kConfigBytesMax);
  if (node.ok()) {
    texts.node = std::move(node).value();
  } else if (node.error().code() != Code::NotFound) {
    return std::move(node).error();
  }
  ConfigProblems problems;
  const auto next = Config::parse(texts, problems);
  std::vector<std::string> lines;
  for (const ConfigProblem& problem : problems.sorted()) {
    if (problem.is_error != next.ok() && lines.size() < kProblemsShown) {
      lines.push_back(problem.line());
    }
  }
  if (!next.ok()) {
    return Error(Code::Invalid, lines.empty() ? next.error().what() : lines.front(),
                 "correct the file, then push it again");
  }
  if (next->cluster_id() != config_->cluster_id() || next->self().name != config_->self().name) {
    return Error(Code::Refused, "it is of another cluster, or makes this site another one",
                 "compare [cluster] id, and the names of the sites");
  }
  HA_CHECK(check_turns(*config_, *next));
  HA_TRY([[maybe_unused]] const wire::KeyPair keys, load_keys(*next));
  if (next->state_dir() != config_->state_dir() || next->run_dir() != config_->run_dir()) {
    return Error(Code::Unsupported, "node.toml has other directories than the replicator that runs",
                 "systemctl restart replicator");
  }
  return lines;
}

Result<std::vector<std::string>> ConfigTrials::prepare(const ConfigQuestion& question,
                                                       const ConfigCaller& caller, const Now& now) {
  HA_CHECK(may_ask(caller));
  HA_CHECK(check_free(question.id, now));
  if (question.id.empty() || question.limit < kTrialMin || question.limit > kTrialMax) {
    return Error(Code::Invalid, "a push takes from " + write_duration(kTrialMin) + " to " +
                                    write_duration(kTrialMax) + " until it goes back");
  }
  HA_TRY(const std::string in_place, files_->in_place());
  if (in_place != config_->cluster_text() && in_place != question.text) {
    return Error(Code::Conflict,
                 escape(cluster_file_.string()) + " was changed there and is not in force: it would be lost",
                 "on " + config_->self().name + ": hareplicate config diff " +
                     escape(cluster_file_.string()) + "; then systemctl reload replicator, or put it back");
  }
  HA_TRY(std::vector<std::string> notes, check_text(question.text));
  if (!question.dry_run) {
    prepared_ = Prepared{question, caller, now.steady + kPreparedMax};
  }
  return notes;
}

Status ConfigTrials::apply(const std::string& id, const ConfigCaller& caller, const Now& now) {
  HA_CHECK(may_ask(caller));
  if (trial_ && trial_->id == id) {
    return ok();  // the answer was lost
  }
  HA_CHECK(check_free(id, now));
  if (!prepared_ || prepared_->question.id != id || prepared_->until <= now.steady ||
      prepared_->caller.site != caller.site) {
    return Error(Code::Refused, "nothing is prepared for it any more", "push again: hareplicate config push");
  }
  const Prepared prepared = *std::exchange(prepared_, std::nullopt);
  HA_TRY(const std::string in_place, files_->in_place());
  if (in_place != config_->cluster_text() && in_place != prepared.question.text) {
    return Error(Code::Conflict, escape(cluster_file_.string()) + " was changed there just now",
                 "push again: hareplicate config push");
  }
  Trial trial{id,
              prepared.caller.site,
              prepared.caller.user,
              prepared.question.sites,
              nanoseconds(now.steady),
              nanoseconds(now.wall),
              prepared.question.limit.count(),
              config_->cluster_text(),
              prepared.question.text};
  const Status begun = files_->run_all(steps_to_begin(), trial);
  if (!begun.ok()) {
    static_cast<void>(files_->run_all(steps_to_undo(), trial));
    return begun.error();
  }
  trial_ = std::move(trial);
  was_in_force_ = trial_->before == trial_->after;
  reload_at_ = was_in_force_ ? reload_at_ : now.steady + kAnswerFirst;
  log_.warn("config.pushed",
            {{"from", trial_->site}, {"user", trial_->user}, {"seconds", trial_->limit_ns / 1'000'000'000}});
  return ok();
}

Status ConfigTrials::confirm(const std::string& id, const ConfigCaller& caller, const Now& now) {
  if (!trial_ && !id.empty() && id == confirmed_) {
    return ok();  // the answer was lost
  }
  if (!trial_ || trial_->site != config_->self().name) {  // what was pushed from here is wanted here
    HA_CHECK(may_ask(caller));
  }
  if (!trial_ || trial_->id != id || is_over(*trial_, now)) {
    return not_ours();
  }
  if (going_back_) {
    return Error(Code::Refused, "it is going back: " + *going_back_, "hareplicate events --on 'config.*'");
  }
  HA_CHECK(files_->run_all(steps_to_keep(), *trial_));
  last_ = "the one from " + who(trial_->user, trial_->site) + " was confirmed";
  confirmed_ = id;
  log_.info("config.confirmed",
            {{"from", trial_->site}, {"user", caller.user}, {"by", caller.site}, {"id", trial_->id}});
  trial_.reset();
  return ok();
}

Status ConfigTrials::undo(const std::string& id, const ConfigCaller& caller, const Now& now) {
  if (prepared_ && prepared_->question.id == id) {
    prepared_.reset();
  }
  if (!trial_ || trial_->id != id) {
    return not_ours();
  }
  return go_back(who(caller.user, caller.site) + " asked for it", now);
}

void ConfigTrials::cancel(const std::string& id) {
  if (prepared_ && prepared_->question.id == id) {
    prepared_.reset();
  }
}

// ---------------------------------------------------------------- time
std::optional<SteadyTime> ConfigTrials::next_wakeup() const {
  std::optional<SteadyTime> next = reload_at_;
  if (trial_) {
    const SteadyTime over{std::chrono::duration_cast<SteadyTime::duration>(
        Duration(trial_->begun_steady_ns + trial_->limit_ns))};
    const SteadyTime due = going_back_ ? retry_at_ : over;
    next = next ? std::min(*next, due) : due;
  }
  return next;
}

bool ConfigTrials::on_tick(const Now& now) {
  if (trial_ && (going_back_ ? now.steady >= retry_at_ : is_over(*trial_, now))) {
    static_cast<void>(go_back(going_back_.value_or("nobody confirmed it"), now));
    reload_at_ = reload_at_ ? std::optional(now.steady) : std::nullopt;
  }
  if (reload_at_ && *reload_at_ <= now.steady) {
    reload_at_.reset();
    return true;
  }
  return false;
}

bool ConfigTrials::settled() const {
  const auto text = files_->in_place();
  return text.ok() && *text == config_->cluster_text();
}

std::optional<ConfigTrialFacts> ConfigTrials::facts(const Now& now) const {
  if (trial_) {
    return ConfigTrialFacts{trial_->id, trial_->site, trial_->user, time_left(*trial_, now.steady),
                            true,       trial_->sites};
  }
  if (prepared_ && prepared_->until > now.steady) {
    return ConfigTrialFacts{prepared_->question.id,
                            prepared_->caller.site,
                            prepared_->caller.user,
                            prepared_->until - now.steady,
                            false,
                            prepared_->question.sites};
  }
  return std::nullopt;
}

}  // namespace ha::replicator
