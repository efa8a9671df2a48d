// What is to be published whatever happens, in the index: noted before anything of it is done, so that a kill
// rolls forward.
//
// Where a key has been noted twice, the later record counts. Publishing takes records away
// (StagedItem::journal); this only puts and reads them. Thread safety: that of the FileTarget. Errors: those
// of the index and of staging.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "common/base/result.h"
#include "replicator/apply/apply_context.h"
#include "replicator/apply/publisher.h"
#include "replicator/apply/staged_item.h"

namespace ha::replicator {

class Journal {
 public:
  enum class Kind : std::uint8_t {  // as the index has it
    Item = 1,                       // to be published once there is a Go
    Go = 2,                         // all before it is to be published
    Unit = 3,                       // to be published with the others of its unit
  };
  // All must outlive it. Reads and writes records of this kind alone.
  Journal(ApplyContext& context, Publisher& publisher, Kind kind)
      : context_(context), publisher_(publisher), kind_(kind) {}

  // All of them or none: on an error, what they have staged is freed. Syncs it first.
  Status put(const std::vector<StagedItem>& items);
  Status put_go();
  [[nodiscard]] Result<bool> has_go();

  // The older ones first, some at a time, those by key. What is on a file system that is not mounted any more
  // goes, and is added to `lost`.
  using Visit = std::function<Status(std::vector<StagedItem> items)>;
  Status each(std::vector<Trouble>& lost, const Visit& visit);

 private:
  [[nodiscard]] Result<std::vector<StagedItem>> items_of(const std::vector<JournalRecord>& records,
                                                         std::vector<Trouble>& lost);

  ApplyContext& context_;
  Publisher& publisher_;
  Kind kind_;
};

}  // namespace ha::replicator
