#include "replicator/hold_book.h"

#include <sstream>

#include "common/base/bytes.h"

namespace ha::replicator {
namespace {

constexpr const char* kFile = "holds";
constexpr std::size_t kBytesMax = 1 << 20;
constexpr mode_t kMode = 0600;

}  // namespace

Result<HoldBook> HoldBook::open(const std::string& state_dir) {
  HA_TRY(sys::Directory directory, sys::Directory::open_root(state_dir));
  HoldBook book(std::move(directory));
  const auto text = sys::read_file(book.directory_, kFile, kBytesMax);
  if (!text.ok()) {
    return text.error().code() == Code::NotFound ? Result<HoldBook>(std::move(book)) : text.error();
  }
  std::istringstream lines(*text);
  std::string set;
  std::string peer;
  std::string reason;
  while (std::getline(lines, set, '\t') && std::getline(lines, peer, '\t') && std::getline(lines, reason)) {
    book.holds_[{set, peer}] = unescape(reason);
  }
  return book;
}

Status HoldBook::put(const Key& key, const std::string& reason) {
  auto holds = holds_;
  holds[key] = reason;
  return save(holds);
}

Status HoldBook::remove(const Key& key) {
  auto holds = holds_;
  return holds.erase(key) == 0 ? ok() : save(holds);
}

Status HoldBook::save(const std::map<Key, std::string>& holds) {
  std::string text;
  for (const auto& [key, reason] : holds) {
    text += key.first + "\t" + key.second + "\t" + escape(reason) + "\n";
  }
  HA_CHECK(sys::replace_file(directory_, kFile, text, kMode));
  holds_ = holds;
  return ok();
}

}  // namespace ha::replicator
