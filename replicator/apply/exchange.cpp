#include "replicator/apply/exchange.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "common/sys/metadata.h"
#include "common/sys/mounts.h"
#include "replicator/apply/file_facts.h"
#include "replicator/model/key.h"

namespace ha::replicator {
namespace {

using sys::Directory;
using sys::RenameMode;
using sys::Stat;

constexpr std::size_t kNamesMax = 10'000'000;  // in one directory

Result<std::optional<Stat>> stat_if_there(const Directory& directory, BytesView key) {
  auto stat = directory.stat(key);
  if (!stat.ok() && stat.error().code() == Code::NotFound) {
    return std::optional<Stat>();
  }
  HA_TRY(const Stat found, std::move(stat));
  return std::optional<Stat>(found);
}

bool is_directory(const std::optional<Stat>& stat) {
  return stat && stat->type == sys::FileType::Directory;
}

// By number: both sides are this host.
Result<FileMeta> directory_meta(const Directory& directory, BytesView key) {
  HA_TRY(const sys::FileHandle pinned, directory.pin(key));
  HA_TRY(sys::Metadata read, sys::read_metadata(pinned));
  FileMeta meta;
  meta.type = FileType::Directory;
  meta.mode = read.mode;
  meta.uid = read.uid;
  meta.gid = read.gid;
  meta.mtime_s = read.mtime.seconds;
  meta.mtime_ns = read.mtime.nanoseconds;
  meta.xattrs.assign(read.xattrs.begin(), read.xattrs.end());
  return meta;
}

// ---------------------------------------------------------------- planning

class Planner {
 public:
  Planner(const Directory& live, const Directory& shelf, const GlobList& exclude)
      : live_(live), shelf_(shelf), exclude_(exclude) {}

  Status plan(ExchangePlan& plan) {
    HA_TRY(const Stat root, live_.stat());
    device_ = root.dev;
    HA_TRY(mounts_, sys::mounts_beneath(live_));
    return enter("", plan);
  }

 private:
  Result<std::set<Bytes>> names(BytesView key, bool on_shelf) {
    std::set<Bytes> all;
    for (const Directory* side : {&live_, on_shelf ? &shelf_ : nullptr}) {
      if (side != nullptr) {
        HA_TRY(const Directory opened, side->open_beneath(key));
        HA_TRY(const std::vector<Bytes> found, opened.names(kNamesMax));
        all.insert(found.begin(), found.end());
      }
    }
    return all;
  }

  // The entries of a directory that is at the live side, and on the shelf or not.
  Status enter(BytesView key, ExchangePlan& plan) {
    bool on_shelf = key.empty();
    if (!on_shelf) {
      HA_TRY(const std::optional<Stat> shelved, stat_if_there(shelf_, key));
      on_shelf = is_directory(shelved);
    }
    HA_TRY(const std::set<Bytes> all, names(key, on_shelf));
    for (const Bytes& name : all) {
      const Bytes inner = key_in(key, name);
      HA_TRY(const std::optional<Stat> live, stat_if_there(live_, inner));
      HA_TRY(const std::optional<Stat> shelf,
             on_shelf ? stat_if_there(shelf_, inner) : Result<std::optional<Stat>>(std::optional<Stat>()));
      HA_CHECK(add(inner, live, shelf, plan));
    }
    return ok();
  }

  Status add(const Bytes& key, const std::optional<Stat>& live, const std::optional<Stat>& shelf,
             ExchangePlan& plan) {
    if (live && exclude_.matches(key, is_directory(live))) {
      if (shelf && !exclude_.matches(key, is_directory(shelf))) {
        return Error(Code::Refused,
                     in_quotes(key) + " is excluded at the path, and on the shelf it is in the set");
      }
      return ok();
    }
    if (!live && (!shelf || exclude_.matches(key, is_directory(shelf)))) {
      return ok();
    }
    if (live && live->dev != device_) {
      return is_mounted(key);
    }
    if (is_directory(live) && (!shelf || is_directory(shelf))) {
      HA_TRY(const bool enters, holds_excluded(key));
      if (enters) {
        return add_entered(key, shelf.has_value(), plan);
      }
    }
    const auto mount = std::find_if(mounts_.begin(), mounts_.end(), [&](const Bytes& each) {
      return each == key || each.starts_with(key + "/");
    });
    if (mount != mounts_.end()) {
      return is_mounted(*mount);
    }
    plan.steps.push_back({key, live ? live->ino : 0, shelf ? shelf->ino : 0});
    return ok();
  }

  static Error is_mounted(BytesView key) {
    return Error(Code::Refused, in_quotes(key) + " is a mount point: it cannot change places",
                 "exclude it from the set, or use place = \"live\"");
  }

  Status add_entered(const Bytes& key, bool on_shelf, ExchangePlan& plan) {
    EnteredDirectory entered{key, {}, std::nullopt};
    HA_TRY(entered.live, directory_meta(live_, key));
    if (on_shelf) {
      HA_TRY(entered.shelf, directory_meta(shelf_, key));
    }
    const std::size_t at = plan.entered.size();
    const std::size_t steps = plan.steps.size();
    plan.entered.push_back(std::move(entered));
    HA_CHECK(enter(key, plan));
    if (!on_shelf && plan.steps.size() == steps) {  // nothing but what is excluded: it stays, with its parent
      plan.entered.resize(at);
    }
    return ok();
  }

  // Somewhere beneath a directory of the live side.
  Result<bool> holds_excluded(const Bytes& top) {
    if (exclude_.empty()) {
      return false;
    }
    std::vector<Bytes> open{top};
    while (!open.empty()) {
      const Bytes key = std::move(open.back());
      open.pop_back();
      HA_TRY(const Directory opened, live_.open_beneath(key));
      HA_TRY(sys::DirectoryReader reader, opened.read());
      for (;;) {
        HA_TRY(const std::vector<sys::DirectoryEntry> entries, reader.next(1000));
        if (entries.empty()) {
          break;
        }
        for (const sys::DirectoryEntry& entry : entries) {
          bool directory = entry.type == sys::FileType::Directory;
          if (!entry.type_known) {
            HA_TRY(const std::optional<Stat> stat, stat_if_there(opened, entry.name));
            directory = is_directory(stat);
          }
          const Bytes inner = key_in(key, entry.name);
          if (exclude_.matches(inner, directory)) {
            return true;
          }
          if (directory) {
            open.push_back(inner);
          }
        }
      }
    }
    return false;
  }

  const Directory& live_;
  const Directory& shelf_;
  const GlobList& exclude_;
  std::uint64_t device_ = 0;
  std::vector<Bytes> mounts_;  // at the live side
};

// ---------------------------------------------------------------- doing

Status named(Status status, BytesView key, const char* what) {
  return status.ok() ? std::move(status) : Status(std::move(status).error().in(in_quotes(key) + " " + what));
}

Status set_meta(const Directory& side, BytesView key, const FileMeta& meta) {
  HA_TRY(const sys::FileHandle pinned, side.pin(key));
  sys::NameCache names;
  return sys::apply_metadata(pinned, wanted_metadata(meta, names));
}

class Runner {
 public:
  Runner(const Directory& live, const Directory& shelf, const ExchangePlan& plan, const OnMoved& on_moved)
      : live_(live), shelf_(shelf), plan_(plan), on_moved_(on_moved) {}

  Status forward() {
    for (const EnteredDirectory& entered : plan_.entered) {
      HA_CHECK(make_missing(entered));
    }
    for (const ExchangeStep& step : plan_.steps) {
      HA_TRY(const bool due, is_due(step));
      if (due) {
        HA_CHECK(named(move(step), step.key, "cannot change places"));
      }
    }
    HA_CHECK(set_metas(true));
    return sync();
  }

  // What forward() has done, backwards.
  Status undo() {
    for (auto step = plan_.steps.rbegin(); step != plan_.steps.rend(); ++step) {
      HA_TRY(const bool due, is_due(*step));
      if (!due) {
        HA_CHECK(named(swap(step->key), step->key, "cannot go back"));
      }
    }
    for (auto entered = plan_.entered.rbegin(); entered != plan_.entered.rend(); ++entered) {
      if (!entered->shelf) {
        const Status removed = shelf_.remove_directory(entered->key);
        HA_CHECK(removed.ok() || removed.error().code() == Code::NotFound ? ok() : removed);
      }
    }
    HA_CHECK(set_metas(false));
    return sync();
  }

 private:
  Status make_missing(const EnteredDirectory& entered) {
    if (entered.shelf) {
      return ok();
    }
    const Status made = shelf_.make_directory(entered.key, 0700);
    return made.ok() || made.error().code() == Code::Exists ? ok() : made;
  }

  [[nodiscard]] Result<bool> is_due(const ExchangeStep& step) const {
    HA_TRY(const std::optional<Stat> now, stat_if_there(shelf_, step.key));
    return (now ? now->ino : 0) == step.shelf_inode;
  }

  Status swap(const Bytes& key) {
    HA_TRY(const bool live, live_.exists(key));
    HA_TRY(const bool shelf, shelf_.exists(key));
    if (live && shelf) {
      return live_.rename(key, shelf_, key, RenameMode::Exchange);
    }
    if (live) {
      return live_.rename(key, shelf_, key, RenameMode::NoReplace);
    }
    return shelf ? shelf_.rename(key, live_, key, RenameMode::NoReplace) : ok();
  }

  Status move(const ExchangeStep& step) {
    const Directory& from = plan_.to_live ? shelf_ : live_;
    const Directory& to = plan_.to_live ? live_ : shelf_;
    HA_TRY(const std::optional<Stat> before, stat_if_there(from, step.key));
    HA_CHECK(swap(step.key));
    if (before && on_moved_) {
      HA_TRY(const std::optional<Stat> after, stat_if_there(to, step.key));
      if (after) {
        on_moved_(step.key, *before, *after);
      }
    }
    return ok();
  }

  // From the innermost, since setting what is in a directory changes nothing of it but its own.
  Status set_metas(bool exchanged) {
    for (auto entered = plan_.entered.rbegin(); entered != plan_.entered.rend(); ++entered) {
      const FileMeta& shelf = entered->shelf ? *entered->shelf : entered->live;
      const bool made = !entered->shelf;
      HA_CHECK(set_meta(live_, entered->key, exchanged ? shelf : entered->live));
      if (!made || exchanged) {
        HA_CHECK(set_meta(shelf_, entered->key, exchanged ? entered->live : shelf));
      }
    }
    return ok();
  }

  Status sync() {
    if (live_.syncfs_is_trusted()) {
      return live_.sync_file_system();
    }
    for (const Directory* side : {&live_, &shelf_}) {
      HA_CHECK(side->sync());
      for (const EnteredDirectory& entered : plan_.entered) {
        HA_TRY(const Directory opened, side->open_beneath(entered.key));
        HA_CHECK(opened.sync());
      }
    }
    return ok();
  }

  const Directory& live_;
  const Directory& shelf_;
  const ExchangePlan& plan_;
  const OnMoved& on_moved_;
};

}  // namespace

Result<ExchangePlan> plan_exchange(const Directory& live, const Directory& shelf, const GlobList& exclude,
                                   bool to_live) {
  ExchangePlan plan;
  plan.to_live = to_live;
  HA_CHECK(Planner(live, shelf, exclude).plan(plan));
  return plan;
}

Status run_exchange(const Directory& live, const Directory& shelf, const ExchangePlan& plan,
                    const OnMoved& on_moved) {
  Runner runner(live, shelf, plan, on_moved);
  Status done = runner.forward();
  if (done.ok()) {
    return done;
  }
  const Status undone = runner.undo();
  if (undone.ok()) {
    return done;
  }
  return Error(done.error().code(), std::string(done.error().what()) + "; and " + undone.error().what(),
               "mend that and start again: what is done is noted, and the rest will follow");
}

}  // namespace ha::replicator
