// The connections from this site, as origin, to one replica: lanes, link, a sender for each set.
//
// Does the I/O that OriginLink, Sender and Pacer ask for. Control, state and every bulk flow have their own
// connection; data goes to whichever flow has room. Slow work runs on a strand per set and comes back to the
// loop. Thread safety: the origin loop's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/base/workers.h"
#include "common/sys/zstd.h"
#include "common/wire/loop.h"
#include "common/wire/socket.h"
#include "replicator/config.h"
#include "replicator/origin_set.h"
#include "replicator/session/link.h"
#include "replicator/session/pacer.h"
#include "replicator/session/sender.h"
#include "replicator/status.h"

namespace ha::replicator {

struct OriginPeerOptions {
  std::string site;  // ours
  std::string peer;
  std::string endpoint;
  wire::PublicKey peer_key;
  std::optional<wire::PublicKey> next_peer_key;  // while the peer changes its key
  LinkFacts facts;
  LinkConfig link;
};

class OriginPeer {
 public:
  // All must outlive it.
  static Result<std::unique_ptr<OriginPeer>> open(wire::Loop& loop, wire::Context& context,
                                                  const wire::KeyPair& keys, OriginPeerOptions options,
                                                  Workers& workers, Logger& log);
  ~OriginPeer();
  OriginPeer(const OriginPeer&) = delete;
  OriginPeer& operator=(const OriginPeer&) = delete;

  // From now on `set` is sent to this peer, which had acknowledged that.
  void add(OriginSet& set, std::optional<Position> acknowledged, const Now& now);
  // Nothing of it is sent any more. Its session is kept until bury(), as what its strand has begun still
  // refers to it; `drained` is called on the loop when that has ended. False: no such set here.
  bool retire(const std::string& set, std::function<void()> drained);
  void bury(const std::string& set);

  void on_facts(OriginSet& set, const Now& now);
  // The set may be sent, or not any more.
  void on_right(OriginSet& set, const Now& now);
  // The set's origin is reading this item again.
  void expect(const OriginSet& set, const Bytes& key, const Now& now);
  // False: this peer has no such set. `full`: everything is compared, whatever positions say.
  bool check(const std::string& set, bool full, const Now& now);
  // Finds where the set differs and changes nothing; `done` is called on the loop. False: no such set here.
  using Compared = std::function<void(ComparedAction)>;
  bool compare(const std::string& set, CompareRequest request, Compared done, const Now& now);
  void cancel_compare(const std::string& set, const Now& now);
  // As of Sender; nothing happens when there is no such set.
  void hold(const std::string& set, const std::string& reason, const Now& now);
  void release(const std::string& set, const Now& now);
  // Nothing: no such set here.
  [[nodiscard]] std::optional<SenderStatus> sender_status(const std::string& set) const;
  // Why the set waits although there is a link: both ends must have the same definition of it, and this site
  // must have the right to send; empty: it does not.
  [[nodiscard]] std::string paused(const std::string& set) const;
  // What the replica could not apply since the two were last equal: "key: reason", the newest hundred.
  [[nodiscard]] std::vector<std::string> troubles(const std::string& set) const;
  void report(SideReport& out, const Now& now) const;
  [[nodiscard]] const std::string& name() const noexcept { return options_.peer; }
  // Round trip of a message of `bytes` on the state lane, for a probe: `done` is called with each answer's
  // time.
  void probe(std::size_t bytes, std::function<void(Duration)> done);

 private:
  // Of lanes_: control, the two copies of the state lane, the bulk flows.
  static constexpr std::size_t kControl = 0;
  static constexpr std::size_t kState = 1;
  static constexpr std::size_t kFirstBulk = 3;
  struct Lane {
    std::unique_ptr<wire::Dealer> dealer;
    bool connected = false;
    std::deque<Bytes> waiting;  // control and state only, at most kWaitingMax
    std::uint64_t sent_bytes = 0;
    std::uint64_t received_bytes = 0;
  };
  struct Session {
    std::uint32_t number;
    OriginSet* set;
    Sender sender;
    Strand strand;
    std::unique_ptr<PeerReader> reader;  // the strand's, as is the next
    unsigned reader_generation = 0;
    Pending pending;
    bool counting = false;
    std::optional<WallTime> last_equal;
    Compared compared;
    std::deque<std::string> troubles;
    std::string paused = {};       // why it waits although the link is up: pause_reason()
    std::uint64_t link_bytes = 0;  // of its messages, both ways
  };
  struct Probe {
    std::uint64_t id;
    SteadyTime sent;
    std::function<void(Duration)> done;
  };

  OriginPeer(wire::Loop& loop, OriginPeerOptions options, Workers& workers, Logger& log);
  Status open_lanes(wire::Context& context, const wire::KeyPair& keys);

  // lanes
  void on_lane(std::size_t index, const Now& now);
  void on_events(std::size_t index, const Now& now);
  void on_payload(const Bytes& payload, const Now& now);
  void send(std::size_t lane, Bytes message);
  void flush(std::size_t lane);
  void send_set(Session& session, const SetMessage& message);
  void send_link(const LinkSend& message);

  // sessions
  void advance(const Now& now);  // performs all actions, then sends what credit allows
  void perform(Session& session, SenderAction action);
  void perform_link(const Now& now);
  void start_session(Session& session, const Now& now);
  void silence(Session& session);
  void pump_data(const Now& now);
  bool send_data(const Now& now);
  [[nodiscard]] SenderStatus status_of(const Session& session) const;
  [[nodiscard]] Session* session_of(const std::string& set) const;
  void on_event(Session& session, const SenderEvent& event);
  void on_built(Session& session, std::uint64_t attempt, std::uint64_t batch, PeerReader::Built built);
  void build(Session& session, const BuildAction& action);
  void adopt(Session& session, AdoptAction action);
  template <typename Work, typename Done>
  void run(Session& session, Work work, Done done);
  static Result<PeerReader*> reader_of(Session& session);
  [[nodiscard]] std::uint64_t in_flight() const;

  void on_tick(const Now& now);
  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const;
  void sample_path(const Now& now);
  void measure_rate(std::uint64_t delivered_bytes, const Now& now);
  void count_pending(Session& session);
  [[nodiscard]] std::string state_of(const Session& session, SenderState state) const;
  [[nodiscard]] SetReport report_set(const Session& session, const Now& now) const;

  wire::Loop& loop_;
  OriginPeerOptions options_;
  Workers& workers_;
  Logger& log_;
  OriginLink link_;
  Pacer pacer_;
  std::vector<Lane> lanes_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::vector<std::unique_ptr<Session>> retired_;
  std::uint32_t last_number_ = 0;         // of a session; none comes twice
  std::optional<std::uint32_t> nonce_{};  // of the link, while it is up
  std::vector<wire::Loop::Id> registered_;
  std::optional<Bytes> stuck_;  // a data message that no flow had room for
  const Session* stuck_of_ = nullptr;
  std::size_t next_flow_ = 0;
  std::size_t next_session_ = 0;
  std::uint64_t window_bytes_ = 0;
  std::uint64_t reconnects_ = 0;
  std::uint64_t paced_ = 0;
  std::uint64_t bytes_at_rate_ = 0;
  std::uint64_t send_rate_ = 0;
  bool backlogged_ = false;
  SteadyTime sample_at_{};
  SteadyTime rate_at_{};
  std::deque<Probe> probes_;
  std::uint64_t next_probe_ = 0;
};

}  // namespace ha::replicator
