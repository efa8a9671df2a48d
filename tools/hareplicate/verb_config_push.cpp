// hareplicate config push, config confirm, config undo
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <set>
#include <thread>

#include "common/base/bytes.h"
#include "common/base/units.h"
#include "common/sys/digest.h"
#include "replicator/config_digest.h"
#include "replicator/config_trials.h"
#include "tools/hareplicate/config_show_diff.h"
#include "tools/hareplicate/config_trial.h"
#include "tools/hareplicate/daemon.h"
#include "tools/hareplicate/pair_files.h"

namespace ha::tool {
namespace {

namespace wire_pb = ha::schemas::replication;

constexpr Duration kTrialDefault = std::chrono::minutes(2);
constexpr auto kPoll = std::chrono::milliseconds(300);

// One push, from the file to "on trial everywhere".
class Push {
 public:
  Push(const Context& context, Duration limit)
      : context_(context), limit_(limit), without_(words_of(context.invocation.value("without"))) {}

  Outcome run() {
    HA_CHECK(read());
    HA_TRY(const bool needed, look());
    if (!needed) {
      print("every site has it in force already\n");
      return ExitCode::Good;
    }
    HA_CHECK(show_changes());
    if (silent_ && !context_.has("dry-run")) {
      print("nothing was changed at any site\n");
      talk(context_, "next: when it answers, the same again; or leave it out: --without SITE\n");
      return ExitCode::Unreachable;
    }
    HA_TRY(const bool ready, prepare());
    if (!ready || context_.has("dry-run")) {
      return ready ? ExitCode::Good : refusal_;
    }
    HA_CHECK(apply());
    return wait();
  }

 private:
  Status read() {
    HA_TRY(replicator::ConfigTexts texts, read_config_texts(context_.globals.config));
    if (!context_.argument(0).empty()) {
      HA_TRY(texts.cluster,
             read_candidate(context_.argument(0), "hareplicate config push FILE, or without FILE for " +
                                                      escape(context_.globals.config)));
    }
    file_ = context_.argument(0).empty() ? context_.globals.config : context_.argument(0);
    texts.cluster_file = file_;
    ConfigProblems problems;
    const auto config = replicator::Config::parse(texts, problems);
    if (!config.ok()) {
      std::fputs(problems.text().c_str(), stderr);
      return Error(Code::Invalid, "nothing was pushed", "correct " + escape(file_) + ", then push again");
    }
    text_ = texts.cluster;
    self_ = config->self().name;
    digest_ = replicator::config_digest(*config);
    for (const std::string& site : without_) {
      if (config->site(site) == nullptr) {
        return replicator::unknown_site(*config, site).in("--without");
      }
    }
    for (const replicator::SiteConfig& site : config->sites()) {
      next_sites_.insert(site.name);
    }
    return ok();
  }

  // Who takes part: the sites that both the configuration in force and the new one have.
  Result<bool> look() {
    HA_TRY(const ConfigAnswers answers,
           ask_sites(context_, config_question(ConfigVerb::State), {}, Asking::First));
    bool all_equal = true;
    for (const auto& [site, answer] : answers) {
      const bool left_out = std::find(without_.begin(), without_.end(), site) != without_.end();
      if (!next_sites_.contains(site)) {
        talk(context_, escape(site) + " is not in the new one, so it is not asked: stop its replicator\n");
      } else if (!left_out) {
        if (is_silent(answer)) {
          silent_ = true;
          print(escape(site) + ": cannot be asked: " + escape(answer.what()) + "\n");
        }
        sites_.push_back(site);
        all_equal = all_equal && answer.code() == 0 && answer.digest() == digest_ && !answer.has_trial();
      }
    }
    for (const std::string& site : next_sites_) {
      if (!answers.contains(site)) {
        talk(context_, escape(site) + " is new, so it is not asked: it has the file from hareplicate join\n");
      }
    }
    for (const std::string& site : without_) {
      talk(context_, escape(site) + " is left out (--without): it keeps the cluster.toml that it has\n");
    }
    if (std::find(sites_.begin(), sites_.end(), self_) == sites_.end()) {
      return Error(Code::Invalid, "this site, " + self_ + ", does not take part",
                   "push from a site that stays in the cluster");
    }
    return !all_equal;
  }

  Status show_changes() {
    HA_TRY(const ConfigAnswers answers, ask_sites(context_, config_question(ConfigVerb::Text), {self_}));
    HA_TRY(const replicator::ConfigComparison found,
           replicator::compare_configs({"in force", answers.at(self_).text()}, {file_, text_}));
    Table table = new_difference_table();
    add_differences(table, "new", found);
    if (!table.empty()) {
      print(table.text());
    }
    return ok();
  }

  // True: every site could take it.
  Result<bool> prepare() {
    HA_TRY(const Bytes random, sys::random_bytes(8));
    id_ = hex(random);
    wire_pb::ConfigQuestion question = config_question(ConfigVerb::Prepare, id_);
    question.set_text(text_);
    question.set_limit_ns(limit_.count());
    question.set_dry_run(context_.has("dry-run"));
    question.mutable_sites()->Assign(sites_.begin(), sites_.end());
    HA_TRY(const ConfigAnswers answers, ask_sites(context_, question, sites_));
    bool ready = true;
    std::vector<std::string> prepared;
    for (const auto& [site, answer] : answers) {
      for (const std::string& note : answer.notes()) {
        talk(context_, escape(site) + ": " + escape(note) + "\n");
      }
      if (answer.code() == 0) {
        prepared.push_back(site);
        print(context_.has("dry-run") ? escape(site) + ": would take it\n" : "");
        continue;
      }
      ready = false;
      refusal_ = is_silent(answer) ? ExitCode::Unreachable : ExitCode::Refused;
      print(escape(site) + (is_silent(answer) ? ": cannot be asked: " : ": refuses: ") +
            escape(answer.what()) + "\n");
      if (!answer.hint().empty()) {
        talk(context_, "    next: " + escape(answer.hint()) + "\n");
      }
    }
    if (!ready) {
      if (!context_.has("dry-run") && !prepared.empty()) {
        static_cast<void>(ask_sites(context_, config_question(ConfigVerb::Cancel, id_), prepared));
      }
      print("nothing was changed at any site\n");
    }
    return ready;
  }

  // The others first: they are asked by the configuration that is in force here now.
  Status apply() {
    std::vector<std::string> others = sites_;
    std::erase(others, self_);
    if (!others.empty()) {
      HA_TRY(const ConfigAnswers answers,
             ask_sites(context_, config_question(ConfigVerb::Apply, id_), others));
      for (const auto& [site, answer] : answers) {
        if (answer.code() != 0) {
          return give_up(site + " did not take it after all: " + answer.what());
        }
      }
    }
    HA_TRY(const ConfigAnswers own, ask_sites(context_, config_question(ConfigVerb::Apply, id_), {self_}));
    if (own.at(self_).code() != 0) {
      return give_up(self_ + " did not take it after all: " + own.at(self_).what());
    }
    until_ = read_clocks().steady + limit_;
    talk(context_, "on trial on " + escape(names(sites_)) + "; it goes back in " + show_age(limit_) +
                       " unless it is confirmed\n");
    return ok();
  }

  // Takes it back wherever it can be; each site does so by itself too.
  Error give_up(const std::string& why) {
    const auto told = ask_sites(context_, config_question(ConfigVerb::Undo, id_), sites_);
    std::vector<std::string> silent;
    for (const std::string& site : sites_) {
      if (!told.ok() || !told->contains(site) || is_silent(told->at(site))) {
        silent.push_back(site);
      }
    }
    return Error(
        Code::Refused,
        why + ". It was undone on every site" +
            (silent.empty() ? std::string()
                            : "; " + names(silent) + " cannot be told, and goes back by itself within " +
                                  show_age(limit_)),
        "hareplicate events --since 5m --on 'config.*', on that site");
  }

  // What is still missing; empty: every site is back, and linked with the others.
  Result<std::string> missing(const ConfigAnswers& answers, std::string& gone_back) const {
    for (const std::string& site : sites_) {
      const auto found = answers.find(site);
      if (found == answers.end() || found->second.code() != 0) {
        return site + " does not answer yet";
      }
      const wire_pb::ConfigAnswer& answer = found->second;
      if (!is_on_trial(answer, id_)) {
        gone_back = site + " went back: " + (answer.last().empty() ? "it never took it" : answer.last());
        return gone_back;
      }
      if (answer.digest() != digest_) {
        return site + " has not loaded it yet";
      }
      for (const wire_pb::ConfigLink& link : answer.links()) {
        const bool ours = std::find(sites_.begin(), sites_.end(), link.peer()) != sites_.end();
        if (ours && !(link.up() && link.equal())) {
          return "the link of " + site + " with " + link.peer() + " is not up yet";
        }
      }
    }
    return std::string();
  }

  Outcome wait() {
    catch_interrupts();
    std::string last = "no site was asked";
    while (read_clocks().steady < until_) {
      const auto answers = ask_sites(context_, config_question(ConfigVerb::State), sites_);
      if (interrupted()) {
        return Error(Code::Cancelled, "interrupted; the new configuration goes back by itself",
                     "hareplicate config undo, or hareplicate config confirm");
      }
      if (answers.ok()) {  // else this site is just loading it
        std::string gone_back;
        HA_TRY(last, missing(*answers, gone_back));
        if (!gone_back.empty()) {
          return give_up(gone_back);
        }
        if (last.empty()) {
          return everywhere();
        }
      }
      std::this_thread::sleep_for(kPoll);
    }
    return Error(Code::Refused,
                 "it was not confirmed, because " + last +
                     "; every site goes back to the cluster.toml before by itself",
                 "hareplicate status; the change is kept as " + context_.globals.config + ".undone");
  }

  Outcome everywhere() {
    print("in force on " + escape(names(sites_)) + ", and they are linked\n");
    const Duration left = until_ - read_clocks().steady;
    if (!context_.globals.yes && (context_.globals.no_input || ::isatty(STDIN_FILENO) == 0)) {
      print("it goes back in " + show_age(left) + " unless you type: hareplicate config confirm\n");
      return ExitCode::Good;
    }
    HA_TRY(const bool keep,
           confirm(context_, "It goes back in " + show_age(left) + " unless you say yes now: keep it?"));
    if (keep) {
      return confirm_trial(context_, id_, {});
    }
    HA_TRY(const TrialView trial, look_at_trial(context_, id_));
    return undo_trial(context_, trial);
  }

  const Context& context_;
  Duration limit_;
  std::vector<std::string> without_;
  std::string file_;
  std::string text_;
  std::string digest_;
  std::string self_;
  std::string id_;
  std::set<std::string> next_sites_;
  std::vector<std::string> sites_;
  SteadyTime until_{};
  bool silent_ = false;  // a site that takes part does not answer
  ExitCode refusal_ = ExitCode::Refused;
};

}  // namespace

Outcome run_config_push(const Context& context) {
  Duration limit = kTrialDefault;
  if (context.has("confirm")) {
    auto given = parse_duration(context.invocation.value("confirm"));
    if (!given.ok() || *given < replicator::kTrialMin || *given > replicator::kTrialMax) {
      return Error(Code::Invalid,
                   "--confirm " + escape(context.invocation.value("confirm")) + " must be from 5s to 24h",
                   "--confirm 2m");
    }
    limit = *given;
  }
  return Push(context, limit).run();
}

Outcome run_config_confirm(const Context& context) {
  return confirm_trial(context, {}, words_of(context.invocation.value("without")));
}

Outcome run_config_undo(const Context& context) {
  HA_TRY(const TrialView trial, look_at_trial(context));
  return undo_trial(context, trial);
}

}  // namespace ha::tool
