#include "tools/init/below.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace ha::init {
namespace {

constexpr std::size_t kBatch = 1024;
constexpr std::string_view kSqliteMagic{"SQLite format 3\0", 16};
constexpr std::array<std::string_view, 4> kDatabaseEndings = {".db", ".db3", ".sqlite", ".sqlite3"};

Result<std::string> name_of(const sys::FileHandle& handle) {
  std::string name(sys::kPathBytesMax, '\0');
  const std::string link = "/proc/self/fd/" + std::to_string(handle.fd());
  const ssize_t length = ::readlink(link.c_str(), name.data(), name.size());
  if (length < 0) {
    return sys::path_error("cannot resolve", handle.path(), errno);
  }
  name.resize(static_cast<std::size_t>(length));
  return name;
}

std::string below(const std::string& folder, const Bytes& name) {
  return folder.empty() ? name : folder + "/" + name;
}

bool could_be_database(BytesView name) {
  return std::any_of(kDatabaseEndings.begin(), kDatabaseEndings.end(),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

bool is_database(const sys::Directory& folder, const Bytes& name) {
  const auto file = folder.open_regular(name);
  const auto head = file.ok() ? file->read_at(0, kSqliteMagic.size()) : Result<Bytes>(file.error());
  return head.ok() && *head == kSqliteMagic;
}

// Calls `visit(relative folder, directory, entry)` for everything below `root`; false from it ends the walk.
// Whether everything was seen.
template <typename Visit>
bool walk(const sys::Directory& root, std::size_t depth_max, const Visit& visit) {
  struct Folder {
    std::string path;
    std::size_t depth;
  };
  std::vector<Folder> todo = {{"", 0}};
  bool whole = true;
  while (!todo.empty()) {
    const Folder folder = std::move(todo.back());
    todo.pop_back();
    const auto opened = root.open_beneath(folder.path);
    auto reader = opened.ok() ? opened->read() : Result<sys::DirectoryReader>(opened.error());
    while (reader.ok()) {
      const auto batch = reader->next(kBatch);
      if (!batch.ok() || batch->empty()) {
        whole = whole && batch.ok();
        break;
      }
      for (const sys::DirectoryEntry& entry : *batch) {
        const auto facts = opened->stat(entry.name);
        if (!facts.ok()) {
          whole = false;
          continue;
        }
        if (!visit(folder.path, *opened, entry.name, *facts)) {
          return false;
        }
        const bool deeper = facts->type == sys::FileType::Directory;
        whole = whole && (!deeper || folder.depth < depth_max);
        if (deeper && folder.depth < depth_max) {
          todo.push_back({below(folder.path, entry.name), folder.depth + 1});
        }
      }
    }
    whole = whole && reader.ok();
  }
  return whole;
}

}  // namespace

Result<Below> Below::open(const std::string& root) {
  sys::FileHandle handle(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), root);
  if (!handle.is_open()) {
    return sys::path_error("cannot look below", root, errno).hinted("--root DIR: the top of a file system");
  }
  HA_TRY(std::string prefix, name_of(handle));
  return Below(std::move(handle), prefix == "/" ? "" : prefix);
}

Result<sys::FileHandle> Below::pin(const std::string& path) const {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const long fd = ::syscall(SYS_openat2, root_.fd(), path.c_str(), &how, sizeof how);
  if (fd < 0) {
    return sys::path_error("cannot open", path, errno);
  }
  return sys::FileHandle(static_cast<int>(fd), path);
}

Result<std::string> Below::real(const std::string& path) const {
  HA_TRY(const sys::FileHandle handle, pin(path));
  HA_TRY(const std::string name, name_of(handle));
  if (!name.starts_with(prefix_) || (name.size() > prefix_.size() && name[prefix_.size()] != '/')) {
    return Error(Code::Conflict, in_quotes(path) + " leads out of the root");
  }
  const std::string inside = name.substr(prefix_.size());
  return inside.empty() ? "/" : inside;
}

bool Below::is_directory(const std::string& path) const {
  const auto handle = pin(path);
  const auto facts = handle.ok() ? handle->stat() : Result<sys::Stat>(handle.error());
  return facts.ok() && facts->type == sys::FileType::Directory;
}

bool Below::is_file(const std::string& path) const {
  const auto handle = pin(path);
  const auto facts = handle.ok() ? handle->stat() : Result<sys::Stat>(handle.error());
  return facts.ok() && facts->type == sys::FileType::Regular;
}

Result<std::string> Below::read(const std::string& path) const {
  HA_TRY(const sys::FileHandle handle, pin(path));
  HA_TRY(const sys::Stat facts, handle.stat());
  if (facts.type != sys::FileType::Regular) {
    return Error(Code::Conflict, in_quotes(path) + " is not a regular file");
  }
  if (facts.size > kFileBytesMax) {
    return Error(Code::Exhausted, in_quotes(path) + " is larger than 1 MiB");
  }
  const std::string again = "/proc/self/fd/" + std::to_string(handle.fd());
  const sys::FileHandle file(::open(again.c_str(), O_RDONLY | O_CLOEXEC), path);
  if (!file.is_open()) {
    return sys::path_error("cannot read", path, errno);
  }
  return file.read_at(0, kFileBytesMax);
}

std::vector<std::string> Below::files(const std::string& folder, const std::string& ending,
                                      std::size_t depth) const {
  std::vector<std::string> out;
  const auto real_folder = real(folder);
  const auto root = real_folder.ok() ? sys::Directory::open_root(prefix_ + *real_folder)
                                     : Result<sys::Directory>(real_folder.error());
  if (!root.ok()) {
    return out;
  }
  static_cast<void>(
      walk(*root, depth,
           [&](const std::string& inner, const sys::Directory&, const Bytes& name, const sys::Stat& facts) {
             if (facts.type == sys::FileType::Regular && name.ends_with(ending)) {
               out.push_back(*real_folder + "/" + below(inner, name));
             }
             return out.size() < kListingMax;
           }));
  std::sort(out.begin(), out.end());
  return out;
}

void Below::note_link(const std::string& root, const std::string& rel, TreeSize& out) const {
  const auto target = real(root + "/" + rel);
  if (target.ok() && (*target == root || target->starts_with(root + "/"))) {
    return;
  }
  ++out.links_out;
  if (out.link_out.empty() || rel < out.link_out) {
    out.link_out = rel;
  }
}

Result<TreeSize> Below::measure(const std::string& folder) const {
  HA_TRY(const std::string path, real(folder));
  HA_TRY(const sys::Directory root, sys::Directory::open_root(prefix_ + path));
  HA_CHECK(root.read());  // a walk would only say that something is missing
  TreeSize out;
  const SteadyTime until = read_clocks().steady + kTreeTimeMax;
  out.counted = walk(
      root, kTreeDepthMax,
      [&](const std::string& inner, const sys::Directory& within, const Bytes& name, const sys::Stat& facts) {
        ++out.items;
        if (facts.type == sys::FileType::Regular) {
          out.bytes += facts.size;
          if (could_be_database(name) && is_database(within, name)) {
            out.databases_cut = out.databases.size() == kTreeDatabasesMax;
            if (!out.databases_cut) {
              out.databases.push_back(below(inner, name));
            }
          }
        }
        if (facts.type == sys::FileType::Symlink) {
          note_link(path, below(inner, name), out);
        }
        const bool late = out.items % kBatch == 0 && read_clocks().steady > until;
        return out.items < kTreeItemsMax && !late;
      });
  std::sort(out.databases.begin(), out.databases.end());
  return out;
}

}  // namespace ha::init
