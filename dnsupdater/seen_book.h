// The highest version that this site has seen of each guard, over restarts: the file "seen" in state_dir/dns.
// DNS that shows less has gone back in time (a restored backup, another server): nothing is sent then.
//
// One line each: name, epoch, seq. A file that cannot be read is an error: forgetting would let a regression
// pass. Thread safety: one thread. Source: docs/dns.md, "Epoch regression".
#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/sys/file.h"
#include "dnsupdater/record.h"
#include "dnsupdater/rrset.h"

namespace ha::dns {

class SeenBook {
 public:
  // The directory is made.
  [[nodiscard]] static Result<SeenBook> open(const std::string& state_dir);
  [[nodiscard]] std::optional<Version> of(const Name& guard) const;
  // On the disk afterwards. A lower one than before changes nothing.
  Status put(const Name& guard, const Version& version);
  // By a person: what DNS shows from now on is right.
  Status forget(const Name& guard);
  // Refused, with the command that accepts it, if `now` (none: there is no guard) is behind what was seen.
  [[nodiscard]] Status check(const Name& guard, const std::optional<Record>& now) const;

 private:
  explicit SeenBook(sys::Directory directory) : directory_(std::move(directory)) {}
  Status save(std::map<Name, Version> seen);

  sys::Directory directory_;
  std::map<Name, Version> seen_;
};

}  // namespace ha::dns
