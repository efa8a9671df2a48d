// Whole small files: of /proc, /sys and the configuration, never more than a limit.
//
// Not for files of users' trees: symbolic links are followed (common/sys/file.h does not). Thread safety:
// plain functions. Errors: those of open(2) and read(2); Exhausted above the limit.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace ha::failover {

inline constexpr std::size_t kKernelFileMax = 64 * 1024;
inline constexpr std::size_t kKernelTableMax = 16 * 1024 * 1024;  // one line a socket
inline constexpr std::size_t kNamesMax = 65'536;                  // of a directory

[[nodiscard]] Result<std::string> read_bounded(const std::string& path,
                                               std::size_t bytes_max = kKernelFileMax);
// The first number of a file: "1\n". Corrupt if it begins with something else.
[[nodiscard]] Result<std::uint64_t> read_number(const std::string& path);
// Without "." and "..", sorted. Exhausted above kNamesMax.
[[nodiscard]] Result<std::vector<std::string>> names_in(const std::string& path);

}  // namespace ha::failover
