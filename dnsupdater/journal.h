// What is written down of operations, so that a kill is no worse than a pause: one file each in
// state_dir/dns, replaced as a whole and synced before a step is taken and after it.
//
// Only one program at a time has a Journal of a state directory. Files that cannot be read are an error: what
// they stand for may be half done. Thread safety: one thread. Format: schemas/dns.proto.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/sys/file.h"
#include "common/sys/process.h"
#include "dnsupdater/operation.h"

namespace ha::dns {

inline constexpr std::size_t kJournalBytesMax = 4 * 1024 * 1024;  // of one operation
inline constexpr std::size_t kJournalFilesMax = 10'000;

struct StepNote {
  WallTime began;
  std::optional<WallTime> ended = std::nullopt;
  std::string said = {};
};

struct JournalEntry {
  Operation operation;
  std::string by;
  WallTime begun;
  std::vector<StepNote> notes = {};  // of the steps that were begun
  std::string ended = {};            // how; empty: it is open

  // Steps that are known to be done.
  [[nodiscard]] std::size_t done() const noexcept;
};

[[nodiscard]] Bytes encode(const JournalEntry& entry);
// Corrupt; Unsupported for another format.
[[nodiscard]] Result<JournalEntry> decode_entry(BytesView bytes);

class Journal {
 public:
  // Makes the directory. Refused while another program has it.
  [[nodiscard]] static Result<Journal> open(const std::string& state_dir);
  // Only to look: no lock, and nothing is made.
  [[nodiscard]] static Result<std::vector<JournalEntry>> read(const std::string& state_dir);

  // "d-1" and on.
  [[nodiscard]] std::string next_id() const;
  // The one that is not ended; there is one at most.
  [[nodiscard]] const JournalEntry* open_entry() const noexcept;
  [[nodiscard]] const std::vector<JournalEntry>& entries() const noexcept { return entries_; }

  // On the disk afterwards. Conflict if one is open and this is another, Exhausted if
  // it could not be read back.
  Status put(const JournalEntry& entry);

 private:
  Journal(sys::Directory directory, sys::LockFile lock, std::vector<JournalEntry> entries)
      : directory_(std::move(directory)), lock_(std::move(lock)), entries_(std::move(entries)) {}

  sys::Directory directory_;
  sys::LockFile lock_;
  std::vector<JournalEntry> entries_;  // by number
};

}  // namespace ha::dns
