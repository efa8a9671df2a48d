#include "replicator/set_store.h"

#include <algorithm>
#include <utility>

#include "replicator/apply/unit_lock.h"
#include "replicator/index_view.h"

namespace ha::replicator {
namespace {

const std::atomic<bool> kNeverStopped = false;
constexpr char kRaw = 'R';
constexpr char kZstd = 'Z';
constexpr std::size_t kDigestKeyBytes = 32;
constexpr std::size_t kFrameRawBytesMax = 16 * 1024 * 1024;
constexpr std::uint64_t kSignatureBudgetBytes = 64ULL * 1024 * 1024;
// Under this name, which no site can have, an origin's index keeps the position of its first whole scan.
constexpr std::string_view kOurselves = ".";

std::vector<ItemTrouble> troubles_of(std::vector<Trouble> troubles) {
  std::vector<ItemTrouble> out;
  out.reserve(troubles.size());
  for (Trouble& trouble : troubles) {
    out.push_back(
        {std::move(trouble.key), std::move(trouble.reason), trouble.redo, std::move(trouble.basis)});
  }
  return out;
}

}  // namespace

IsUnit unit_rule(const SetConfig& set) {
  return set.unit.empty() ? IsUnit() : [unit = set.unit](BytesView key) { return unit.matches(key, true); };
}

Result<Bytes> pack_frame(sys::Compressor& compressor, BytesView raw) {
  HA_TRY(Bytes packed, compressor.compress(raw));
  return packed.size() < raw.size() ? kZstd + packed : kRaw + Bytes(raw);
}

Result<Bytes> unpack_frame(sys::Decompressor& decompressor, BytesView packed) {
  if (!packed.empty() && packed[0] == kRaw) {
    return Bytes(packed.substr(1));
  }
  if (!packed.empty() && packed[0] == kZstd) {
    return decompressor.decompress(packed.substr(1), kFrameRawBytesMax);
  }
  return Error(Code::Corrupt, "a frame is packed in an unknown way");
}

// ---------------------------------------------------------------- opening
SetStore::SetStore(SetStoreOptions options, sys::Directory root, Index index)
    : options_(std::move(options)),
      root_(std::move(root)),
      index_(std::move(index)),
      stop_(options_.stop != nullptr ? *options_.stop : kNeverStopped),
      stable_(options_.set.stable),
      loss_(options_.set.guards),
      signatures_(index_),
      is_unit_(unit_rule(options_.set)) {}

Result<std::unique_ptr<SetStore>> SetStore::open(SetStoreOptions options, std::string& note) {
  const std::string& path = options.set.path;
  auto root = sys::Directory::open_root(path);
  if (!root.ok()) {
    const std::string hint = options.is_origin ? "is [[set]] path right, and the file system mounted?"
                                               : "make it, owned as it should be: mkdir -p " + path +
                                                     "      (all that are missing: hareplicate doctor)";
    return std::move(root).error().in("set " + options.set.name).hinted(hint);
  }
  auto index = Index::open(options.index_path);
  if (!index.ok() && index.error().code() == Code::Corrupt) {
    HA_TRY(const std::string aside, Index::reset_aside(options.index_path));
    note = index.error().what() + "; kept as " + aside + ", a new one is made and everything compared";
    index = Index::open(options.index_path);
  }
  if (!index.ok()) {
    return std::move(index).error().in("set " + options.set.name);
  }
  std::unique_ptr<SetStore> store(
      new SetStore(std::move(options), std::move(root).value(), std::move(index).value()));
  HA_TRY(store->overlays_,
         OverlayStore::open(store->root_, store->options_.set.overlays, store->options_.on_overlay));
  store->overlays_->set_role(store->options_.is_origin ? OverlayRole::Holder : OverlayRole::Replica);
  HA_TRY(const std::vector<Bytes> tops, store->index_.staging_directories());
  HA_CHECK(release_old_locks(store->root_, tops));
  HA_CHECK(store->ensure_key());
  return store;
}

// An origin makes its digest key and takes its epoch from the configuration; a replica is told both.
Status SetStore::ensure_key() {
  HA_TRY(const std::uint64_t broken_off, index_.journal_size());
  turn_waits_ = options_.is_origin && broken_off > 0 && options_.epoch > index_.epoch();
  index_.set_own_changes(options_.is_origin && !turn_waits_);
  HA_TRY(IndexBatch batch, index_.begin());
  if (options_.is_origin) {
    HA_CHECK(turn_waits_ ? ok() : take_turn(batch));
    if (index_.digest_key().empty()) {
      HA_TRY(const Bytes key, sys::random_bytes(kDigestKeyBytes));
      HA_CHECK(batch.set_digest_key(key));
    }
  }
  HA_CHECK(batch.commit());
  if (!index_.digest_key().empty()) {
    HA_TRY(key_, sys::DigestKey::from_bytes(index_.digest_key()));
  }
  HA_TRY(acknowledged_by_all_, index_.acknowledged_by_all(options_.peers));
  HA_TRY(const std::optional<Position> whole, index_.applied(kOurselves));
  whole_ = whole && whole->epoch == options_.epoch;
  return ok();
}

Result<IndexFacts> SetStore::facts() {
  if (!committed_) {
    HA_TRY(committed_, IndexReader::open(options_.index_path));
  }
  HA_TRY(Identity now, committed_->identity());
  if (options_.is_origin && !whole_) {
    now.digest_key.clear();
  }
  HA_TRY(Lineage lineage, committed_->lineage());
  return IndexFacts{now.position(), now.count, now.trimmed_to, std::move(now.digest_key), std::move(lineage)};
}

// ---------------------------------------------------------------- scanning
// A file that an index does not have is one that replicas must not have. So the first walk of an index takes
// all files as they are: it cannot know which of them the replicas have.
Result<bool> SetStore::may_wait() {
  if (!options_.is_origin || options_.set.stable == Duration::zero() || whole_) {
    return options_.is_origin && options_.set.stable > Duration::zero();
  }
  HA_TRY(const std::vector<SitePosition> applied, index_.all_applied());
  return std::any_of(applied.begin(), applied.end(), [](const SitePosition& each) {
    return each.site == kOurselves || each.site.front() != '.';
  });
}

Result<ScanOptions> SetStore::scan_options(std::function<void(const ScanProgress&)> progress) {
  ScanOptions options;
  options.exclude = [this](BytesView key, bool is_directory) {
    return options_.set.exclude.matches(key, is_directory);
  };
  options.keep_previous = [this](const Entry& old) { return old.sequence <= acknowledged_by_all_; };
  options.progress = std::move(progress);
  options.on_reading = on_reading_;
  HA_TRY(const bool wait, may_wait());
  options.stable = wait ? &stable_ : nullptr;
  options.overlays = overlays_.get();
  options.is_unit = is_unit_;
  if (is_unit_ && !options_.is_origin) {
    HA_TRY(options.replica_messages_count, has_been_whole());
  }
  return options;
}

Result<ScanResult> SetStore::scan_all(const std::function<void(const ScanProgress&)>& progress, bool deep) {
  if (!key_) {
    return Error(Code::Unavailable, "no origin has made itself known yet");
  }
  HA_CHECK(reopen_moved_root());
  HA_CHECK(check_markers());
  HA_TRY(ScanOptions options, scan_options(progress));
  options.deep = deep;
  FileScanner scanner(root_, index_, *key_, std::move(options));
  HA_TRY(ScanResult result, scanner.scan_all(stop_));
  HA_CHECK(align_overlays());
  if (result.complete) {
    scanned_at_ = read_clocks().steady;
    if (target_) {
      HA_CHECK(target_->mark(result.mount_points));
      if (options_.set.deletes.mode == DeleteMode::Trash) {
        HA_TRY([[maybe_unused]] const std::uint64_t days, target_->empty_trash(read_clocks().wall));
      }
    }
  }
  if (options_.is_origin && result.complete && !whole_ && result.units_left > 0) {
    result.need_full = true;  // as with a file that waits: replicas must not lose them meanwhile
  } else if (options_.is_origin && result.complete && !whole_) {
    HA_TRY(IndexBatch batch, index_.begin());
    HA_CHECK(batch.set_applied(kOurselves, index_.position()));
    HA_CHECK(batch.commit());
    whole_ = true;
  }
  return result;
}

Result<ScanResult> SetStore::scan_directories(std::vector<Bytes> directories) {
  if (!key_) {
    return Error(Code::Unavailable, "no origin has made itself known yet");
  }
  HA_CHECK(reopen_moved_root());
  HA_CHECK(check_markers());
  if (!target_ && !options_.is_origin) {
    return Error(Code::Unavailable, in_quotes(options_.set.path) + " is another directory now");
  }
  HA_TRY(ScanOptions options, scan_options({}));
  FileScanner scanner(root_, index_, *key_, std::move(options));
  HA_TRY(ScanResult result, scanner.scan_directories(std::move(directories), stop_));
  HA_CHECK(align_overlays());
  return result;
}

Status SetStore::align_overlays() {
  return target_ ? target_->align_overlays() : ok();
}

// ---------------------------------------------------------------- origin
Status SetStore::set_acknowledged(const std::string& peer, const Position& position) {
  HA_TRY(IndexBatch batch, index_.begin());
  HA_CHECK(batch.set_acknowledged(peer, position));
  HA_CHECK(batch.commit());
  HA_TRY(acknowledged_by_all_, index_.acknowledged_by_all(options_.peers));
  HA_TRY(IndexBatch trim, index_.begin());
  HA_TRY([[maybe_unused]] const std::uint64_t trimmed, trim.trim_tombstones(acknowledged_by_all_, 1'000'000));
  return trim.commit();
}

Status SetStore::renew() {
  HA_TRY(IndexBatch batch, index_.begin());
  HA_CHECK(batch.renew_id());
  HA_CHECK(take_turn(batch));
  return batch.commit();
}

Result<bool> SetStore::make_signatures_of(BytesView key) {
  HA_TRY(const SignaturesMade made, make_signatures(root_, index_, *key_, key, kSignatureBudgetBytes, stop_));
  return made.complete;
}

// ---------------------------------------------------------------- replica
Status SetStore::open_target() {
  FileTargetOptions options;
  options.publish = options_.set.publish == PublishMode::Set ? Publish::PerSet : Publish::PerFile;
  options.deletes = options_.set.deletes;
  options.judge = [this](std::uint64_t items) { return judge_items(items); };
  options.overlays = overlays_.get();
  options.is_unit = is_unit_;
  HA_TRY(FileTarget target, FileTarget::open(options_.set.path, index_, *key_, options));
  // What is rolled forward was a replica's, and must not lose more than it would have lost then.
  HA_TRY(Lineage lineage, index_.lineage());
  const bool careful = index_.reconciled() < index_.epoch();
  target.set_origin({{}, false, careful, std::move(lineage), options_.set.stranded_max});
  HA_TRY(const Recovery recovery, target.recover());
  applied_.items += recovery.rolled_forward;
  target_ = std::make_unique<FileTarget>(std::move(target));
  target_->set_origin({{}, options_.is_origin, false, {}, options_.set.stranded_max});
  return ok();
}

Result<FileTarget*> SetStore::target() {
  if (!target_) {
    return Error(Code::Internal, "frames before an offer");
  }
  return target_.get();
}

Status SetStore::adopt_key(const Offer& offer) {
  if (index_.digest_key() == offer.digest_key) {
    return ok();
  }
  target_.reset();
  HA_TRY(IndexBatch batch, index_.begin());
  HA_CHECK(batch.set_digest_key(offer.digest_key));
  HA_CHECK(batch.commit());
  HA_TRY(key_, sys::DigestKey::from_bytes(offer.digest_key));
  scanned_at_.reset();
  return ok();
}

// In this order: 1. an origin that is over and a hold by hand are told so before anything is touched;
// 2. the markers, and the end of a commit that was broken off, while the last holder is still the holder;
// 3. the new epoch, with this site's last look as a holder; 4. the origin's key; 5. the markers again:
// another key has closed the target; 6. a walk, where one is due; 7. the guards that count what it has
// found; 8. only then what comes is published as this origin's.
Result<Have> SetStore::prepare(const std::string& origin, const Offer& offer) {
  if (offer.position.epoch < index_.epoch()) {
    return Error(Code::Refused,
                 "epoch " + std::to_string(offer.position.epoch) + " is older than epoch " +
                     std::to_string(index_.epoch()) + ", which this site has seen",
                 "the service has moved on: this origin must not send");
  }
  if (held_ && !offer.compare_only) {
    return *held_;
  }
  released_ = offer.released;
  compare_only_ = offer.compare_only;
  if (key_) {
    HA_CHECK(guard_markers(offer));
  }
  HA_CHECK(take_epoch(offer));
  HA_CHECK(adopt_key(offer));
  HA_CHECK(guard_markers(offer));
  const bool walk_due = !scanned_at_ || read_clocks().steady - *scanned_at_ >= options_.set.walk;
  if (walk_due || offer.look != Look::AsIs) {
    HA_TRY(const ScanResult result, scan_all({}, offer.look == Look::Content));
    if (!result.complete) {
      return Error(Code::Cancelled, "stopped while reading the tree");
    }
  }
  if (!offer.compare_only) {
    HA_CHECK(guard_first_load(offer));
    HA_CHECK(guard_items(offer));
  }
  HA_CHECK(set_target_origin(offer));
  if (!offer.compare_only) {
    HA_CHECK(align_overlays());
  }
  Have have;
  HA_TRY(const std::optional<Position> applied, index_.applied(origin));
  have.position = applied.value_or(Position{});
  have.position.sum = index_.sum();  // of what is here now: drift shows
  have.count = index_.count();
  for (KeptPartial& partial : target_ ? target_->partials() : std::vector<KeptPartial>()) {
    have.partials.push_back({std::move(partial.key), partial.content, std::move(partial.ranges)});
  }
  return have;
}

Result<Differ> SetStore::compare_with(const Compare& theirs) {
  const bool careful = index_.reconciled() < index_.epoch();
  HA_TRY(Lineage lineage, careful ? index_.lineage() : Result<Lineage>(Lineage{}));
  IndexView view(index_, std::move(lineage), careful ? index_.epoch() : 0);
  view.set_units(is_unit_, {index_.index_id(), index_.epoch()});
  HA_TRY(Differ differ, compare(view, theirs));
  HA_CHECK(is_unit_ && !compare_only_ ? complete_messages(differ) : ok());
  return differ;
}

// A full disk gets its remedy: the origin shows the hint beside the reason.
Error SetStore::with_remedy(Error error) const {
  if (error.code() != Code::NoSpace || !error.hint().empty()) {
    return error;
  }
  return std::move(error).hinted("make room there (df " + options_.set.path + "); it goes on by itself");
}

Status SetStore::apply(std::uint64_t batch, std::uint32_t frame, BytesView body) {
  HA_TRY(FileTarget * files, target());
  HA_TRY(const Bytes raw, unpack_frame(decompressor_, body));
  if (auto applied = files->apply_frame(batch, frame, raw); !applied.ok()) {
    return with_remedy(std::move(applied).error());
  }
  return ok();
}

Result<std::vector<ItemTrouble>> SetStore::close(std::uint64_t batch) {
  HA_TRY(FileTarget * files, target());
  auto closed = files->close_batch(batch);
  if (!closed.ok()) {
    return with_remedy(std::move(closed).error());
  }
  BatchOutcome outcome = std::move(closed).value();
  applied_.items += outcome.applied_items;
  applied_.bytes += outcome.applied_bytes;
  stranded_ += outcome.stranded_items;
  return troubles_of(std::move(outcome.troubles));
}

Result<SetStore::Committed> SetStore::commit(const std::string& origin, const Position& position,
                                             bool exact) {
  HA_TRY(FileTarget * files, target());
  HA_TRY(CommitOutcome outcome, files->commit(origin, position, exact));
  applied_.items += outcome.published.applied_items;
  applied_.bytes += outcome.published.applied_bytes;
  Committed committed;
  if (!outcome.changed_units.empty()) {  // somebody has left messages here; the holder will hear of them
    HA_TRY([[maybe_unused]] const ScanResult looked, scan_directories(outcome.changed_units));
    outcome.position.sum = index_.sum();
  }
  committed.position = outcome.position;
  committed.own = index_.position();
  committed.count = index_.count();
  loss_.equal(committed.count, read_clocks().steady);
  HA_TRY(committed.failed, index_.failure_count());
  committed.applied = std::exchange(applied_, {});
  committed.stranded = std::exchange(stranded_, 0) + outcome.published.stranded_items;
  committed.trouble = troubles_of(std::move(outcome.published.troubles));
  return committed;
}

Status SetStore::abort() {
  fetches_.clear();
  return target_ ? target_->abort_transfers() : ok();
}

Result<Bytes> SetStore::answer(BytesView question) {
  HA_TRY(FileTarget * files, target());
  HA_TRY(const SignatureRequest request, decode_request(question));
  HA_TRY(const SignatureReply reply, files->answer(request));
  return pack_frame(compressor_, encode_reply(reply));
}

}  // namespace ha::replicator
