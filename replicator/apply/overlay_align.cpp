#include "replicator/apply/overlay_align.h"

#include <fcntl.h>

#include <utility>

#include "replicator/apply/file_facts.h"
#include "replicator/delta/chunker.h"

namespace ha::replicator {
namespace {

// But for the change time, which a rename moves.
bool is_same_file(const sys::Stat& stat, const LocalStat& before) {
  LocalStat now = local_stat(stat);
  now.ctime_s = before.ctime_s;
  now.ctime_ns = before.ctime_ns;
  return now == before;
}

}  // namespace

Result<StagedName> stage_altered(ApplyContext& context, BytesView key, BytesView content,
                                 const FileMeta& meta, LocalStat& local) {
  HA_TRY(const StagedName staged, context.staging.name_for(key));
  const auto write = [&]() -> Status {
    HA_TRY(const sys::FileHandle file,
           staged.area->directory.open_file(staged.name, O_RDWR | O_CREAT | O_EXCL, 0600));
    HA_CHECK(file.write_at(0, content));
    HA_CHECK(sys::apply_metadata(file, wanted_metadata(meta, context.names)));
    if (context.sync != SyncMode::None) {
      HA_CHECK(file.sync());
    }
    HA_TRY(const sys::Stat stat, file.stat());
    local = local_stat(stat);
    return ok();
  }();
  if (!write.ok()) {
    HA_CHECK(context.staging.discard(staged));
    return write.error();
  }
  return staged;
}

Status OverlayAligner::align_all() {
  if (context_.overlays == nullptr) {
    return ok();
  }
  for (const Bytes& key : context_.overlays->keys()) {
    const Status status = align(key);
    if (!status.ok() && status.error().code() == Code::Internal) {
      return status;
    }
    if (!status.ok()) {
      context_.overlays->tell("overlay.failed", key, status.error().what());
    }
  }
  return ok();
}

Status OverlayAligner::align(const Bytes& key) {
  OverlayStore& overlays = *context_.overlays;
  HA_TRY(const std::optional<Entry> entry, context_.index.get(key));
  const auto meta = entry && !entry->deleted ? decode_meta(entry->meta) : Result<FileMeta>(FileMeta{});
  if (!entry || entry->deleted || entry->rank != Rank::Content || !meta.ok() ||
      meta->type != FileType::Regular) {
    // At the holder an editor may be about to put it back.
    const bool stays = overlays.role() == OverlayRole::Holder && overlays.overlay(key) != nullptr;
    return stays ? ok() : overlays.drop(key);
  }
  const bool tracked = entry->state == EntryState::Overlaid;
  const auto known = aligned_.find(key);
  if (tracked && known != aligned_.end() && stats_of(key) == known->second) {
    return ok();
  }
  HA_TRY(const std::optional<Live> live, is_counted(entry->state) ? read_live(key) : std::optional<Live>());
  if (!live) {
    return ok();
  }
  const std::optional<Pristine> kept = overlays.current(key);
  if (tracked && !kept) {  // what it stands for is not known any more: the next scan reads it
    HA_TRY(IndexBatch batch, context_.index.begin());
    HA_CHECK(batch.update_local(key, encode_local({})));
    return batch.commit();
  }
  HA_TRY(const bool keeps, kept ? is_content(*entry, kept->content) : Result<bool>(false));
  HA_TRY(const bool plain, is_content(*entry, live->content));
  const auto was = keeps ? altered(*kept) : Result<Bytes>(Bytes());
  if (keeps && was.ok() && *was == live->content) {
    return make(*entry, *live, kept->content, kept);
  }
  return plain ? make(*entry, *live, live->content, std::nullopt) : ok();
}

std::optional<OverlayAligner::Stats> OverlayAligner::stats_of(const Bytes& key) const {
  const auto live = context_.root.stat(key);
  const auto copy = context_.root.stat(pristine_path(key));
  return live.ok() && copy.ok() ? std::optional(Stats{local_stat(*live), local_stat(*copy)}) : std::nullopt;
}

// Of a regular file that is small enough and stands still.
Result<std::optional<OverlayAligner::Live>> OverlayAligner::read_live(const Bytes& key) const {
  const auto file = context_.root.open_regular(key);
  if (!file.ok()) {
    return std::optional<Live>();
  }
  HA_TRY(const sys::Stat before, file->stat());
  if (before.size > kAlteredFileBytesMax) {
    return std::optional<Live>();
  }
  Live live{local_stat(before), {}};
  HA_TRY(live.content, file->read_at(0, before.size));
  HA_TRY(const sys::Stat after, context_.root.stat(key));
  return local_stat(after) == live.local ? std::optional<Live>(std::move(live)) : std::nullopt;
}

Result<bool> OverlayAligner::is_content(const Entry& entry, BytesView bytes) const {
  if (entry.size != bytes.size()) {
    return false;
  }
  Chunker chunker(context_.key, bytes.size());
  HA_CHECK(chunker.feed(bytes));
  HA_TRY(const ChunkList chunks, chunker.finish());
  HA_TRY(const Digest digest, content_digest(context_.key, chunks, bytes.size()));
  return digest == entry.content;
}

std::optional<Pristine> OverlayAligner::wanted(const Bytes& key, BytesView pristine) const {
  const Overlay* const overlay = context_.overlays->overlay(key);
  return overlay == nullptr ? std::nullopt : apply_overlay(*context_.overlays, *overlay, key, pristine);
}

Status OverlayAligner::make(const Entry& entry, const Live& live, BytesView pristine,
                            const std::optional<Pristine>& kept) {
  OverlayStore& overlays = *context_.overlays;
  const std::optional<Pristine> becomes = wanted(entry.key, pristine);
  HA_TRY(const Bytes content, becomes ? altered(*becomes) : Result<Bytes>(Bytes(pristine)));
  LocalStat local = live.local;
  if (content != live.content) {
    if (becomes) {
      HA_CHECK(overlays.save_next(entry.key, *becomes));
    }
    HA_TRY(const bool replaced, replace(entry, live, content, local));
    if (!replaced) {
      return ok();
    }
    HA_CHECK(becomes ? overlays.promote(entry.key) : overlays.drop(entry.key));
  } else if (!becomes) {
    HA_CHECK(overlays.drop(entry.key));
  } else if (!kept || *kept != *becomes) {
    HA_CHECK(overlays.save(entry.key, *becomes));
  }
  Entry now = entry;
  now.state = becomes ? EntryState::Overlaid : EntryState::Mirrored;
  now.local = encode_local(local);
  HA_TRY(IndexBatch batch, context_.index.begin());
  HA_CHECK(batch.put(now, Numbering::Keep));
  HA_CHECK(batch.commit());
  if (const auto stats = stats_of(entry.key); stats && stats->live == local) {
    aligned_[entry.key] = *stats;
  }
  return ok();
}

Result<bool> OverlayAligner::replace(const Entry& entry, const Live& live, BytesView content,
                                     LocalStat& local) {
  HA_TRY(const FileMeta meta, decode_meta(entry.meta));
  LocalStat made;
  HA_TRY(const StagedName staged, stage_altered(context_, entry.key, content, meta, made));
  bool replaced = false;
  const auto exchange = [&]() -> Status {
    HA_TRY(const sys::Directory::Parent place, context_.root.open_parent(entry.key));
    HA_TRY(const sys::Stat parent, place.directory.stat());
    const sys::Directory& area = staged.area->directory;
    HA_CHECK(area.rename(staged.name, place.directory, place.name, sys::RenameMode::Exchange));
    HA_TRY(const sys::Stat old, area.stat(staged.name));
    replaced = is_same_file(old, live.local);
    if (!replaced) {  // somebody has written it meanwhile: his goes back
      HA_CHECK(area.rename(staged.name, place.directory, place.name, sys::RenameMode::Exchange));
    }
    HA_CHECK(sys::set_mtime(place.directory.handle(), parent.mtime));
    if (context_.sync != SyncMode::None) {
      HA_CHECK(place.directory.sync());
    }
    HA_TRY(const sys::Stat now, place.directory.stat(place.name));
    local = is_same_file(now, made) ? local_stat(now) : made;
    return ok();
  }();
  HA_CHECK(context_.staging.discard(staged));
  HA_CHECK(exchange);
  return replaced;
}

}  // namespace ha::replicator
