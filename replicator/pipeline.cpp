#include "replicator/pipeline.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "replicator/apply/placement.h"
#include "replicator/config_digest.h"

namespace ha::replicator {
namespace {

constexpr unsigned kWorkersMin = 3;  // a scan, a build and an apply beside each other
constexpr int kIoThreads = 2;

unsigned worker_count() {
  return std::max(kWorkersMin, std::thread::hardware_concurrency());
}

}  // namespace

Pipeline::Pipeline(const Config& config, Logger& log)
    : config_(config), log_(log), workers_(worker_count()) {}

Pipeline::~Pipeline() {
  stop();
}

Result<std::unique_ptr<Pipeline>> Pipeline::open(const Config& config, const wire::KeyPair& keys,
                                                 std::function<void(const Published&)> on_published,
                                                 Logger& log) {
  std::unique_ptr<Pipeline> pipeline(new Pipeline(config, log));
  HA_TRY(pipeline->context_, wire::Context::open(kIoThreads));
  HA_TRY(pipeline->origin_loop_, wire::Loop::open());
  HA_TRY(pipeline->replica_loop_, wire::Loop::open());
  LinkFacts facts{config.cluster_id(), config.self().name, config_digest(config)};
  for (const SetConfig& set : config.sets()) {
    facts.sets.push_back({set.name, definition_digest(set)});
  }
  HA_CHECK(pipeline->place_sets());
  HA_CHECK(pipeline->open_sets());
  HA_CHECK(pipeline->open_after());
  HA_CHECK(pipeline->open_replica(
      keys, facts,
      [after = pipeline->after_.get(), on_published = std::move(on_published)](const Published& done) {
        on_published(done);
        after->published(done.set, done.own, done.applied.items);
      }));
  HA_CHECK(pipeline->open_origin(keys, facts));
  return pipeline;
}

// Its role is told while the program runs.
bool Pipeline::is_told(const SetConfig& set) const {
  return config_.has_failover() && config_.service(set.service) != nullptr;
}

// Those that leave a path go first: what comes may want the same one.
Status Pipeline::place_sets() {
  for (const bool live : {false, true}) {
    for (const SetConfig& set : config_.sets()) {
      if (set.shelved != live && !is_told(set)) {
        HA_CHECK(place(set));
      }
    }
  }
  return ok();
}

Status Pipeline::place(const SetConfig& set) {
  if (set.place_at == PlaceAt::Live && !has_placement(set.shelf)) {
    return ok();
  }
  HA_TRY(const Settled settled,
         settle({set.name, set.live_path, set.shelf, index_path(set), set.exclude, !set.shelved}));
  if (settled.exchanged) {
    log_.info("set.placed", {{"set", set.name},
                             {"at", set.path},
                             {"names", settled.steps},
                             {"took", settled.took},
                             {"resumed", settled.resumed}});
  }
  return ok();
}

std::string Pipeline::index_path(const SetConfig& set) const {
  return config_.state_dir() / "index" / (set.name + ".sqlite");
}

Status Pipeline::open_sets() {
  for (const SetConfig& set : config_.sets()) {
    Set& open = sets_.try_emplace(set.name, workers_).first->second;
    origins_[set.name] = set.origin;
    if (!is_told(set)) {
      HA_TRY(open.store, open_store(set, open.stop));
    }
  }
  return ok();
}

Result<std::unique_ptr<SetStore>> Pipeline::open_store(const SetConfig& set, const std::atomic<bool>& stop) {
  SetStoreOptions options;
  options.set = set;
  options.epoch = set.epoch;
  options.is_origin = is_ours(set);
  options.told = is_told(set);
  options.stop = &stop;
  for (const SiteConfig* replica : config_.replicas_of(set)) {
    options.peers.push_back(replica->name);
  }
  options.index_path = index_path(set);
  options.on_overlay = [this, name = set.name](const char* event, BytesView key, const std::string& why) {
    log_.warn(event, {{"set", name}, {"item", escape(key)}, {"reason", why}});
  };
  std::string note;
  HA_TRY(std::unique_ptr<SetStore> store, SetStore::open(std::move(options), note));
  if (!note.empty()) {
    log_.error("index.damaged", {{"set", set.name}, {"reason", note}});
  }
  return store;
}

Status Pipeline::open_after() {
  std::vector<AfterSet> sets;
  for (const SetConfig& set : config_.sets()) {
    sets.push_back({set, is_ours(set), set.epoch, is_told(set)});
  }
  HA_TRY(after_,
         AfterCommands::open(*replica_loop_, config_.state_dir().string(), config_.self().name, sets, log_));
  return ok();
}

// What a kill or a failure has left to be done. Told sets may be opening on their strands; attach() sees to
// them.
void Pipeline::start_after() {
  for (auto& [name, set] : sets_) {
    if (!is_told(*config_.set(name)) && set.store != nullptr && after_->has(name)) {
      set.strand.post([this, name = name, store = set.store.get()] {
        auto facts = store->facts();
        if (facts.ok()) {
          replica_loop_->post_or_wait([this, name, own = facts->position] { after_->found(name, own); });
        }  // otherwise the set itself says what is wrong
      });
    }
  }
}

Status Pipeline::open_replica(const wire::KeyPair& keys, const LinkFacts& facts,
                              std::function<void(const Published&)> on_published) {
  ReplicaOptions options;
  options.facts = facts;
  options.endpoints = config_.listen_endpoints();
  std::map<std::string, ReplicaSet> sets;
  for (const SiteConfig& site : config_.sites()) {
    if (site.name != config_.self().name) {
      HA_TRY(const wire::PublicKey key, wire::PublicKey::parse(site.key));
      options.admitted.push_back({site.name, key});
      if (!site.next_key.empty()) {
        HA_TRY(const wire::PublicKey next, wire::PublicKey::parse(site.next_key));
        options.admitted.push_back({site.name, next});
      }
      const LinkConfig link = config_.link_to(site.name);
      options.window_bytes = std::max(options.window_bytes, link.window_bytes);
      options.congestion = link.congestion == "system" ? "" : link.congestion;
    }
  }
  HA_TRY(options.fresh, FreshBook::open(config_.state_dir().string(), read_clocks()));
  for (auto& [name, set] : sets_) {
    const SetConfig& about = *config_.set(name);
    if (is_ours(about)) {
      options.fresh.forget(name);  // what its holder has, nobody else has
    } else if (set.store != nullptr) {
      sets[name] = {about.origin, set.store.get(), &set.strand};
    }
  }
  HA_TRY(replica_side_, ReplicaSide::open(*replica_loop_, *context_, keys, std::move(options),
                                          std::move(sets), std::move(on_published), log_));
  return ok();
}

Status Pipeline::open_origin(const wire::KeyPair& keys, const LinkFacts& facts) {
  origin_side_ = std::make_unique<OriginSide>(*origin_loop_, workers_, log_);
  for (const SiteConfig& site : config_.sites()) {
    if (site.name == config_.self().name || !config_.may_send()) {
      continue;
    }
    OriginPeerOptions options{facts.site, site.name, site.addresses.front(),    {},
                              {},         facts,     config_.link_to(site.name)};
    HA_TRY(options.peer_key, wire::PublicKey::parse(site.key));
    if (!site.next_key.empty()) {
      HA_TRY(options.next_peer_key, wire::PublicKey::parse(site.next_key));
    }
    HA_CHECK(origin_side_->open_peer(*context_, keys, std::move(options)));
  }
  for (auto& [name, set] : sets_) {
    if (set.store != nullptr && set.store->options().is_origin) {
      origin_side_->add(*set.store, set.strand, acknowledged_by_all(*set.store), false, read_clocks());
    }
  }
  return ok();
}

void Pipeline::start() {
  start_after();
  for (auto& set : origin_side_->sets()) {
    set->start(read_clocks());
  }
  const auto turn = [this](wire::Loop& loop, const char* name) {
    const Status status = loop.run();
    if (!status.ok()) {
      log_.error("loop.failed", status.error(), {{"loop", name}});
    }
  };
  origin_thread_ = std::thread([this, turn] { turn(*origin_loop_, "origin"); });
  replica_thread_ = std::thread([this, turn] { turn(*replica_loop_, "replica"); });
}

void Pipeline::stop() {
  for (auto& [name, set] : sets_) {
    set.stop = true;
  }
  if (after_ != nullptr) {
    after_->cancel();
  }
  for (wire::Loop* loop : {origin_loop_.get(), replica_loop_.get()}) {
    if (loop != nullptr) {
      loop->stop();
    }
  }
  for (std::thread* thread : {&origin_thread_, &replica_thread_}) {
    if (thread->joinable()) {
      thread->join();
    }
  }
  for (wire::Loop* loop : {origin_loop_.get(), replica_loop_.get()}) {
    if (loop != nullptr) {
      loop->close();  // workers that wait to report give up
    }
  }
  workers_.stop();
  if (after_ != nullptr) {
    after_->stop();
  }
  origin_side_.reset();
  replica_side_.reset();
  after_.reset();
}

bool Pipeline::on_origin(OriginTask task) {
  return origin_loop_->post([this, task = std::move(task)] { task(*this, origin_loop_->now()); });
}

bool Pipeline::on_replica(OriginTask task) {
  return replica_loop_->post([this, task = std::move(task)] { task(*this, replica_loop_->now()); });
}

bool Pipeline::on_set(const std::string& name, std::function<void(SetStore*)> task) {
  const auto found = sets_.find(name);
  if (found == sets_.end()) {
    return false;
  }
  found->second.strand.post([set = &found->second, task = std::move(task)] { task(set->store.get()); });
  return true;
}

std::string Pipeline::origin_of(const std::string& set) const {
  const auto found = origins_.find(set);
  return found == origins_.end() ? std::string() : found->second;
}

Error not_sent_here(const std::string& set, const std::string& origin) {
  return origin.empty() ? Error(Code::NotFound, "nobody is known to send set " + set, "failover status")
                        : Error(Code::NotFound, "set " + set + " is sent by " + origin + ", not by this site",
                                "run it on " + origin);
}

std::pair<std::uint64_t, std::uint64_t> Pipeline::turns() const {
  return {origin_loop_->turns(), replica_loop_->turns()};
}

}  // namespace ha::replicator
