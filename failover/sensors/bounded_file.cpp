#include "failover/sensors/bounded_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "common/sys/file.h"
#include "common/sys/unique.h"
#include "failover/sensors/proc_text.h"

namespace ha::failover {

Result<std::string> read_bounded(const std::string& path, std::size_t bytes_max) {
  // O_NONBLOCK: a fifo in its place does not hold us.
  const sys::FileHandle file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), path);
  if (!file.is_open()) {
    return sys::path_error("cannot read", path, errno);
  }
  std::string out;
  std::array<char, 16'384> part{};
  while (true) {
    const ssize_t n = ::read(file.fd(), part.data(), part.size());
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return sys::path_error("cannot read", path, errno);
    }
    if (n == 0) {
      return out;
    }
    if (out.size() + static_cast<std::size_t>(n) > bytes_max) {
      return Error(Code::Exhausted, path + " has more than " + std::to_string(bytes_max) + " bytes");
    }
    out.append(part.data(), static_cast<std::size_t>(n));
  }
}

Result<std::uint64_t> read_number(const std::string& path) {
  HA_TRY(const std::string text, read_bounded(path));
  const auto number = whole_number(std::string_view(text).substr(0, text.find_first_of(" \t\n")));
  if (!number) {
    return Error(Code::Corrupt, path + " does not begin with a number");
  }
  return *number;
}

Result<std::vector<std::string>> names_in(const std::string& path) {
  const sys::Unique<DIR, ::closedir> directory(::opendir(path.c_str()));
  if (!directory) {
    return sys::path_error("cannot list", path, errno);
  }
  std::vector<std::string> out;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) {
      break;
    }
    const std::string_view name(entry->d_name);
    if (name == "." || name == "..") {
      continue;
    }
    if (out.size() == kNamesMax) {
      return Error(Code::Exhausted, path + " has more than " + std::to_string(kNamesMax) + " names");
    }
    out.emplace_back(name);
  }
  if (errno != 0) {
    return sys::path_error("cannot list", path, errno);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace ha::failover
