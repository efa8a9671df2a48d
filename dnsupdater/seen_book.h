// The highest version that this site has seen of each guard, over restarts: the file "seen" in state_dir/dns.
// DNS that shows less has gone back in time (a restored backup, another server): nothing is sent then.
//
// One line each: name, epoch, seq; after a person has accepted what DNS shows two numbers more: the version
// beyond which the next change has to go, so that no epoch comes twice. A file that cannot be read is an
// error: forgetting would let a regression pass. Several programs may have one: who changes it has the lock,
// and reads before. Thread safety: one thread each. Source: docs/dns.md, "Epoch regression".
#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/sys/file.h"
#include "common/sys/process.h"
#include "dnsupdater/record.h"
#include "dnsupdater/rrset.h"

namespace ha::dns {

class SeenBook {
 public:
  // The directory is made.
  [[nodiscard]] static Result<SeenBook> open(const std::string& state_dir);
  // As the last call below has found it.
  [[nodiscard]] std::optional<Version> of(const Name& guard) const;
  // Something of this epoch, or of a later one, is on the disk; of epoch 0 there is nothing to know.
  [[nodiscard]] bool has_epoch(const Name& guard, std::uint64_t epoch) const;
  // What was seen of it before a person has accepted less; 0, 0: nothing.
  [[nodiscard]] Version beyond(const Name& guard) const;

  // All that was seen since it was accepted.
  [[nodiscard]] std::map<Name, Version> all() const;

  // On the disk afterwards. A lower one than before changes nothing. Unavailable if another program keeps the
  // book for itself too long.
  Status put(const Name& guard, const Version& version);
  // Writes it as it is: before what would have to be put() afterwards is begun.
  Status prove_writable();
  // By a person: what DNS shows from now on is right. Changes go beyond what was seen until then, and beyond
  // `at_least`.
  Status accept(const Name& guard, const Version& at_least = {});
  // Refused, with the command that accepts it, if `now` (none: there is no guard) is behind what was seen.
  Status check(const Name& guard, const std::optional<Record>& now);

 private:
  struct Entry {
    Version seen;  // 0, 0: nothing since it was accepted
    Version beyond = {};
  };
  using Entries = std::map<Name, Entry>;

  explicit SeenBook(sys::Directory directory) : directory_(std::move(directory)) {}
  Status read();
  [[nodiscard]] Result<sys::LockFile> lock() const;
  Status save();

  sys::Directory directory_;
  Entries entries_;
};

}  // namespace ha::dns
