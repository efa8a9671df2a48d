#include "replicator/history.h"

#include <fcntl.h>

#include <deque>
#include <utility>

#include "common/base/json.h"
#include "common/base/json_out.h"

namespace ha::replicator {
namespace {

constexpr const char* kFile = "history.jsonl";
constexpr const char* kOlder = "history.jsonl.1";
constexpr mode_t kMode = 0600;

Bytes line_of(const HistoryRecord& record) {
  JsonObject line;
  line.number("time_ns", record.time_ns)
      .text("set", record.set)
      .text("origin", record.origin)
      .count("epoch", record.epoch)
      .count("sequence", record.sequence)
      .count("items", record.items)
      .count("bytes", record.bytes)
      .count("failed", record.failed);
  return line.text() + "\n";
}

std::uint64_t number(const JsonValue& line, std::string_view key) {
  return line.count_at(key).value_or(0);
}

std::string text(const JsonValue& line, std::string_view key) {
  return std::string(line.text_at(key));
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
      const auto parsed = read_json(BytesView(lines).substr(at, end - at));
      at = end + 1;
      if (!parsed.ok() || parsed->object() == nullptr) {
        continue;
      }
      const JsonValue& line = parsed.value();
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
