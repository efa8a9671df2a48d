#include "failover/site_jobs.h"

#include <utility>

namespace ha::failover {
namespace {

constexpr Duration kLiveSetsWait = std::chrono::seconds(2);

std::string_view job_text(Job job) {
  switch (job) {
    case Job::Prewarm:
      return "prewarm";
    case Job::Cool:
      return "cool";
    case Job::Promote:
      return "promote";
    case Job::Demote:
      return "demote";
  }
  return "";
}

}  // namespace

SiteJobs::SiteJobs(wire::Loop& loop, std::string site, const std::vector<std::string>& services,
                   PbxConfig pbx, JobLimits limits, Handlers& handlers, ReplicatorLink* replicator,
                   OnEnd on_end, OnTrouble on_trouble)
    : loop_(loop),
      site_(std::move(site)),
      limits_(limits),
      handlers_(handlers),
      replicator_(replicator),
      on_end_(std::move(on_end)),
      on_trouble_(std::move(on_trouble)),
      pbx_(std::move(pbx)),
      workers_(static_cast<unsigned>(services.size())) {
  for (const std::string& service : services) {
    strands_.emplace(service, std::make_unique<Strand>(workers_));
  }
}

SiteJobs::~SiteJobs() {
  *alive_ = false;
  cancel_.now();
  workers_.stop();
}

void SiteJobs::run(const JobWish& wish) {
  strands_.at(wish.service)->post([this, wish, alive = alive_] {
    const SteadyTime begun = read_clocks().steady;
    const JobEnd end = carry_out(wish);
    const Duration took = read_clocks().steady - begun;
    loop_.post_or_wait([this, wish, end, took, alive] {
      if (*alive) {
        on_end_(wish, end, took);
      }
    });
  });
}

JobEnd SiteJobs::carry_out(const JobWish& wish) {
  std::string trouble;
  switch (wish.job) {
    case Job::Prewarm:
      trouble = limits_.sets_are_live ? start(wish, true) : "";
      break;
    case Job::Cool:
      trouble = stop(wish);
      break;
    case Job::Promote:
      trouble = wish.revive ? start(wish, false) : promote(wish);
      break;
    case Job::Demote:
      trouble = demote(wish);
      break;
  }
  return {wish.job, wish.epoch, trouble.empty(), trouble};
}

CommandInput SiteJobs::input(const JobWish& wish) const {
  CommandInput out;
  out.environment = {"HA_SITE=" + site_, "HA_SERVICE=" + wish.service,
                     "HA_EPOCH=" + std::to_string(wish.epoch), "HA_REASON=" + wish.why,
                     "HA_JOB=" + std::string(job_text(wish.job))};
  out.cancel_fd = cancel_.fd();
  return out;
}

std::optional<Veto> SiteJobs::ask(const char* event, const JobWish& wish) {
  Event asked{event,
              "",
              site_,
              wish.job == Job::Demote ? "standby" : "holder",
              wish.epoch,
              read_clocks().wall,
              {{"service", wish.service}, {"why", wish.why}}};
  return handlers_.ask(asked, cancel_.fd());
}

// Empty: done. The order is that of what callers need: data first, then the PBX.
std::string SiteJobs::promote(const JobWish& wish) {
  if (const auto veto = ask("role.promoting", wish)) {
    return "handler " + veto->handler + " has said no: " + veto->words;
  }
  const std::string trouble = wait_for_sets(wish);
  if (!trouble.empty() && !limits_.sets_are_live) {
    return trouble;  // the PBX would start with another service's files
  }
  if (!trouble.empty()) {
    loop_.post_or_wait([this, wish, trouble, alive = alive_] {
      if (*alive) {
        on_trouble_(wish, trouble);
      }
    });
  }
  return start(wish, false);
}

// Calls go before copies: what only stands in the way of replication is not waited for.
std::string SiteJobs::wait_for_sets(const JobWish& wish) {
  if (replicator_ == nullptr) {
    return "";
  }
  const Duration limit = limits_.sets_are_live ? kLiveSetsWait : limits_.start_within;
  const Status placed = replicator_->wait_in_place(wish.service, wish.epoch, read_clocks().steady + limit);
  if (placed.ok() || (limits_.sets_are_live && placed.error().code() == Code::Unavailable)) {
    return "";  // there is no replicator: said elsewhere
  }
  return placed.error().what();
}

std::string SiteJobs::demote(const JobWish& wish) {
  static_cast<void>(ask("role.demoting", wish));
  return wish.keep_pbx ? "" : stop(wish);
}

std::string SiteJobs::start(const JobWish& wish, bool warm) {
  if (const auto veto = ask("pbx.starting", wish)) {
    return "handler " + veto->handler + " has said no: " + veto->words;
  }
  const std::lock_guard lock(pbx_mutex_);
  const PbxOutcome outcome = warm ? pbx_.prewarm(input(wish)) : pbx_.start(input(wish));
  if (outcome.result == PbxResult::Failed || outcome.result == PbxResult::Vetoed) {
    return outcome.words;
  }
  users_.insert(wish.service);
  if (outcome.result == PbxResult::Done) {
    const std::lock_guard times(times_mutex_);
    starts_.add(outcome.took);
  }
  return "";
}

std::string SiteJobs::stop(const JobWish& wish) {
  static_cast<void>(ask("pbx.stopping", wish));
  const std::lock_guard lock(pbx_mutex_);
  users_.erase(wish.service);
  if (!users_.empty()) {
    return "";  // another service is served by it
  }
  const PbxOutcome outcome = pbx_.stop(input(wish));
  if (outcome.state != PbxState::Stopped) {
    return outcome.words;
  }
  if (outcome.result == PbxResult::Done) {
    const std::lock_guard times(times_mutex_);
    stops_.add(outcome.took);
  }
  return "";
}

std::optional<Duration> SiteJobs::start_time() const {
  const std::lock_guard lock(times_mutex_);
  return starts_.median();
}

std::optional<Duration> SiteJobs::stop_time() const {
  const std::lock_guard lock(times_mutex_);
  return stops_.median();
}

}  // namespace ha::failover
