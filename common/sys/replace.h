// A file that people keep, replaced as a whole: its owner and mode stay, a symbolic link is followed.
//
// For configuration; what is ours alone is written by replace_file() of file.h. Thread safety: plain
// functions.
#pragma once

#include <sys/types.h>

#include <string>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace ha::sys {

// In a directory that exists; a file that is not there yet gets `new_mode`.
Status replace_kept(const std::string& path, BytesView text, mode_t new_mode);
// NotFound when it, or its directory, is not there; Exhausted over `bytes_max`.
[[nodiscard]] Result<Bytes> read_kept(const std::string& path, std::size_t bytes_max);

}  // namespace ha::sys
