// SimStore when holders change: what set_store_turns.cpp and publisher_careful.cpp do.
#include <algorithm>
#include <utility>

#include "replicator/model/keep.h"
#include "tests/sim/store.h"

namespace ha::sim {

using namespace ha::replicator;

namespace {

constexpr const char* kOurTurn = "..";
constexpr std::size_t kFetchFrameBytes = 1000;

}  // namespace

Status SimStore::take_turn(IndexBatch& batch) {
  if (epoch > index_->epoch() && index_->epoch() > 0) {
    HA_TRY(const std::optional<Position> own_turn, index_->applied(kOurTurn));
    HA_TRY(const std::optional<Position> last_equal, index_->applied(kLastEqual));
    if (const auto before = goes_on_from(own_turn, index_->head(), last_equal)) {
      world_.trace(options_.site + " goes on from " + shown(*before));
      HA_CHECK(batch.add_lineage({epoch, *before}));
    }
    must(batch.clear_failures());
  }
  HA_CHECK(batch.set_epoch(epoch));
  batch.set_reconciled(epoch);
  return batch.set_applied(kOurTurn, index_->position());
}

void SimStore::take_epoch(const Offer& offer) {
  if (offer.position.epoch > index_->epoch()) {
    const auto turn = index_->applied(kOurTurn);
    if (turn.ok() && *turn && (*turn)->epoch == index_->epoch() && key_) {
      index_->set_own_changes(true);
      scan_all();
      index_->set_own_changes(false);
    }
  }
  IndexBatch batch = must(index_->begin());
  for (const EpochStart& start : offer.lineage) {
    must(batch.add_lineage(start));
  }
  must(batch.set_epoch(offer.position.epoch));
  must(batch.commit());
}

void SimStore::adopt_key(const Offer& offer) {
  if (index_->digest_key() == offer.digest_key) {
    return;
  }
  IndexBatch batch = must(index_->begin());
  must(batch.set_digest_key(offer.digest_key));
  must(batch.commit());
  key_ = must(sys::DigestKey::from_bytes(offer.digest_key));
  scanned_ = false;
  staged_.clear();
}

// ---------------------------------------------------------------- what the holder has never seen
void SimStore::save_what_is_there(const Part& part, const Bytes& content) {
  Entry header;
  header.key = part.key;
  header.deleted = part.deleted;
  header.hash = part.hash;
  header.content = part.deleted ? Digest{} : content_digest(content);
  const auto entry = must(index_->get(part.key));
  const auto here = tree.find(part.key);
  if (here == tree.end()) {
    if (undoes_deletion(entry, header, origin_.lineage, index_->epoch())) {
      world_.trace(options_.site + " lists the deletion of " + part.key);
      stranded.push_back({part.key, true, {}});
    }
    return;
  }
  const bool as_recorded = entry && entry->hash == entry_of(part.key, here->second).hash;
  if (origin_.careful && must_keep(entry, as_recorded, header, origin_.lineage, index_->epoch())) {
    world_.trace(options_.site + " puts aside " + part.key);
    stranded.push_back({part.key, false, here->second.content});
  }
}

Result<Fetched> SimStore::fetch(const Fetch& wanted) {
  std::optional<Result<SimReader::Built>> step;
  if (wanted.frame == 0) {
    fetching_ = std::make_unique<SimReader>(world_, invariants_, *this, kFetchFrameBytes);
    BuildAction items{wanted.number, {}};
    for (const Bytes& key : wanted.keys) {
      items.items.push_back({key, 0, {}, {}, Digest{}});
    }
    step.emplace(fetching_->build(items));
  } else if (fetching_) {
    step.emplace(fetching_->next(wanted.number));
  } else {
    return Error(Code::Conflict, "a frame of something that was not begun");
  }
  HA_TRY(SimReader::Built built, std::move(*step));
  return Fetched{wanted.number, wanted.frame, built.last, std::move(*built.frame)};
}

Result<SimStore::Adopted> SimStore::adopt(const std::string& peer, const AdoptAction& action) {
  const std::pair<std::string, std::uint64_t> name{peer, action.number};
  if (action.frame == 0) {
    adoptions_[name] = ++next_adoption_;
  }
  const auto batch = adoptions_.find(name);
  if (batch == adoptions_.end()) {
    return Error(Code::Conflict, "a frame of something that was not begun");
  }
  HA_CHECK(apply(batch->second, action.body));
  Adopted adopted;
  if (action.last) {
    HA_TRY(const std::vector<ItemTrouble> troubles, close(batch->second));
    adopted.missed = troubles.size();
    adoptions_.erase(batch);
  }
  adopted.head = index_->head();
  return adopted;
}

void SimStore::drop_adoptions(const std::string& peer) {
  for (auto open = adoptions_.begin(); open != adoptions_.end();) {
    if (open->first.first == peer) {
      staged_.erase(open->second);
      open = adoptions_.erase(open);
    } else {
      ++open;
    }
  }
}

void SimStore::abort() {
  staged_.clear();
  fetching_.reset();
}

}  // namespace ha::sim
