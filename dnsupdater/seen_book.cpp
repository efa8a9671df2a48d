#include "dnsupdater/seen_book.h"

#include <algorithm>
#include <chrono>
#include <sstream>
#include <thread>
#include <utility>

namespace ha::dns {
namespace {

constexpr const char* kFolder = "dns";
constexpr const char* kFile = "seen";
constexpr const char* kLock = "seen.lock";
constexpr std::size_t kBytesMax = 1 << 20;
constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr int kLockTries = 200;
constexpr Duration kLockPause = std::chrono::milliseconds(5);
constexpr const char* kLook = "look at it; it says which epochs were seen, and nothing is sent without it";

std::string text_of(const Version& version) {
  return "epoch " + std::to_string(version.epoch) + ", seq " + std::to_string(version.seq);
}

bool take_version(std::istringstream& words, Version& out) {
  return static_cast<bool>(words >> out.epoch >> out.seq) && out.epoch <= kCounterMax &&
         out.seq <= kCounterMax;
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
  HA_CHECK(book.read());
  return book;
}

Status SeenBook::read() {
  const auto text = sys::read_file(directory_, kFile, kBytesMax);
  if (!text.ok()) {
    // One that was there and is gone: what is known stays known.
    return text.error().code() == Code::NotFound ? ok() : Status(text.error());
  }
  if (!text->empty() && text->back() != '\n') {
    return Error(Code::Corrupt, "state_dir/dns/seen is cut off", kLook);
  }
  Entries entries;
  std::istringstream lines(*text);
  std::string line;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string guard;
    std::string rest;
    Entry entry;
    bool whole = static_cast<bool>(words >> guard) && take_version(words, entry.seen);
    if (whole && !(words >> std::ws).eof()) {
      whole = take_version(words, entry.beyond) && !(words >> rest);
    }
    const auto name = whole ? Name::parse(guard) : Result<Name>(Error(Code::Corrupt, "torn"));
    if (!name.ok()) {
      return Error(Code::Corrupt, "state_dir/dns/seen cannot be read at \"" + escape(line) + "\"", kLook);
    }
    entries[*name] = entry;
  }
  entries_ = std::move(entries);
  return ok();
}

std::optional<Version> SeenBook::of(const Name& guard) const {
  const auto found = entries_.find(guard);
  return found == entries_.end() || found->second.seen == Version{} ? std::nullopt
                                                                    : std::optional(found->second.seen);
}

bool SeenBook::has_epoch(const Name& guard, std::uint64_t epoch) const {
  return of(guard).value_or(Version{}).epoch >= epoch;
}

std::map<Name, Version> SeenBook::all() const {
  std::map<Name, Version> out;
  for (const auto& [guard, entry] : entries_) {
    if (entry.seen != Version{}) {
      out.emplace(guard, entry.seen);
    }
  }
  return out;
}

Version SeenBook::beyond(const Name& guard) const {
  const auto found = entries_.find(guard);
  return found == entries_.end() ? Version{} : found->second.beyond;
}

Status SeenBook::put(const Name& guard, const Version& version) {
  HA_TRY(const sys::LockFile held, lock());
  HA_CHECK(read());
  if (const auto known = of(guard); known && *known >= version) {
    return ok();
  }
  Version& seen = entries_[guard].seen;
  const Version before = std::exchange(seen, version);
  Status saved = save();
  if (!saved.ok()) {
    seen = before;
  }
  return saved;
}

Status SeenBook::prove_writable() {
  HA_TRY(const sys::LockFile held, lock());
  HA_CHECK(read());
  return save();
}

Status SeenBook::accept(const Name& guard, const Version& at_least) {
  HA_TRY(const sys::LockFile held, lock());
  HA_CHECK(read());
  Entry& entry = entries_[guard];
  entry = {{}, std::max({entry.seen, entry.beyond, at_least})};
  return save();
}

Status SeenBook::check(const Name& guard, const std::optional<Record>& now) {
  HA_CHECK(read());
  const auto seen = of(guard);
  if (!is_regression(seen, now)) {
    return ok();
  }
  return Error(Code::Refused,
               "DNS has gone back in time: " + guard.text() + " was seen at " + text_of(*seen) + " and " +
                   (now ? "is at " + text_of(now->version) : "is gone"),
               "find out why (a restored backup, another server); then: dnsupdater accept " + guard.text());
}

// Whoever has it writes one small file.
Result<sys::LockFile> SeenBook::lock() const {
  for (int tries = 1;; ++tries) {
    auto held = sys::LockFile::acquire(directory_, kLock);
    if (held.ok() || held.error().code() != Code::Refused) {
      return held;
    }
    if (tries == kLockTries) {
      return Error(Code::Unavailable, "state_dir/dns/seen: " + held.error().what(), held.error().hint());
    }
    std::this_thread::sleep_for(kLockPause);
  }
}

Status SeenBook::save() {
  std::string text;
  const auto add = [&](const Version& version) {
    text += " " + std::to_string(version.epoch) + " " + std::to_string(version.seq);
  };
  for (const auto& [guard, entry] : entries_) {
    if (entry.seen == Version{} && entry.beyond == Version{}) {
      continue;
    }
    text += guard.text();
    add(entry.seen);
    if (entry.beyond > entry.seen) {
      add(entry.beyond);
    }
    text += "\n";
  }
  return sys::replace_file(directory_, kFile, text, kFileMode);
}

}  // namespace ha::dns
