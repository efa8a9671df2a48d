// What watch.cpp shares with its two back ends. Not for anybody else.
#pragma once

#include <memory>
#include <set>

#include "common/sys/file.h"
#include "common/sys/watch.h"

namespace ha::sys {

// The directories of one batch. Past the limit only `overflow` is left.
class DirtySet {
 public:
  explicit DirtySet(BytesView excluded) : excluded_(excluded) {}
  void overflow() noexcept { overflow_ = true; }
  // The directory `rel`, unless it is the excluded one or below it.
  void add(const Bytes& rel);
  // A change of `name` in `rel`: the same, and the excluded name itself in the root does not count.
  void add_child(const Bytes& rel, BytesView name);
  [[nodiscard]] WatchBatch take() &&;

 private:
  Bytes excluded_;
  std::set<Bytes> directories_;
  bool overflow_ = false;
};

class WatchBackend {
 public:
  virtual ~WatchBackend() = default;
  [[nodiscard]] virtual int fd() const noexcept = 0;
  [[nodiscard]] virtual Result<WatchBatch> read() = 0;
};

[[nodiscard]] Result<std::unique_ptr<WatchBackend>> open_fanotify(Directory root, BytesView excluded);
[[nodiscard]] Result<std::unique_ptr<WatchBackend>> open_inotify(Directory root, BytesView excluded);

inline constexpr std::size_t kWatchReadBytes = 64 * 1024;
inline constexpr int kWatchReadsMax = 64;  // of kWatchReadBytes, in one batch

}  // namespace ha::sys
