#include "failover/controller.h"

#include <algorithm>
#include <utility>

#include "common/base/random.h"
#include "common/base/units.h"
#include "common/sys/file.h"
#include "failover/zone_time.h"

namespace ha::failover {
namespace {

constexpr int kIoThreads = 1;
constexpr Duration kLookEvery = std::chrono::milliseconds(500);
constexpr double kDoubt = 1.5;  // heartbeats of silence, and the PBX of an owner is asked
constexpr const char* kHardwareClock = "/sys/class/rtc/rtc0";

// The arbiter's answer has to come while it is worth something.
Duration call_time(const Timing& timing) {
  return std::min<Duration>(std::max<Duration>(timing.renew, std::chrono::seconds(1)), timing.lease / 3);
}

std::vector<std::string> names_of(const FailoverConfig& config) {
  std::vector<std::string> out;
  for (const ServiceSettings& service : config.services()) {
    out.push_back(service.rules.name);
  }
  return out;
}

// Whole seconds; none on a machine without such a clock.
std::optional<WallTime> read_hardware_clock() {
  const auto folder = sys::Directory::open_root(kHardwareClock);
  const auto text = folder.ok() ? sys::read_file(*folder, "since_epoch", 64) : Result<Bytes>(folder.error());
  if (!text.ok()) {
    return std::nullopt;
  }
  const long long seconds = std::strtoll(text->c_str(), nullptr, 10);
  return seconds > 0 ? std::optional(WallTime(std::chrono::seconds(seconds))) : std::nullopt;
}

PbxLineConfig line_of(const PbxSettings& pbx) {
  PbxLineConfig out;
  out.user = pbx.user;
  out.secret_file = pbx.secret_file.string();
  out.command = pbx.calls;
  if (!pbx.calls.empty()) {
    out.kind = PbxLineConfig::Kind::Command;
  } else if (!pbx.address.empty() && pbx.kind != PbxKind::Other) {
    const bool ami = pbx.kind == PbxKind::Asterisk;
    const auto at = pbx::PbxAddress::parse(pbx.address, ami ? pbx::kAmiPort : pbx::kEslPort);
    if (at.ok()) {  // it was checked
      out.kind = ami ? PbxLineConfig::Kind::Ami : PbxLineConfig::Kind::Esl;
      out.at = *at;
    }
  }
  return out;
}

}  // namespace

Controller::Controller(const FailoverConfig& config, wire::Loop& loop, Logger& log, StateBook book,
                       Health health, std::uint64_t boot)
    : config_(config),
      loop_(loop),
      log_(log),
      book_(std::move(book)),
      health_(std::move(health)),
      core_(config.rules(), book_.facts().highest, boot, read_clocks().steady),
      beat_at_(read_clocks().steady),
      look_at_(beat_at_) {
  for (const std::string& service : names_of(config)) {
    served_[service];
  }
}

Result<std::unique_ptr<Controller>> Controller::open(const FailoverConfig& config, wire::KeyPair keys,
                                                     wire::Loop& loop, Logger& log) {
  HA_TRY(StateBook book, StateBook::open(config.cluster().state_dir().string()));
  HA_TRY(Health health, Health::make(specs_of(config.watch().sensors), read_clocks().steady));
  std::unique_ptr<Controller> out(
      new Controller(config, loop, log, std::move(book), std::move(health), random_seed()));
  HA_CHECK(out->begin(std::move(keys)));
  return out;
}

Controller::~Controller() {
  *alive_ = false;
  for (const wire::Loop::Id id : registered_) {
    loop_.remove(id);
  }
}

Status Controller::begin(wire::KeyPair keys) {
  std::vector<GuardedService> guarded;
  for (const ServiceSettings& service : config_.services()) {
    guarded.push_back(service.guarded);
  }
  if (config_.needs_guard() && !guarded.empty()) {
    auto guard = Guard::open(std::move(guarded));
    if (!guard.ok()) {
      return std::move(guard).error().in("the kernel guard cannot be set up, and guard = \"required\"");
    }
    guard_ = std::move(guard).value();
  }
  HA_TRY(handlers_, Handlers::start(config_.watch().handlers, [this](HandlerRun run) {
           if (!run.outcome.good) {
             log_.warn("hook.failed",
                       {{"handler", run.handler}, {"event", run.event}, {"reason", run.outcome.words}});
           }
         }));
  begin_workers();
  HA_TRY(context_, wire::Context::open(kIoThreads));
  HA_TRY(link_, PeerLink::open(loop_, *context_, config_, keys,
                               {[this](const std::string& peer, unsigned path, const Heartbeat& beat,
                                       SteadyTime now) { core_.on_heartbeat(peer, path, beat, now); },
                                [this](const std::string& peer, const ServiceWord& word, SteadyTime now) {
                                  core_.on_word(peer, word.service, word.word, now);
                                  turn();
                                }},
                               log_));
  HA_TRY(std::vector<SensorToRun> sensors, make_sensors(config_.watch().sensors));
  HA_TRY(sensors_, SensorRunner::start(std::move(sensors), [this](SensorResult result) {
           later([this, result = std::move(result)] {
             note_health(health_.on_reading(result.name, result.reading, result.begun, loop_.now().steady));
             turn();
           });
         }));
  const StateFacts& facts = book_.facts();
  const Now now = read_clocks();
  for (const auto& [sensor, until] : facts.muted) {
    if (until > now.wall) {  // one that is not there any more is passed over
      static_cast<void>(health_.mute(sensor, now.steady + (until - now.wall), now.steady));
    }
  }
  core_.pause(facts.paused);
  if (facts.maintenance) {
    core_.resume_maintenance();
  }
  begin_timers();
  return ok();
}

void Controller::begin_workers() {
  const std::vector<std::string> services = names_of(config_);
  pbx_line_ = std::make_unique<PbxLine>(line_of(config_.pbx()), [this](const Result<std::uint64_t>& calls) {
    later([this, calls] { on_calls(calls); });
  });
  bool shelved = false;
  for (const replicator::SetConfig& set : config_.cluster().sets()) {
    shelved = shelved || set.place_at == replicator::PlaceAt::Shelf;
    if (const auto served = served_.find(set.service); served != served_.end()) {
      served->second.has_sets = true;
    }
  }
  for (const auto& [service, served] : served_) {
    if (!served.has_sets) {
      findings_.lag[service] = Lag::InSync;
    }
  }
  if (config_.cluster().sets().empty()) {
    roles_known_ = true;
    replicator_trouble_.clear();
  } else {
    replicator_ = std::make_unique<ReplicatorLink>(
        (config_.cluster().run_dir() / "replicator.sock").string(),
        [this](const Result<std::vector<RoleSeen>>& seen) { later([this, seen] { on_roles(seen); }); });
  }
  jobs_ = std::make_unique<SiteJobs>(
      loop_, config_.cluster().self().name, services, config_.pbx().control,
      JobLimits{config_.pbx().start_within, !shelved}, *handlers_, replicator_.get(),
      [this](const JobWish& wish, const JobEnd& end, Duration) { on_job_end(wish, end); },
      [this](const JobWish& wish, const std::string& what) {
        note("replicator.not_in_place", {{"service", wish.service}, {"what", what}});
      });
  desk_ = std::make_unique<ArbiterDesk>(
      loop_, services,
      [this](int cancel_fd) {
        return OpenArbiter::open(config_.dns(), call_time(config_.timing()), cancel_fd);
      },
      [this](const std::string& service, const Answer& answer) { on_answer(service, answer); },
      [this](const std::string& service, const std::vector<FollowAnswer>& found) {
        on_follow(service, found);
      });
  probe_ = std::make_unique<OwnerProbe>(
      loop_, services, [this](const std::string& service, const std::string& owner, bool dead) {
        const auto& record = core_.turns().at(service).sight().record();
        const bool failed = dead && record && record->owner == owner;
        findings_.probe_failed[service] = failed;
        turn();
      });
  fences_ = std::make_unique<Workers>(1);
}

void Controller::begin_timers() {
  registered_.push_back(loop_.add_timer([this] { return core_.next_wakeup(loop_.now().steady); },
                                        [this](const Now&) { turn(); }));
  registered_.push_back(loop_.add_timer([this] { return beat_at_; }, [this](const Now& now) { beat(now); }));
  registered_.push_back(loop_.add_timer([this] { return look_at_; }, [this](const Now& now) { look(now); }));
  registered_.push_back(loop_.add_timer([this] { return health_.next_wakeup(); },
                                        [this](const Now& now) {
                                          note_health(health_.on_tick(now.steady));
                                          turn();
                                        }));
}

void Controller::later(std::function<void()> task) {
  loop_.post_or_wait([task = std::move(task), alive = alive_] {
    if (*alive) {
      task();
    }
  });
}

// ---------------------------------------------------------------- each turn

std::string Controller::unwritten(SteadyTime now) const {
  const auto state = health_.sensor(kStateSensor);
  return state && state->counted == Grade::Trip && !state->muted_until ? state->text(now) : "";
}

void Controller::turn() {
  if (turning_) {
    return;  // a step that was carried out led here
  }
  turning_ = true;
  const SteadyTime now = loop_.now().steady;
  const bool serving = std::any_of(core_.turns().begin(), core_.turns().end(), [](const auto& each) {
    return each.second.state() == State::Holding || each.second.state() == State::Draining;
  });
  note_health(health_.set_serving(serving, now));
  findings_.score = health_.score(now);
  const std::vector<SensorView> worst = health_.contributions(1);
  findings_.worst = worst.empty() ? "" : worst.front().text(now);
  findings_.unwritten = unwritten(now);
  for (const ServiceStep& step : core_.tick(findings_, now)) {
    carry_out(step.service, step.step);
  }
  for (const auto& [service, turn] : core_.turns()) {
    notice_move(service, turn);
  }
  probe_owners(now);
  fence_owners(now);
  remember();
  tell_replicator();
  turning_ = false;
  // What others wait for to be sure is not kept until the next heartbeat.
  std::vector<std::string> heard = core_.detector().heard(now);
  if (heard != told_heard_ || findings_.probe_failed != told_probes_) {
    told_heard_ = std::move(heard);
    told_probes_ = findings_.probe_failed;
    tell_all(loop_.now());
  }
}

void Controller::beat(const Now& now) {
  if (const Duration late = now.steady - beat_at_; late > config_.timing().heartbeat * 2) {
    log_.warn("loop.late", {{"by", late}});  // silence of others begins anew
  }
  beat_at_ = now.steady + config_.timing().heartbeat;
  turn();  // at least so often, or the core takes it for a stall
  tell_all(now);
}

void Controller::tell_all(const Now& now) {
  std::vector<std::string> worst;
  for (const SensorView& view : health_.contributions(kWorstMax)) {
    worst.push_back(view.text(now.steady));
  }
  link_->beat(core_.heartbeat(now.steady), worst, now);
}

// What is looked at now and then.
void Controller::look(const Now& now) {
  look_at_ = now.steady + kLookEvery;
  look_at_clocks(now);
  if (guard_) {
    const Status good = guard_->ensure();
    const std::string trouble = good.ok() ? "" : good.error().what();
    if (trouble != guard_trouble_ && !trouble.empty()) {
      note("guard.failed", {{"reason", trouble}});
    }
    guard_trouble_ = trouble;
  }
  for (const ServiceSettings& service : config_.services()) {
    if (const auto minute = minute_of_day(now.wall, service.zone); minute.ok()) {
      findings_.minute_of_day[service.rules.name] = *minute;
    }
    Served& served = served_.at(service.rules.name);
    if (served.follow_due && served.follow_at && now.steady >= *served.follow_at) {
      served.follow_at.reset();
      desk_->follow(service.rules.name);
    }
  }
  note_silence(now.steady);
  revive(now);
  log_.flush_repeats();
  turn();
}

// As soon as its holder is suspected, and as long as it is.
void Controller::probe_owners(SteadyTime now) {
  for (const ServiceSettings& service : config_.services()) {
    const std::string& name = service.rules.name;
    const Sight& sight = core_.turns().at(name).sight();
    const bool theirs = sight.record() && !sight.is_free() && !sight.is_owner(config_.cluster().self().name);
    if (service.rules.mode != Mode::Fast || !theirs ||
        core_.detector().silence(sight.record()->owner, now) < kDoubt * config_.timing().heartbeat) {
      findings_.probe_failed.erase(name);
      continue;
    }
    const dns::SiteAddresses* site = config_.dns().site(sight.record()->owner);
    if (site != nullptr && !site->service.empty() && !service.guarded.udp.empty()) {
      const dns::Endpoint sip{site->service.front(), service.guarded.udp.front().first};
      probe_->probe(name, sight.record()->owner, sip.text());
    }
  }
}

// What has fallen silent, and what is heard again.
void Controller::note_silence(SteadyTime now) {
  for (const auto& [peer, paths] : config_.rules().paths) {
    const bool silent = core_.detector().suspects(peer, now);
    if (silent != silent_.contains(peer)) {
      note(silent ? "peer.suspected" : "peer.heard", {{"peer", peer}});
      silent ? static_cast<void>(silent_.insert(peer)) : static_cast<void>(silent_.erase(peer));
    }
  }
  for (const auto& [service, turn] : core_.turns()) {
    const auto since = turn.sight().silent_since();
    const bool silent = since && now - *since > config_.timing().lease;
    if (silent != silent_.contains("arbiter of " + service)) {
      note(silent ? "arbiter.silent" : "arbiter.answers", {{"service", service}});
      silent ? static_cast<void>(silent_.insert("arbiter of " + service))
             : static_cast<void>(silent_.erase("arbiter of " + service));
    }
  }
}

void Controller::look_at_clocks(const Now& now) {
  const std::string why = jumps_.on_readings({now, read_slept(), read_hardware_clock()});
  if (!why.empty()) {
    note("clock.jump", {{"why", why}});
    core_.on_jump(now.steady);
  }
}

// ---------------------------------------------------------------- steps

// The replicator may have files of epochs from before there was an arbiter: a claim goes beyond them.
void Controller::send_ask(const std::string& service, Served& served) {
  Ask asked = *std::exchange(served.asked, std::nullopt);
  if (asked.act == Act::Claim && served.seen) {
    asked.epoch = served.seen->epoch;
  }
  desk_->ask(service, asked);
}

void Controller::carry_out(const std::string& service, const Step& step) {
  if (const auto* ask = std::get_if<Ask>(&step)) {
    if (ask->act == Act::Claim ||
        (ask->act == Act::Renew && !is_serving(core_.turns().at(service).state()))) {
      served_.at(service).claimed = loop_.now().steady;
    }
    Served& served = served_.at(service);
    served.asked = *ask;
    if (ask->act != Act::Claim || roles_known_) {
      send_ask(service, served);
    }
  } else if (const auto* run = std::get_if<Run>(&step)) {
    run_job(service, *run);
  } else if (const auto* guard = std::get_if<GuardUntil>(&step)) {
    set_guard(service, *guard);
  } else if (const auto* role = std::get_if<Role>(&step)) {
    served_.at(service).role = *role;
  } else if (std::holds_alternative<Follow>(step)) {
    served_.at(service).follow_due = true;
    desk_->follow(service);
  } else if (const auto* word = std::get_if<Tell>(&step)) {
    tell(service, *word);
  } else {
    const Note& said = std::get<Note>(step);
    note(said.event, said.fields);
  }
}

// Isolated: neither the arbiter nor all candidates have answered for a whole lease.
bool Controller::survives_here(const std::string& service) const {
  const Turn& turn = core_.turns().at(service);
  const auto answered = turn.sight().answered();
  const bool alone = !answered || loop_.now().steady - *answered > config_.timing().renew * 2;
  return config_.survives_local() && alone && !turn.leaving();
}

void Controller::set_guard(const std::string& service, const GuardUntil& guard) {
  if (!guard_) {
    return;
  }
  Served& served = served_.at(service);
  Status done = ok();
  if (guard.until) {
    served.local = false;
    done = guard_->open_until(service, *guard.until);
  } else if (survives_here(service)) {
    served.local = true;
    done = guard_->keep_local(service);
  } else {
    done = guard_->close(service);
  }
  if (!done.ok()) {
    note("guard.failed", {{"service", service}, {"reason", done.error().what()}});
  }
}

void Controller::run_job(const std::string& service, const Run& run) {
  const bool local = run.job == Job::Demote && served_.at(service).local;
  if (run.job == Job::Promote || run.job == Job::Demote) {
    note(run.job == Job::Promote ? "role.promoting" : "role.demoting",
         {{"service", service}, {"epoch", std::to_string(run.epoch)}, {"why", run.why}});
  }
  if (local) {
    note("service.local_only", {{"service", service}, {"why", run.why}});
  }
  jobs_->run({service, run.job, run.epoch, run.why, local});
}

void Controller::tell(const std::string& service, const Tell& tell) {
  if (!tell.to.empty()) {
    link_->tell(tell.to, {service, tell.word});
    return;
  }
  for (const SiteSettings& site : config_.sites()) {
    if (site.name != config_.cluster().self().name) {
      link_->tell(site.name, {service, tell.word});
    }
  }
}

// Into the log, to handlers, and to those who listen to the PBX.
void Controller::note(const std::string& event,
                      const std::vector<std::pair<std::string, std::string>>& fields) {
  LogFields out;
  Event told{event, "e-" + std::to_string(++events_), config_.cluster().self().name, "", 0, loop_.now().wall,
             fields};
  for (const auto& [name, value] : fields) {
    out.emplace_back(name, value);
    if (name == "service" && served_.contains(value)) {
      told.role = served_.at(value).role.holder ? "holder" : "standby";
      told.epoch = core_.turns().at(value).sight().highest();
    }
  }
  const bool bad = event.ends_with("failed") || event.ends_with("lost") || event == "epoch.regression" ||
                   event == "lease.ended" || event == "clock.jump" || event == "dns.mismatch" ||
                   event == "peer.suspected" || event == "arbiter.silent";
  log_.log(bad ? LogLevel::Warn : LogLevel::Info, event, std::move(out));
  handlers_->tell(told);
  pbx_line_->tell(event, fields);
}

void Controller::note_health(const HealthChanges& changes) {
  for (const HealthChange& change : changes) {
    if (const auto* sensor = std::get_if<SensorChanged>(&change)) {
      note("sensor.changed", {{"sensor", sensor->name},
                              {"from", std::string(grade_text(sensor->from))},
                              {"to", std::string(grade_text(sensor->to))},
                              {"text", sensor->text}});
    } else {
      const auto& level = std::get<LevelChanged>(change);
      note(level.to == HealthLevel::Ok ? "node.recovered" : "node." + std::string(level_text(level.to)),
           {{"from", std::string(level_text(level.from))}, {"score", std::to_string(level.score)}});
    }
  }
}

}  // namespace ha::failover
