// Publisher: how each kind of item gets into its place.
#include <algorithm>
#include <utility>

#include "replicator/apply/file_facts.h"
#include "replicator/apply/live_content.h"
#include "replicator/apply/publisher.h"
#include "replicator/model/key.h"

namespace ha::replicator {
Result<Publisher::Fate> Publisher::put(const StagedItem& item, LocalStat& local) {
  HA_CHECK(save_what_is_there(item));
  const bool covered = context_.overlays != nullptr && context_.overlays->covers(item.header.key);
  if (item.header.deleted) {
    HA_TRY(const Fate fate, remove(item));
    HA_CHECK(covered ? context_.overlays->drop(item.header.key) : ok());  // what is kept stays as it stands
    return fate;
  }
  if (covered && item.meta.type != FileType::Regular) {
    HA_CHECK(context_.overlays->drop(item.header.key));
  }
  Status status = ok();
  switch (item.meta.type) {
    case FileType::Regular:
      status = item.staged.is_set() ? put_content(item, local) : put_metadata(item, local);
      break;
    case FileType::Directory:
      status = put_directory(item, local);
      break;
    case FileType::HardLink:
      status = put_link(item, local);
      break;
    case FileType::Symlink:
    case FileType::Fifo:
    case FileType::Socket:
    case FileType::CharDevice:
    case FileType::BlockDevice:
      status = put_special(item, local);
      break;
  }
  HA_CHECK(std::move(status));
  return Fate::Published;
}

// ---------------------------------------------------------------- places

Result<Publisher::Place> Publisher::place(BytesView key, bool make_parents) {
  const BytesView parent = parent_of_key(key);
  if (!parent_key_ || *parent_key_ != parent) {
    parent_key_.reset();
    auto opened = context_.root.open_beneath(parent);
    if (!opened.ok() && opened.error().code() == Code::NotFound && make_parents) {
      HA_CHECK(this->make_parents(parent));
      opened = context_.root.open_beneath(parent);
    }
    HA_TRY(parent_, std::move(opened));
    parent_key_ = Bytes(parent);
  }
  return Place{&parent_, Bytes(name_of_key(key))};
}

// Closed to everybody but us until their own items come.
Status Publisher::make_parents(BytesView directory) {
  for (std::size_t end = 0; end != BytesView::npos;) {
    end = directory.find('/', end + 1);
    const BytesView part = directory.substr(0, end);
    auto made = context_.root.make_directory(part, 0700);
    if (made.ok()) {
      touch(part);
    } else if (made.error().code() != Code::Exists) {
      return made;
    }
  }
  return ok();
}

Status Publisher::swap_in(const Place& place, BytesView key, const StagedName& staged) {
  const sys::Directory& area = staged.area->directory;
  touch(key);
  const auto renamed = area.rename(staged.name, *place.parent, place.name, sys::RenameMode::Replace);
  // Conflict: a directory is where a file is to be, or the other way round.
  if (renamed.ok() || (renamed.error().code() != Code::Conflict && renamed.error().code() != Code::Exists)) {
    return renamed;
  }
  HA_TRY(const sys::Stat live, place.parent->stat(place.name));
  return exchange(place, key, staged, live.type == sys::FileType::Directory);
}

Status Publisher::exchange(const Place& place, BytesView key, const StagedName& staged,
                           bool old_is_directory) {
  if (old_is_directory) {
    HA_CHECK(check_replaceable(key));
  }
  HA_CHECK(staged.area->directory.rename(staged.name, *place.parent, place.name, sys::RenameMode::Exchange));
  return discard_replaced(key, staged);
}

// What the index may remember of a thing that was renamed into place: only its change time is new. If
// somebody has been faster than us, what it was before, so that a scan finds the difference.
Result<LocalStat> Publisher::stat_after(const Place& place, const LocalStat& before) {
  auto stat = place.parent->stat(place.name);
  if (!stat.ok()) {
    return before;
  }
  LocalStat now = local_stat(*stat);
  const LocalStat after = now;
  now.ctime_s = before.ctime_s;
  now.ctime_ns = before.ctime_ns;
  return now == before ? after : before;
}

// ---------------------------------------------------------------- kinds

Status Publisher::put_content(const StagedItem& item, LocalStat& local) {
  if (const Overlay* const overlay = overlay_of(item); overlay != nullptr) {
    return put_overlaid(item, *overlay, local);
  }
  HA_TRY(const Place at, place(item.header.key, true));
  local = item.local;
  if (item.journal != 0) {  // a kill may have been between any two steps
    const auto staged = item.staged.area->directory.stat(item.staged.name);
    const bool renamed = !staged.ok() && staged.error().code() == Code::NotFound;
    const bool exchanged = staged.ok() && staged->type == sys::FileType::Directory;
    if (renamed || exchanged) {
      HA_TRY(const sys::Stat live, at.parent->stat(at.name));
      if (live.ino != item.local.inode) {
        return Error(Code::Conflict, "what was staged for \"" + escape(item.header.key) + "\" is gone");
      }
      HA_CHECK(discard_replaced(item.header.key, item.staged));
      touch(item.header.key);
      HA_TRY(local, stat_after(at, item.local));
      return ok();
    }
  }
  HA_CHECK(swap_in(at, item.header.key, item.staged));
  HA_TRY(local, stat_after(at, item.local));
  return ok();
}

Status Publisher::put_metadata(const StagedItem& item, LocalStat& local) {
  HA_TRY(const Place at, place(item.header.key, false));
  HA_TRY(const sys::FileHandle pinned, at.parent->pin(at.name));
  HA_TRY(const sys::Stat before, pinned.stat());
  if (before.type != sys::FileType::Regular || local_stat(before) != item.local) {
    return Error(Code::Conflict, in_quotes(item.header.key) + " has changed meanwhile");
  }
  HA_CHECK(sys::apply_metadata(pinned, wanted_metadata(item.meta, context_.names)));
  HA_TRY(const sys::Stat after, pinned.stat());
  local = local_stat(after);
  return ok();
}

Status Publisher::put_directory(const StagedItem& item, LocalStat& local) {
  const sys::Metadata wanted = wanted_metadata(item.meta, context_.names);
  HA_TRY(const Place at, place(item.header.key, true));
  const auto live = at.parent->stat(at.name);
  if (!live.ok() && live.error().code() != Code::NotFound) {
    return live.error();
  }
  sys::Directory made;
  if (live.ok() && live->type == sys::FileType::Directory) {
    HA_TRY(made, at.parent->open_beneath(at.name));
    HA_CHECK(sys::apply_metadata(made.handle(), wanted));
  } else {
    HA_TRY(const StagedName staged, context_.staging.name_for(item.header.key));
    HA_CHECK(staged.area->directory.make_directory(staged.name, 0700));
    const auto put = [&]() -> Status {
      HA_TRY(made, staged.area->directory.open_beneath(staged.name));
      HA_CHECK(sys::apply_metadata(made.handle(), wanted));
      return live.ok() ? exchange(at, item.header.key, staged, false)
                       : staged.area->directory.rename(staged.name, *at.parent, at.name,
                                                       sys::RenameMode::NoReplace);
    }();
    if (!put.ok()) {
      HA_CHECK(context_.staging.discard(staged));
      return put;
    }
    touch(item.header.key);
  }
  touched_.insert(item.header.key);  // its own name is synced, its time checked once more
  HA_TRY(const sys::Stat stat, made.stat());
  local = local_stat(stat);
  return ok();
}

Status Publisher::put_special(const StagedItem& item, LocalStat& local) {
  HA_TRY(const Place at, place(item.header.key, true));
  HA_TRY(const StagedName staged, context_.staging.name_for(item.header.key));
  const auto put = [&]() -> Status {
    HA_CHECK(make_special(item, staged));
    HA_TRY(const sys::FileHandle pinned, staged.area->directory.pin(staged.name));
    HA_CHECK(sys::apply_metadata(pinned, wanted_metadata(item.meta, context_.names)));
    HA_TRY(const sys::Stat stat, pinned.stat());
    local = local_stat(stat);
    return swap_in(at, item.header.key, staged);
  }();
  if (!put.ok()) {
    HA_CHECK(context_.staging.discard(staged));
    return put;
  }
  HA_TRY(local, stat_after(at, local));
  return ok();
}

Status Publisher::make_special(const StagedItem& item, const StagedName& staged) {
  const sys::Directory& area = staged.area->directory;
  return item.meta.type == FileType::Symlink
             ? area.make_symlink(staged.name, item.meta.target)
             : area.make_node(staged.name, system_type(item.meta.type), 0600, item.meta.device);
}

Status Publisher::put_link(const StagedItem& item, LocalStat& local) {
  const Bytes& leader = item.meta.target;
  HA_CHECK(sys::check_key(leader));
  if (is_reserved_key(leader)) {
    return Error(Code::Refused, "a link into the staging directory");
  }
  HA_TRY(const std::optional<Entry> entry, find_entry(leader));
  if (!entry || entry->deleted || (!item.header.content.is_zero() && entry->content != item.header.content)) {
    return Error(Code::Conflict, in_quotes(leader) + ", which it is a link to, is not here yet");
  }
  LocalStat recorded;
  if (!entry->local.empty()) {
    HA_TRY(recorded, decode_local(entry->local));
  }
  HA_TRY(const sys::FileHandle pinned, context_.root.pin(leader));
  HA_TRY(const sys::Stat leader_stat, pinned.stat());
  const bool regular = leader_stat.type == sys::FileType::Regular;
  if (!regular && (leader_stat.ino != recorded.inode || leader_stat.type == sys::FileType::Directory)) {
    return Error(Code::Conflict, in_quotes(leader) + ", which it is a link to, has been changed here");
  }
  if (regular && local_stat(leader_stat) != recorded) {
    HA_TRY(const LiveContent live, open_live(context_.root, context_.index, context_.key, leader));
    if (live.content != entry->content || live.local.inode != leader_stat.ino) {
      return Error(Code::Conflict, in_quotes(leader) + ", which it is a link to, has been changed here");
    }
  }
  HA_TRY(const Place at, place(item.header.key, true));
  const auto live = at.parent->stat(at.name);
  if (!live.ok() || live->ino != leader_stat.ino || live->dev != leader_stat.dev) {
    HA_TRY(const StagedName staged, context_.staging.name_for(item.header.key));
    const auto put = [&]() -> Status {
      HA_CHECK(context_.root.link(leader, staged.area->directory, staged.name));
      HA_TRY(const sys::Stat linked, staged.area->directory.stat(staged.name));
      if (linked.ino != leader_stat.ino || linked.dev != leader_stat.dev) {
        return Error(Code::Conflict, in_quotes(leader) + " has changed meanwhile");
      }
      return swap_in(at, item.header.key, staged);
    }();
    HA_CHECK(context_.staging.discard(staged));  // a rename onto the same inode leaves both names
    HA_CHECK(put);
  }
  HA_TRY(const sys::Stat after, pinned.stat());  // a new name is a new change time
  local = local_stat(after);
  restated_[leader] = local;
  return ok();
}

}  // namespace ha::replicator
