// Pipeline when holders change: one set is closed, put in place and opened in its new role; the others go on.
//
// A set goes from the main thread over the origin loop and the replica loop, which let go of it or take it
// up, and over its strand, where its store is closed and opened. docs/adr/0014-turns-set-by-set.md
#include <filesystem>
#include <utility>

#include "replicator/index/queries.h"
#include "replicator/pipeline.h"

namespace ha::replicator {

bool Pipeline::close_set(const std::string& name, std::function<void()> done) {
  Set& set = sets_.at(name);
  return origin_loop_->post([this, &set, name, done = std::move(done)] {
    set.stop = true;
    turn_calls_.closing(name);
    origin_side_->leave(name, [this, &set, name, done] {
      replica_loop_->post_or_wait([this, &set, name, done] {
        replica_side_->remove(name);
        // Twice: what a task of the strand has posted there itself goes in between.
        set.strand.post([&set, done] {
          set.strand.post([&set, done] {
            set.store.reset();
            done();
          });
        });
      });
    });
  });
}

bool Pipeline::has_index(const SetConfig& set) const {
  std::error_code failed;
  return std::filesystem::exists(index_path(set), failed);
}

std::uint64_t Pipeline::epoch_of_index(const SetConfig& set) const {
  if (!has_index(set)) {
    return 0;
  }
  auto reader = IndexReader::open(index_path(set));
  const auto identity = reader.ok() ? reader->identity() : Result<Identity>(reader.error());
  return identity.ok() ? identity->epoch : 0;
}

bool Pipeline::open_set(const SetConfig& as, Opened done) {
  Set& set = sets_.at(as.name);
  set.stop = false;
  set.strand.post([this, &set, as, done = std::move(done)] {
    auto opened = open_in_role(as, set);
    if (opened.ok()) {
      attach(std::move(opened).value(), done);
    } else {
      set.store.reset();
      done(opened.error());
    }
  });
  return true;
}

// On its strand.
Result<Pipeline::Attach> Pipeline::open_in_role(const SetConfig& as, Set& set) {
  HA_CHECK(place(as));
  HA_TRY(set.store, open_store(as, set.stop));
  HA_TRY(const IndexFacts facts, set.store->facts());
  return Attach{as, acknowledged_by_all(*set.store), facts.position};
}

void Pipeline::attach(Attach about, Opened done) {
  Set& set = sets_.at(about.as.name);
  origin_loop_->post_or_wait([this, &set, about = std::move(about), done = std::move(done)] {
    origins_[about.as.name] = about.as.origin;
    if (is_ours(about.as)) {
      origin_side_->add(*set.store, set.strand, about.acknowledged, true, origin_loop_->now())
          .start(origin_loop_->now());
    }
    turn_calls_.opened(about.as.name);
    replica_loop_->post_or_wait([this, &set, about, done] {
      const SetConfig& as = about.as;
      if (is_ours(as)) {
        replica_side_->forget(as.name);
      } else {
        replica_side_->add(as.name, {as.origin, set.store.get(), &set.strand}, replica_loop_->now());
      }
      after_->turn({as, is_ours(as), as.epoch, true});
      after_->found(as.name, about.own);
      done(ok());
    });
  });
}

bool Pipeline::follow_set(const SetConfig& as, std::function<void()> done) {
  return origin_loop_->post([this, as, done = std::move(done)] {
    origins_[as.name] = as.origin;
    replica_loop_->post_or_wait([this, as, done] {
      after_->turn({as, false, as.epoch, true});
      done();
    });
  });
}

bool Pipeline::tell(const SetConfig& as) {
  return replica_loop_->post(
      [this, as] { replica_side_->told(as.name, as.origin, as.epoch, replica_loop_->now()); });
}

bool Pipeline::allow(const std::string& service, const SendRight& right) {
  return origin_loop_->post(
      [this, service, right] { origin_side_->allow(service, right, origin_loop_->now()); });
}

}  // namespace ha::replicator
