#include "replicator/model/lineage.h"

#include <algorithm>
#include <limits>

namespace ha::replicator {

std::optional<std::uint64_t> seen_of(const Source& source, const Lineage& lineage, std::uint64_t epoch) {
  if (source.epoch == 0 || source.epoch >= epoch) {
    return std::numeric_limits<std::uint64_t>::max();
  }
  for (std::uint64_t at = epoch;;) {
    const auto start = std::find_if(lineage.begin(), lineage.end(),
                                    [&](const EpochStart& each) { return each.epoch == at; });
    if (start == lineage.end() || start->before.epoch >= at) {
      return std::nullopt;
    }
    if (start->before.index_id == source.index_id && start->before.epoch == source.epoch) {
      return start->before.sequence;
    }
    at = start->before.epoch;
  }
}

bool is_beyond(const Source& source, std::uint64_t version, const Lineage& lineage, std::uint64_t epoch) {
  const auto seen = seen_of(source, lineage, epoch);
  return !seen || version > *seen;
}

std::optional<Position> goes_on_from(const std::optional<Position>& own_turn, std::uint64_t own_head,
                                     const std::optional<Position>& last_equal) {
  if (!own_turn || (last_equal && last_equal->epoch > own_turn->epoch)) {
    return last_equal;
  }
  Position own = *own_turn;
  own.sequence = own_head;
  return own;
}

}  // namespace ha::replicator
