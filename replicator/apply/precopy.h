// At most one transfer that has begun before its first part: a copy of the item as it is here, made while the
// origin still reads the new one.
//
// Nobody depends on it: whatever goes wrong only means that there is none. Thread safety: that of the
// FileTarget. Source: docs/wire.md, "Set session".
#pragma once

#include <optional>

#include "common/base/clock.h"
#include "replicator/apply/transfer.h"

namespace ha::replicator {

class Precopy {
 public:
  // `context` must outlive it.
  explicit Precopy(ApplyContext& context) : context_(context) {}

  // Nothing happens while that of another item waits to be taken: with many changed files each copy would
  // otherwise be thrown away by the next. True: more() has more to do.
  bool begin(const Bytes& key);
  bool more();
  // The transfer of this item, if it has been begun.
  [[nodiscard]] std::optional<Transfer> take(const Bytes& key, const Digest& content);

  Status drop();
  Status drop_old();  // when nobody has taken it for a long time

 private:
  ApplyContext& context_;
  std::optional<Transfer> transfer_;
  SteadyTime worked_at_{};
};

}  // namespace ha::replicator
