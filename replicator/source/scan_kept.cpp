// The walk and kept items: what the origin has deleted and this site has not. docs/guards.md, "What deletions
// do".
#include <utility>

#include "replicator/model/file_meta.h"
#include "replicator/source/scan_run.h"

namespace ha::replicator {
namespace {

// Somebody has put something else, or the same again, in the place of a kept item.
bool is_made_anew(const Entry& now, const Entry& kept) {
  if (now.rank == Rank::Container || now.content != kept.content) {
    return now.rank != Rank::Container;  // a directory is of the set when something in it is
  }
  if (now.content.is_zero() && now.meta != kept.meta) {
    return true;
  }
  const auto here = decode_local(now.local);
  const auto before = decode_local(kept.local);
  return here.ok() && before.ok() && here->inode != 0 && before->inode != 0 && here->inode != before->inode;
}

}  // namespace

// At the holder, what is new in a kept directory, or made anew in the place of a kept item, is of the set;
// then the directories above it are, too.
Status ScanRun::put(const Finding& finding, const Bytes& key, const std::optional<Entry>& old) {
  const bool kept = old && old->state == EntryState::Kept;
  if (options_->is_unit && !old && finding.entry.rank == Rank::Container &&
      finding.entry.source == Source{}) {
    Finding claimed = finding;
    claim(claimed.entry);
    if (!(claimed.entry.source == Source{})) {
      return writer_.apply(claimed, old);
    }
  }
  if (!index_->own_changes() || (old && !(kept && is_made_anew(finding.entry, *old)))) {
    return writer_.apply(finding, old);
  }
  Finding ours = finding;
  ours.kind = Finding::Kind::Put;
  ours.entry.state = EntryState::Mirrored;
  HA_CHECK(writer_.apply(ours, old));
  return revive_above(key);
}

Status ScanRun::revive_above(const Bytes& key) {
  const std::size_t slash = key.rfind('/');
  Bytes above = slash == Bytes::npos ? Bytes() : key.substr(0, slash);
  if (above == put_in_) {
    return ok();  // looked at already
  }
  put_in_ = above;
  while (!above.empty()) {
    HA_TRY(std::optional<Entry> parent, index_->get(above));
    if (!parent || parent->deleted || parent->state != EntryState::Kept) {
      return ok();
    }
    Finding revived;
    revived.kind = Finding::Kind::Put;
    revived.entry = std::move(*parent);
    revived.entry.state = EntryState::Mirrored;
    revived.entry.source = {};
    HA_CHECK(writer_.apply(revived, std::nullopt));
    const std::size_t end = above.rfind('/');
    above.resize(end == Bytes::npos ? 0 : end);
  }
  return ok();
}

}  // namespace ha::replicator
