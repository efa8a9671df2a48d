// The replicator of one site, put together: sets, workers, the origin loop and the replica loop.
//
// The only place that sees every stage. Data flows one way: source → index → delta → session → apply. Two
// threads turn loops (origin, replica), the workers do what is slow; the caller's own loop (main: signals,
// control socket) only asks. Thread safety: open, start and stop on one thread; the others as said.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/log.h"
#include "common/base/workers.h"
#include "common/wire/curve.h"
#include "common/wire/loop.h"
#include "common/wire/socket.h"
#include "replicator/after_commands.h"
#include "replicator/config.h"
#include "replicator/origin_side.h"
#include "replicator/replica_side.h"
#include "replicator/set_store.h"
#include "replicator/status.h"

namespace ha::replicator {

class Pipeline {
 public:
  // Opens every set that this site has a part in, binds, and prepares the connections. Nothing turns yet.
  // `config` and `log` must outlive it. `on_published` is called on the replica loop's thread.
  static Result<std::unique_ptr<Pipeline>> open(const Config& config, const wire::KeyPair& keys,
                                                std::function<void(const Published&)> on_published,
                                                Logger& log);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  void start();
  // Finishes what workers have begun and closes everything. Safe to call twice.
  void stop();

  // Runs `task` on the origin loop / the replica loop. From any thread; false when it is full or closed.
  using OriginTask = std::function<void(Pipeline&, const Now&)>;
  bool on_origin(OriginTask task);
  bool on_replica(OriginTask task);
  // On the origin loop's thread, or before start():
  [[nodiscard]] wire::Loop& origin_loop() noexcept { return *origin_loop_; }
  [[nodiscard]] std::vector<std::unique_ptr<OriginPeer>>& peers() noexcept { return origin_side_->peers(); }
  [[nodiscard]] std::vector<std::unique_ptr<OriginSet>>& origin_sets() noexcept {
    return origin_side_->sets();
  }
  // The site that sends the set, as far as this one knows; empty: nobody is known.
  [[nodiscard]] std::string origin_of(const std::string& set) const;
  // On the replica loop's thread:
  [[nodiscard]] ReplicaSide& replica_side() noexcept { return *replica_side_; }
  [[nodiscard]] AfterCommands& after() noexcept { return *after_; }

  // Slow questions about a set, on its strand; null: it is not open just now. False: there is no such set.
  bool on_set(const std::string& name, std::function<void(SetStore*)> task);

  // With [failover] the sets of services are not opened by open() but one by one, as roles are told: close,
  // and open in the new role. Both return at once; `done` is called later on any thread, never after stop().
  // False: too much is under way, nothing is begun. Of one set one call at a time.
  using Opened = std::function<void(const Status&)>;
  bool open_set(const SetConfig& as, Opened done);
  bool close_set(const std::string& name, std::function<void()> done);
  // It stays a replica where it is, of another origin or turn.
  bool follow_set(const SetConfig& as, std::function<void()> done);
  // This site has had the set.
  [[nodiscard]] bool has_index(const SetConfig& set) const;
  // 0: there is none, or it cannot be read.
  [[nodiscard]] std::uint64_t epoch_of_index(const SetConfig& set) const;
  // From whom the set's stream is taken in, whether it is open or not.
  bool tell(const SetConfig& as);
  // Until when the sets of `service` may be sent from here.
  bool allow(const std::string& service, const SendRight& right);
  // On the origin loop: when a set that this site sends is about to be closed, and when a set has been
  // opened and is about to begin. Before start().
  struct TurnCalls {
    std::function<void(const std::string& set)> closing;
    std::function<void(const std::string& set)> opened;
  };
  void on_turn(TurnCalls calls) { turn_calls_ = std::move(calls); }
  [[nodiscard]] const Config& config() const noexcept { return config_; }
  // How often the two loops have turned: both must move for the watchdog to be fed.
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> turns() const;

 private:
  struct Set {
    explicit Set(Workers& workers) : strand(workers) {}
    std::unique_ptr<SetStore> store;  // the strand's while the loops turn; null: not open
    Strand strand;
    std::atomic<bool> stop = false;
  };
  struct Attach {
    SetConfig as;
    Acknowledged acknowledged;
    Position own;
  };

  Pipeline(const Config& config, Logger& log);
  [[nodiscard]] bool is_told(const SetConfig& set) const;
  [[nodiscard]] bool is_ours(const SetConfig& set) const { return set.origin == config_.self().name; }
  Status place_sets();
  Status place(const SetConfig& set);
  [[nodiscard]] std::string index_path(const SetConfig& set) const;
  Status open_sets();
  Result<std::unique_ptr<SetStore>> open_store(const SetConfig& set, const std::atomic<bool>& stop);
  Result<Attach> open_in_role(const SetConfig& as, Set& set);
  void attach(Attach about, Opened done);
  Status open_after();
  void start_after();
  Status open_origin(const wire::KeyPair& keys, const LinkFacts& facts);
  Status open_replica(const wire::KeyPair& keys, const LinkFacts& facts,
                      std::function<void(const Published&)> on_published);

  const Config& config_;
  Logger& log_;
  std::unique_ptr<wire::Context> context_;
  std::unique_ptr<wire::Loop> origin_loop_;
  std::unique_ptr<wire::Loop> replica_loop_;
  std::map<std::string, Set> sets_;
  Workers workers_;
  std::unique_ptr<OriginSide> origin_side_;
  std::map<std::string, std::string> origins_;  // by set; the origin loop's
  TurnCalls turn_calls_;
  std::unique_ptr<AfterCommands> after_;
  std::unique_ptr<ReplicaSide> replica_side_;
  std::thread origin_thread_;
  std::thread replica_thread_;
};

// NotFound: somebody has asked for what only the origin of a set can do. No origin: nobody is known.
[[nodiscard]] Error not_sent_here(const std::string& set, const std::string& origin);

}  // namespace ha::replicator
