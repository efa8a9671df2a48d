// Publisher: what a deletion at the origin does here, and what may be in the way of it. docs/guards.md.
#include <algorithm>
#include <utility>

#include "common/base/clock.h"
#include "common/base/units.h"
#include "replicator/apply/file_facts.h"
#include "replicator/apply/publisher.h"
#include "replicator/apply/trash.h"
#include "replicator/model/key.h"

namespace ha::replicator {
namespace {

constexpr std::uint64_t kUnknownMax = 1000;  // counted for a message
constexpr std::size_t kNamesAtOnce = 1000;

Error not_empty(BytesView key, std::uint64_t unknown) {
  const std::string number = (unknown >= kUnknownMax ? "at least " : "") + std::to_string(unknown);
  return Error(Code::Refused,
               in_quotes(key) + " is not empty: it holds " + number + " items this set does not know");
}

}  // namespace

Result<Publisher::Fate> Publisher::remove(const StagedItem& item) {
  const Bytes& key = item.header.key;
  const auto at = place(key, false);
  if (!at.ok()) {
    const Code code = at.error().code();
    if (code == Code::NotFound || code == Code::Conflict) {  // a parent is gone, or no directory any more
      return Fate::Published;
    }
    return at.error();
  }
  const auto live = at->parent->stat(at->name);
  if (!live.ok()) {
    return live.error().code() == Code::NotFound ? Result<Fate>(Fate::Published) : live.error();
  }
  if (context_.deletes.mode == DeleteMode::Never) {
    return Fate::Kept;
  }
  const bool directory = live->type == sys::FileType::Directory;
  Status removed = ok();
  if (directory) {
    removed = at->parent->remove_directory(at->name);
  } else if (context_.deletes.mode == DeleteMode::Trash) {
    HA_TRY(const StagedName area, context_.staging.name_for(key));
    removed = move_to_trash(*area.area, *at->parent, at->name, key, read_clocks().wall);
  } else {
    removed = at->parent->unlink(at->name);
  }
  if (removed.ok() || removed.error().code() == Code::NotFound) {
    touch(key);
    return Fate::Published;
  }
  if (!directory || removed.error().code() != Code::Exists) {
    return removed.error();
  }
  HA_TRY(const Content content, count_content(key, false));
  if (content.unknown > 0) {
    return not_empty(key, content.unknown);
  }
  return content.kept > 0 ? Fate::Kept : Fate::Waiting;
}

// The entry leaves the sum; that it was the origin who deleted it, and when, is noted as with a tombstone.
Status Publisher::record_kept(IndexBatch& batch, const StagedItem& item) {
  HA_TRY(std::optional<Entry> entry, context_.index.get(item.header.key));
  if (!entry || entry->deleted || entry->state == EntryState::Kept) {
    return ok();  // what is there and not known is found by the next scan, and deleted again
  }
  entry->state = EntryState::Kept;
  entry->source = item.header.source;
  entry->version = item.header.version;
  HA_TRY([[maybe_unused]] const std::uint64_t sequence, batch.put(*entry));
  return ok();
}

// ---------------------------------------------------------------- what is there

Result<std::optional<Entry>> Publisher::find_entry(BytesView key) {
  const auto found = done_by_key_.find(key);
  if (found == done_by_key_.end()) {
    return context_.index.get(key);
  }
  const Done& done = done_[found->second];
  if (done.kept) {
    HA_TRY(std::optional<Entry> kept, context_.index.get(key));
    if (kept) {
      kept->state = EntryState::Kept;
    }
    return kept;
  }
  Entry entry = done.item.header;
  entry.local = encode_local(done.local);
  return std::optional<Entry>(std::move(entry));
}

Status Publisher::check_replaceable(BytesView directory) {
  HA_TRY(const Content content, count_content(directory, true));
  if (content.unknown > 0) {
    return not_empty(directory, content.unknown);
  }
  const std::uint64_t stay = context_.deletes.mode == DeleteMode::Never ? content.items : content.kept;
  if (stay > 0) {
    return Error(Code::Refused, in_quotes(directory) + " cannot be replaced: it holds " + show_count(stay) +
                                    " items that were deleted at the origin and are kept here (delete = "
                                    "never); move them away");
  }
  return ok();
}

// What a new item has changed places with.
Status Publisher::discard_replaced(BytesView key, const StagedName& staged) {
  const auto live = staged.area->directory.stat(staged.name);
  if (context_.deletes.mode != DeleteMode::Trash || !live.ok() || live->type != sys::FileType::Directory) {
    return context_.staging.discard(staged);
  }
  // The deletions of what was in it have yet to come; they will find nothing.
  return move_to_trash(*staged.area, staged.area->directory, staged.name, key, read_clocks().wall);
}

Result<Publisher::Content> Publisher::count_content(BytesView directory, bool deep) {
  Content content;
  std::vector<Bytes> open{Bytes(directory)};
  while (!open.empty() && content.unknown < kUnknownMax) {
    const Bytes key = std::move(open.back());
    open.pop_back();
    HA_TRY(const sys::Directory opened, context_.root.open_beneath(key));
    HA_TRY(sys::DirectoryReader reader, opened.read());
    while (content.unknown < kUnknownMax) {
      HA_TRY(const std::vector<sys::DirectoryEntry> entries, reader.next(kNamesAtOnce));
      if (entries.empty()) {
        break;
      }
      for (const sys::DirectoryEntry& found : entries) {
        const Bytes child = key_in(key, found.name);
        HA_TRY(const std::optional<Entry> entry, find_entry(child));
        const bool known = entry && !entry->deleted;
        content.unknown += known ? 0U : 1U;
        content.kept += known && entry->state == EntryState::Kept ? 1U : 0U;
        content.items += known && entry->rank != Rank::Container ? 1U : 0U;
        if (deep && (!found.type_known || found.type == sys::FileType::Directory)) {
          HA_TRY(const sys::Stat stat, opened.stat(found.name));
          if (stat.type == sys::FileType::Directory) {
            open.push_back(child);
          }
        }
      }
    }
  }
  return content;
}

}  // namespace ha::replicator
