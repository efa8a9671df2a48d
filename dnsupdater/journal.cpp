#include "dnsupdater/journal.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

#include "common/base/suggest.h"

namespace ha::dns {
namespace {

constexpr const char* kFolder = "dns";
constexpr const char* kLock = "lock";
constexpr std::string_view kPrefix = "d-";
constexpr std::size_t kNamesMax = 10'000;
constexpr mode_t kFolderMode = 0700;
constexpr mode_t kFileMode = 0600;

std::string undone_by(const std::string& id) {
  return "undone by " + id;
}

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

std::string id_of(std::uint64_t number) {
  return std::string(kPrefix) + std::to_string(number);
}

Result<std::vector<std::uint64_t>> numbers_in(const sys::Directory& directory) {
  HA_TRY(const std::vector<Bytes> names, directory.names(kNamesMax));
  std::vector<std::uint64_t> numbers;
  for (const Bytes& name : names) {
    if (const auto number = number_of(name)) {
      numbers.push_back(*number);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

Result<JournalEntry> read_one(const sys::Directory& directory, std::uint64_t number) {
  const std::string id = id_of(number);
  const auto unreadable = [&](const std::string& why) {
    return Error(Code::Corrupt, "the journal of " + id + " cannot be read: " + why,
                 "look at it, and move " + escape(directory.path()) + "/" + id + " away");
  };
  const auto bytes = sys::read_file(directory, id, kJournalBytesMax);
  if (!bytes.ok()) {
    return unreadable(bytes.error().what());
  }
  auto entry = decode_entry(*bytes);
  if (!entry.ok()) {
    return unreadable(entry.error().what());
  }
  if (entry->operation.id != id) {
    return unreadable("it is about " + in_quotes(entry->operation.id));
  }
  return entry;
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
  if (!lock.ok() && lock.error().code() != Code::Refused) {  // a full disk, for one
    return std::move(lock).error();
  }
  if (!lock.ok()) {
    return Error(Code::Refused, "another dnsupdater is at work here: " + lock.error().what(),
                 "dnsupdater journal");
  }
  Journal journal(std::move(directory), std::move(lock).value());
  HA_TRY(journal.numbers_, numbers_in(journal.directory_));
  if (!journal.numbers_.empty()) {
    HA_TRY(journal.newest_, read_one(journal.directory_, journal.numbers_.back()));
  }
  return journal;
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
  HA_TRY(const std::vector<std::uint64_t> numbers, numbers_in(*directory));
  std::vector<JournalEntry> entries;
  for (const std::uint64_t number : numbers) {
    if (!entries.empty() && entries.back().ended.empty()) {  // killed within put_undo()
      entries.back().ended = undone_by(id_of(number));
    }
    HA_TRY(JournalEntry entry, read_one(*directory, number));
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string Journal::next_id() const {
  return id_of(numbers_.empty() ? 1 : numbers_.back() + 1);
}

const JournalEntry* Journal::open_entry() const noexcept {
  return newest_ && newest_->ended.empty() ? &*newest_ : nullptr;
}

Result<JournalEntry> Journal::entry(std::string_view id) const {
  const auto number = number_of(id);
  if (number && std::binary_search(numbers_.begin(), numbers_.end(), *number)) {
    return read_one(directory_, *number);
  }
  std::vector<std::string> known;
  std::transform(numbers_.begin(), numbers_.end(), std::back_inserter(known), id_of);
  return Error(Code::Invalid, "no operation is called " + in_quotes(id) + did_you_mean(id, known),
               "dnsupdater journal");
}

Status Journal::put(const JournalEntry& entry) {
  const JournalEntry* open = open_entry();
  if (open != nullptr && open->operation.id != entry.operation.id) {
    return Error(Code::Conflict, open->operation.id + " (" + open->operation.what + ") is not at its end",
                 "dnsupdater resume      or: dnsupdater undo " + open->operation.id);
  }
  HA_CHECK(write(entry));
  return note(entry);
}

Status Journal::put_undo(const JournalEntry& undo, JournalEntry undone) {
  HA_CHECK(write(undo));
  if (undone.ended.empty()) {
    undone.ended = undone_by(undo.operation.id);
    HA_CHECK(write(undone));
  }
  return note(undo);
}

Status Journal::note(const JournalEntry& entry) {
  newest_ = entry;
  const std::uint64_t number = number_of(entry.operation.id).value_or(0);
  if (numbers_.empty() || number > numbers_.back()) {
    numbers_.push_back(number);
  }
  while (numbers_.size() > kJournalKept) {
    HA_CHECK(directory_.unlink(id_of(numbers_.front())));
    numbers_.erase(numbers_.begin());
  }
  return ok();
}

Status Journal::write(const JournalEntry& entry) const {
  const Bytes bytes = encode(entry);
  if (const auto back = decode_entry(bytes); !back.ok()) {  // nobody could resume or undo it
    return Error(Code::Exhausted, entry.operation.what + " is more than the journal can hold",
                 "do it in parts");
  }
  return sys::replace_file(directory_, entry.operation.id, bytes, kFileMode);
}

}  // namespace ha::dns
