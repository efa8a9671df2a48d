// What the file system says of one item, as values of the model.
//
// Thread safety: functions without state but for the NameCache. Source: statx(2), docs/wire.md "File
// metadata".
#pragma once

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/sys/file.h"
#include "common/sys/metadata.h"
#include "replicator/model/file_meta.h"

namespace ha::replicator {

[[nodiscard]] LocalStat stat_record(const sys::Stat& stat) noexcept;

// What is stored of an item too young to be sure that its times will tell the next change: never equal to a
// stat_record(), so that the next scan looks again.
[[nodiscard]] LocalStat racy_record(const sys::Stat& stat) noexcept;
[[nodiscard]] bool is_racy(const sys::Stat& stat, WallTime now) noexcept;

[[nodiscard]] FileType model_type(sys::FileType type) noexcept;

// All but `target`. Owners keep the names and numbers of `old` (may be null) where these mean the same ids
// here, so that a copy that differs in nothing but numbers is equal to its origin.
[[nodiscard]] Result<FileMeta> read_meta(const sys::FileHandle& file, const sys::Stat& stat,
                                         const FileMeta* old, sys::NameCache& names);

}  // namespace ha::replicator
