#include "failover/sensors/pbx_text.h"

#include <algorithm>
#include <optional>

#include "common/pbx/fields.h"
#include "failover/sensors/proc_text.h"

namespace ha::failover {
namespace {

// Name, processed, in queue, max depth, low water, high water; 22 has times after them. A name may have
// blanks, so the numbers are looked for.
std::optional<TaskQueue> queue_of(std::string_view line) {
  constexpr std::size_t kNumbers = 5;
  const auto words = words_of(line);
  for (std::size_t first = 1; first + kNumbers <= words.size(); ++first) {
    const auto waiting = whole_number(words[first + 1]);
    const auto high = whole_number(words[first + 4]);
    if (whole_number(words[first]) && waiting && whole_number(words[first + 2]) &&
        whole_number(words[first + 3]) && high && *high > 0) {
      return TaskQueue{std::string(words[0]), *waiting, *high};
    }
  }
  return std::nullopt;
}

}  // namespace

Result<TaskQueue> fullest_queue(const std::vector<std::string>& lines) {
  std::optional<TaskQueue> fullest;
  for (const std::string& line : lines) {
    if (const auto queue = queue_of(line); queue && (!fullest || queue->percent() > fullest->percent())) {
      fullest = queue;
    }
  }
  if (!fullest) {
    return Error(Code::Corrupt, "\"core show taskprocessors\" shows none");
  }
  return *fullest;
}

Result<std::uint64_t> read_max_calls(const pbx::AmiAnswer& answer) {
  HA_CHECK(answer.check());
  const auto calls = whole_number(answer.response.text("CoreMaxCalls"));
  if (!calls) {
    return Error(Code::Corrupt, "the answer to CoreSettings has no CoreMaxCalls");
  }
  return *calls;
}

Result<std::vector<SipProfile>> read_profiles(std::string_view text) {
  std::vector<SipProfile> out;
  bool has_end = false;
  for (const std::string_view line : pbx::split(text, '\n')) {
    const auto columns = pbx::split(line, '\t');
    if (columns.size() == 4 && pbx::trimmed(columns[1]) == "profile") {
      const std::string_view name = pbx::trimmed(columns[0]);
      const bool is_new =
          std::none_of(out.begin(), out.end(), [&](const SipProfile& each) { return each.name == name; });
      if (is_new && out.size() == kSipProfilesMax) {
        return Error(Code::Exhausted, "more than " + std::to_string(kSipProfilesMax) + " SIP profiles");
      }
      if (is_new) {
        out.push_back({std::string(name), std::string(pbx::trimmed(columns[3]))});
      }
    }
    const auto words = words_of(line);
    has_end = has_end || (words.size() == 4 && whole_number(words[0]) && words[1].starts_with("profile"));
  }
  if (!has_end) {
    return Error(Code::Corrupt, "the answer to \"sofia status\" has no number of profiles");
  }
  return out;
}

}  // namespace ha::failover
