#include "dnsupdater/journal.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace ha::dns {
namespace {

constexpr const char* kFolder = "dns";
constexpr const char* kLock = "lock";
constexpr std::string_view kPrefix = "d-";
constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;

// Of "d-17"; none: not one of ours.
std::optional<std::uint64_t> number_of(std::string_view id) {
  std::uint64_t number = 0;
  if (!id.starts_with(kPrefix)) {
    return std::nullopt;
  }
  const std::string_view digits = id.substr(kPrefix.size());
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return error == std::errc{} && end == digits.data() + digits.size() && number > 0 ? std::optional(number)
                                                                                    : std::nullopt;
}

Result<std::vector<JournalEntry>> read_all(const sys::Directory& directory) {
  HA_TRY(const std::vector<Bytes> names, directory.names(kJournalFilesMax));
  std::vector<JournalEntry> entries;
  for (const Bytes& name : names) {
    if (!number_of(name)) {
      continue;
    }
    HA_TRY(const Bytes bytes, sys::read_file(directory, name, kJournalBytesMax));
    auto entry = decode_entry(bytes);
    if (!entry.ok() || entry->operation.id != name) {
      return Error(Code::Corrupt, "the journal of " + escape(name) + " cannot be read",
                   "look at it, and move " + escape(directory.path()) + "/" + escape(name) + " away");
    }
    entries.push_back(std::move(entry).value());
  }
  std::sort(entries.begin(), entries.end(), [](const JournalEntry& a, const JournalEntry& b) {
    return number_of(a.operation.id) < number_of(b.operation.id);
  });
  return entries;
}

}  // namespace

std::size_t JournalEntry::done() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(notes.begin(), notes.end(), [](const StepNote& note) { return note.ended.has_value(); }));
}

Result<Journal> Journal::open(const std::string& state_dir) {
  HA_TRY(const sys::Directory state, sys::Directory::open_root(state_dir));
  if (const Status made = state.make_directory(kFolder, kFolderMode);
      !made.ok() && made.error().code() != Code::Exists) {
    return made.error();
  }
  HA_TRY(sys::Directory directory, state.open_beneath(kFolder));
  auto lock = sys::LockFile::acquire(directory, kLock);
  if (!lock.ok()) {
    return Error(Code::Refused, "another dnsupdater is at work here: " + lock.error().what(),
                 "dnsupdater journal");
  }
  HA_TRY(std::vector<JournalEntry> entries, read_all(directory));
  return Journal(std::move(directory), std::move(lock).value(), std::move(entries));
}

Result<std::vector<JournalEntry>> Journal::read(const std::string& state_dir) {
  const auto state = sys::Directory::open_root(state_dir);
  if (!state.ok()) {
    return state.error();
  }
  const auto directory = state->open_beneath(kFolder);
  if (!directory.ok()) {
    return directory.error().code() == Code::NotFound ? Result<std::vector<JournalEntry>>({})
                                                      : directory.error();
  }
  return read_all(*directory);
}

std::string Journal::next_id() const {
  const std::uint64_t last = entries_.empty() ? 0 : number_of(entries_.back().operation.id).value_or(0);
  return std::string(kPrefix) + std::to_string(last + 1);
}

const JournalEntry* Journal::open_entry() const noexcept {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [](const JournalEntry& each) { return each.ended.empty(); });
  return found == entries_.end() ? nullptr : &*found;
}

Status Journal::put(const JournalEntry& entry) {
  const JournalEntry* open = open_entry();
  if (open != nullptr && open->operation.id != entry.operation.id && entry.ended.empty()) {
    return Error(Code::Conflict, open->operation.id + " (" + open->operation.what + ") is not at its end",
                 "dnsupdater resume      or: dnsupdater undo " + open->operation.id);
  }
  const Bytes bytes = encode(entry);
  if (const auto back = decode_entry(bytes); !back.ok()) {  // nobody could resume or undo it
    return Error(Code::Exhausted, entry.operation.what + " is more than the journal can hold",
                 "do it in parts");
  }
  HA_CHECK(sys::replace_file(directory_, entry.operation.id, bytes, kFileMode));
  const auto known = std::find_if(entries_.begin(), entries_.end(), [&](const JournalEntry& each) {
    return each.operation.id == entry.operation.id;
  });
  if (known == entries_.end()) {
    entries_.push_back(entry);
  } else {
    *known = entry;
  }
  return ok();
}

}  // namespace ha::dns
