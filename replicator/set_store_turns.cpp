// SetStore when holders change: epochs and their lineage, and what one side has that the other has never
// seen. docs/divergence.md.
#include <algorithm>
#include <set>
#include <utility>

#include "replicator/set_store.h"

namespace ha::replicator {
namespace {

// Under this name, which no site can have, an index keeps the epoch of which this site was the holder.
constexpr std::string_view kOurTurn = "..";

}  // namespace

// This site is the holder of options_.epoch. Where it went on from is noted once.
Status SetStore::take_turn(IndexBatch& batch) {
  if (options_.epoch < index_.epoch()) {
    const std::string above = " above " + std::to_string(index_.epoch());
    return Error(Code::Refused,
                 "set " + options_.set.name + ": epoch " + std::to_string(options_.epoch) +
                     " is lower than the one this site has seen",
                 options_.told ? "the arbiter's epoch has to go" + above + ": failover arbiter check"
                 : options_.set.service == "*" ? "raise epoch in its [[set]]" + above
                                               : "raise epoch in its [[service]]" + above);
  }
  if (options_.epoch > index_.epoch() && index_.epoch() > 0) {
    HA_TRY(const std::optional<Position> own_turn, index_.applied(kOurTurn));
    HA_TRY(const std::optional<Position> last_equal, index_.applied(kLastEqual));
    if (const auto before = goes_on_from(own_turn, index_.head(), last_equal)) {
      HA_CHECK(batch.add_lineage({options_.epoch, *before}));
    }
    HA_CHECK(batch.clear_failures());  // of what it was sent while it was a replica
  }
  HA_CHECK(batch.set_epoch(options_.epoch));
  batch.set_reconciled(options_.epoch);
  return batch.set_applied(kOurTurn, index_.position());
}

// What was under way from the last holder is ended as a replica ends it, so that nothing is lost that only
// this site has; only then is this site the holder. Held, and tried again, as long as that cannot be.
Status SetStore::end_broken_off_commit() {
  HA_CHECK(open_target());
  HA_TRY(IndexBatch batch, index_.begin());
  HA_CHECK(take_turn(batch));
  HA_CHECK(batch.commit());
  index_.set_own_changes(true);
  turn_waits_ = false;
  return ok();
}

Result<bool> SetStore::was_holder() {
  HA_TRY(const std::optional<Position> turn, index_.applied(kOurTurn));
  return turn && turn->epoch == index_.epoch();
}

// This site had all that a holder had, once: what else comes is new.
Result<bool> SetStore::has_been_whole() {
  HA_TRY(const std::optional<Position> turn, index_.applied(kOurTurn));
  HA_TRY(const std::optional<Position> equal, index_.applied(kLastEqual));
  return turn || equal;
}

// A former holder looks at its tree once more before it is one no longer: what came while no replicator ran
// is its own change too.
Status SetStore::take_epoch(const Offer& offer) {
  if (offer.position.epoch > index_.epoch()) {
    HA_TRY(const bool ours, was_holder());
    if (ours && key_) {
      index_.set_own_changes(true);
      overlays_->set_role(OverlayRole::LastLook);
      const auto looked = scan_all({});
      overlays_->set_role(OverlayRole::Replica);
      index_.set_own_changes(false);
      HA_CHECK(looked.ok() ? ok() : Status(looked.error()));
      if (!looked->complete) {
        return Error(Code::Cancelled, "stopped while reading the tree");
      }
    }
  }
  HA_TRY(const Lineage known, index_.lineage());
  const bool news = std::any_of(offer.lineage.begin(), offer.lineage.end(), [&](const EpochStart& start) {
    return std::none_of(known.begin(), known.end(),
                        [&](const EpochStart& each) { return each.epoch == start.epoch; });
  });
  if (!news && offer.position.epoch == index_.epoch()) {
    return ok();
  }
  HA_TRY(IndexBatch batch, index_.begin());
  for (const EpochStart& start : offer.lineage) {
    HA_CHECK(batch.add_lineage(start));
  }
  HA_CHECK(batch.set_epoch(offer.position.epoch));
  return batch.commit();
}

Status SetStore::set_target_origin(const Offer& offer) {
  if (!target_) {
    return ok();
  }
  HA_TRY(Lineage lineage, index_.lineage());
  target_->set_origin({{offer.position.index_id, offer.position.epoch},
                       false,
                       index_.reconciled() < index_.epoch(),
                       std::move(lineage),
                       options_.set.stranded_max});
  return ok();
}

// ---------------------------------------------------------------- what the holder has never seen
Result<Fetched> SetStore::fetch(const Fetch& wanted) {
  if (!key_) {
    return Error(Code::Internal, "items are asked for before an offer");
  }
  if (wanted.frame == 0) {
    std::vector<BuildItem> items;
    for (const Bytes& key : wanted.keys) {
      items.push_back({key, encode_basis({Digest{}, {}}), std::nullopt});
    }
    fetches_.clear();  // one at a time
    fetches_.emplace(wanted.number, FrameBuilder(root_, index_, *key_, signatures_, std::move(items)));
  }
  const auto building = fetches_.find(wanted.number);
  if (building == fetches_.end()) {
    return Error(Code::Conflict, "a frame of something that was not begun");
  }
  HA_TRY(BuildStep step, building->second.next());
  auto* ready = std::get_if<FrameReady>(&step);
  if (ready == nullptr) {
    return Error(Code::Internal, "whole items need no answer");
  }
  Fetched out{wanted.number, wanted.frame, ready->last, {}};
  HA_TRY(out.body, pack_frame(compressor_, ready->body));
  if (out.last) {
    const bool skipped = !building->second.skipped().empty();
    fetches_.erase(building);
    if (skipped && is_unit_) {  // half a message must not go
      return Error(Code::Unavailable, "messages here change while they are taken over; it is tried again");
    }
  }
  return out;
}

// A message is taken over with all its files, also with those that both sites have alike.
Status SetStore::complete_messages(Differ& differ) {
  std::set<Bytes> whole;
  for (const Bytes& key : differ.ahead) {
    const auto name = message_of(key);
    if (!name || !is_in_unit(is_unit_, key)) {
      whole.insert(key);
      continue;
    }
    HA_CHECK(index_.for_each({Bytes(name->stem) + ".", Bytes(name->stem) + "/"}, {Detail::Brief, false},
                             [&](Entry& entry) -> Result<bool> {
                               if (entry.rank == Rank::Content && message_of(entry.key)) {
                                 whole.insert(entry.key);
                               }
                               return true;
                             }));
  }
  differ.ahead.assign(whole.begin(), whole.end());
  differ.ahead.resize(std::min(differ.ahead.size(), kLeafItemsMax));
  std::vector<Bytes>& extra = differ.extra;
  extra.erase(
      std::remove_if(extra.begin(), extra.end(), [&](const Bytes& key) { return whole.contains(key); }),
      extra.end());
  return ok();
}

Result<SetStore::Adopted> SetStore::adopt(const std::string& peer, const AdoptAction& action) {
  HA_CHECK(check_markers());
  if (!target_) {
    return Error(Code::Denied, "nothing can be written in " + escape(options_.set.path));
  }
  const std::pair<std::string, std::uint64_t> name{peer, action.number};
  if (action.frame == 0) {
    adoptions_[name] = ++next_adoption_;
  }
  const auto batch = adoptions_.find(name);
  if (batch == adoptions_.end()) {
    return Error(Code::Conflict, "a frame of something that was not begun");
  }
  HA_TRY(const Bytes raw, unpack_frame(decompressor_, action.body));
  HA_CHECK(target_->apply_frame(batch->second, action.frame, raw));
  Adopted adopted;
  if (action.last) {
    HA_TRY(const BatchOutcome outcome, target_->close_batch(batch->second));
    adopted.missed = outcome.troubles.size();
    adopted.why = outcome.troubles.empty() ? "" : outcome.troubles.front().reason;
    adoptions_.erase(batch);
  }
  adopted.head = index_.head();
  return adopted;
}

Status SetStore::drop_adoptions(const std::string& peer) {
  for (auto open = adoptions_.begin(); open != adoptions_.end();) {
    if (open->first.first != peer) {
      ++open;
      continue;
    }
    HA_CHECK(target_ ? target_->drop_batch(open->second) : ok());
    open = adoptions_.erase(open);
  }
  return ok();
}

// ---------------------------------------------------------------- what was put aside here
Result<std::vector<StrandedIncident>> SetStore::stranded(std::size_t items_max) {
  HA_TRY(const std::vector<Bytes> tops, index_.staging_directories());
  return list_stranded(root_, tops, items_max);
}

Status SetStore::keep_stranded(const std::string& id, const std::string& to) {
  HA_TRY(const std::vector<Bytes> tops, index_.staging_directories());
  return replicator::keep_stranded(root_, tops, id, to);
}

Status SetStore::drop_stranded(const std::string& id) {
  HA_TRY(const std::vector<Bytes> tops, index_.staging_directories());
  return replicator::drop_stranded(root_, tops, id);
}

}  // namespace ha::replicator
