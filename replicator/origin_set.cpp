#include "replicator/origin_set.h"

#include <algorithm>
#include <utility>

#include "replicator/apply/staging.h"
#include "replicator/model/key.h"

namespace ha::replicator {
namespace {

constexpr std::size_t kChangesKept = 4096;
constexpr std::size_t kDirtyMax = 4096;  // more directories than that: walk everything
constexpr std::size_t kUnsignedMax = 4096;
constexpr Duration kFactsInterval = std::chrono::milliseconds(200);
constexpr Duration kRacyWait = std::chrono::milliseconds(2200);  // kRacyAge and a little
constexpr Duration kStableMargin = std::chrono::milliseconds(100);
constexpr Duration kSignWait = std::chrono::seconds(1);  // what was just read is to be sent first
constexpr Duration kRetryAfterError = std::chrono::seconds(10);

}  // namespace

OriginSet::OriginSet(wire::Loop& loop, SetStore& store, Strand& strand, Logger& log, Calls calls)
    : loop_(loop), store_(store), strand_(strand), log_(log), calls_(std::move(calls)) {
  store_.set_on_reading(
      [this](const Bytes& key) { loop_.post_or_wait([this, key] { calls_.on_reading(*this, key); }); });
}

OriginSet::~OriginSet() {
  for (const wire::Loop::Id id : registered_) {
    loop_.remove(id);
  }
}

void OriginSet::start(const Now& now) {
  open_watch();
  registered_.push_back(
      loop_.add_timer([this] { return next_wakeup(); }, [this](const Now& tick) { on_tick(tick); }));
  post_facts();
  full_wanted_ = true;
  scan(now);
}

// ---------------------------------------------------------------- whose it is
void OriginSet::allow(SendRight right, const Now& now) {
  right_ = right;
  check_right(now);
}

void OriginSet::check_right(const Now& now) {
  const bool may = !right_ || right_->may_send(now.steady);
  if (may != may_send_) {
    may_send_ = may;
    log_.log(may ? LogLevel::Info : LogLevel::Warn, may ? "set.sending" : "set.silent",
             {{"set", config().name}, {"reason", silence(now.steady)}});
    calls_.on_right(*this);
  }
}

std::string OriginSet::silence(SteadyTime now) const {
  return may_send_ ? std::string() : right_->silence(config().service, now);
}

void OriginSet::retire() {
  retired_ = true;
  looks_.clear();
  looks_wanted_.clear();
  for (const wire::Loop::Id id : std::exchange(registered_, {})) {
    loop_.remove(id);
  }
}

void OriginSet::drain(std::function<void()> done) {
  strand_.post([this, done = std::move(done)] { loop_.post_or_wait(done); });
}

void OriginSet::open_watch() {
  auto watch = sys::Watch::open(config().path, kStagingName);
  if (!watch.ok()) {
    log_.warn("source.unwatched", watch.error(), {{"set", config().name}});
    return;
  }
  watch_.emplace(std::move(watch).value());
  registered_.push_back(loop_.add_fd(watch_->fd(), true, false, [this](const Now& now) { on_watch(now); }));
}

// ---------------------------------------------------------------- what may have changed
void OriginSet::on_watch(const Now& now) {
  auto batch = watch_->read();
  if (!batch.ok()) {
    log_.warn("source.watch_failed", batch.error(), {{"set", config().name}});
    full_wanted_ = true;
  } else {
    full_wanted_ = full_wanted_ || batch->overflow;
    dirty_.insert(batch->directories.begin(), batch->directories.end());
  }
  if ((full_wanted_ || !dirty_.empty()) && !scan_at_) {
    scan_at_ = now.steady + config().settle;
  }
}

void OriginSet::look_again(BytesView key, const Now& now) {
  dirty_.emplace(parent_of_key(key));
  if (!scan_at_) {
    scan_at_ = now.steady + config().settle;
  }
}

void OriginSet::scan_now(const Now& now) {
  full_wanted_ = true;
  scan_at_ = now.steady;
  on_tick(now);
}

void OriginSet::look(bool deep, Looked done, const Now& now) {
  deep_wanted_ = deep_wanted_ || deep;
  looks_wanted_.push_back(std::move(done));
  scan_now(now);
}

std::optional<SteadyTime> OriginSet::next_wakeup() const {
  const auto right_ends = right_ && may_send_ ? std::optional(right_->until) : std::nullopt;
  if (scanning_) {
    return right_ends;
  }
  std::optional<SteadyTime> next = right_ends;
  for (const auto& at : {walk_at_, scan_at_, again_at_, unstable_at_, sign_at_}) {
    if (at && (!next || *at < *next)) {
      next = at;
    }
  }
  return next;
}

void OriginSet::on_tick(const Now& now) {
  check_right(now);
  if (scanning_) {
    return;
  }
  if (walk_at_ && *walk_at_ <= now.steady) {
    full_wanted_ = true;
    scan_at_ = now.steady;
  }
  if (again_at_ && *again_at_ <= now.steady) {
    dirty_.merge(again_);
    again_.clear();
    again_at_.reset();
    scan_at_ = scan_at_.value_or(now.steady);
  }
  if (unstable_at_ && *unstable_at_ <= now.steady) {
    dirty_.merge(unstable_);
    unstable_.clear();
    unstable_at_.reset();
    full_wanted_ = full_wanted_ || std::exchange(unstable_everywhere_, false);
    scan_at_ = scan_at_.value_or(now.steady);
  }
  if (scan_at_ && *scan_at_ <= now.steady) {
    scan(now);
  }
  if (sign_at_ && *sign_at_ <= now.steady) {
    sign_at_.reset();
    make_next_signatures();
  }
}

// ---------------------------------------------------------------- scanning
void OriginSet::scan(const Now& now) {
  scanning_ = true;
  scan_began_ = now.steady;
  scan_at_.reset();
  std::vector<Bytes> directories;
  bool deep = false;
  if (full_wanted_ || dirty_.size() > kDirtyMax) {
    full_wanted_ = false;
    walk_at_.reset();
    deep = std::exchange(deep_wanted_, false);
    looks_ = std::exchange(looks_wanted_, {});
  } else {
    directories.assign(dirty_.begin(), dirty_.end());
  }
  dirty_.clear();
  strand_.post([this, directories = std::move(directories), deep] {
    SteadyTime told = read_clocks().steady;
    const auto progress = [&](const ScanProgress& at) {
      const SteadyTime time = read_clocks().steady;
      if (time - told >= kFactsInterval) {
        told = time;
        auto facts = store_.facts();
        loop_.post_or_wait([this, items = at.items, facts = std::move(facts)]() mutable {
          items_scanned_ = items;
          take_facts(std::move(facts));
        });
      }
    };
    auto result =
        directories.empty() ? store_.scan_all(progress, deep) : store_.scan_directories(directories);
    auto facts = store_.facts();
    loop_.post_or_wait([this, result = std::move(result), facts = std::move(facts), directories]() mutable {
      take_facts(std::move(facts));
      on_scanned(result, directories, loop_.now());
    });
  });
}

void OriginSet::on_scanned(const Result<ScanResult>& result, const std::vector<Bytes>& directories,
                           const Now& now) {
  scanning_ = false;
  if (retired_) {
    return;
  }
  const bool full = directories.empty();
  for (Looked& done : std::exchange(looks_, {})) {
    done(result);
  }
  if (!result.ok()) {
    if (!problem_ || problem_->what() != result.error().what()) {
      const bool held = result.error().code() == Code::Held;
      log_.error(held ? "set.held" : "source.scan_failed", result.error(), {{"set", config().name}});
    }
    problem_ = result.error();
    full_wanted_ = true;
    scan_at_ = now.steady + kRetryAfterError;
    return;
  }
  problem_.reset();
  if (full) {
    first_scan_done_ = true;
    items_scanned_ = result->items;
    walk_at_ = now.steady + config().walk;
    log_.info("source.scanned", {{"set", config().name},
                                 {"items", result->items},
                                 {"changed", result->changed},
                                 {"deleted", result->deleted},
                                 {"failed", result->failed}});
  }
  log_.debug("source.looked", {{"set", config().name},
                               {"items", result->items},
                               {"changed", result->changed},
                               {"waiting", result->waiting},
                               {"bytes_hashed", result->bytes_hashed},
                               {"took", now.steady - scan_began_}});
  for (const Bytes& key : result->busy_keys) {
    again_.emplace(parent_of_key(key));
  }
  wait_for_stable(*result, now);
  if (result->racy > 0) {
    // A full scan does not say which: the first one after a start finds thousands at most once.
    if (full) {
      full_wanted_ = true;
    } else {
      again_.insert(directories.begin(), directories.end());
    }
  }
  full_wanted_ = full_wanted_ || result->need_full;
  if (full_wanted_) {
    scan_at_ = now.steady + (result->racy > 0 ? kRacyWait : Duration(config().settle));
  } else if (!again_.empty() && !again_at_) {
    again_at_ = now.steady + kRacyWait;
  }
  if (!dirty_.empty() && !scan_at_) {
    scan_at_ = now.steady + config().settle;
  }
  make_next_signatures();
  calls_.on_facts(*this);
}

// They are looked at again when the first of them may have been left alone for long enough.
void OriginSet::wait_for_stable(const ScanResult& result, const Now& now) {
  if (result.waiting == 0) {
    return;
  }
  for (const Bytes& key : result.waiting_keys) {
    unstable_.emplace(parent_of_key(key));
  }
  unstable_everywhere_ = unstable_everywhere_ || result.waiting > result.waiting_keys.size();
  const SteadyTime at = now.steady + result.waiting_for + kStableMargin;
  unstable_at_ = unstable_at_ ? std::min(*unstable_at_, at) : at;
}

// ---------------------------------------------------------------- what is known
void OriginSet::post_facts() {
  strand_.post([this] {
    auto facts = store_.facts();
    loop_.post_or_wait([this, facts = std::move(facts)]() mutable { take_facts(std::move(facts)); });
  });
}

void OriginSet::take_facts(Result<IndexFacts> facts) {
  if (!facts.ok()) {
    log_.error("index.failed", facts.error(), {{"set", config().name}});
    return;
  }
  const bool moved = !(facts->position == facts_.position) || facts->digest_key != facts_.digest_key;
  if (facts->position.sequence > facts_.position.sequence) {
    changes_.push_back({facts->position.sequence, loop_.now().steady});
    if (changes_.size() > kChangesKept) {
      // The two oldest become one: what they say stays true, only coarser.
      changes_[1].found = changes_[0].found;
      changes_.pop_front();
    }
  }
  facts_ = std::move(facts).value();
  if (moved) {
    calls_.on_facts(*this);
  }
}

std::optional<SteadyTime> OriginSet::changed_since(std::uint64_t sequence) const {
  const auto at = std::find_if(changes_.begin(), changes_.end(),
                               [&](const Change& change) { return change.sequence > sequence; });
  return at == changes_.end() ? std::nullopt : std::optional(at->found);
}

void OriginSet::acknowledged(const std::string& peer, const Position& position) {
  strand_.post([this, peer, position] {
    const Status status = store_.set_acknowledged(peer, position);
    if (!status.ok()) {
      log_.warn("index.failed", status.error(), {{"set", config().name}});
    }
  });
}

void OriginSet::release(const Now& now) {
  strand_.post([this] {
    const Status status = store_.accept_markers();
    if (!status.ok()) {
      log_.error("index.failed", status.error(), {{"set", config().name}});
    }
  });
  scan_now(now);
}

void OriginSet::adopt(const std::string& peer, AdoptAction action,
                      std::function<void(const Result<SetStore::Adopted>&)> done) {
  strand_.post([this, peer, action = std::move(action), done = std::move(done)] {
    auto adopted = store_.adopt(peer, action);
    auto facts = store_.facts();
    loop_.post_or_wait([this, adopted = std::move(adopted), facts = std::move(facts), done]() mutable {
      take_facts(std::move(facts));
      done(adopted);
    });
  });
}

void OriginSet::drop_adoptions(const std::string& peer) {
  strand_.post([this, peer] {
    const Status status = store_.drop_adoptions(peer);
    if (!status.ok()) {
      log_.warn("set.abort_failed", status.error(), {{"set", config().name}, {"peer", peer}});
    }
  });
}

void OriginSet::renew(const Now& now) {
  strand_.post([this] {
    const Status status = store_.renew();
    if (!status.ok()) {
      log_.error("index.failed", status.error(), {{"set", config().name}});
    }
  });
  post_facts();
  scan_now(now);
}

// ---------------------------------------------------------------- signatures, when there is nothing better
// to do
void OriginSet::want_signatures(const Bytes& key) {
  if (unsigned_keys_.size() < kUnsignedMax &&
      std::find(unsigned_keys_.begin(), unsigned_keys_.end(), key) == unsigned_keys_.end()) {
    unsigned_keys_.push_back(key);
    sign_at_ = sign_at_.value_or(loop_.now().steady + kSignWait);
  }
}

void OriginSet::make_next_signatures() {
  if (retired_ || signing_ || scanning_ || sign_at_ || unsigned_keys_.empty()) {
    return;
  }
  signing_ = true;
  strand_.post([this, key = unsigned_keys_.front()] {
    const auto made = store_.make_signatures_of(key);
    loop_.post_or_wait([this, more = made.ok() && !*made] {
      signing_ = false;
      if (!more) {
        unsigned_keys_.pop_front();
      }
      make_next_signatures();
    });
  });
  // Failures do not matter: a signature that is missing costs a question to the replica.
}

}  // namespace ha::replicator
