// The walk and files that are still being written: docs/operations.md, "Pace".
#include <algorithm>
#include <utility>

#include "replicator/source/disk_facts.h"
#include "replicator/source/scan_run.h"

namespace ha::replicator {
namespace {

constexpr std::size_t kGoneMax = 10'000;  // deletions that wait for the end of the walk

}  // namespace

// Whether a file that is not what the index says is left alone for now.
bool ScanRun::is_unstable(const Bytes& key, const sys::Stat& stat, const std::optional<Entry>& old) {
  StableBook* const book = options_->stable;
  if (book == nullptr || stat.type != sys::FileType::Regular) {
    return false;
  }
  const bool known =
      old && (old->local == encode_local(stat_record(stat)) || old->local == encode_local(racy_record(stat)));
  if (known) {
    book->forget(key);
    return false;
  }
  const std::optional<Duration> left = book->waits(key, stat, options_->clock());
  if (left) {
    note_waiting(key, *left);
  }
  return left.has_value();
}

void ScanRun::note_waiting(const Bytes& key, Duration left) {
  result_.waiting_for = result_.waiting == 0 ? left : std::min(result_.waiting_for, left);
  ++result_.waiting;
  if (result_.waiting_keys.size() < kScanListMax) {
    result_.waiting_keys.push_back(key);
  }
}

// An item that is gone. Deletions are written at the end of the walk: a replica makes what was moved from the
// old file, so no pass may have the deletion without the new name. And when the new name goes only once it is
// stable, the old one is not deleted before.
Status ScanRun::let_go(Entry entry) {
  entry.meta.clear();
  gone_.push_back(std::move(entry));
  return gone_.size() < kGoneMax ? ok() : remove_gone();
}

// From the bottom, so that a directory is seen after what was in it.
Status ScanRun::remove_gone() {
  for (auto entry = gone_.rbegin(); entry != gone_.rend(); ++entry) {
    const bool stays =
        entry->rank == Rank::Container ? still_needed_.contains(entry->key) : is_waited_for(*entry);
    if (!stays) {
      ++result_.deleted;
      HA_CHECK(writer_.remove(*entry));
      continue;
    }
    for (std::size_t end = entry->key.rfind('/'); end != Bytes::npos && end > 0;
         end = entry->key.rfind('/', end - 1)) {
      still_needed_.insert(entry->key.substr(0, end));
    }
  }
  gone_.clear();
  return ok();
}

bool ScanRun::is_waited_for(const Entry& entry) {
  const auto local = decode_local(entry.local);
  if (!local.ok() || options_->stable == nullptr) {
    return false;
  }
  for (const Bytes& key : options_->stable->renamed_from(*local)) {
    const auto stat = root_->stat(key);
    if (stat.ok() && options_->stable->is_as_seen(key, *stat)) {
      // Stable by now: then both are done by the next look.
      const auto left = options_->stable->waits(key, *stat, options_->clock());
      note_waiting(entry.key, left.value_or(Duration::zero()));
      return true;
    }
    options_->stable->forget(key);
  }
  return false;
}

}  // namespace ha::replicator
