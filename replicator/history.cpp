#include "replicator/history.h"

#include <fcntl.h>

#include <deque>
#include <utility>

#include <nlohmann/json.hpp>

namespace ha::replicator {
namespace {

constexpr const char* kFile = "history.jsonl";
constexpr const char* kOlder = "history.jsonl.1";
constexpr mode_t kMode = 0600;

using Json = nlohmann::json;

Bytes line_of(const HistoryRecord& record) {
  const Json line = {{"time_ns", record.time_ns}, {"set", record.set},           {"origin", record.origin},
                     {"epoch", record.epoch},     {"sequence", record.sequence}, {"items", record.items},
                     {"bytes", record.bytes},     {"failed", record.failed}};
  return line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::uint64_t number(const Json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::string text(const Json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

Result<History> History::open(const std::string& state_dir) {
  HA_TRY(sys::Directory directory, sys::Directory::open_root(state_dir));
  return History(std::move(directory));
}

Status History::open_file() {
  HA_TRY(file_, directory_.open_file(kFile, O_RDWR | O_CREAT, kMode));
  HA_TRY(const sys::Stat stat, file_.stat());
  size_ = stat.size;
  if (size_ > 0) {  // a line that was torn ends here, so that it does not take the next with it
    HA_TRY(const Bytes last, file_.read_at(size_ - 1, 1));
    if (last != "\n") {
      HA_CHECK(file_.write_at(size_, "\n"));
      ++size_;
    }
  }
  return ok();
}

Status History::add(const HistoryRecord& record) {
  if (!file_.is_open()) {
    HA_CHECK(open_file());
  }
  if (size_ >= kHistoryFileBytesMax) {
    HA_CHECK(file_.close());
    HA_CHECK(directory_.rename(kFile, directory_, kOlder, sys::RenameMode::Replace));
    HA_CHECK(open_file());
  }
  const Bytes line = line_of(record);
  HA_CHECK(file_.write_at(size_, line));
  size_ += line.size();
  return ok();
}

Result<std::vector<HistoryRecord>> History::read(const std::string& set, std::int64_t since_ns) const {
  std::deque<HistoryRecord> records;
  for (const char* name : {kOlder, kFile}) {
    auto content = sys::read_file(directory_, name, 2 * kHistoryFileBytesMax);
    if (!content.ok() && content.error().code() == Code::NotFound) {
      continue;
    }
    HA_TRY(const Bytes lines, std::move(content));
    for (std::size_t at = 0; at < lines.size();) {
      const std::size_t end = std::min(lines.find('\n', at), lines.size());
      const Json line = Json::parse(lines.begin() + static_cast<std::ptrdiff_t>(at),
                                    lines.begin() + static_cast<std::ptrdiff_t>(end), nullptr, false);
      at = end + 1;
      if (!line.is_object()) {
        continue;
      }
      HistoryRecord record{static_cast<std::int64_t>(number(line, "time_ns")),
                           text(line, "set"),
                           text(line, "origin"),
                           number(line, "epoch"),
                           number(line, "sequence"),
                           number(line, "items"),
                           number(line, "bytes"),
                           number(line, "failed")};
      if (record.time_ns >= since_ns && (set.empty() || record.set == set)) {
        records.push_back(std::move(record));
        if (records.size() > kHistoryRecordsMax) {
          records.pop_front();
        }
      }
    }
  }
  return std::vector<HistoryRecord>(records.begin(), records.end());
}

}  // namespace ha::replicator
