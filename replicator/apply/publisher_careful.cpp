// Publisher: what must not be lost when something else takes its place. docs/divergence.md.
#include "replicator/apply/file_facts.h"
#include "replicator/apply/publisher.h"
#include "replicator/model/keep.h"
#include "replicator/model/unit.h"

namespace ha::replicator {
namespace {

// What is there is what the index says.
bool is_as_recorded(const Entry& entry, const sys::Stat& live) {
  const auto local = decode_local(entry.local);
  return local.ok() && local_stat(live) == *local;
}

}  // namespace

// Before `item` is put in its place, or removed from it.
Status Publisher::save_what_is_there(const StagedItem& item) {
  if (unit_ != nullptr) {
    return ok();  // save_messages() has done it
  }
  const ApplyOrigin& origin = context_.origin;
  const bool metadata_only =
      !item.header.deleted && item.meta.type == FileType::Regular && !item.staged.is_set();
  if (!origin.adopting && (metadata_only || !origin.careful)) {
    return metadata_only || origin.lineage.empty() ? ok() : note_put_back(item);
  }
  const Bytes& key = item.header.key;
  const auto at = place(key, false);
  const auto live = at.ok() ? at->parent->stat(at->name) : Result<sys::Stat>(at.error());
  if (!live.ok()) {
    const Code code = live.error().code();
    return code == Code::NotFound || code == Code::Conflict ? note_put_back(item) : live.error();
  }
  if (origin.adopting) {
    return Error(Code::Conflict, in_quotes(key) + " has come into being here meanwhile");
  }
  if (item.journal != 0 && is_in_place(item, *at, *live)) {
    return ok();
  }
  HA_TRY(const bool loses, loses_something(item, *live));
  if (!loses) {
    return ok();
  }
  HA_TRY(const StagedName area, context_.staging.name_for(key));
  const bool directory = live->type == sys::FileType::Directory;
  HA_TRY(const bool aside, context_.stranded.set_aside(area, *at->parent, at->name, key, directory,
                                                       context_.index.epoch(), origin.stranded_max));
  touch(key);
  stranded_ += aside ? 1U : 0U;
  return context_.stranded.sync();
}

// It was published before a kill.
bool Publisher::is_in_place(const StagedItem& item, const Place& at, const sys::Stat& live) const {
  if (item.header.deleted || live.type != system_type(item.meta.type)) {
    return false;
  }
  if (item.meta.type == FileType::Symlink) {
    const auto target = at.parent->read_link(at.name);
    return target.ok() && *target == item.meta.target;
  }
  if (item.meta.type == FileType::HardLink) {
    const auto leader = context_.root.stat(item.meta.target);
    return leader.ok() && leader->ino == live.ino && leader->dev == live.dev;
  }
  return item.meta.type == FileType::Regular ? live.ino == item.local.inode : live.rdev == item.meta.device;
}

Result<bool> Publisher::loses_something(const StagedItem& item, const sys::Stat& live) {
  if (live.type == sys::FileType::Directory) {
    // One that goes is empty by then, one that stays keeps what is in it.
    return !item.header.deleted && item.meta.type != FileType::Directory;
  }
  HA_TRY(const std::optional<Entry> entry, context_.index.get(item.header.key));
  return must_keep(entry, entry && is_as_recorded(*entry, live), item.header, context_.origin.lineage,
                   context_.index.epoch());
}

// Of what would be lost in a unit the whole message is put aside, before anything is put in its place.
Status Publisher::save_messages(const std::vector<StagedItem>& items) {
  std::set<Bytes> stems;
  for (const StagedItem& item : items) {
    HA_TRY(const bool loses, unit_loses(item));
    if (loses) {
      const auto name = message_of(item.header.key);
      stems.insert(name ? Bytes(name->stem) + "." : item.header.key);
    }
  }
  for (const Bytes& stem : stems) {
    HA_TRY(const Place at, place(stem, false));
    HA_TRY(const std::vector<Bytes> names, at.parent->names(kStagedNamesMax));
    const Bytes unit = Bytes(parent_of_key(stem)) + "/";
    for (const Bytes& name : names) {
      const Bytes key = unit + name;
      if (key != stem && !(stem.back() == '.' && key.starts_with(stem))) {
        continue;
      }
      HA_TRY(const StagedName area, context_.staging.name_for(key));
      HA_TRY(const bool aside,
             context_.stranded.set_aside(area, *at.parent, name, key, false, context_.index.epoch(),
                                         context_.origin.stranded_max));
      stranded_ += aside ? 1U : 0U;
    }
  }
  return context_.stranded.sync();
}

// Nothing is lost that the unit still has afterwards, under whatever number.
Result<bool> Publisher::unit_loses(const StagedItem& item) {
  const ApplyOrigin& origin = context_.origin;
  const Bytes& key = item.header.key;
  const auto live = context_.root.stat(key);
  const bool metadata_only =
      !item.header.deleted && item.meta.type == FileType::Regular && !item.staged.is_set();
  if (!live.ok() || metadata_only || origin.adopting || live->type == sys::FileType::Directory ||
      (item.staged.is_set() && live->ino == item.local.inode)) {
    return false;
  }
  HA_TRY(const std::optional<Entry> entry, context_.index.get(key));
  const auto local = entry ? decode_local(entry->local) : Result<LocalStat>(LocalStat{});
  const bool as_recorded = entry && !entry->deleted && local.ok() && is_still(*live, *local);
  if (as_recorded && (entry->content.is_zero() || unit_->contents.contains(entry->content))) {
    return false;
  }
  const Source ours{context_.index.index_id(), context_.index.epoch()};
  return origin.careful
             ? must_keep(entry, as_recorded, item.header, origin.lineage, context_.index.epoch()) ||
                   (entry && entry->source == ours)
             : !as_recorded || entry->source == ours;
}

// Nothing is in its place. It was deleted here by a holder whose deletion this one has never seen. Careful
// mode may be over: the item comes from a third site, which this holder has met later.
Status Publisher::note_put_back(const StagedItem& item) {
  if (item.header.deleted) {
    return ok();
  }
  HA_TRY(const std::optional<Entry> entry, context_.index.get(item.header.key));
  if (context_.origin.adopting) {
    return !entry ? ok()
                  : Status(Error(Code::Conflict,
                                 in_quotes(item.header.key) + " has been here meanwhile, and was deleted"));
  }
  if (!undoes_deletion(entry, item.header, context_.origin.lineage, context_.index.epoch())) {
    return ok();
  }
  HA_TRY(const StagedName area, context_.staging.name_for(item.header.key));
  ++stranded_;
  return context_.stranded.note_deleted(area, item.header.key, context_.index.epoch());
}

}  // namespace ha::replicator
