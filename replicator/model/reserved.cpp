#include "replicator/model/reserved.h"

#include <algorithm>

namespace ha::replicator {

bool is_reserved_key(BytesView key) noexcept {
  for (std::size_t start = 0; start <= key.size();) {
    const std::size_t end = std::min(key.find('/', start), key.size());
    if (key.substr(start, end - start) == kStagingName) {
      return true;
    }
    start = end + 1;
  }
  return false;
}

}  // namespace ha::replicator
