// The command line of lossyfs; lossyfs.cpp serves.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <sys/xattr.h>

#include "tests/support/lossyfs_nodes.h"

namespace ha::lossyfs {
namespace {

int control(const char* mount_point, const std::string& words) {
  if (::setxattr(mount_point, kControlAttribute, words.data(), words.size(), 0) != 0) {
    std::fprintf(stderr, "lossyfs: \"%s\" on %s: %s\n", words.c_str(), mount_point, std::strerror(errno));
    return 1;
  }
  return 0;
}

constexpr std::string_view kUsage = R"(lossyfs - a file system in memory that loses what was not synced

  lossyfs MOUNT                      mount it; prints "ready", runs until SIGTERM, SIGINT or umount
  lossyfs ctl MOUNT lose             drop everything that was not synced, as a power loss does
  lossyfs ctl MOUNT lose SEED        the same, but a random part of it survives, as on a real disk
  lossyfs ctl MOUNT sync             make everything durable
  lossyfs ctl MOUNT capacity BYTES   how much data fits; more is ENOSPC (default 16 GiB)

A command is also the value of the extended attribute user.lossyfs of MOUNT. After a loss everything that was
open answers ESTALE. sync(2) does not reach a FUSE file system; only fsync and `ctl sync` do. What it holds
ends with it.
)";

}  // namespace
}  // namespace ha::lossyfs

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() >= 3 && words[0] == "ctl") {
    std::string line = words[2];
    for (std::size_t i = 3; i < words.size(); ++i) {
      line += " " + words[i];
    }
    return ha::lossyfs::control(words[1].c_str(), line);
  }
  if (words.size() == 1 && !words[0].starts_with("-")) {
    return ha::lossyfs::serve(words[0].c_str());
  }
  const bool help = words.size() == 1 && (words[0] == "--help" || words[0] == "-h");
  std::fputs(std::string(ha::lossyfs::kUsage).c_str(), help ? stdout : stderr);
  return help ? 0 : 2;
}
