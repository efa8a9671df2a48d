// Which directories of a tree changed: fanotify on the file system, or inotify on every directory.
//
// Says where to look, not what happened: a batch names directories whose direct children (names, content or
// metadata) changed. A directory that the caller does not know yet is to be read with all below it, because
// it may have been moved in. Not a substitute for scanning: writes through mmap, other mounts below the root
// and, for a hard-linked file, its other names are not reported.
// Thread safety: one thread. Waiting is the caller's, on fd().
// Source: fanotify(7) (FAN_REPORT_DFID_NAME, Linux 5.9; CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH), inotify(7).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::sys {

inline constexpr std::size_t kWatchBatchMax = 10000;    // directories a batch; beyond it overflows
inline constexpr std::size_t kWatchedMax = 512 * 1024;  // directories under inotify

struct WatchBatch {
  std::vector<Bytes> directories;  // relative to the root, sorted, each once; "" is the root
  bool overflow = false;           // something was lost: scan all. `directories` is empty then
};

enum class WatchKind : std::uint8_t { Fanotify, Inotify };

class WatchBackend;

class Watch {
 public:
  // The first of fanotify and inotify that works here. `excluded` is a name in the root that is ignored with
  // all below it; "" excludes nothing. Exhausted, with the sysctl as hint, if inotify has too few watches.
  [[nodiscard]] static Result<Watch> open(BytesView root, BytesView excluded);
  [[nodiscard]] static Result<Watch> open_as(WatchKind kind, BytesView root, BytesView excluded);
  Watch(Watch&&) noexcept;
  Watch& operator=(Watch&&) noexcept;
  ~Watch();

  [[nodiscard]] WatchKind kind() const noexcept { return kind_; }
  [[nodiscard]] int fd() const noexcept;  // readable when there is something to read
  // What came since the last call, possibly nothing; does not wait, and leaves some for the next call when
  // there is much. After an error this watch misses changes: drop it, scan, open a new one.
  [[nodiscard]] Result<WatchBatch> read();

 private:
  Watch(WatchKind kind, std::unique_ptr<WatchBackend> backend) noexcept;
  WatchKind kind_;
  std::unique_ptr<WatchBackend> backend_;
};

}  // namespace ha::sys
