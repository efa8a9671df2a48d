#include "replicator/source/item_reader.h"

#include <optional>
#include <utility>

#include "replicator/model/file_meta.h"
#include "replicator/model/item_hash.h"
#include "replicator/source/disk_facts.h"
#include "replicator/source/scanner.h"

namespace ha::replicator {
namespace {

Finding finding(Finding::Kind kind) {
  Finding out;
  out.kind = kind;
  return out;
}

// What an error of opening or reading an item means for it.
Finding finding_of(const Error& error) {
  switch (error.code()) {
    case Code::NotFound:
      return finding(Finding::Kind::Gone);
    case Code::Conflict:  // another type, or another size, than a moment ago
      return finding(Finding::Kind::Busy);
    default:
      Finding out = finding(Finding::Kind::Failed);
      out.reason = error.what();
      return out;
  }
}

std::optional<FileMeta> old_meta(const Entry* old) {
  if (old == nullptr) {
    return std::nullopt;
  }
  auto meta = decode_meta(old->meta);
  return meta.ok() ? std::optional<FileMeta>(std::move(meta).value()) : std::nullopt;
}

bool is_unchanged(const ItemReader::Item& item) {
  if (item.old == nullptr || item.old->local != encode_local(stat_record(item.stat))) {
    return false;
  }
  const bool was_link = item.old->rank == Rank::Link;
  if (was_link && item.trust_links) {
    return true;
  }
  if (was_link != (item.leader != nullptr)) {
    return false;
  }
  if (!was_link) {
    return true;
  }
  const auto meta = old_meta(item.old);
  return meta && meta->target == item.leader->key && item.old->content == item.leader->content;
}

// What a Kept item is does not depend on its content; everything else is now what the disk says.
EntryState next_state(const Entry* old) {
  return old != nullptr && old->state == EntryState::Kept ? EntryState::Kept : EntryState::Mirrored;
}

bool is_same(const Entry& old, const Entry& now) {
  // Whether it is overlaid says where its content is read.
  const bool sound = old.state != EntryState::Failed &&
                     (old.state == EntryState::Overlaid) == (now.state == EntryState::Overlaid);
  return sound && old.rank == now.rank && old.content == now.content && old.meta == now.meta &&
         old.hash == now.hash && old.size == now.size;
}

}  // namespace

ItemReader::ItemReader(const sys::DigestKey& key, std::function<Now()> clock, ContentReader::OnBytes on_bytes,
                       std::function<void()> on_read, PristineView* overlays)
    : key_(key),
      clock_(std::move(clock)),
      on_bytes_(std::move(on_bytes)),
      on_read_(std::move(on_read)),
      overlays_(overlays),
      content_(key) {}

Result<Finding> ItemReader::look(const Item& item) {
  const bool read_anyway = item.deep && item.stat.type == sys::FileType::Regular && item.leader == nullptr;
  if (!read_anyway && !item.unit && is_unchanged(item)) {
    return finding(Finding::Kind::Unchanged);
  }
  Finding out;
  for (int i = 0; i < kReadTriesMax; ++i) {
    HA_TRY(out, look_once(item));
    if (out.kind != Finding::Kind::Busy) {
      break;
    }
  }
  return out;
}

Result<Finding> ItemReader::look_once(const Item& item) {
  Result<Finding> result = item.stat.type == sys::FileType::Regular && item.leader == nullptr
                               ? read_regular(item)
                               : read_other(item);
  if (!result.ok() && result.error().code() != Code::Cancelled) {
    return finding_of(result.error());
  }
  return result;
}

Result<Finding> ItemReader::read_regular(const Item& item) {
  HA_TRY(const sys::FileHandle file, item.directory.open_regular(item.name));
  HA_TRY(const sys::Stat before, file.stat());
  HA_TRY(Content content, content_.read(file, before, on_bytes_, item.before));
  const bool covered =
      overlays_ != nullptr && overlays_->covers(item.key) && before.size <= kAlteredFileBytesMax;
  HA_TRY(const Bytes live, covered ? file.read_at(0, before.size) : Result<Bytes>(Bytes()));
  const auto known = old_meta(item.old);
  HA_TRY(FileMeta meta, read_meta(file, before, known ? &*known : nullptr, names_));
  on_read_();
  // By its name: a file that was replaced meanwhile is another one.
  HA_TRY(const sys::Stat after, item.directory.stat(item.name));
  if (stat_record(before) != stat_record(after)) {
    return finding(Finding::Kind::Busy);
  }
  std::optional<Bytes> pristine;
  if (covered) {
    HA_TRY(pristine, overlays_->pristine_of(item.key, live));
  }
  if (pristine) {
    HA_TRY(content, content_.read(*pristine));
  }
  Finding out = conclude(item, before, std::move(meta), content, pristine.has_value());
  out.chunks = content.chunks;
  out.content_read = true;
  return out;
}

Result<Finding> ItemReader::read_other(const Item& item) {
  HA_TRY(const sys::FileHandle file, item.directory.pin(item.name));
  HA_TRY(const sys::Stat stat, file.stat());
  if (stat.type != item.stat.type) {
    return finding(Finding::Kind::Busy);
  }
  const auto known = old_meta(item.old);
  HA_TRY(FileMeta meta, read_meta(file, stat, known ? &*known : nullptr, names_));
  meta.unit = item.unit;
  Content content;
  if (item.leader != nullptr) {
    meta.type = FileType::HardLink;
    meta.target = item.leader->key;
    content.digest = item.leader->content;
    content.size = item.leader->size;
  } else if (stat.type == sys::FileType::Symlink) {
    HA_TRY(meta.target, item.directory.read_link(item.name));
  }
  on_read_();
  HA_TRY(const sys::Stat after, item.directory.stat(item.name));
  // A directory's times move whenever something in it does, which says nothing against what was read.
  if (stat.type != sys::FileType::Directory && stat_record(stat) != stat_record(after)) {
    return finding(Finding::Kind::Busy);
  }
  return conclude(item, stat, std::move(meta), content);
}

Finding ItemReader::conclude(const Item& item, const sys::Stat& stat, FileMeta meta, const Content& content,
                             bool overlaid) {
  Finding out;
  out.racy = is_racy(stat, clock_().wall);
  Entry& entry = out.entry;
  entry.key = item.key;
  entry.rank = rank_of(meta.type);
  entry.state = overlaid ? EntryState::Overlaid : next_state(item.old);
  entry.content = content.digest;
  entry.size = content.size;
  entry.meta = encode_meta(std::move(meta));
  entry.local = encode_local(out.racy ? racy_record(stat) : stat_record(stat));
  entry.hash = item_hash(key_, entry);
  if (entry.meta.size() > kMetaBytesMax) {
    out.kind = Finding::Kind::Failed;
    out.reason = "its metadata is larger than " + std::to_string(kMetaBytesMax) + " bytes";
  } else if (item.old == nullptr || !is_same(*item.old, entry)) {
    out.kind = Finding::Kind::Put;
  } else {
    out.kind = item.old->local == entry.local ? Finding::Kind::Unchanged : Finding::Kind::Refresh;
  }
  return out;
}

}  // namespace ha::replicator
