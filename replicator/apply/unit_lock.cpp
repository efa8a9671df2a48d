#include "replicator/apply/unit_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <chrono>
#include <thread>
#include <utility>

#include "common/sys/metadata.h"

namespace ha::replicator {
namespace {

constexpr char kOurs[] = "unit-lock";  // in the staging directory
constexpr char kLockFile[] = ".lock";
constexpr char kFlockFile[] = "lock";
constexpr std::chrono::milliseconds kPoll{2};
constexpr std::size_t kKeyMax = 64 * 1024;

bool is_same_file(const sys::Directory& a, BytesView a_name, const sys::Directory& b, BytesView b_name) {
  const auto one = a.stat(a_name);
  const auto other = b.stat(b_name);
  return one.ok() && other.ok() && one->ino == other->ino && one->dev == other->dev;
}

Error is_locked(BytesView key) {
  return Error(
      Code::Unavailable,
      in_quotes(key) + " is locked by the PBX (" + kLockFile + " or " + kFlockFile + " in it)",
      "it is tried again; a lock that stays was left by a crash, and keeps Asterisk out as well: rm it");
}

Status remove_if_there(const sys::Directory& directory, BytesView name) {
  auto removed = directory.unlink(name);
  return removed.ok() || removed.error().code() == Code::NotFound ? ok() : removed;
}

// True: we have it, or had it before a crash.
Result<bool> try_link(const sys::Directory& staging, const sys::Directory& folder) {
  auto linked = staging.link(kOurs, folder, kLockFile);
  if (linked.ok()) {
    return true;
  }
  if (linked.error().code() != Code::Exists) {
    return linked.error();
  }
  return is_same_file(staging, kOurs, folder, kLockFile);
}

// Nothing: somebody has it, or something else is called so. As ast_lock_path_flock() does it, and so that the
// PBX may open what we made.
Result<sys::FileHandle> try_flock(const sys::Directory& folder, const sys::Stat& owner) {
  auto opened = folder.open_file(kFlockFile, O_WRONLY | O_CREAT, 0600);
  if (!opened.ok() && (opened.error().code() == Code::Conflict || opened.error().code() == Code::Io)) {
    return sys::FileHandle();  // a directory, a symbolic link, a fifo
  }
  HA_TRY(sys::FileHandle file, std::move(opened));
  HA_TRY(const sys::Stat stat, file.stat());
  if (stat.type != sys::FileType::Regular || stat.nlink != 1) {
    return sys::FileHandle();  // not made as a lock, and its owner is not ours to change
  }
  if (stat.uid != owner.uid || stat.gid != owner.gid) {
    HA_CHECK(sys::set_owner(file, owner.uid, owner.gid));
  }
  if (::flock(file.fd(), LOCK_EX | LOCK_NB) != 0) {
    return sys::FileHandle();
  }
  const auto named = folder.stat(kFlockFile);
  return named.ok() && named->ino == stat.ino ? std::move(file) : sys::FileHandle();
}

}  // namespace

UnitLock::UnitLock(const StagingArea& area, sys::Directory folder) noexcept
    : area_(&area), folder_(std::move(folder)) {}

UnitLock::UnitLock(UnitLock&& other) noexcept
    : area_(std::exchange(other.area_, nullptr)),
      folder_(std::move(other.folder_)),
      flocked_(std::move(other.flocked_)) {}

UnitLock::~UnitLock() {
  static_cast<void>(release());  // what stays is removed at the next start
}

Result<UnitLock> UnitLock::take(const StagingArea& area, const sys::Directory& root, BytesView key,
                                Duration wait) {
  HA_TRY(sys::Directory folder, root.open_beneath(key));
  HA_TRY(const sys::Stat owner, folder.stat());
  const sys::Directory& staging = area.directory;
  {
    HA_TRY(const sys::FileHandle ours, staging.open_file(kOurs, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    HA_CHECK(ours.write_at(0, key));
  }
  const SteadyTime until = read_clocks().steady + wait;
  const auto waits = [&] {
    std::this_thread::sleep_for(kPoll);
    return read_clocks().steady < until;
  };
  for (;;) {
    HA_TRY(const bool linked, try_link(staging, folder));
    if (linked) {
      break;
    }
    if (!waits()) {
      HA_CHECK(remove_if_there(staging, kOurs));
      return is_locked(key);
    }
  }
  UnitLock lock(area, std::move(folder));  // from here on it is released
  for (;;) {
    HA_TRY(lock.flocked_, try_flock(lock.folder_, owner));
    if (lock.flocked_.is_open()) {
      return lock;
    }
    if (!waits()) {
      return is_locked(key);
    }
  }
}

Status UnitLock::release() {
  const StagingArea* const area = std::exchange(area_, nullptr);
  if (area == nullptr) {
    return ok();
  }
  Status flock_file = ok();
  if (flocked_.is_open()) {
    flock_file = remove_if_there(folder_, kFlockFile);
    flocked_ = {};
  }
  HA_CHECK(remove_if_there(folder_, kLockFile));
  HA_CHECK(remove_if_there(area->directory, kOurs));
  return flock_file;
}

Status release_old_locks(const sys::Directory& root, const std::vector<Bytes>& tops) {
  for (const Bytes& top : tops) {
    const auto staging = root.open_beneath(top.empty() ? Bytes(kStagingName) : top + "/" + kStagingName);
    if (!staging.ok()) {
      continue;
    }
    const auto key = sys::read_file(*staging, kOurs, kKeyMax);
    if (!key.ok()) {
      continue;
    }
    const auto folder = sys::check_key(*key).ok()
                            ? root.open_beneath(*key)
                            : Result<sys::Directory>(Error(Code::NotFound, "no folder"));
    if (folder.ok() && is_same_file(*staging, kOurs, *folder, kLockFile)) {
      HA_CHECK(remove_if_there(*folder, kLockFile));
    }
    HA_CHECK(remove_if_there(*staging, kOurs));
  }
  return ok();
}

}  // namespace ha::replicator
