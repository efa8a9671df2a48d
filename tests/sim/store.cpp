#include "tests/sim/store.h"

#include <filesystem>
#include <utility>

#include "replicator/index_view.h"
#include "replicator/model/item_hash.h"

namespace ha::sim {

using namespace ha::replicator;

SimStore::~SimStore() = default;

SimStore::SimStore(World& world, Invariants& invariants, StoreOptions options)
    : world_(world), invariants_(invariants), options_(std::move(options)) {
  open_index();
}

void SimStore::open_index() {
  index_.reset();
  IndexOptions options;
  options.check = false;
  index_.emplace(must(Index::open(options_.index_path, options)));
  index_->set_own_changes(options_.is_origin);
  key_.reset();
}

void SimStore::set_role(bool is_origin, std::uint64_t of_epoch) {
  options_.is_origin = is_origin;
  epoch = of_epoch;
}

Digest SimStore::content_digest(const Bytes& content) const {
  return sys::digest(*key_, content);
}

// ---------------------------------------------------------------- opening
Status SimStore::open() {
  stop();
  index_->set_own_changes(options_.is_origin);
  origin_ = {{}, options_.is_origin, false, {}};
  IndexBatch batch = must(index_->begin());
  if (options_.is_origin) {
    HA_CHECK(take_turn(batch));
    if (index_->digest_key().empty()) {
      must(batch.set_digest_key(world_.random().bytes(sys::kDigestKeyBytes)));
    }
  }
  must(batch.commit());
  if (!index_->digest_key().empty()) {
    key_ = must(sys::DigestKey::from_bytes(index_->digest_key()));
  }
  const std::optional<Position> whole = must(index_->applied("."));
  whole_ = whole && whole->epoch == epoch;
  return ok();
}

IndexFacts SimStore::facts() {
  const bool ready = whole_ || !options_.is_origin;
  return {index_->position(), index_->count(), index_->trimmed_to(), ready ? index_->digest_key() : Bytes(),
          must(index_->lineage())};
}

// ---------------------------------------------------------------- scanning
Entry SimStore::entry_of(const Bytes& key, const Item& item) const {
  Entry entry;
  entry.key = key;
  entry.rank = item.rank;
  entry.content = content_digest(item.content);
  entry.size = item.content.size() * options_.weight;
  entry.meta = item.meta;
  entry.hash = item_hash(*key_, entry);
  return entry;
}

void SimStore::put(IndexBatch& batch, const Bytes& key) {
  const auto found = tree.find(key);
  if (found == tree.end()) {
    must(batch.erase(key));
    return;
  }
  const Entry entry = entry_of(key, found->second);
  const auto old = must(index_->get(key));
  if (!old || old->deleted || old->hash != entry.hash) {
    must(batch.put(entry));
  }
}

void SimStore::scan_all() {
  std::set<Bytes> keys;
  for (const auto& [key, item] : tree) {
    keys.insert(key);
  }
  must(index_->for_each({}, {Detail::Brief, false}, [&](Entry& entry) -> Result<bool> {
    keys.insert(entry.key);
    return true;
  }));
  scan(keys);
  scanned_ = true;
  if (options_.is_origin && !whole_) {
    IndexBatch batch = must(index_->begin());
    must(batch.set_applied(".", index_->position()));
    must(batch.commit());
    whole_ = true;
  }
}

void SimStore::scan(const std::set<Bytes>& keys) {
  IndexBatch batch = must(index_->begin());
  for (const Bytes& key : keys) {
    put(batch, key);
  }
  must(batch.commit());
}

// ---------------------------------------------------------------- origin
void SimStore::set_acknowledged(const std::string& peer, const Position& position) {
  {
    IndexBatch batch = must(index_->begin());
    must(batch.set_acknowledged(peer, position));
    must(batch.commit());
  }
  const std::uint64_t all = must(index_->acknowledged_by_all(options_.peers));
  IndexBatch trim = must(index_->begin());
  must(trim.trim_tombstones(all, 1'000'000));
  must(trim.commit());
}

void SimStore::renew() {
  IndexBatch batch = must(index_->begin());
  must(batch.renew_id());
  must(take_turn(batch));
  must(batch.commit());
}

// ---------------------------------------------------------------- replica
Result<Have> SimStore::prepare(const std::string& origin, const Offer& offer) {
  if (offer.position.epoch < index_->epoch()) {
    return Error(Code::Refused, "an older epoch");
  }
  take_epoch(offer);
  adopt_key(offer);
  offered_epoch_ = offer.position.epoch;
  if (!scanned_) {
    scan_all();
  }
  origin_ = {{offer.position.index_id, offer.position.epoch},
             false,
             index_->reconciled() < index_->epoch(),
             must(index_->lineage())};
  Have have;
  world_.trace(options_.site + "/" + options_.set + " is offered " + shown(offer.position));
  have.position = must(index_->applied(origin)).value_or(Position{});
  have.position.sum = index_->sum();
  have.count = index_->count();
  world_.trace(options_.site + "/" + options_.set + " has " + shown(have.position));
  return have;
}

Result<Differ> SimStore::compare_with(const Compare& theirs) {
  if (index_->reconciled() >= index_->epoch()) {
    IndexView view(*index_);
    return compare(view, theirs);
  }
  IndexView view(*index_, must(index_->lineage()), index_->epoch());
  return compare(view, theirs);
}

Status SimStore::apply(std::uint64_t batch, BytesView body) {
  for (Part& part : decode_parts(body)) {
    Staged& staged = staged_[batch][part.key];
    staged.pieces[part.piece] = std::move(part.bytes);
    staged.header = std::move(part);
  }
  return ok();
}

// What was moved is made from what is here before anything of the batch takes its place.
void SimStore::stage_moved(std::uint64_t batch) {
  for (auto& [key, staged] : staged_[batch]) {
    Part& part = staged.header;
    for (auto here = tree.begin(); part.moved && here != tree.end(); ++here) {
      if (content_digest(here->second.content) == *part.basis) {
        staged.pieces[0] = here->second.content;
        part.basis.reset();
        part.moved = false;
      }
    }
  }
}

// Whether a complete item may be published; a trouble otherwise.
std::optional<ItemTrouble> SimStore::check(const Staged& staged) {
  const Part& part = staged.header;
  const auto here = tree.find(part.key);
  const Digest basis = here == tree.end() ? Digest{} : content_digest(here->second.content);
  if (poisoned.contains(part.key)) {
    return ItemTrouble{part.key, "cannot be applied here", false, {}};
  }
  if (origin_.adopting && (here != tree.end() || must(index_->get(part.key)))) {
    return ItemTrouble{part.key, "has come into being here meanwhile", false, {}};
  }
  if (staged.pieces.size() != part.pieces || part.moved || (part.basis && *part.basis != basis) ||
      world_.random().chance(redo_permille)) {
    return ItemTrouble{part.key, "the basis is another", true, digest_bytes(basis)};
  }
  return std::nullopt;
}

void SimStore::publish(const Staged& staged) {
  const Part& part = staged.header;
  invariants_.applied(options_.site, options_.set, part.key, part.hash);
  Bytes content;
  for (const auto& [number, bytes] : staged.pieces) {
    content += bytes;
  }
  if (!origin_.adopting) {
    invariants_.epoch_applied(options_.site, options_.set, offered_epoch_);
    save_what_is_there(part, content);
  }
  world_.trace(options_.site +
               (origin_.adopting ? " adopts "
                : part.deleted   ? " deletes "
                                 : " puts ") +
               part.key);
  if (part.deleted) {
    tree.erase(part.key);
    return;
  }
  if (item_hash(*key_, part.key, part.rank, part.meta, content_digest(content)) != part.hash) {
    world_.violate(options_.site + " put " + part.key + " together wrongly");
  }
  tree[part.key] = {part.rank, std::move(content), part.meta};
}

Result<std::vector<ItemTrouble>> SimStore::close(std::uint64_t number) {
  std::vector<ItemTrouble> troubles;
  stage_moved(number);
  IndexBatch batch = must(index_->begin());
  for (auto& [key, staged] : staged_[number]) {
    if (auto trouble = check(staged)) {
      if (!trouble->redo && !origin_.adopting) {
        must(batch.put_failure(key, trouble->reason, 0));
      }
      troubles.push_back(std::move(*trouble));
      continue;
    }
    publish(staged);
    const Part& part = staged.header;
    if (part.deleted) {
      must(batch.erase(key, origin_.source, part.sequence));
    } else {
      Entry entry = entry_of(key, tree.at(key));
      entry.source = origin_.source;
      entry.version = part.sequence;
      must(batch.put(entry));
    }
    must(batch.clear_failure(key));
  }
  must(batch.commit());
  staged_.erase(number);
  return troubles;
}

void SimStore::close_and_die(std::uint64_t number, std::size_t items) {
  stage_moved(number);
  for (auto& [key, staged] : staged_[number]) {
    if (items-- == 0) {
      break;
    }
    if (!check(staged)) {
      publish(staged);
    }
  }
}

Result<SimStore::Committed> SimStore::commit(const std::string& origin, const Position& position,
                                             bool exact) {
  Committed committed{position, 0};
  committed.position.sum = index_->sum();
  IndexBatch batch = must(index_->begin());
  must(batch.set_applied(origin, committed.position));
  if (exact && committed.position.sum == position.sum) {
    const Source holder{position.index_id, position.epoch};
    must(batch.clear_failures());
    must(batch.attribute(holder, position.sequence));
    if (index_->reconciled() < position.epoch) {
      must(batch.attribute_unseen(holder, position.sequence, must(index_->lineage())));
    }
    batch.set_reconciled(position.epoch);
    must(batch.set_applied(kLastEqual, committed.position));
    origin_.careful = false;
  }
  must(batch.commit());
  committed.failed = must(index_->failure_count());
  invariants_.confirmed(options_.site, options_.set, committed.position);
  return committed;
}

Result<Bytes> SimStore::answer(BytesView question) {
  const auto here = tree.find(Bytes(question));
  return digest_bytes(here == tree.end() ? Digest{} : content_digest(here->second.content));
}

// ---------------------------------------------------------------- faults
void SimStore::stop() {
  scanned_ = false;
  abort();
  adoptions_.clear();
}

void SimStore::lose_index() {
  index_.reset();
  if (options_.index_path != ":memory:") {
    std::filesystem::remove(options_.index_path);
  }
  open_index();
  invariants_.forget(options_.site, options_.set);
}

void SimStore::take_snapshot() {
  // One without a key has never been offered: made and not opened, which SetStore does in one go.
  if (options_.index_path == ":memory:" || index_->digest_key().empty()) {
    return;
  }
  index_.reset();
  std::filesystem::copy_file(options_.index_path, options_.index_path + ".old",
                             std::filesystem::copy_options::overwrite_existing);
  const std::optional<sys::DigestKey> key = key_;
  open_index();
  key_ = key;
  snapshot_tree_ = tree;
}

void SimStore::restore(bool with_tree) {
  index_.reset();
  std::filesystem::copy_file(options_.index_path + ".old", options_.index_path,
                             std::filesystem::copy_options::overwrite_existing);
  open_index();
  if (with_tree) {
    tree = *snapshot_tree_;
  }
  invariants_.forget(options_.site, options_.set);
}

std::vector<std::uint64_t> SimStore::open_batches() const {
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, items] : staged_) {
    numbers.push_back(number);
  }
  return numbers;
}

}  // namespace ha::sim
