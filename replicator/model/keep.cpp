#include "replicator/model/keep.h"

namespace ha::replicator {
namespace {

bool is_same_content(const Entry& entry, const Entry& header) {
  return entry.hash == header.hash || (!entry.content.is_zero() && entry.content == header.content);
}

}  // namespace

bool must_keep(const std::optional<Entry>& entry, bool as_recorded, const Entry& header,
               const Lineage& lineage, std::uint64_t epoch) {
  if (!entry || entry->deleted || !as_recorded) {
    return true;
  }
  if (!header.deleted && is_same_content(*entry, header)) {
    return false;
  }
  return entry->source == Source{} || is_beyond(entry->source, entry->version, lineage, epoch);
}

bool undoes_deletion(const std::optional<Entry>& entry, const Entry& header, const Lineage& lineage,
                     std::uint64_t epoch) {
  if (header.deleted || !entry || !entry->deleted) {
    return false;
  }
  // Of a former turn, and the same content is back: the holder knew of the deletion, or went on from one who
  // did, but has no tombstone of what it never had, and took the item over from a third site.
  const bool same = !entry->content.is_zero() && entry->content == header.content;
  const bool of_former_turn = entry->source != Source{} && entry->source.epoch < epoch;
  return (same && of_former_turn) || is_beyond(entry->source, entry->version, lineage, epoch);
}

}  // namespace ha::replicator
