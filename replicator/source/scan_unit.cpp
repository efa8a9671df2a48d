// The walk and units: the files of a directory as they stood at one moment. docs/units.md, "Reading".
#include <algorithm>
#include <map>
#include <utility>

#include "replicator/model/unit.h"
#include "replicator/source/disk_facts.h"
#include "replicator/source/scan_run.h"

namespace ha::replicator {
namespace {

using namespace std::chrono_literals;

// The kernel's clock for times of files goes in steps of up to 10 ms: within one, two changes look like one.
constexpr Duration kTick = 20ms;
constexpr Duration kAgain = 100ms;    // a unit that is being changed is looked at again
constexpr Duration kLockStale = 10s;  // nobody who waits for Asterisk's lock waits longer than 5 s
constexpr std::size_t kUnitFilesMax = 100'000;

Duration age_of(const sys::Timestamp& time, WallTime now) {
  return now.time_since_epoch() -
         (std::chrono::seconds(time.seconds) + std::chrono::nanoseconds(time.nanoseconds));
}

// A time ahead of the clock tells nothing, and waiting would not help.
bool is_within(const sys::Timestamp& time, Duration span, WallTime now) {
  const Duration age = age_of(time, now);
  return age > -span && age < span;
}

}  // namespace

bool ScanRun::is_unit(BytesView key) const {
  return options_->is_unit && options_->is_unit(key);
}

// Nobody has it locked, and a change from now on will show in the times of the directory: taking the lock, a
// new name and a name that goes all do.
Result<bool> ScanRun::is_quiet(const sys::Directory& directory, const std::vector<Bytes>& names) {
  const WallTime now = options_->clock().wall;
  HA_TRY(const sys::Stat stat, directory.stat());
  if (is_within(stat.ctime, kTick, now)) {
    return false;
  }
  for (const Bytes& name : names) {
    if (is_lock_name(name)) {
      const auto lock = directory.stat(name);
      if (!lock.ok() || is_within(lock->ctime, kLockStale, now)) {
        return false;
      }
    }
  }
  return true;
}

// Its files are recorded all together, with their digest in the entry of the directory, or not at all.
// `names` are those of its directories afterwards.
Status ScanRun::look_at_unit(const Bytes& key, const sys::Directory& directory, std::vector<Bytes>& names) {
  unit_ = key;
  std::sort(names.begin(), names.end());
  Unit unit{key, directory, {}, {}, {}, {}, false};
  HA_TRY(unit.stat, directory.stat());
  HA_TRY(const bool quiet, is_quiet(directory, names));
  HA_CHECK(index_->for_each({key + "/", key + "0"}, {}, [&](Entry& entry) -> Result<bool> {
    if (parent_of_key(entry.key) == key && entry.rank != Rank::Container) {
      unit.known.emplace(entry.key, std::move(entry));
    }
    return true;
  }));
  std::vector<Bytes> directories;
  bool whole = quiet;
  for (const Bytes& name : names) {
    const auto stat = directory.stat(name);
    if (is_lock_name(name)) {
      continue;
    }
    if (stat.ok() && stat->type == sys::FileType::Directory) {
      directories.push_back(name);
    } else if (whole) {
      HA_TRY(whole, stat.ok() ? read_of_unit(unit, name, *stat) : Result<bool>(false));
    }
  }
  names = std::move(directories);
  if (stopped() || unit.failed) {
    return ok();
  }
  if (whole && unit.read.size() > kUnitFilesMax) {
    return fail(key, "it is a unit, and has more than " + std::to_string(kUnitFilesMax) + " files");
  }
  HA_TRY(whole, whole ? is_still(unit) : Result<bool>(false));
  if (!whole) {
    HA_TRY(const std::optional<Entry> known, index_->get(key));
    result_.units_left += known && !known->deleted ? 0U : 1U;
    note_waiting(key + "/", kAgain);
    return ok();
  }
  return record_unit(unit);
}

Result<bool> ScanRun::read_of_unit(Unit& unit, const Bytes& name, const sys::Stat& stat) {
  const Bytes key = unit.key + "/" + name;
  if (is_excluded(key, false)) {
    return true;
  }
  ++result_.items;
  busy_with_ = key;
  std::optional<Entry> old;
  if (auto known = unit.known.extract(key); !known.empty()) {
    old = std::move(known.mapped());
  }
  if (is_unstable(key, stat, old)) {
    return false;
  }
  ChunkList before;
  if (stat.type == sys::FileType::Regular && stat.size > kLargeFileBytes) {
    HA_CHECK(writer_.flush());
    HA_TRY(before, before_reading(key, stat, old));
  }
  HA_TRY(Finding found, look({unit.directory, name, key, stat, old ? &*old : nullptr, nullptr, options_->deep,
                              std::move(before), false}));
  report();
  switch (found.kind) {
    case Finding::Kind::Unchanged:
      if (!old) {
        return false;  // stopped
      }
      unit.digest += is_counted(old->state) ? old->hash : Digest{};
      break;
    case Finding::Kind::Put:
    case Finding::Kind::Refresh:
      unit.digest += is_counted(found.entry.state) ? found.entry.hash : Digest{};
      break;
    case Finding::Kind::Busy:
    case Finding::Kind::Gone:
      return false;
    case Finding::Kind::Failed:
      HA_CHECK(fail(key, found.reason));
      unit.failed = true;
      return false;
  }
  unit.read.push_back({key, name, stat, std::move(found), std::move(old)});
  return true;
}

Result<bool> ScanRun::is_still(const Unit& unit) {
  for (const UnitFile& file : unit.read) {
    const auto now = unit.directory.stat(file.name);
    if (!now.ok() || stat_record(*now) != stat_record(file.stat)) {
      return false;
    }
  }
  // Last: whoever takes the lock changes it first.
  HA_TRY(const sys::Stat now, unit.directory.stat());
  return stat_record(now) == stat_record(unit.stat);
}

Status ScanRun::record_unit(Unit& unit) {
  for (UnitFile& file : unit.read) {
    Finding& found = file.found;
    const bool content = !file.old || file.old->content != found.entry.content;
    if (found.kind == Finding::Kind::Put && content && message_of(file.key)) {
      claim(found.entry);
    }
    HA_CHECK(record(found, file.key, file.old));
  }
  for (const auto& [key, entry] : unit.known) {
    const bool excluded = is_lock_name(key.substr(unit.key.size() + 1)) || is_excluded(key, false);
    ++(excluded ? result_.excluded : result_.deleted);
    HA_CHECK(excluded ? writer_.forget(key) : writer_.remove(entry));
  }
  HA_TRY(std::optional<Entry> old, index_->get(unit.key));
  if (old && old->deleted) {
    old.reset();
  }
  HA_TRY(const sys::Directory* parent, hold(levels_.back()));
  const Bytes name = unit.key.substr(unit.key.rfind('/') + 1);
  ItemReader::Item item{*parent, name, unit.key, unit.stat, old ? &*old : nullptr, nullptr, false, {}, false};
  item.unit = unit.digest;
  HA_TRY(Finding found, look(item));
  if (!old && found.kind == Finding::Kind::Put) {
    claim(found.entry);
  }
  return record(found, unit.key, old);
}

// A message that was left at a replica is not drift: its holder is to have it. docs/units.md.
void ScanRun::claim(Entry& entry) {
  if (options_->replica_messages_count && !index_->own_changes()) {
    entry.source = {index_->index_id(), index_->epoch()};
    entry.version = 1;
  }
}

}  // namespace ha::replicator
