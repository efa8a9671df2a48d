// This site as replica: the bound socket, the links that origins open, and a receiver for each of their sets.
//
// Does the I/O that Receiver asks for; applying runs on the set's strand. Answers go out on the origin's
// control lane. Thread safety: the replica loop's thread, but for what says otherwise.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/base/workers.h"
#include "common/wire/loop.h"
#include "common/wire/socket.h"
#include "common/wire/zap.h"
#include "replicator/config.h"
#include "replicator/fresh_book.h"
#include "replicator/session/config_messages.h"
#include "replicator/session/link.h"
#include "replicator/session/receiver.h"
#include "replicator/set_store.h"
#include "replicator/status.h"

namespace ha::replicator {

// A set of which this site keeps a copy. All must outlive the side.
struct ReplicaSet {
  std::string origin;
  SetStore* store = nullptr;
  Strand* strand = nullptr;
};

// What was published here, for the history.
struct Published {
  std::string set;
  std::string origin;
  Position position;
  Applied applied;
  std::uint64_t failed = 0;
  Position own;  // of this site's index
};

struct ReplicaOptions {
  LinkFacts facts;
  std::uint64_t window_bytes = 0;
  std::vector<std::string> endpoints;  // to bind
  std::vector<wire::PeerKey> admitted;
  std::string congestion;
  FreshBook fresh{};
};

class ReplicaSide {
 public:
  static Result<std::unique_ptr<ReplicaSide>> open(wire::Loop& loop, wire::Context& context,
                                                   const wire::KeyPair& keys, ReplicaOptions options,
                                                   std::map<std::string, ReplicaSet> sets,
                                                   std::function<void(const Published&)> on_published,
                                                   Logger& log);
  ~ReplicaSide();
  ReplicaSide(const ReplicaSide&) = delete;
  ReplicaSide& operator=(const ReplicaSide&) = delete;

  // Questions about cluster.toml, from whoever is admitted; `from` is where answer_config() sends the answer.
  struct ConfigAsker {
    std::string site;
    std::string routing_id;
    std::size_t router = 0;
  };
  using OnConfig = std::function<void(const ConfigAsker& from, ConfigQuestion question)>;
  void on_config(OnConfig handler) { on_config_ = std::move(handler); }
  void answer_config(const ConfigAsker& to, const ConfigAnswer& answer);

  // With [failover]: `origin` sends the set at this epoch, and nobody else; empty: nobody. What comes of an
  // older one is refused, what comes of a newer one waits until it is told. Also for sets that are not here.
  void told(const std::string& set, const std::string& origin, std::uint64_t epoch, const Now& now);
  // A set of which this site keeps a copy from now on.
  void add(const std::string& set, ReplicaSet about, const Now& now);
  // Nothing is begun with its store any more; what the strand has begun has ended after its next task.
  void remove(const std::string& set);
  // This site sends it itself.
  void forget(const std::string& set) { options_.fresh.forget(set); }

  // By hand, as the set's store knows by now: what is under way is broken off, and the origin is told why.
  // None: not any more.
  void hold(const std::string& set, std::optional<Error> why, const Now& now);
  void report(SideReport& out, const Now& now) const;
  [[nodiscard]] const std::vector<std::string>& endpoints() const noexcept {
    return endpoints_;
  }  // real ports

 private:
  struct Session {
    std::string set;
    Receiver receiver;
    std::uint64_t items = 0;  // at the last commit
    std::uint64_t failed = 0;
  };
  struct Told {
    std::string origin;
    std::uint64_t epoch = 0;
  };
  // The first offer of a holder of whom this site has not been told yet.
  struct Early {
    std::string site;
    std::uint32_t number = 0;
    std::uint64_t attempt = 0;
    Offer offer;
    SteadyTime until{};
  };
  struct Origin {
    std::string site;
    std::uint64_t nonce = 0;  // of the link; 0: none
    std::size_t router = 0;   // the socket it came in by
    SteadyTime last_heard{};
    SteadyTime since{};
    bool config_equal = true;
    std::map<std::string, Digest> definitions;  // of sets, as the origin has them
    Duration clock_offset{};
    std::map<std::uint32_t, Session> sessions;          // by the origin's number
    std::deque<std::pair<std::string, Bytes>> waiting;  // routing id, message
    std::uint64_t sent_bytes = 0;
    std::uint64_t received_bytes = 0;
    std::uint64_t links = 0;
  };

  ReplicaSide(wire::Loop& loop, ReplicaOptions options, std::map<std::string, ReplicaSet> sets,
              std::function<void(const Published&)> on_published, Logger& log);
  void on_router(std::size_t index, const Now& now);
  void on_message(std::size_t router, wire::RouterMessage message, const Now& now);
  void on_config_message(std::size_t router, const wire::RouterMessage& message, BytesView body);
  void on_link_message(Origin& origin, const std::string& routing_id, LinkMessage message, const Now& now);
  void on_set_message(Origin& origin, const wire::EnvelopeHeader& header, SetMessage message, const Now& now);
  void start_link(Origin& origin, const Hello& hello, const Now& now);
  Session* session_for(Origin& origin, std::uint32_t number, const SetMessage& message, std::uint64_t attempt,
                       const Now& now);
  [[nodiscard]] std::optional<Refusal> refusal_of(const Origin& origin, const Offer& offer) const;
  [[nodiscard]] bool is_early(const Origin& origin, const Offer& offer) const;
  bool end_older_session(Origin& origin, const std::string& set, std::uint32_t number);
  void end_sessions(const std::string& set);
  void take_early(const std::string& set, const Now& now);
  void refuse_late(const Now& now);
  void advance(Origin& origin, std::uint32_t number);
  static void precopy(Strand& strand, SetStore& store);
  void perform(Origin& origin, std::uint32_t number, Session& session, ReceiverAction action);
  template <typename Work, typename Done>
  void run(Origin& origin, std::uint32_t number, Session& session, Work work, Done done);
  void close(Origin& origin, std::uint32_t number, Session& session, std::uint64_t batch);
  void fetch(Origin& origin, std::uint32_t number, Session& session, Fetch wanted);
  void commit(Origin& origin, std::uint32_t number, Session& session, const CommitAction& mark);
  void tell(const std::string& set, const std::string& site, const SetStore::Committed& done);
  void send_set(Origin& origin, std::uint32_t number, std::uint64_t attempt, const SetMessage& message);
  void send_link(Origin& origin, const std::string& routing_id, const LinkMessage& message);
  void send(Origin& origin, const std::string& routing_id, Bytes message);
  void flush(Origin& origin);
  void on_tick(const Now& now);
  void note_fresh(const Origin& origin);
  void save_fresh(const Now& now);
  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const;
  [[nodiscard]] LinkReport report_link(const std::string& site, const Now& now) const;
  [[nodiscard]] SetReport report_set(const std::string& name, const ReplicaSet& set, const Now& now) const;
  [[nodiscard]] std::string pause_of(const Origin& origin, const std::string& set) const;
  [[nodiscard]] static bool is_up(const Origin& origin, const Now& now);

  wire::Loop& loop_;
  ReplicaOptions options_;
  std::map<std::string, ReplicaSet> sets_;
  std::function<void(const Published&)> on_published_;
  OnConfig on_config_;
  Logger& log_;
  std::unique_ptr<wire::ZapHandler> zap_;
  std::vector<std::unique_ptr<wire::Router>> routers_;
  std::vector<std::string> endpoints_;
  std::vector<wire::Loop::Id> registered_;
  std::map<std::string, Origin> origins_;
  std::map<std::string, Told> told_;    // by set; those that are not in it have their origin from ReplicaSet
  std::map<std::string, Early> early_;  // likewise
  std::map<std::string, Error> held_;   // sets, by hand
  SteadyTime opened_at_{};
  SteadyTime fresh_saved_at_{};
  std::uint64_t refusals_seen_ = 0;
};

}  // namespace ha::replicator
