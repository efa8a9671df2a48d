#include "replicator/trial.h"

#include <charconv>
#include <map>

#include "common/base/nanoseconds.h"

namespace ha::replicator {
namespace {

constexpr std::string_view kMagic = "hareplicate trial 1\n";
constexpr std::size_t kSitesMax = 256;

Error corrupt(const std::string& what) {
  return Error(Code::Corrupt, "the journal of a pushed configuration: " + what);
}

std::string line(std::string_view key, std::string_view value) {
  return std::string(key) + " " + escape(value) + "\n";
}

Result<std::int64_t> number(const std::string& text) {
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) {
    return corrupt(in_quotes(text) + " is not a number");
  }
  return out;
}

// The head: "key value" lines up to an empty one. What is left of `bytes` are the two texts.
Result<std::map<std::string, std::vector<std::string>>> read_head(BytesView& bytes) {
  std::map<std::string, std::vector<std::string>> out;
  for (;;) {
    const std::size_t end = bytes.find('\n');
    if (end == BytesView::npos) {
      return corrupt("it is cut");
    }
    const std::string_view text = bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    if (text.empty()) {
      return out;
    }
    const std::size_t blank = text.find(' ');
    if (blank == std::string_view::npos) {
      return corrupt("a line without a value");
    }
    auto& values = out[std::string(text.substr(0, blank))];
    values.push_back(unescape(text.substr(blank + 1)));
    if (values.size() > kSitesMax) {
      return corrupt("too many sites");
    }
  }
}

}  // namespace

Bytes encode_trial(const Trial& trial) {
  std::string out(kMagic);
  out += line("id", trial.id) + line("from", trial.site) + line("user", trial.user);
  for (const std::string& site : trial.sites) {
    out += line("site", site);
  }
  out += line("begun_steady_ns", std::to_string(trial.begun_steady_ns));
  out += line("begun_wall_ns", std::to_string(trial.begun_wall_ns));
  out += line("limit_ns", std::to_string(trial.limit_ns));
  out += line("before_bytes", std::to_string(trial.before.size()));
  out += line("after_bytes", std::to_string(trial.after.size()));
  return out + "\n" + trial.before + trial.after;
}

Result<Trial> decode_trial(BytesView bytes) {
  if (bytes.substr(0, kMagic.size()) != kMagic) {
    return corrupt("it begins with something else");
  }
  bytes.remove_prefix(kMagic.size());
  HA_TRY(auto head, read_head(bytes));
  const auto one = [&](const char* key) {
    const std::vector<std::string>& all = head[key];
    return all.empty() ? std::string() : all.front();
  };
  Trial out;
  out.id = one("id");
  out.site = one("from");
  out.user = one("user");
  out.sites = head["site"];
  HA_TRY(out.begun_steady_ns, number(one("begun_steady_ns")));
  HA_TRY(out.begun_wall_ns, number(one("begun_wall_ns")));
  HA_TRY(out.limit_ns, number(one("limit_ns")));
  HA_TRY(const std::int64_t before, number(one("before_bytes")));
  HA_TRY(const std::int64_t after, number(one("after_bytes")));
  const auto size = static_cast<std::int64_t>(bytes.size());
  if (out.id.empty() || out.limit_ns < 0 || before < 0 || before > size || after != size - before) {
    return corrupt("its texts are not as long as it says");
  }
  out.before = bytes.substr(0, static_cast<std::size_t>(before));
  out.after = bytes.substr(static_cast<std::size_t>(before));
  return out;
}

std::vector<TrialStep> steps_to_begin() {
  return {TrialStep::WriteJournal, TrialStep::PutAfter};
}
std::vector<TrialStep> steps_to_undo() {
  return {TrialStep::KeepAside, TrialStep::PutBefore, TrialStep::DropJournal};
}
std::vector<TrialStep> steps_to_keep() {
  return {TrialStep::DropJournal};
}

Duration time_left(const Trial& trial, SteadyTime now) {
  const std::int64_t gone = nanoseconds(now) - trial.begun_steady_ns;
  return gone < 0 || gone >= trial.limit_ns ? Duration::zero() : Duration(trial.limit_ns - gone);
}

bool is_over(const Trial& trial, const Now& now) {
  return time_left(trial, now.steady) == Duration::zero();
}

TrialFound judge_found(const Trial& trial, std::string_view in_place, const Now& now) {
  if (in_place == trial.before) {
    return TrialFound::Forget;
  }
  const std::int64_t wall_gone = nanoseconds(now.wall) - trial.begun_wall_ns;
  return is_over(trial, now) || wall_gone >= trial.limit_ns ? TrialFound::Undo : TrialFound::GoOn;
}

}  // namespace ha::replicator
