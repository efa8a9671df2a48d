// The walk's single items: what is on disk against what the index has, and hard links.
#include <utility>

#include "replicator/model/file_meta.h"
#include "replicator/model/reserved.h"
#include "replicator/source/disk_facts.h"
#include "replicator/source/scan_run.h"

namespace ha::replicator {
namespace {

bool has_several_names(const sys::Stat& stat) {
  return stat.type != sys::FileType::Directory && stat.nlink > 1;
}

}  // namespace

Status ScanRun::visit(const Bytes& name) {
  Level& level = levels_.back();
  const Bytes key = level.key.empty() ? name : level.key + "/" + name;
  if (key.size() > kKeyBytesMax) {
    return fail(level.key, "a path in it is longer than " + std::to_string(kKeyBytesMax) + " bytes");
  }
  ++result_.items;
  busy_with_ = key;
  HA_TRY(std::optional<Entry> old, take(key));
  auto directory = hold(level);
  auto stat = directory.ok() ? (*directory)->stat(name) : Result<sys::Stat>(directory.error());
  if (stat.ok()) {
    HA_CHECK(visit_present(**directory, name, key, *stat, std::move(old)));
  } else if (stat.error().code() == Code::NotFound) {
    if (old) {
      HA_CHECK(vanish(*old));
    }
  } else {
    HA_CHECK(fail(key, stat.error().what()));
    level.blocks.push_back({key, Action::Skip});
  }
  report();
  return ok();
}

Status ScanRun::visit_present(const sys::Directory& directory, const Bytes& name, const Bytes& key,
                              const sys::Stat& stat, std::optional<Entry> old) {
  const bool is_directory = stat.type == sys::FileType::Directory;
  if (is_excluded(key, is_directory)) {
    if (old) {
      HA_CHECK(writer_.forget(key));
      ++result_.excluded;
    }
    levels_.back().blocks.push_back({key, Action::Forget});
    return ok();
  }
  if (is_directory) {
    add_block(key, stat, old);
    if (is_unit(key)) {
      return ok();  // it is recorded with its files
    }
  }
  if (is_unstable(key, stat, old)) {
    return ok();
  }
  if (needs_full_scan(stat, old)) {
    result_.need_full = true;
    return ok();
  }
  Leader* leader = find_leader(stat);
  if (leader != nullptr && !leader->known) {
    note_busy(key);
    return ok();
  }
  ChunkList before;
  if (stat.type == sys::FileType::Regular && stat.size > kLargeFileBytes) {
    HA_CHECK(writer_.flush());
    HA_TRY(before, before_reading(key, stat, old));
  }
  const bool partial = scope_ == ScanScope::Directories;
  HA_TRY(const Finding found, look({directory, name, key, stat, old ? &*old : nullptr, leader, options_->deep,
                                    std::move(before), partial}));
  if (old && old->state == EntryState::Kept) {
    // No other name may depend on it: it is not the set's.
  } else if (leader == nullptr) {
    note_leader(stat, key, found, old);
  } else if (--leader->unseen == 0) {
    leaders_.erase({stat.dev, stat.ino});
  }
  return record(found, key, old);
}

// Of a large file that will be read: the chunk list that it had; who wants to know is told.
Result<ChunkList> ScanRun::before_reading(const Bytes& key, const sys::Stat& stat,
                                          const std::optional<Entry>& old) {
  if (!old || old->rank != Rank::Content ||
      (old->local == encode_local(stat_record(stat)) && !options_->deep)) {
    return ChunkList{};
  }
  // One that is only looked at twice because it was young will hardly have changed.
  const bool changed = old->local != encode_local(racy_record(stat));
  if (changed && !options_->deep && options_->on_reading) {
    options_->on_reading(key);
  }
  HA_TRY(const std::optional<StoredChunks> stored, index_->current_chunks(key));
  auto chunks = stored ? decode_chunks(stored->list) : Result<ChunkList>(ChunkList{});
  return chunks.ok() ? std::move(chunks).value() : ChunkList{};
}

Result<Finding> ScanRun::look(const ItemReader::Item& item) {
  auto found = items_.look(item);
  if (!found.ok() && found.error().code() == Code::Cancelled) {
    result_.complete = false;  // walk() sees the stop as well
    return Finding{};
  }
  return found;
}

Status ScanRun::record(const Finding& finding, const Bytes& key, const std::optional<Entry>& old) {
  if (finding.racy) {
    ++result_.racy;
  }
  switch (finding.kind) {
    case Finding::Kind::Unchanged:
      return stopped() ? ok() : writer_.succeed(key);
    case Finding::Kind::Put:
      ++result_.changed;
      HA_CHECK(put(finding, key, old));
      return writer_.succeed(key);
    case Finding::Kind::Refresh:
      ++result_.refreshed;
      HA_CHECK(put(finding, key, old));
      return writer_.succeed(key);
    case Finding::Kind::Busy:
      note_busy(key);
      return ok();
    case Finding::Kind::Gone:
      HA_CHECK(writer_.succeed(key));
      return old ? vanish(*old) : ok();
    case Finding::Kind::Failed:
      return fail(key, finding.reason);
  }
  return ok();
}

void ScanRun::add_block(const Bytes& key, const sys::Stat& stat, const std::optional<Entry>& old) {
  const bool known = old && old->rank == Rank::Container;
  const bool enter = scope_ == ScanScope::Full || !known || key == forced_ || is_unit(key);
  if (stat.dev != levels_.back().device && !enter && result_.mount_points.size() < kScanListMax) {
    result_.mount_points.push_back(key);
  }
  levels_.back().blocks.push_back({key, enter ? Action::Enter : Action::Skip});
}

bool ScanRun::is_excluded(BytesView key, bool is_directory) const {
  return is_reserved_key(key) || (options_->exclude && options_->exclude(key, is_directory));
}

Status ScanRun::fail(BytesView key, std::string_view reason) {
  ++result_.failed;
  return writer_.fail(key, reason);
}

void ScanRun::note_busy(const Bytes& key) {
  ++result_.busy;
  if (result_.busy_keys.size() < kScanListMax) {
    result_.busy_keys.push_back(key);
  }
}

// --- hard links ---

Leader* ScanRun::find_leader(const sys::Stat& stat) {
  if (!has_several_names(stat) || scope_ != ScanScope::Full) {
    return nullptr;
  }
  const auto found = leaders_.find({stat.dev, stat.ino});
  return found == leaders_.end() ? nullptr : &found->second;
}

void ScanRun::note_leader(const sys::Stat& stat, const Bytes& key, const Finding& finding,
                          const std::optional<Entry>& old) {
  if (!has_several_names(stat) || scope_ != ScanScope::Full) {
    return;
  }
  Leader leader;
  leader.key = key;
  leader.unseen = stat.nlink - 1;
  switch (finding.kind) {
    case Finding::Kind::Put:
    case Finding::Kind::Refresh:
      leader.known = true;
      leader.content = finding.entry.content;
      leader.size = finding.entry.size;
      break;
    case Finding::Kind::Unchanged:
      leader.known = old.has_value();
      leader.content = old ? old->content : Digest{};
      leader.size = old ? old->size : 0;
      break;
    case Finding::Kind::Busy:
    case Finding::Kind::Failed:
      break;
    case Finding::Kind::Gone:
      return;
  }
  leaders_.emplace(Inode{stat.dev, stat.ino}, std::move(leader));
}

// In a scan of some directories a leader stays one; any other new or changed name of an inode that has
// several cannot be judged.
bool ScanRun::needs_full_scan(const sys::Stat& stat, const std::optional<Entry>& old) const {
  if (scope_ == ScanScope::Full || !has_several_names(stat)) {
    return false;
  }
  if (!old) {
    return true;
  }
  const bool changed = old->local != encode_local(stat_record(stat));
  return changed && old->rank == Rank::Link;
}

}  // namespace ha::replicator
