#include "replicator/source/stable_book.h"

#include <algorithm>
#include <utility>

#include "replicator/source/disk_facts.h"

namespace ha::replicator {
namespace {

// Until this time is `span` ago; `span` for one that is not the clock's, or ahead of it.
Duration left_of(const sys::Timestamp& time, Duration span, WallTime now) {
  constexpr std::int64_t kSecondsMax = 9'000'000'000;  // beyond these the sums would overflow
  if (time.seconds <= 0) {
    return Duration::zero();
  }
  if (time.seconds >= kSecondsMax) {
    return span;
  }
  const Duration at = std::chrono::seconds(time.seconds) + std::chrono::nanoseconds(time.nanoseconds);
  const Duration age = now.time_since_epoch() - at;
  return age < Duration::zero() ? span : span - std::min(age, span);
}

}  // namespace

std::optional<Duration> StableBook::waits(BytesView key, const sys::Stat& stat, const Now& now) {
  const LocalStat seen = stat_record(stat);
  auto found = waiting_.find(key);
  if (found != waiting_.end() && found->second.seen != seen) {
    forget(key);
    found = waiting_.end();
  }
  const Duration by_times =
      std::max(left_of(stat.mtime, span_, now.wall), left_of(stat.ctime, span_, now.wall));
  const Duration known = found == waiting_.end() ? Duration::zero() : now.steady - found->second.since;
  const Duration left = std::min(by_times, span_ - std::min(known, span_));
  if (left <= Duration::zero()) {
    forget(key);
    return std::nullopt;
  }
  if (found != waiting_.end()) {
    found->second.asked = true;
  } else if (waiting_.size() < kUnstableMax) {
    waiting_.emplace(Bytes(key), Waiting{seen, now.steady, true});
    by_inode_.emplace(seen.inode, Bytes(key));
  } else {
    return std::nullopt;
  }
  return left;
}

void StableBook::forget(BytesView key) {
  const auto found = waiting_.find(key);
  if (found == waiting_.end()) {
    return;
  }
  const auto [first, last] = by_inode_.equal_range(found->second.seen.inode);
  const auto named = std::find_if(first, last, [&](const auto& each) { return each.second == key; });
  if (named != last) {
    by_inode_.erase(named);
  }
  waiting_.erase(found);
}

void StableBook::forget_unasked() {
  std::vector<Bytes> gone;
  for (auto& [key, waiting] : waiting_) {
    if (!std::exchange(waiting.asked, false)) {
      gone.push_back(key);
    }
  }
  for (const Bytes& key : gone) {
    forget(key);
  }
}

std::vector<Bytes> StableBook::renamed_from(const LocalStat& local) const {
  std::vector<Bytes> keys;
  const auto [first, last] = by_inode_.equal_range(local.inode);
  for (auto each = first; each != last; ++each) {
    LocalStat seen = waiting_.find(each->second)->second.seen;
    seen.ctime_s = local.ctime_s;
    seen.ctime_ns = local.ctime_ns;
    if (seen == local) {
      keys.push_back(each->second);
    }
  }
  return keys;
}

bool StableBook::is_as_seen(BytesView key, const sys::Stat& stat) const {
  const auto found = waiting_.find(key);
  return found != waiting_.end() && found->second.seen == stat_record(stat);
}

}  // namespace ha::replicator
