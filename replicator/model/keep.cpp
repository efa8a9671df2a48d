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
  return !header.deleted && entry && entry->deleted &&
         is_beyond(entry->source, entry->version, lineage, epoch);
}

}  // namespace ha::replicator
