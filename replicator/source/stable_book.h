// Which changed files are left alone because they are still being written, and until when.
//
// A file is stable when both its times are older than the span, or when it has been seen the same for that
// long by the steady clock: a time in the future, or a clock that was set back, makes nobody wait for ever.
// Thread safety: one thread. Source: docs/operations.md, "Pace".
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/sys/file.h"
#include "replicator/model/file_meta.h"

namespace ha::replicator {

inline constexpr std::size_t kUnstableMax = 100'000;  // files that are waited for; more are taken as they are

class StableBook {
 public:
  explicit StableBook(Duration span) : span_(span) {}

  // How much longer the changed file is to be left alone; nothing: take it.
  [[nodiscard]] std::optional<Duration> waits(BytesView key, const sys::Stat& stat, const Now& now);
  // Those that this has not been asked about since the last call have gone. After a whole walk.
  void forget_unasked();
  // A file that is waited for and has the inode, size and modification time of `local`: it was renamed.
  [[nodiscard]] std::vector<Bytes> renamed_from(const LocalStat& local) const;
  [[nodiscard]] bool is_as_seen(BytesView key, const sys::Stat& stat) const;
  void forget(BytesView key);

  [[nodiscard]] std::size_t size() const noexcept { return waiting_.size(); }

 private:
  struct Waiting {
    LocalStat seen;
    SteadyTime since{};
    bool asked = true;
  };
  Duration span_;
  std::map<Bytes, Waiting, std::less<>> waiting_;
  std::multimap<std::uint64_t, Bytes> by_inode_;
};

}  // namespace ha::replicator
