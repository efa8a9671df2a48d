#include "tools/hareplicate/config_trial.h"

#include <algorithm>
#include <iterator>
#include <thread>
#include <utility>

#include "common/base/bytes.h"
#include "common/base/units.h"
#include "tools/hareplicate/daemon.h"

namespace ha::tool {
namespace {

namespace wire_pb = ha::schemas::replication;

constexpr int kConfirmRounds = 3;
constexpr int kBackPolls = 20;
constexpr auto kBackWait = std::chrono::milliseconds(300);

bool contains(const std::vector<std::string>& all, const std::string& name) {
  return std::find(all.begin(), all.end(), name) != all.end();
}

// Whether it was confirmed there before: it is not on trial, and in force.
bool has_confirmed(const TrialView& trial, const std::string& site) {
  const auto found = trial.answers.find(site);
  return found != trial.answers.end() && found->second.code() == 0 && !found->second.trial().applied() &&
         found->second.digest() == trial.digest;
}

// Why a site cannot confirm; empty: it can.
std::string not_ready(const ConfigAnswers& answers, const std::string& site, const std::string& id) {
  const auto found = answers.find(site);
  if (found == answers.end()) {
    return "this site's replicator does not know it any more";
  }
  const wire_pb::ConfigAnswer& answer = found->second;
  if (is_on_trial(answer, id)) {
    return {};
  }
  return answer.code() != 0      ? answer.what()
         : answer.last().empty() ? "it is not on trial there"
                                 : "it is not on trial there: " + answer.last();
}

// This site last: while it is on trial, everybody can still go back.
std::vector<std::string> in_order(const TrialView& trial, const std::vector<std::string>& without,
                                  const std::string& self) {
  std::vector<std::string> out;
  for (const std::string& site : trial.sites) {
    if (site != self && !contains(without, site)) {
      out.push_back(site);
    }
  }
  if (contains(trial.sites, self) && !contains(without, self)) {
    out.push_back(self);
  }
  return out;
}

// Asks again those that did not answer, while there is time.
Result<ConfigAnswers> confirm_at(const Context& context, const std::string& id,
                                 std::vector<std::string> sites) {
  ConfigAnswers out;
  for (int round = 0; round < kConfirmRounds && !sites.empty(); ++round) {
    HA_TRY(ConfigAnswers answers, ask_sites(context, config_question(ConfigVerb::Confirm, id), sites));
    sites.clear();
    for (auto& [site, answer] : answers) {
      if (is_silent(answer)) {
        sites.push_back(site);
      }
      out[site] = std::move(answer);
    }
  }
  return out;
}

// `good` are those that had confirmed before.
Outcome tell_confirmed(const Context& context, const std::vector<std::string>& order,
                       const ConfigAnswers& answers, const std::vector<std::string>& without,
                       std::vector<std::string> good) {
  std::vector<std::string> bad;
  for (const std::string& site : order) {
    const auto found = answers.find(site);
    const bool confirmed = found != answers.end() && found->second.code() == 0;
    (confirmed ? good : bad).push_back(site);
    if (!confirmed) {
      print(
          escape(site) + ": NOT confirmed: " +
          (found == answers.end() ? std::string("it was not asked any more") : escape(found->second.what())) +
          "\n");
    }
  }
  if (!good.empty()) {
    print("confirmed: it stays on " + escape(names(good)) + "\n");
  }
  if (!without.empty()) {
    talk(context, "not asked: " + escape(names(without)) + "\n");
  }
  if (bad.empty()) {
    return ExitCode::Good;
  }
  talk(context, escape(names(bad)) +
                    " will go back to the cluster.toml before when the time is over, and so differ from the "
                    "others.\nnext: while there is time, once more: hareplicate config confirm\n      later: "
                    "hareplicate config diff " +
                    escape(bad.front()) + "; then hareplicate config push\n");
  return ExitCode::NotGood;
}

}  // namespace

Result<TrialView> look_at_trial(const Context& context, const std::string& id) {
  TrialView out;
  HA_TRY(out.answers, ask_sites(context, config_question(ConfigVerb::State), {},
                                id.empty() ? Asking::First : Asking::Again));
  for (const auto& [site, answer] : out.answers) {
    const wire_pb::ConfigTrial& trial = answer.trial();
    if (answer.code() != 0 || !trial.applied() || (!id.empty() && trial.id() != id) ||
        (!out.id.empty() && trial.id() != out.id)) {
      continue;
    }
    out.left_ns = out.id.empty() ? trial.left_ns() : std::min<std::int64_t>(out.left_ns, trial.left_ns());
    out.id = trial.id();
    out.digest = answer.digest();
    out.sites.assign(trial.sites().begin(), trial.sites().end());
  }
  if (out.id.empty()) {
    return Error(Code::NotFound, "no configuration is on trial at a site that can be asked",
                 "hareplicate status      hareplicate config diff");
  }
  return out;
}

Outcome confirm_trial(const Context& context, const std::string& id,
                      const std::vector<std::string>& without) {
  HA_TRY(const replicator::Config config, load_config(context));
  HA_TRY(const TrialView trial, look_at_trial(context, id));
  const std::string& self = config.self().name;
  for (const std::string& site : without) {
    if (config.site(site) == nullptr && !contains(trial.sites, site)) {
      return replicator::unknown_site(config, site).in("--without");
    }
  }
  std::vector<std::string> order = in_order(trial, without, self);
  std::vector<std::string> before;
  std::copy_if(order.begin(), order.end(), std::back_inserter(before),
               [&](const std::string& site) { return has_confirmed(trial, site); });
  std::erase_if(order, [&](const std::string& site) { return contains(before, site); });
  for (const std::string& site : order) {
    if (const std::string why = not_ready(trial.answers, site, trial.id); !why.empty()) {
      return Error(Code::Refused,
                   "nothing was confirmed, because of " + site + ": " + why + ". Every site goes back in " +
                       show_age(Duration(trial.left_ns)),
                   "try again, or: hareplicate config undo; to leave it behind: hareplicate config confirm "
                   "--without " +
                       site);
    }
  }
  std::vector<std::string> others = order;
  std::erase(others, self);
  ConfigAnswers answers;
  if (!others.empty()) {
    HA_TRY(answers, confirm_at(context, trial.id, others));
  }
  // While this site is on trial the rest can still be confirmed from here.
  const bool heard =
      others.empty() || !before.empty() ||
      std::any_of(answers.begin(), answers.end(), [](const auto& each) { return each.second.code() == 0; });
  const bool refused = std::any_of(answers.begin(), answers.end(), [](const auto& each) {
    return each.second.code() != 0 && !is_silent(each.second);
  });
  if (heard && !refused && contains(order, self)) {
    HA_TRY(ConfigAnswers own, confirm_at(context, trial.id, {self}));
    answers.merge(own);
  }
  return tell_confirmed(context, order, answers, without, std::move(before));
}

namespace {

// Until each of these sites runs with the cluster.toml that was put back; those that do not get there are
// left in `sites`.
Status wait_until_back(const Context& context, std::vector<std::string>& sites) {
  for (int polls = 0; polls < kBackPolls && !sites.empty(); ++polls) {
    HA_TRY(const ConfigAnswers answers, ask_sites(context, config_question(ConfigVerb::State), sites));
    std::erase_if(sites, [&](const std::string& site) {
      const auto found = answers.find(site);
      return found != answers.end() && found->second.code() == 0 && !found->second.trial().applied() &&
             found->second.settled();
    });
    if (!sites.empty()) {
      std::this_thread::sleep_for(kBackWait);
    }
  }
  return ok();
}

}  // namespace

Outcome undo_trial(const Context& context, const TrialView& trial) {
  HA_TRY(const replicator::Config config, load_config(context));
  std::vector<std::string> order = in_order(trial, {}, config.self().name);
  std::erase_if(order, [&](const std::string& site) { return !trial.answers.contains(site); });
  HA_TRY(const ConfigAnswers answers, ask_sites(context, config_question(ConfigVerb::Undo, trial.id), order));
  std::vector<std::string> back;
  bool all = true;
  for (const std::string& site : trial.sites) {
    const auto found = answers.find(site);
    if (found != answers.end() &&
        (found->second.code() == 0 || error_of(found->second).code() == Code::NotFound)) {
      back.push_back(site);
      continue;
    }
    all = false;
    print(escape(site) + ": not reached" +
          (found == answers.end() ? std::string() : ": " + escape(found->second.what())) +
          "; it goes back by itself within " + show_age(Duration(trial.left_ns)) + "\n");
  }
  std::vector<std::string> loading = back;
  HA_CHECK(wait_until_back(context, loading));
  std::erase_if(back, [&](const std::string& site) { return contains(loading, site); });
  for (const std::string& site : loading) {
    print(escape(site) +
          ": undone, but the cluster.toml before is not in force there yet: hareplicate status\n");
  }
  all = all && loading.empty();
  if (!back.empty()) {
    print("undone: the cluster.toml before is in force again on " + escape(names(back)) + "\n");
  }
  return all ? ExitCode::Good : ExitCode::NotGood;
}

}  // namespace ha::tool
