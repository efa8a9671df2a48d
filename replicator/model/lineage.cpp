#include "replicator/model/lineage.h"

#include <algorithm>

namespace ha::replicator {

bool is_beyond(const Source& source, std::uint64_t version, const Lineage& lineage, std::uint64_t epoch) {
  if (source.epoch == 0 || source.epoch >= epoch) {
    return false;
  }
  const auto start = std::find_if(lineage.begin(), lineage.end(), [&](const EpochStart& each) {
    return each.before.index_id == source.index_id && each.before.epoch == source.epoch &&
           each.epoch <= epoch;
  });
  return start == lineage.end() || version > start->before.sequence;
}

}  // namespace ha::replicator
