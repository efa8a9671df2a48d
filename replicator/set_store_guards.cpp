// What stops a set at this site: markers, a first load into what is not empty, a loss. docs/guards.md.
#include <utility>

#include "common/base/units.h"
#include "replicator/apply/staging.h"
#include "replicator/set_store.h"

namespace ha::replicator {
namespace {

Bytes marker_in(const Bytes& top) {
  return (top.empty() ? "" : top + "/") + kStagingName + "/" + kMarkerName;
}

}  // namespace

// A file system that was mounted, or went, after the root was opened. The copies of overlays are looked up
// here, too, not when the set is opened: who may write in the tree must not keep the daemon from starting.
Status SetStore::reopen_moved_root() {
  auto now = sys::Directory::open_root(options_.set.path);
  if (!now.ok()) {
    return std::move(now).error().in("set " + options_.set.name);
  }
  HA_TRY(const sys::Stat here, now->stat());
  HA_TRY(const sys::Stat open, root_.stat());
  if (here.dev != open.dev || here.ino != open.ino) {
    target_.reset();
    root_ = std::move(now).value();
    ++root_generation_;
    overlays_->forget_copies();
  }
  return overlays_->know_copies();
}

// Opening the target checks what the index lists, and marks what is new. A tree that cannot be written has no
// marker, and so no such guard.
Status SetStore::check_markers() {
  if (target_) {
    return target_->check_markers();
  }
  if (!options_.is_origin) {
    return ok();  // prepare() has done it
  }
  if (turn_waits_) {
    return end_broken_off_commit();
  }
  auto opened = open_target();
  return opened.ok() || opened.error().code() == Code::Held ? std::move(opened) : ok();
}

Status SetStore::accept_markers() {
  target_.reset();
  HA_TRY(const std::vector<Bytes> listed, index_.staging_directories());
  HA_TRY(IndexBatch batch, index_.begin());
  for (const Bytes& top : listed) {
    HA_TRY(const bool marked, root_.exists(marker_in(top)));
    if (!marked) {
      HA_CHECK(batch.remove_staging_directory(top));
    }
  }
  return batch.commit();
}

Result<bool> SetStore::is_marked() {
  HA_TRY(const std::vector<Bytes> listed, index_.staging_directories());
  return listed.empty() ? root_.exists(marker_in({})) : Result<bool>(true);
}

// Of a replica. Opens the target where there is a marker, or where one is known to be missing and has been
// released; elsewhere guard_first_load() comes first.
Status SetStore::guard_markers(const Offer& offer) {
  HA_CHECK(reopen_moved_root());
  HA_TRY(const bool marked, is_marked());
  if (target_ || !marked) {
    return target_ ? target_->check_markers() : ok();
  }
  auto opened = open_target();
  if (opened.ok() || opened.error().code() != Code::Held || opened.error().what() != offer.released) {
    return opened;
  }
  return accept_markers();
}

Status SetStore::guard_first_load(const Offer& offer) {
  if (target_) {
    return ok();
  }
  const std::string what = "this is a first load into " + escape(options_.set.path) +
                           ", which is not empty: it has " + show_count(index_.count()) +
                           " items that are not this set's";
  if (index_.count() > 0 && index_.sum() != offer.position.sum && offer.released != what) {
    return Error(Code::Held, what);
  }
  return open_target();
}

Status SetStore::guard_items(const Offer& offer) {
  const SteadyTime now = read_clocks().steady;
  if (offer.accepted) {
    loss_.accept(*offer.accepted, now);
    return ok();
  }
  loss_.has(index_.count(), now);
  if (auto few = too_few(options_.set.guards, offer.count); few && *few != offer.released) {
    return Error(Code::Held, std::move(*few));
  }
  return ok();
}

Status SetStore::judge_items(std::uint64_t items) {
  auto loss = loss_.judge(items);
  return !loss || *loss == released_ ? ok() : Status(Error(Code::Held, std::move(*loss)));
}

}  // namespace ha::replicator
