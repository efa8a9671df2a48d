#include "common/sys/watch.h"

#include <utility>

#include "common/sys/watch_internal.h"

namespace ha::sys {

void DirtySet::add(const Bytes& rel) {
  const bool excluded = !excluded_.empty() && rel.starts_with(excluded_) &&
                        (rel.size() == excluded_.size() || rel[excluded_.size()] == '/');
  if (excluded || overflow_) {
    return;
  }
  directories_.insert(rel);
  overflow_ = directories_.size() > kWatchBatchMax;
}

void DirtySet::add_child(const Bytes& rel, BytesView name) {
  if (!rel.empty() || excluded_.empty() || name != excluded_) {
    add(rel);
  }
}

WatchBatch DirtySet::take() && {
  WatchBatch out;
  out.overflow = overflow_;
  if (!overflow_) {
    out.directories.assign(directories_.begin(), directories_.end());
  }
  return out;
}

Watch::Watch(WatchKind kind, std::unique_ptr<WatchBackend> backend) noexcept
    : kind_(kind), backend_(std::move(backend)) {}
Watch::Watch(Watch&&) noexcept = default;
Watch& Watch::operator=(Watch&&) noexcept = default;
Watch::~Watch() = default;

Result<Watch> Watch::open_as(WatchKind kind, BytesView root, BytesView excluded) {
  HA_TRY(Directory directory, Directory::open_root(root));
  HA_TRY(std::unique_ptr<WatchBackend> backend, kind == WatchKind::Fanotify
                                                    ? open_fanotify(std::move(directory), excluded)
                                                    : open_inotify(std::move(directory), excluded));
  return Watch(kind, std::move(backend));
}

Result<Watch> Watch::open(BytesView root, BytesView excluded) {
  auto fanotify = open_as(WatchKind::Fanotify, root, excluded);
  return fanotify.ok() ? std::move(fanotify) : open_as(WatchKind::Inotify, root, excluded);
}

int Watch::fd() const noexcept {
  return backend_->fd();
}
Result<WatchBatch> Watch::read() {
  return backend_->read();
}

}  // namespace ha::sys
