#include "dnsupdater/seen_book.h"

#include <sstream>
#include <utility>

namespace ha::dns {
namespace {

constexpr const char* kFolder = "dns";
constexpr const char* kFile = "seen";
constexpr std::size_t kBytesMax = 1 << 20;
constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;

std::string text_of(const Version& version) {
  return "epoch " + std::to_string(version.epoch) + ", seq " + std::to_string(version.seq);
}

}  // namespace

Result<SeenBook> SeenBook::open(const std::string& state_dir) {
  HA_TRY(const sys::Directory state, sys::Directory::open_root(state_dir));
  if (const Status made = state.make_directory(kFolder, kFolderMode);
      !made.ok() && made.error().code() != Code::Exists) {
    return made.error();
  }
  HA_TRY(sys::Directory directory, state.open_beneath(kFolder));
  SeenBook book(std::move(directory));
  const auto text = sys::read_file(book.directory_, kFile, kBytesMax);
  if (!text.ok()) {
    return text.error().code() == Code::NotFound ? Result<SeenBook>(std::move(book)) : text.error();
  }
  if (!text->empty() && text->back() != '\n') {
    return Error(Code::Corrupt, "state_dir/dns/seen is cut off",
                 "look at it; it says which epochs were seen, and nothing is sent without it");
  }
  std::istringstream lines(*text);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string guard;
    Version version;
    std::string rest;
    const bool whole = static_cast<bool>(words >> guard >> version.epoch >> version.seq) &&
                       !(words >> rest) && version.epoch <= kCounterMax && version.seq <= kCounterMax;
    const auto name = whole ? Name::parse(guard) : Result<Name>(Error(Code::Corrupt, "torn"));
    if (!name.ok()) {
      return Error(Code::Corrupt, "state_dir/dns/seen cannot be read at \"" + escape(line) + "\"",
                   "look at it; it says which epochs were seen, and nothing is sent without it");
    }
    book.seen_[*name] = version;
  }
  return book;
}

std::optional<Version> SeenBook::of(const Name& guard) const {
  const auto found = seen_.find(guard);
  return found == seen_.end() ? std::nullopt : std::optional(found->second);
}

Status SeenBook::put(const Name& guard, const Version& version) {
  if (const auto known = of(guard); known && *known >= version) {
    return ok();
  }
  auto seen = seen_;
  seen[guard] = version;
  return save(std::move(seen));
}

Status SeenBook::forget(const Name& guard) {
  auto seen = seen_;
  return seen.erase(guard) == 0 ? ok() : save(std::move(seen));
}

Status SeenBook::check(const Name& guard, const std::optional<Record>& now) const {
  const auto seen = of(guard);
  if (!is_regression(seen, now)) {
    return ok();
  }
  return Error(Code::Refused,
               "DNS has gone back in time: " + guard.text() + " was seen at " + text_of(*seen) + " and " +
                   (now ? "is at " + text_of(now->version) : "is gone"),
               "find out why (a restored backup, another server); then: dnsupdater accept " + guard.text());
}

Status SeenBook::save(std::map<Name, Version> seen) {
  std::string text;
  for (const auto& [guard, version] : seen) {
    text += guard.text() + " " + std::to_string(version.epoch) + " " + std::to_string(version.seq) + "\n";
  }
  HA_CHECK(sys::replace_file(directory_, kFile, text, kFileMode));
  seen_ = std::move(seen);
  return ok();
}

}  // namespace ha::dns
