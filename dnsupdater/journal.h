// What is written down of operations, so that a kill is no worse than a pause: one file each in
// state_dir/dns, replaced as a whole and synced before a change is sent or waited for, and at the end.
//
// Only one program at a time has a Journal of a state directory. Only the newest operation may stand open, so
// opening reads that one. A file that cannot be read is an error: what it stands for may be half done. The
// oldest ones go when there are more than kJournalKept. Thread safety: one thread. Format: schemas/dns.proto.
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
inline constexpr std::size_t kJournalKept = 1'000;

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
  // All of them, by number. Only to look: no lock, and nothing is made.
  [[nodiscard]] static Result<std::vector<JournalEntry>> read(const std::string& state_dir);

  // "d-1" and on.
  [[nodiscard]] std::string next_id() const;
  // The one that is not ended; null: none.
  [[nodiscard]] const JournalEntry* open_entry() const noexcept;
  // Invalid, with those that resemble it, if there is none of that name.
  [[nodiscard]] Result<JournalEntry> entry(std::string_view id) const;

  // On the disk afterwards: the newest one again, or a new one. Conflict if one is open and this is another,
  // Exhausted if it could not be read back.
  Status put(const JournalEntry& entry);
  // A new one, by which `undone` ends if it is open: there is no moment at which neither stands open.
  Status put_undo(const JournalEntry& undo, JournalEntry undone);

 private:
  Journal(sys::Directory directory, sys::LockFile lock)
      : directory_(std::move(directory)), lock_(std::move(lock)) {}
  Status write(const JournalEntry& entry) const;
  Status note(const JournalEntry& entry);

  sys::Directory directory_;
  sys::LockFile lock_;
  std::vector<std::uint64_t> numbers_;  // ascending
  std::optional<JournalEntry> newest_;
};

}  // namespace ha::dns
