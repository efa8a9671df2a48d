// The replicator of one site, put together: sets, workers, the origin loop and the replica loop.
//
// The only place that sees every stage. Data flows one way: source → index → delta → session → apply. Two
// threads turn loops (origin, replica), the workers do what is slow; the caller's own loop (main: signals,
// control socket) only asks. Thread safety: open, start and stop on one thread; the others as said.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/log.h"
#include "common/wire/curve.h"
#include "common/wire/loop.h"
#include "common/wire/socket.h"
#include "replicator/after_commands.h"
#include "replicator/config.h"
#include "replicator/origin_peer.h"
#include "replicator/origin_set.h"
#include "replicator/replica_side.h"
#include "replicator/set_store.h"
#include "replicator/status.h"
#include "common/base/workers.h"

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
  [[nodiscard]] std::vector<std::unique_ptr<OriginPeer>>& peers() noexcept { return peers_; }
  [[nodiscard]] std::vector<std::unique_ptr<OriginSet>>& origin_sets() noexcept { return origin_sets_; }
  // On the replica loop's thread:
  [[nodiscard]] ReplicaSide& replica_side() noexcept { return *replica_side_; }
  [[nodiscard]] AfterCommands& after() noexcept { return *after_; }

  // Slow questions about a set, on its strand. False: this site has no such set.
  bool on_set(const std::string& name, std::function<void(SetStore&)> task);
  [[nodiscard]] const Config& config() const noexcept { return config_; }
  // How often the two loops have turned: both must move for the watchdog to be fed.
  [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> turns() const;

 private:
  struct Set {
    std::unique_ptr<SetStore> store;
    Strand strand;
  };

  Pipeline(const Config& config, Logger& log);
  Status place_sets();
  [[nodiscard]] std::string index_path(const SetConfig& set) const;
  Status open_sets();
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
  std::vector<std::unique_ptr<OriginSet>> origin_sets_;
  std::vector<std::unique_ptr<OriginPeer>> peers_;
  std::unique_ptr<AfterCommands> after_;
  std::unique_ptr<ReplicaSide> replica_side_;
  std::thread origin_thread_;
  std::thread replica_thread_;
};

}  // namespace ha::replicator
