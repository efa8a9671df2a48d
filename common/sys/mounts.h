// Where other file systems, or other parts of this one, are mounted in a tree.
//
// A mount of the same file system (bind) has the same st_dev: only the kernel's list tells. Thread safety:
// pure. Source: proc(5), /proc/pid/mountinfo.
#pragma once

#include <vector>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/sys/file.h"

namespace ha::sys {

// Mount points beneath `root`, itself not among them, as keys beneath it, in byte order.
[[nodiscard]] Result<std::vector<Bytes>> mounts_beneath(const Directory& root);

// The fifth field of each line, as it is on disk: the kernel writes space, tab, newline and '\' as \ooo.
[[nodiscard]] std::vector<Bytes> mount_points(BytesView mountinfo);

}  // namespace ha::sys
