// Publisher: items that are altered at this site. docs/overlays.md.
#include <utility>

#include "replicator/apply/file_facts.h"
#include "replicator/apply/live_content.h"
#include "replicator/apply/overlay_align.h"
#include "replicator/apply/publisher.h"
#include "replicator/delta/chunker.h"

namespace ha::replicator {

// Null: it is put in its place as it is.
const Overlay* Publisher::overlay_of(const StagedItem& item) const {
  return context_.overlays == nullptr ? nullptr : context_.overlays->overlay(item.header.key);
}

// What is staged is the pristine content; it stays until all is done, so that a journal can do it again.
Status Publisher::put_overlaid(const StagedItem& item, const Overlay& overlay, LocalStat& local) {
  const Bytes& key = item.header.key;
  const auto file = item.staged.area->directory.open_regular(item.staged.name);
  if (!file.ok() && file.error().code() == Code::NotFound && item.journal != 0) {
    return find_overlaid(item, local);
  }
  HA_CHECK(file.ok() ? ok() : Status(file.error()));
  std::optional<Pristine> pristine;
  if (item.header.size <= kOverlayFileBytesMax) {
    HA_TRY(const Bytes content, file->read_at(0, item.header.size));
    pristine = apply_overlay(*context_.overlays, overlay, key, content);
  } else {
    context_.overlays->tell("overlay.no_match", key, "it is larger than 4 MiB");
  }
  if (pristine) {
    return put_altered(item, *pristine, local);
  }
  HA_CHECK(context_.overlays->drop(key));
  HA_TRY(const Place at, place(key, true));
  HA_CHECK(swap_in(at, key, item.staged));
  HA_TRY(local, stat_after(at, item.local));
  return ok();
}

Status Publisher::put_altered(const StagedItem& item, const Pristine& pristine, LocalStat& local) {
  const Bytes& key = item.header.key;
  HA_TRY(const Bytes content, altered(pristine));
  HA_CHECK(context_.overlays->save_next(key, pristine));
  HA_TRY(const Place at, place(key, true));
  HA_TRY(const StagedName staged, stage_altered(context_, key, content, item.meta, local));
  const auto put = [&]() -> Status {
    HA_CHECK(swap_in(at, key, staged));
    if (context_.sync != SyncMode::None) {  // before the copy says that it has happened
      HA_CHECK(at.parent->sync());
    }
    return context_.overlays->promote(key);
  }();
  if (!put.ok()) {
    HA_CHECK(context_.staging.discard(staged));
    return put;
  }
  overlaid_.insert(key);
  HA_TRY(local, stat_after(at, local));
  return context_.staging.discard(item.staged);
}

// Rolled forward: it may have been done before, and only the index does not know.
Status Publisher::find_overlaid(const StagedItem& item, LocalStat& local) {
  const Bytes& key = item.header.key;
  const Error gone(Code::Conflict, "what was staged for \"" + escape(key) + "\" is gone");
  const auto live = context_.root.open_regular(key);
  const auto stat = live.ok() ? live->stat() : Result<sys::Stat>(live.error());
  if (!stat.ok()) {
    return gone;
  }
  if (stat->ino == item.local.inode) {  // it was put there as it is
    local = local_stat(*stat);
    return ok();
  }
  const std::optional<Pristine> copy = context_.overlays->current(key);
  if (!copy || stat->size > kAlteredFileBytesMax) {
    return gone;
  }
  HA_TRY(const Bytes wanted, altered(*copy));
  HA_TRY(const Bytes content, live->read_at(0, stat->size));
  Chunker chunker(context_.key, copy->content.size());
  HA_CHECK(chunker.feed(copy->content));
  HA_TRY(const ChunkList chunks, chunker.finish());
  HA_TRY(const Digest digest, content_digest(context_.key, chunks, copy->content.size()));
  if (wanted != content || digest != item.header.content) {
    return gone;
  }
  overlaid_.insert(key);
  local = local_stat(*stat);
  return ok();
}

}  // namespace ha::replicator
