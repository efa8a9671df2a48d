#include "replicator/control_jobs.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/nanoseconds.h"
#include "common/base/random.h"
#include "common/base/units.h"
#include "common/sys/digest.h"
#include "schemas/control.pb.h"

namespace ha::replicator {
namespace {

namespace pb = ha::schemas::control;

constexpr Duration kTick = std::chrono::milliseconds(200);
constexpr Duration kRefusedPatience = std::chrono::seconds(5);
constexpr Duration kDownPatience = std::chrono::seconds(30);

std::string new_id(const std::string& verb) {
  const auto random = sys::random_bytes(2);
  return verb.substr(0, 1) + "-" + hex(random.ok() ? BytesView(*random) : BytesView("\0\0", 2));
}

// "etc" itself and all keys beneath "etc/": '0' follows '/'.
std::vector<Span> spans_of(const std::string& path) {
  if (path.empty()) {
    return {};
  }
  return {{path, path + Bytes(1, '\0')}, {path + "/", path + "0"}};
}

std::string what_of(const Difference& difference) {
  if (difference.ahead) {
    return "adopt";
  }
  if (difference.item.deleted) {
    return "delete";
  }
  if (!difference.present) {
    return "create";
  }
  return difference.have == difference.item.content ? "remode" : "change";
}

Error at_work(const std::string& id, const std::string& where) {
  return Error(Code::Refused, "job " + id + " is at work on " + where,
               "hareplicate jobs follow " + id + "      or: hareplicate jobs stop " + id);
}

}  // namespace

struct Jobs::Part {
  enum class Phase { Listing, Settling, Comparing, Renewing, Copying, Done, Failed };

  OriginSet* set = nullptr;  // null: this site does not send it any more, and the part has ended
  OriginPeer* peer = nullptr;
  std::string name;  // of the set
  Phase phase = Phase::Listing;
  std::optional<std::uint64_t> differences;
  std::uint64_t index_id = 0;  // before the renewal
  SteadyTime progress_at{};
  Position looked_at;  // ours after we had looked
  std::function<void(const Now&)> begin_compare;
  Error error{Code::Internal, ""};
  pb::JobPart shown;

  [[nodiscard]] bool ended() const { return phase == Phase::Done || phase == Phase::Failed; }
  void fail(Error why) {
    phase = Phase::Failed;
    begin_compare = {};
    error = std::move(why);
  }
};

struct Jobs::Running {
  JobOrder order;
  std::vector<Part> parts;
  std::vector<pb::Item> items;
  std::set<const OriginSet*> renewed;
  pb::Job shown;
  bool stopped = false;
};

Jobs::Jobs(Pipeline& pipeline, Logger& log, OnChange on_change)
    : pipeline_(pipeline), log_(log), on_change_(std::move(on_change)) {
  timer_ = pipeline_.origin_loop().add_timer(
      [this] { return running_.empty() ? std::nullopt : std::optional(tick_at_); },
      [this](const Now& now) { on_tick(now); });
}

Jobs::~Jobs() {
  pipeline_.origin_loop().remove(timer_);
}

// ---------------------------------------------------------------- starting
Status Jobs::add_parts(Running& job) {
  const JobOrder& order = job.order;
  for (const std::string& name : order.sets) {
    const auto& sets = pipeline_.origin_sets();
    if (std::none_of(sets.begin(), sets.end(), [&](const auto& set) { return set->config().name == name; })) {
      const SetConfig* known = pipeline_.config().set(name);
      return known == nullptr ? unknown_set(pipeline_.config(), name)
                              : not_sent_here(name, pipeline_.origin_of(name));
    }
  }
  for (auto& set : pipeline_.origin_sets()) {
    const std::string& name = set->config().name;
    const bool wanted =
        order.sets.empty() || std::find(order.sets.begin(), order.sets.end(), name) != order.sets.end();
    for (auto& peer : pipeline_.peers()) {
      const bool this_peer = order.peer.empty() || order.peer == peer->name();
      if (wanted && this_peer && peer->sender_status(name)) {
        Part& part = job.parts.emplace_back();
        part.set = set.get();
        part.peer = peer.get();
        part.name = name;
      }
    }
  }
  if (job.parts.empty()) {
    return order.peer.empty()
               ? Error(Code::NotFound, "this site is the origin of no set, so it has nothing to compare",
                       "run it on the holder: hareplicate status names it")
               : Error(Code::Invalid, "this site sends nothing to a site \"" + escape(order.peer) + "\"",
                       "hareplicate status");
  }
  return ok();
}

Result<std::string> Jobs::start(const JobOrder& order, const Now& now) {
  const auto job = std::make_shared<Running>();
  job->order = order;
  HA_CHECK(add_parts(*job));
  for (const auto& other : running_) {
    for (const Part& theirs : other->parts) {
      for (const Part& ours : job->parts) {
        if (theirs.set == ours.set && theirs.peer == ours.peer && !theirs.ended()) {
          return at_work(other->shown.id(), ours.name + " → " + ours.peer->name());
        }
      }
    }
  }
  pb::Job& shown = job->shown;
  shown.set_id(new_id(order.verb));
  shown.set_verb(order.verb);
  shown.set_user(order.user);
  shown.set_started_ns(nanoseconds(now.wall));
  running_.push_back(job);
  tick_at_ = now.steady + kTick;
  log_.info("job.started", {{"job", shown.id()}, {"verb", order.verb}, {"user", order.user}});
  begin(job, now);
  publish(*job, now);
  return job->shown.id();
}

void Jobs::begin(const std::shared_ptr<Running>& job, const Now& now) {
  std::vector<OriginSet*> sets;
  for (Part& part : job->parts) {
    part.progress_at = now.steady;
    const auto status = part.peer->sender_status(part.name);
    if (const std::string paused = part.peer->paused(part.name); !paused.empty()) {
      part.fail(Error(Code::Unavailable, "it is paused: " + paused, status->hint));
    } else if (status->state == SenderState::Down) {
      part.fail(Error(Code::Unavailable, "there is no link to " + part.peer->name(),
                      "hareplicate status      and, if it stays so: hareplicate doctor"));
    } else if (std::find(sets.begin(), sets.end(), part.set) == sets.end()) {
      sets.push_back(part.set);
    }
  }
  for (OriginSet* set : sets) {
    set->look(
        job->order.deep, [this, job, set](const Result<ScanResult>& result) { on_looked(job, set, result); },
        now);
  }
}

Status Jobs::stop(const std::string& id, const Now& now) {
  for (const auto& job : running_) {
    if (job->shown.id() == id) {
      job->stopped = true;
      for (Part& part : job->parts) {
        if (part.phase == Part::Phase::Comparing) {
          part.peer->cancel_compare(part.name, now);
        }
        if (!part.ended()) {
          part.fail(Error(Code::Cancelled, "stopped"));
        }
      }
      on_tick(now);
      return ok();
    }
  }
  return Error(Code::NotFound, "no job \"" + escape(id) + "\" is running", "hareplicate jobs");
}

void Jobs::leave(const std::string& set) {
  for (const auto& job : running_) {
    for (Part& part : job->parts) {
      if (part.name == set && part.set != nullptr) {
        part.set = nullptr;
        if (!part.ended()) {
          part.fail(Error(Code::Unavailable,
                          "this site does not hold the service of set " + set + " any more",
                          "run it on the holder: hareplicate status names it"));
        }
      }
    }
  }
}

// ---------------------------------------------------------------- steps
void Jobs::on_looked(const std::shared_ptr<Running>& job, const OriginSet* set,
                     const Result<ScanResult>& result) {
  const Now now = read_clocks();
  for (Part& part : job->parts) {
    if (part.set != set || part.phase != Part::Phase::Listing) {
      continue;
    }
    if (!result.ok()) {
      part.fail(result.error());
      continue;
    }
    part.phase = Part::Phase::Settling;
    part.looked_at = set->facts().position;
    part.progress_at = now.steady;
    part.begin_compare = [this, job, &part](const Now& at) {
      const Look look = job->order.deep ? Look::Content : Look::Stat;
      part.peer->compare(
          part.name, {look, spans_of(job->order.path)},
          [this, job, &part](const ComparedAction& compared) { on_compared(job, part, compared); }, at);
    };
    settle(part, now);
  }
}

// What is being sent is sent first: to compare in the middle would interrupt it, and tell of it as different.
void Jobs::settle(Part& part, const Now& now) {
  const auto status = part.peer->sender_status(part.name);
  const bool has_all = status->acknowledged && status->acknowledged->index_id == part.looked_at.index_id &&
                       status->acknowledged->sequence >= part.looked_at.sequence;
  switch (status->state) {
    case SenderState::Offering:
    case SenderState::Comparing:
    case SenderState::Sending:
    case SenderState::Confirming:
      if (!has_all) {
        return;
      }
      break;
    case SenderState::Down:
      return;
    case SenderState::Waiting:
    case SenderState::Equal:
    case SenderState::Incomplete:
    case SenderState::Held:
      break;
  }
  part.phase = Part::Phase::Comparing;
  part.progress_at = now.steady;
  // Moved out: it holds the job, which holds the part.
  const auto begin_compare = std::exchange(part.begin_compare, {});
  begin_compare(now);
}

void Jobs::on_compared(const std::shared_ptr<Running>& job, Part& part, const ComparedAction& compared) {
  if (part.phase != Part::Phase::Comparing) {
    return;
  }
  part.differences = compared.count;
  std::vector<const Difference*> differences;
  for (const Difference& difference : compared.differences) {
    differences.push_back(&difference);
  }
  std::sort(differences.begin(), differences.end(),
            [](const Difference* a, const Difference* b) { return a->item.key < b->item.key; });
  for (const Difference* difference : differences) {
    if (job->items.size() < kJobItemsMax) {
      pb::Item& item = job->items.emplace_back();
      item.set_set(part.name);
      item.set_peer(part.peer->name());
      item.set_key(difference->item.key);
      item.set_what(what_of(*difference));
      item.set_bytes(difference->item.size);
    }
  }
  if (job->order.repair && (compared.count > 0 || job->order.full)) {
    // The sender is in the middle of its turn: the next tick goes on.
    part.index_id = part.set->facts().position.index_id;
    part.phase = Part::Phase::Renewing;
  } else {
    part.phase = Part::Phase::Done;
  }
}

void Jobs::repair(Running& job, Part& part, const Now& now) {
  if (job.order.full && part.set->facts().position.index_id == part.index_id) {
    // One renewal for all peers of the set, when all of them have been compared.
    const bool together = std::all_of(job.parts.begin(), job.parts.end(), [&](const Part& each) {
      return each.set != part.set || each.ended() || each.phase == Part::Phase::Renewing;
    });
    if (together && job.renewed.insert(part.set).second) {
      part.set->renew(now);
    }
    return;
  }
  part.phase = Part::Phase::Copying;
  part.progress_at = now.steady;
  part.peer->check(part.name, true, now);
}

void Jobs::follow(Running& job, Part& part, const Now& now) {
  if (part.phase == Part::Phase::Renewing) {
    repair(job, part, now);
  } else if (part.phase == Part::Phase::Settling) {
    settle(part, now);
    if (part.phase == Part::Phase::Settling) {
      watch(part, now);
    }
  } else if (part.phase == Part::Phase::Comparing || part.phase == Part::Phase::Copying) {
    watch(part, now);
  }
}

void Jobs::watch(Part& part, const Now& now) {
  const std::string& set = part.name;
  const auto status = part.peer->sender_status(set);
  const bool copying = part.phase == Part::Phase::Copying;
  Duration patience = kDownPatience;
  switch (status->state) {
    case SenderState::Equal:
      if (copying) {
        part.phase = Part::Phase::Done;
      }
      return;
    case SenderState::Incomplete:
      if (copying) {
        part.fail(Error(Code::Conflict, status->reason, status->hint));
      }
      return;
    case SenderState::Held:
      if (!copying) {
        part.peer->cancel_compare(set, now);
      }
      part.fail(Error(Code::Held, status->reason, status->hint));
      return;
    case SenderState::Comparing:
    case SenderState::Sending:
    case SenderState::Confirming:
      part.progress_at = now.steady;
      return;
    case SenderState::Offering:
      return;  // the replica looks at its tree, however long that takes; its silence ends in Waiting
    case SenderState::Waiting:
      patience = kRefusedPatience;
      break;
    case SenderState::Down:
      break;
  }
  if (now.steady - part.progress_at > patience) {
    if (!copying) {
      part.peer->cancel_compare(set, now);
    }
    const bool down = status->state == SenderState::Down;
    part.fail(down ? Error(Code::Unavailable, "the link to " + part.peer->name() + " is down",
                           "it goes on by itself when the link is back: hareplicate status " + set)
                   : Error(Code::Unavailable, status->reason, status->hint));
  }
}

// ---------------------------------------------------------------- showing
void Jobs::publish(Running& job, const Now& now) {
  pb::Job& shown = job.shown;
  shown.clear_parts();
  shown.set_items_done(0);
  shown.set_items_total(0);
  shown.set_bytes_done(0);
  shown.set_bytes_total(0);
  shown.set_sent_bytes(0);
  shown.set_differences(0);
  shown.clear_phase();
  bool ended = true;
  bool good = true;
  bool failed = false;
  constexpr const char* kNames[] = {"listing", "copying", "comparing", "copying",
                                    "copying", "done",    "failed"};
  for (Part& part : job.parts) {
    pb::JobPart& out = part.shown;
    out.set_set(part.name);
    out.set_peer(part.peer->name());
    out.set_phase(kNames[static_cast<std::size_t>(part.phase)]);
    out.set_items(part.set != nullptr ? part.set->facts().count : out.items());
    if (part.phase == Part::Phase::Copying || part.phase == Part::Phase::Settling) {
      const auto status = part.peer->sender_status(part.name);
      out.set_items_done(status->items_done);
      out.set_items_total(status->items_planned);
      out.set_bytes_done(status->bytes_done);
      out.set_bytes_total(status->bytes_planned);
      out.set_sent_bytes(status->bytes_sent);
    } else if (part.phase == Part::Phase::Done && out.items_total() > 0) {
      out.set_items_done(out.items_total());
      out.set_bytes_done(out.bytes_total());
    }
    if (part.differences) {
      out.set_differences(*part.differences);
      shown.set_differences(shown.differences() + *part.differences);
    }
    if (part.phase == Part::Phase::Failed) {
      out.set_code(static_cast<std::uint32_t>(part.error.code()));
      out.set_reason(part.error.what());
      out.set_hint(part.error.hint());
    }
    out.set_good(part.phase == Part::Phase::Done && (job.order.repair || part.differences.value_or(0) == 0));
    shown.set_items_done(shown.items_done() + out.items_done());
    shown.set_items_total(shown.items_total() + out.items_total());
    shown.set_bytes_done(shown.bytes_done() + out.bytes_done());
    shown.set_bytes_total(shown.bytes_total() + out.bytes_total());
    shown.set_sent_bytes(shown.sent_bytes() + out.sent_bytes());
    if (!part.ended() && shown.phase().empty()) {
      shown.set_phase(out.phase());
    }
    ended = ended && part.ended();
    good = good && out.good();
    failed = failed || part.phase == Part::Phase::Failed;
    *shown.add_parts() = out;
  }
  if (ended) {
    shown.set_phase(job.stopped ? "stopped" : failed ? "failed" : "done");
    shown.set_good(good);
    shown.set_ended_ns(nanoseconds(now.wall));
  }
  shown.set_set(job.order.sets.size() == 1 ? job.order.sets[0] : "");
  shown.set_peer(job.order.peer);
  on_change_(shown, ended ? job.items : std::vector<pb::Item>());
}

void Jobs::on_tick(const Now& now) {
  tick_at_ = now.steady + kTick;
  const auto jobs = running_;
  for (const auto& job : jobs) {
    for (Part& part : job->parts) {
      follow(*job, part, now);
    }
    publish(*job, now);
    if (job->shown.ended_ns() != 0) {
      log_.info("job.ended", {{"job", job->shown.id()},
                              {"verb", job->order.verb},
                              {"result", job->shown.phase()},
                              {"differences", job->shown.differences()}});
      std::erase(running_, job);
    }
  }
}

}  // namespace ha::replicator
