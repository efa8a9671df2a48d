// Asterisk's own lock on a voicemail folder, both kinds of it: while one lives, app_voicemail waits.
//
// Kind "lockfile" is a file `.lock`, made by link(2); kind "flock" an flock(2) on a file `lock` that is made
// and removed. Which one an Asterisk uses says its asterisk.conf (lockmode), so both are taken. Ours is a
// link to `.hareplicate/unit-lock`, in which the folder's key stands: what a kill leaves behind is found and
// removed at the next start, without looking at any other folder. Asterisk loses a message when it has waited
// for 5 s, so hold it for renames only.
//
// Thread safety: that of the FileTarget; one at a time for each staging directory. Errors: Unavailable when
// somebody else has it for longer than `wait`. Source: Asterisk 16 and later, main/app.c,
// ast_lock_path_lockfile() and ast_lock_path_flock(); docs/units.md, "Asterisk's rules".
#pragma once

#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/sys/file.h"
#include "replicator/apply/staging.h"

namespace ha::replicator {

inline constexpr Duration kUnitLockWait = std::chrono::milliseconds(500);

class UnitLock {
 public:
  // `area` is that of the file system `folder` is on, and must outlive this. Blocks up to `wait`.
  [[nodiscard]] static Result<UnitLock> take(const StagingArea& area, const sys::Directory& root,
                                             BytesView key, Duration wait = kUnitLockWait);
  UnitLock(UnitLock&& other) noexcept;
  UnitLock& operator=(UnitLock&&) = delete;
  ~UnitLock();  // releases

  Status release();

 private:
  UnitLock(const StagingArea& area, sys::Directory folder) noexcept;
  const StagingArea* area_;  // null when released
  sys::Directory folder_;
  sys::FileHandle flocked_;
};

// Removes what a killed run has left locked; `tops` are those of the staging directories.
Status release_old_locks(const sys::Directory& root, const std::vector<Bytes>& tops);

}  // namespace ha::replicator
