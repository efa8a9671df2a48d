#include "replicator/apply/trash.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>

namespace ha::replicator {
namespace {

using std::chrono::sys_days;

constexpr int kCopiesMax = 1000;
constexpr std::size_t kDaysMax = 100'000;
constexpr std::size_t kDateBytes = 10;  // "2026-11-30"

std::string date_of(WallTime now) {
  const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(now));
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
  return text.data();
}

std::optional<int> number_in(BytesView text) {
  int value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() ? std::optional(value)
                                                                         : std::nullopt;
}

// The day that a directory is named after; nothing if it is none of ours.
std::optional<sys_days> day_of(BytesView name) {
  if (name.size() < kDateBytes || name[4] != '-' || name[7] != '-' ||
      (name.size() > kDateBytes && name[kDateBytes] != '.')) {
    return std::nullopt;
  }
  const auto year = number_in(name.substr(0, 4));
  const auto month = number_in(name.substr(5, 2));
  const auto day = number_in(name.substr(8, 2));
  if (!year || !month || !day || *month < 1 || *day < 1) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  return date.ok() ? std::optional(sys_days(date)) : std::nullopt;
}

}  // namespace

Status move_to_trash(const StagingArea& area, const sys::Directory& parent, BytesView name, BytesView key,
                     WallTime now) {
  const std::string date = date_of(now);
  const std::size_t slash = key.rfind('/');
  for (int copy = 0; copy < kCopiesMax; ++copy) {
    const Bytes base = Bytes(kTrashName) + "/" + date + (copy == 0 ? "" : "." + std::to_string(copy));
    const Bytes folder = slash == BytesView::npos ? base : base + "/" + Bytes(key.substr(0, slash));
    auto made = make_directories(area.directory, folder);
    if (!made.ok() && made.error().code() != Code::Conflict) {
      return made;
    }
    const Status moved =
        made.ok() ? parent.rename(name, area.directory, base + "/" + Bytes(key), sys::RenameMode::NoReplace)
                  : Status(Error(Code::Exists, "a file is in the way"));
    if (moved.ok() || moved.error().code() != Code::Exists) {
      return moved;
    }
  }
  return Error(Code::Exhausted, in_quotes(key) + " is in the trash too often already",
               "make room in .hareplicate/trash");
}

Result<std::uint64_t> empty_trash(const Staging& staging, Duration keep, WallTime now) {
  std::uint64_t emptied = 0;
  for (const auto& [top, area] : staging.areas()) {
    const auto trash = area->directory.open_beneath(kTrashName);
    if (!trash.ok()) {
      continue;  // nothing has ever been moved there
    }
    HA_TRY(const std::vector<Bytes> names, trash->names(kDaysMax));
    for (const Bytes& name : names) {
      const auto day = day_of(name);
      if (day && WallTime(*day + std::chrono::days(1)) + keep <= now) {
        HA_CHECK(trash->remove_tree(name));
        ++emptied;
      }
    }
  }
  return emptied;
}

}  // namespace ha::replicator
