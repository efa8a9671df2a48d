// What was applied at this site: one line for each commit, kept in the state directory, for `hareplicate
// history`. Not the truth about anything (positions are in the index) and never read by replication.
//
// Two files of JSON lines, the older one "history.jsonl.1"; when the newer reaches kHistoryFileBytesMax it
// becomes the older, so at most twice that is kept. A line that was torn by a crash is skipped when reading.
// Thread safety: one thread. Source: docs/operations.md, "History".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/sys/file.h"

namespace ha::replicator {

inline constexpr std::uint64_t kHistoryFileBytesMax = 2 * 1024 * 1024;
inline constexpr std::size_t kHistoryRecordsMax = 10'000;  // in one answer

struct HistoryRecord {
  std::int64_t time_ns = 0;  // wall time, since 1970
  std::string set;
  std::string origin;
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;
  std::uint64_t items = 0;
  std::uint64_t bytes = 0;
  std::uint64_t failed = 0;  // on the list of failures afterwards
};

class History {
 public:
  // Files are made when they are needed.
  static Result<History> open(const std::string& state_dir);

  Status add(const HistoryRecord& record);
  // Of `set` (empty: all) and not older than `since_ns`, oldest first, the newest kHistoryRecordsMax of them.
  [[nodiscard]] Result<std::vector<HistoryRecord>> read(const std::string& set, std::int64_t since_ns) const;

 private:
  explicit History(sys::Directory directory) : directory_(std::move(directory)) {}
  Status open_file();
  sys::Directory directory_;
  sys::FileHandle file_;
  std::uint64_t size_ = 0;
};

}  // namespace ha::replicator
