// Makes every file with an overlay look as its patterns say, at once: after the configuration has changed,
// after drift, when a site gets a set. The content that travels stays what it is, so nobody is told.
//
// Only files that are what the index says of them are touched; the rest is for the next scan, or the origin.
// Thread safety: that of the FileTarget. Source: docs/overlays.md, "What happens".
#pragma once

#include <map>
#include <optional>

#include "common/base/result.h"
#include "replicator/apply/apply_context.h"
#include "replicator/apply/overlay_store.h"
#include "replicator/model/file_meta.h"

namespace ha::replicator {

class OverlayAligner {
 public:
  // `context` must outlive it.
  explicit OverlayAligner(ApplyContext& context) : context_(context) {}

  // Errors of single files are told as overlay.failed; those that come back are the index'.
  Status align_all();

 private:
  struct Stats {
    LocalStat live;
    LocalStat copy;
    bool operator==(const Stats&) const = default;
  };
  struct Live {
    LocalStat local;
    Bytes content;
  };
  Status align(const Bytes& key);
  [[nodiscard]] std::optional<Stats> stats_of(const Bytes& key) const;
  [[nodiscard]] Result<std::optional<Live>> read_live(const Bytes& key) const;
  [[nodiscard]] Result<bool> is_content(const Entry& entry, BytesView bytes) const;
  // What it has to become; none: it stays as it is delivered.
  [[nodiscard]] std::optional<Pristine> wanted(const Bytes& key, BytesView pristine) const;
  Status make(const Entry& entry, const Live& live, BytesView pristine, const std::optional<Pristine>& kept);
  // False: somebody was faster, and nothing has changed.
  [[nodiscard]] Result<bool> replace(const Entry& entry, const Live& live, BytesView content,
                                     LocalStat& local);

  ApplyContext& context_;
  std::map<Bytes, Stats> aligned_;
};

// `content` in a staged file with the metadata, synced. `local`: what its stat is.
[[nodiscard]] Result<StagedName> stage_altered(ApplyContext& context, BytesView key, BytesView content,
                                               const FileMeta& meta, LocalStat& local);

}  // namespace ha::replicator
