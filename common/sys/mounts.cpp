#include "common/sys/mounts.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "common/sys/file_internal.h"

namespace ha::sys {
namespace {

constexpr std::size_t kMountInfoBytesMax = 64 * 1024 * 1024;
constexpr int kFieldsBefore = 4;

bool is_octal(BytesView text) {
  return text.size() == 3 && text[0] <= '3' &&
         std::all_of(text.begin(), text.end(), [](char each) { return each >= '0' && each <= '7'; });
}

Bytes unescaped(BytesView text) {
  Bytes out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const BytesView digits = text.substr(at + 1, 3);
    if (text[at] == '\\' && is_octal(digits)) {
      out += static_cast<char>((digits[0] - '0') * 64 + (digits[1] - '0') * 8 + (digits[2] - '0'));
      at += digits.size();
    } else {
      out += text[at];
    }
  }
  return out;
}

}  // namespace

std::vector<Bytes> mount_points(BytesView mountinfo) {
  std::vector<Bytes> out;
  while (!mountinfo.empty()) {
    const std::size_t end = std::min(mountinfo.find('\n'), mountinfo.size());
    BytesView line = mountinfo.substr(0, end);
    mountinfo.remove_prefix(std::min(end + 1, mountinfo.size()));
    int fields = 0;
    for (std::size_t space = line.find(' '); space != BytesView::npos && fields < kFieldsBefore; ++fields) {
      line.remove_prefix(space + 1);
      space = line.find(' ');
    }
    if (fields == kFieldsBefore) {
      out.push_back(unescaped(line.substr(0, line.find(' '))));
    }
  }
  return out;
}

Result<std::vector<Bytes>> mounts_beneath(const Directory& root) {
  std::error_code error;
  const Bytes path = std::filesystem::read_symlink(proc_path(root.fd()).data(), error).string();
  if (error) {
    return path_error("cannot find the path of", root.path(), error.value());
  }
  HA_TRY(const Directory self, Directory::open_root("/proc/self"));
  HA_TRY(const Bytes mountinfo, read_file(self, "mountinfo", kMountInfoBytesMax));
  const Bytes prefix = path.ends_with('/') ? path : path + "/";
  std::vector<Bytes> out;
  for (Bytes& point : mount_points(mountinfo)) {
    if (point.size() > prefix.size() && point.starts_with(prefix)) {
      out.push_back(point.substr(prefix.size()));
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace ha::sys
