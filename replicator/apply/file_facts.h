// Between the values of the model and those of the file system: metadata to set, stats to remember.
//
// Pure but for looking up names. Thread safety: that of NameCache.
#pragma once

#include "common/base/result.h"
#include "common/sys/file.h"
#include "common/sys/metadata.h"
#include "replicator/model/file_meta.h"

namespace ha::replicator {

// Owner and group go by name where this system has the name, by number otherwise.
[[nodiscard]] sys::Metadata wanted_metadata(const FileMeta& meta, sys::NameCache& names);

[[nodiscard]] LocalStat local_stat(const sys::Stat& stat) noexcept;
// But for the change time, which a name more or less elsewhere moves too. A record that was made too young to
// tell the next change, without an inode, is believed.
[[nodiscard]] bool is_still(const sys::Stat& live, LocalStat recorded) noexcept;

// Of what stands on its own; a hard link is a Regular file there.
[[nodiscard]] sys::FileType system_type(FileType type) noexcept;

}  // namespace ha::replicator
