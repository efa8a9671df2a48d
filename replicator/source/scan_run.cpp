// The walk, and the index side of the merge. Single items: scan_items.cpp.
#include "replicator/source/scan_run.h"

#include <algorithm>

#include "replicator/model/key.h"

namespace ha::replicator {
namespace {

constexpr std::size_t kOpenLevelsMax = 64;  // directories held open at a time; deeper trees reopen

// The least key after all those beneath `directory`: '0' follows '/'.
Bytes end_of(BytesView directory) {
  return Bytes(directory) + "0";
}

bool is_not_there(const Error& error) {
  return error.code() == Code::NotFound || error.code() == Code::Conflict;
}

}  // namespace

ScanRun::ScanRun(const sys::Directory& root, Index& index, const sys::DigestKey& key,
                 const ScanOptions& options, ScanScope scope, const std::atomic<bool>& stop)
    : root_(&root),
      index_(&index),
      options_(&options),
      scope_(scope),
      stop_(&stop),
      writer_(index, options.keep_previous, options.clock),
      items_(
          key, options.clock,
          [this](std::uint64_t bytes) {
            result_.bytes_hashed += bytes;
            report();
            return !stopped();
          },
          [this] { report(); }, options.overlays) {}

Status ScanRun::start() {
  return writer_.load_failures();
}

Status ScanRun::finish() {
  HA_CHECK(remove_gone());
  if (scope_ == ScanScope::Full && result_.complete && options_->stable != nullptr) {
    options_->stable->forget_unasked();
  }
  if (scope_ == ScanScope::Full && result_.complete && result_.failed == 0) {
    HA_CHECK(writer_.clear_unmet_failures());
  }
  return writer_.flush();
}

void ScanRun::report() {
  if (options_->progress) {
    options_->progress({result_.items, result_.bytes_hashed, busy_with_});
  }
}

// --- the walk ---

Status ScanRun::walk_root() {
  HA_TRY(const sys::Stat stat, root_->stat());
  HA_TRY(sys::Directory root, root_->duplicate());
  HA_TRY(std::vector<Bytes> names, root.names(kDirectoryNamesMax));
  HA_CHECK(open_cursor({}));
  HA_CHECK(push({}, std::move(root), std::move(names), stat.dev));
  return walk();
}

Status ScanRun::walk_directory(const Bytes& directory) {
  HA_CHECK(open_cursor({directory, end_of(directory)}));
  const std::size_t slash = directory.rfind('/');
  const Bytes above = slash == Bytes::npos ? Bytes() : directory.substr(0, slash);
  auto parent = root_->open_beneath(above);
  if (!parent.ok()) {
    // Every entry is looked at by itself before it is deleted.
    return is_not_there(parent.error()) ? walk() : fail(directory, parent.error().what());
  }
  HA_TRY(const sys::Stat stat, parent->stat());
  HA_CHECK(push(above, std::move(parent).value(), {}, stat.dev));
  forced_ = directory;
  HA_CHECK(visit(slash == Bytes::npos ? directory : directory.substr(slash + 1)));
  // Between the directory's name and its content there may be others: "a.b" is after "a" and before "a/".
  HA_CHECK(skip_to(directory + "/"));
  return walk();
}

Status ScanRun::walk() {
  while (!levels_.empty()) {
    if (stopped()) {
      result_.complete = false;
      levels_.clear();
      return ok();
    }
    HA_CHECK(step());
    HA_CHECK(writer_.breathe());
  }
  while (current_ && !stopped()) {
    HA_CHECK(vanish(*current_));
    HA_CHECK(advance());
    HA_CHECK(writer_.breathe());
  }
  result_.complete = result_.complete && !current_;
  return ok();
}

Status ScanRun::step() {
  Level& level = levels_.back();
  const bool names_left = level.next < level.names.size();
  if (!level.blocks.empty()) {
    const Bytes inside = level.blocks.back().key + "/";
    if (!names_left || inside < key_in(level.key, level.names[level.next])) {
      const Block block = std::move(level.blocks.back());
      level.blocks.pop_back();
      return run_block(block);
    }
  }
  if (names_left) {
    return visit(level.names[level.next++]);
  }
  levels_.pop_back();
  return ok();
}

Status ScanRun::run_block(const Block& block) {
  HA_CHECK(pass_until(block.key + "/"));
  switch (block.action) {
    case Action::Enter:
      return enter(block.key);
    case Action::Skip:
      return skip_to(end_of(block.key));
    case Action::Forget:
      while (current_ && current_->key < end_of(block.key)) {
        HA_CHECK(writer_.forget(current_->key));
        ++result_.excluded;
        HA_CHECK(advance());
        HA_CHECK(writer_.breathe());
      }
      return ok();
  }
  return ok();
}

Status ScanRun::enter(const Bytes& key) {
  Level& above = levels_.back();
  const std::uint64_t device_above = above.device;
  const std::size_t slash = key.rfind('/');
  const BytesView name = slash == Bytes::npos ? BytesView(key) : BytesView(key).substr(slash + 1);
  auto parent = hold(above);
  auto opened =
      parent.ok() ? (*parent)->open_beneath(name) : Result<sys::Directory>(std::move(parent).error());
  if (!opened.ok()) {
    if (is_not_there(opened.error())) {
      note_busy(key);  // its entries are looked at one by one
      return ok();
    }
    HA_CHECK(fail(key, opened.error().what()));
    return skip_to(end_of(key));
  }
  auto stat = opened->stat();
  auto names = opened->names(kDirectoryNamesMax);
  if (!stat.ok() || !names.ok()) {
    HA_CHECK(fail(key, stat.ok() ? names.error().what() : stat.error().what()));
    return skip_to(end_of(key));
  }
  if (is_unit(key)) {
    HA_CHECK(look_at_unit(key, *opened, *names));
  }
  HA_CHECK(push(key, std::move(opened).value(), std::move(names).value(), stat->dev));
  if (stat->dev != device_above && result_.mount_points.size() < kScanListMax) {
    result_.mount_points.push_back(key);
  }
  return ok();
}

Status ScanRun::push(Bytes key, sys::Directory directory, std::vector<Bytes> names, std::uint64_t device) {
  std::sort(names.begin(), names.end());
  Level level;
  level.key = std::move(key);
  level.directory = std::move(directory);
  level.device = device;
  level.names = std::move(names);
  levels_.push_back(std::move(level));
  if (levels_.size() > kOpenLevelsMax) {
    levels_[levels_.size() - 1 - kOpenLevelsMax].directory = sys::Directory();
  }
  return ok();
}

Result<const sys::Directory*> ScanRun::hold(Level& level) {
  if (!level.directory.is_open()) {
    HA_TRY(level.directory, root_->open_beneath(level.key));
  }
  return &level.directory;
}

// --- the index side of the merge ---

Status ScanRun::open_cursor(KeyRange range) {
  cursor_.emplace(index_->cursor(std::move(range)));
  return advance();
}

Status ScanRun::advance() {
  HA_TRY(current_, cursor_->next());
  return ok();
}

Status ScanRun::pass_until(BytesView key) {
  while (current_ && BytesView(current_->key) < key && !stopped()) {
    HA_CHECK(vanish(*current_));
    HA_CHECK(advance());
    HA_CHECK(writer_.breathe());
  }
  return ok();
}

Result<std::optional<Entry>> ScanRun::take(const Bytes& key) {
  HA_CHECK(pass_until(key));
  std::optional<Entry> found;
  if (current_ && current_->key == key) {
    found = std::move(current_);
    HA_CHECK(advance());
  }
  return found;
}

Status ScanRun::skip_to(BytesView key) {
  if (!current_ || BytesView(current_->key) >= key) {
    return ok();
  }
  cursor_->skip_to(key);
  return advance();
}

// The directory did not list it. Listing may miss what is renamed at that moment, so it is looked for once
// more before it is deleted everywhere.
Status ScanRun::vanish(const Entry& entry) {
  if (!unit_.empty() && entry.rank != Rank::Container && parent_of_key(entry.key) == unit_) {
    return ok();
  }
  auto gone = is_gone(entry.key);
  if (!gone.ok()) {
    return fail(entry.key, gone.error().what());
  }
  if (!*gone) {
    note_busy(entry.key);
    return ok();
  }
  return let_go(entry);
}

Result<bool> ScanRun::is_gone(const Bytes& key) {
  const auto found = root_->stat(key);
  if (found.ok()) {
    return false;
  }
  // Invalid: a name that cannot exist here.
  if (found.error().code() == Code::NotFound || found.error().code() == Code::Invalid) {
    return true;
  }
  if (found.error().code() != Code::Conflict) {
    return found.error();
  }
  // A file or link where a directory was, or a stale handle: only the first means that it is gone.
  for (std::size_t slash = key.find('/'); slash != Bytes::npos; slash = key.find('/', slash + 1)) {
    const auto above = root_->stat(BytesView(key).substr(0, slash));
    if (!above.ok() && above.error().code() != Code::NotFound) {
      return above.error();
    }
    if (!above.ok() || above->type != sys::FileType::Directory) {
      return true;
    }
  }
  return found.error();
}

}  // namespace ha::replicator
