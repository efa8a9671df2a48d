#include "replicator/apply/placement.h"

#include <filesystem>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/bytes.h"
#include "common/sys/file.h"
#include "replicator/apply/exchange.h"
#include "replicator/apply/file_facts.h"
#include "replicator/apply/staging.h"
#include "replicator/index/index.h"
#include "replicator/model/shelf.h"

namespace ha::replicator {
namespace {

constexpr char kJournal[] = "exchange";
constexpr char kRecord[] = "placement";
constexpr std::string_view kRecordHead = "hareplicate-placement-1\n";
constexpr std::string_view kLive = "live\n";
constexpr std::string_view kShelf = "shelf\n";
constexpr std::size_t kRecordBytesMax = 64 * 1024;
constexpr std::size_t kJournalBytesMax = 1024UL * 1024 * 1024;

struct Record {
  bool live = false;
  std::string path;
};

struct Moved {
  Bytes key;
  Bytes before;  // encoded LocalStat
  Bytes after;
};

class Settler {
 public:
  explicit Settler(const PlacementOptions& options) : options_(options) {}

  Result<Settled> settle() {
    HA_CHECK(open());
    Settled out;
    HA_TRY(const bool journal, own_.exists(kJournal));
    if (journal) {
      HA_TRY(const Bytes bytes, sys::read_file(own_, kJournal, kJournalBytesMax));
      HA_TRY(const ExchangePlan plan, decode_exchange(bytes));
      out.resumed = true;
      HA_CHECK(exchange(plan, out));
    }
    HA_TRY(const std::optional<Record> known, read_record());
    HA_TRY(const bool live, known ? Result<bool>(known->live) : is_live_unrecorded());
    if (known && known->live && known->path != options_.path) {
      return Error(Code::Conflict,
                   "set " + options_.set + " stands at \"" + escape(known->path) + "\", and its path is \"" +
                       escape(options_.path) + "\" now",
                   "set path back until the set is on the shelf again, or move the tree there and write the "
                   "new path into " +
                       options_.shelf + "/" + kRecord);
    }
    if (live != options_.live) {
      HA_TRY(const ExchangePlan plan, plan_exchange(live_, tree_, options_.exclude, options_.live));
      HA_CHECK(sys::replace_file(own_, kJournal, encode_exchange(plan), 0600));
      HA_CHECK(exchange(plan, out));
    } else if (!known) {
      HA_CHECK(write_record(live));
    }
    return out;
  }

 private:
  Status open() {
    std::error_code failed;
    const std::filesystem::path tree = std::filesystem::path(options_.shelf) / kShelvedTreeName;
    std::filesystem::create_directories(tree, failed);  // what cannot be made shows when it is opened
    HA_TRY(own_, sys::Directory::open_root(options_.shelf));
    HA_TRY(tree_, own_.open_beneath(kShelvedTreeName));
    auto live = sys::Directory::open_root(options_.path);
    if (!live.ok()) {
      return std::move(live).error().hinted("make it, owned as the PBX wants it: mkdir -p " + options_.path);
    }
    live_ = std::move(live).value();
    HA_TRY(const sys::Stat at_path, live_.stat());
    HA_TRY(const sys::Stat on_shelf, tree_.stat());
    if (at_path.dev != on_shelf.dev || at_path.mount != on_shelf.mount) {
      return Error(Code::Refused,
                   "set " + options_.set + ": the shelf \"" + escape(options_.shelf) + "\" and its path \"" +
                       escape(options_.path) +
                       "\" are not on one file system, so that a takeover could not just rename",
                   "set shelf = \"DIRECTORY\" for the set, on the file system of its path but not in it");
    }
    return ok();
  }

  // Before the set was ever placed, it stood at its path if it stood anywhere.
  Result<bool> is_live_unrecorded() {
    std::error_code failed;
    if (!std::filesystem::exists(options_.index_path, failed)) {
      return options_.live;
    }
    return live_.exists(Bytes(kStagingName) + "/" + kMarkerName);
  }

  Status exchange(const ExchangePlan& plan, Settled& out) {
    const SteadyTime began = read_clocks().steady;
    std::vector<Moved> moved;
    const Status done = run_exchange(
        live_, tree_, plan, [&](const Bytes& key, const sys::Stat& before, const sys::Stat& after) {
          ++out.steps;
          moved.push_back({key, encode_local(local_stat(before)), encode_local(local_stat(after))});
        });
    if (!done.ok()) {
      return fail(done.error(), plan);
    }
    HA_CHECK(write_record(plan.to_live));
    HA_CHECK(own_.unlink(kJournal));
    HA_CHECK(own_.sync());
    HA_CHECK(tell_index(moved));
    out.exchanged = true;
    out.took += read_clocks().steady - began;
    return ok();
  }

  // When all is as before there is nothing to go on with.
  Status fail(const Error& error, const ExchangePlan& plan) {
    bool untouched = true;
    for (const ExchangeStep& step : plan.steps) {
      const auto now = tree_.stat(step.key);
      untouched = untouched && (now.ok() ? now->ino : 0) == step.shelf_inode;
    }
    if (untouched) {
      HA_CHECK(own_.unlink(kJournal));
    }
    Error out = error;
    return std::move(out).in("set " + options_.set);
  }

  // A rename moves the change time: whoever compares it would read all that was moved.
  Status tell_index(const std::vector<Moved>& moved) {
    std::error_code failed;
    if (moved.empty() || !std::filesystem::exists(options_.index_path, failed)) {
      return ok();
    }
    auto index = Index::open(options_.index_path);
    if (!index.ok()) {
      return ok();  // who opens it next says what is wrong, and reads again what was moved
    }
    HA_TRY(IndexBatch batch, index->begin());
    for (const Moved& each : moved) {
      HA_TRY(const std::optional<Entry> entry, index->get(each.key));
      if (entry && !entry->deleted && entry->local == each.before) {
        HA_CHECK(batch.update_local(each.key, each.after));
      }
    }
    return batch.commit();
  }

  Result<std::optional<Record>> read_record() const {
    auto read = sys::read_file(own_, kRecord, kRecordBytesMax);
    if (!read.ok() && read.error().code() == Code::NotFound) {
      return std::optional<Record>();
    }
    HA_TRY(const Bytes text, std::move(read));
    BytesView rest = text;
    const auto take = [&rest](BytesView head) {
      const bool there = rest.starts_with(head);
      rest.remove_prefix(there ? head.size() : 0);
      return there;
    };
    Record record;
    const bool head = take(kRecordHead);
    record.live = take(kLive);
    const bool good = head && (record.live || take(kShelf)) && rest.size() > 1 && rest.back() == '\n';
    if (!good) {
      return Error(
          Code::Corrupt,
          "\"" + options_.shelf + "/" + kRecord + "\" does not say where the tree of set " + options_.set +
              " stands",
          "look where it is, and write three lines: hareplicate-placement-1, live or shelf, the path");
    }
    record.path = Bytes(rest.substr(0, rest.size() - 1));
    return std::optional<Record>(std::move(record));
  }

  Status write_record(bool live) {
    Bytes text(kRecordHead);
    text += live ? kLive : kShelf;
    text += options_.path + "\n";
    return sys::replace_file(own_, kRecord, text, 0600);
  }

  const PlacementOptions& options_;
  sys::Directory own_;
  sys::Directory tree_;
  sys::Directory live_;
};

}  // namespace

Result<Settled> settle(const PlacementOptions& options) {
  return Settler(options).settle();
}

bool has_placement(const std::string& shelf) {
  std::error_code failed;
  return std::filesystem::exists(std::filesystem::path(shelf) / kRecord, failed);
}

}  // namespace ha::replicator
