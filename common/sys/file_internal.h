// What file.cpp, file_directory.cpp and file_tree.cpp share. Not for anybody else.
#pragma once

#include <array>

#include "common/sys/file.h"

namespace ha::sys {

// statx of `name` in `fd`, never following; an empty name is the descriptor itself.
[[nodiscard]] Result<Stat> stat_at(int fd, const char* name, BytesView path);

// "/proc/self/fd/N": the one way to reach an inode pinned with O_PATH by calls that take a path.
[[nodiscard]] std::array<char, 32> proc_path(int fd) noexcept;

// A short random name that no other name derives from: casync's temporary names fail on 255-byte names.
[[nodiscard]] Result<Bytes> random_name();

}  // namespace ha::sys
