#include "replicator/fresh_book.h"

#include <fcntl.h>

#include <chrono>
#include <sstream>

#include "common/base/nanoseconds.h"

namespace ha::replicator {
namespace {

constexpr const char* kFile = "fresh";
constexpr std::size_t kBytesMax = 1 << 20;
constexpr mode_t kMode = 0600;

}  // namespace

Result<FreshBook> FreshBook::open(const std::string& state_dir, const Now& now) {
  FreshBook book;
  HA_TRY(book.directory_, sys::Directory::open_root(state_dir));
  const auto text = sys::read_file(book.directory_, kFile, kBytesMax);
  if (!text.ok()) {
    return book;
  }
  std::istringstream lines(*text);
  std::string set;
  std::int64_t at = 0;
  while (lines >> set >> at) {
    const std::int64_t age = nanoseconds(now.wall) - at;
    if (at > 0 && age >= 0) {
      book.fresh_[set] = now.steady - std::chrono::nanoseconds(age);
    }
  }
  return book;
}

std::optional<SteadyTime> FreshBook::of(const std::string& set) const {
  const auto found = fresh_.find(set);
  return found == fresh_.end() ? std::nullopt : std::optional(found->second);
}

Status FreshBook::save(const Now& now) const {
  if (!directory_.is_open()) {
    return ok();
  }
  std::string text;
  for (const auto& [set, fresh] : fresh_) {
    const WallTime at = now.wall - std::chrono::duration_cast<WallTime::duration>(now.steady - fresh);
    text += set + " " + std::to_string(nanoseconds(at)) + "\n";
  }
  HA_TRY(const sys::FileHandle file, directory_.open_file(kFile, O_RDWR | O_CREAT, kMode));
  HA_CHECK(file.write_at(0, text));
  return file.truncate(text.size());
}

}  // namespace ha::replicator
