#include "replicator/replica_side.h"

#include <utility>

#include "common/base/nanoseconds.h"
#include "common/wire/envelope.h"
#include "replicator/session/codec.h"
#include "replicator/session/config_codec.h"
#include "replicator/session/overloaded.h"

namespace ha::replicator {
namespace {

constexpr int kMessagesPerTurn = 64;
constexpr std::size_t kWaitingMax = 8192;
constexpr Duration kFreshInterval = std::chrono::seconds(10);
constexpr Duration kEarlyMax = std::chrono::seconds(5);  // the holder tries again by itself
constexpr Duration kResendWait = std::chrono::milliseconds(5);

}  // namespace

ReplicaSide::ReplicaSide(wire::Loop& loop, ReplicaOptions options, std::map<std::string, ReplicaSet> sets,
                         std::function<void(const Published&)> on_published, Logger& log)
    : loop_(loop),
      options_(std::move(options)),
      sets_(std::move(sets)),
      on_published_(std::move(on_published)),
      log_(log),
      opened_at_(read_clocks().steady) {}

Result<std::unique_ptr<ReplicaSide>> ReplicaSide::open(wire::Loop& loop, wire::Context& context,
                                                       const wire::KeyPair& keys, ReplicaOptions options,
                                                       std::map<std::string, ReplicaSet> sets,
                                                       std::function<void(const Published&)> on_published,
                                                       Logger& log) {
  std::unique_ptr<ReplicaSide> side(
      new ReplicaSide(loop, std::move(options), std::move(sets), std::move(on_published), log));
  ReplicaSide* raw = side.get();
  HA_TRY(side->zap_, wire::ZapHandler::open(context, side->options_.admitted));
  side->registered_.push_back(loop.add(*side->zap_, {}));
  for (const std::string& endpoint : side->options_.endpoints) {
    wire::RouterOptions router;
    router.endpoint = endpoint;
    router.connection.queued_messages_max = 1000;
    router.connection.congestion = side->options_.congestion;
    auto opened = wire::Router::open(context, keys, *side->zap_, std::move(router));
    if (!opened.ok()) {
      return std::move(opened).error().in("cannot listen on " + endpoint);
    }
    const std::size_t index = side->routers_.size();
    side->endpoints_.push_back((*opened)->endpoint());
    side->routers_.push_back(std::move(opened).value());
    side->registered_.push_back(
        loop.add(*side->routers_[index], [raw, index](const Now& now) { raw->on_router(index, now); }));
  }
  side->registered_.push_back(
      loop.add_timer([raw] { return raw->next_wakeup(); }, [raw](const Now& now) { raw->on_tick(now); }));
  return side;
}

ReplicaSide::~ReplicaSide() {
  save_fresh(read_clocks());
  for (const wire::Loop::Id id : registered_) {
    loop_.remove(id);
  }
}

// ---------------------------------------------------------------- in
void ReplicaSide::on_router(std::size_t index, const Now& now) {
  for (int i = 0; i < kMessagesPerTurn; ++i) {
    auto message = routers_[index]->recv();
    if (!message.ok()) {
      log_.warn("link.receive_failed", message.error());
      return;
    }
    if (!*message) {
      break;
    }
    on_message(index, std::move(**message), now);
  }
  static_cast<void>(routers_[index]->take_events());
  const wire::Refusals& refusals = zap_->refusals();
  if (refusals.count != refusals_seen_) {
    refusals_seen_ = refusals.count;
    log_.warn("link.key_refused", {{"address", refusals.last_address}, {"key", refusals.last_key}});
  }
}

void ReplicaSide::on_message(std::size_t router, wire::RouterMessage message, const Now& now) {
  const std::string prefix = message.site + "/";
  const auto envelope = wire::decode_envelope(message.payload);
  if (!envelope.ok() || message.routing_id.compare(0, prefix.size(), prefix) != 0) {
    log_.warn("link.bad_message",
              {{"peer", message.site},
               {"reason", envelope.ok() ? "a routing id that is not its own" : envelope.error().what()}});
    return;
  }
  if (envelope->header.type == kConfigQuestionType) {
    on_config_message(router, message, envelope->body);
    return;
  }
  Origin& origin = origins_[message.site];
  origin.site = message.site;
  origin.router = router;
  origin.received_bytes += message.payload.size();
  const wire::EnvelopeHeader& header = envelope->header;
  if (is_link_message(header.type)) {
    auto decoded = decode_link_message(header.type, envelope->body);
    if (decoded.ok()) {
      on_link_message(origin, message.routing_id, std::move(decoded).value(), now);
      return;
    }
  } else {
    auto decoded = decode_set_message(header.type, envelope->body);
    if (decoded.ok()) {
      on_set_message(origin, header, std::move(decoded).value(), now);
      return;
    }
  }
  log_.warn("link.bad_message", {{"peer", message.site}, {"type", header.type}});
}

void ReplicaSide::on_link_message(Origin& origin, const std::string& routing_id, LinkMessage message,
                                  const Now& now) {
  if (auto* hello = std::get_if<Hello>(&message)) {
    const LinkMessage answer = judge(*hello, origin.site, options_.facts, options_.window_bytes, now);
    if (const auto* refusal = std::get_if<Refusal>(&answer)) {
      log_.warn("link.refused", {{"peer", origin.site}, {"reason", refusal->what}});
    } else {
      start_link(origin, *hello, now);
    }
    origin.last_heard = now.steady;
    send_link(origin, routing_id, answer);
  } else if (auto* ping = std::get_if<Ping>(&message)) {
    origin.last_heard = now.steady;
    origin.clock_offset = std::chrono::nanoseconds(ping->wall_ns - nanoseconds(now.wall));
    ping->wall_ns = nanoseconds(now.wall);
    send_link(origin, routing_id, Pong{std::move(*ping)});
  }
}

void ReplicaSide::start_link(Origin& origin, const Hello& hello, const Now& now) {
  if (origin.nonce == hello.link_nonce) {
    return;  // it has not heard our answer
  }
  note_fresh(origin);
  for (auto& [number, session] : origin.sessions) {
    session.receiver.on_link_down();
    advance(origin, number);
  }
  origin.sessions.clear();
  std::erase_if(early_, [&](const auto& each) { return each.second.site == origin.site; });
  origin.waiting.clear();
  origin.nonce = hello.link_nonce;
  origin.since = now.steady;
  origin.config_equal = hello.config_digest == options_.facts.config_digest;
  origin.definitions.clear();
  for (const SetDefinition& set : hello.sets) {
    origin.definitions[set.set] = set.digest;
  }
  ++origin.links;
  log_.info("link.opened", {{"peer", origin.site}});
}

// The session of a number begins with its offer; what comes before is of an older link.
ReplicaSide::Session* ReplicaSide::session_for(Origin& origin, std::uint32_t number,
                                               const SetMessage& message, std::uint64_t attempt,
                                               const Now& now) {
  if (const auto found = origin.sessions.find(number); found != origin.sessions.end()) {
    return &found->second;
  }
  const auto* offer = std::get_if<Offer>(&message);
  if (offer == nullptr) {
    return nullptr;
  }
  if (is_early(origin, *offer)) {
    early_[offer->set] = Early{origin.site, number, attempt, *offer, now.steady + kEarlyMax};
    return nullptr;
  }
  if (const auto refusal = refusal_of(origin, *offer)) {
    send_set(origin, number, attempt, *refusal);
    return nullptr;
  }
  if (!end_older_session(origin, offer->set, number)) {
    return nullptr;
  }
  Receiver receiver(options_.fresh.of(offer->set));
  return &origin.sessions.emplace(number, Session{offer->set, std::move(receiver), 0, 0}).first->second;
}

void ReplicaSide::on_set_message(Origin& origin, const wire::EnvelopeHeader& header, SetMessage message,
                                 const Now& now) {
  if (origin.nonce == 0 || header.attempt >> 32 != origin.nonce) {
    return;  // of an older link
  }
  origin.last_heard = now.steady;
  Session* session = session_for(origin, header.set, message, header.attempt, now);
  if (session != nullptr) {
    session->receiver.on_message(std::move(message), header.attempt, now.steady);
    advance(origin, header.set);
  }
}

void ReplicaSide::hold(const std::string& set, std::optional<Error> why, const Now& now) {
  held_.erase(set);
  if (!why) {
    return;
  }
  held_.emplace(set, *why);
  for (auto& [site, origin] : origins_) {
    for (auto& [number, session] : origin.sessions) {
      if (session.set == set) {
        session.receiver.on_work_failed(session.receiver.attempt(), *why, now.steady);
        advance(origin, number);
      }
    }
  }
}

// ---------------------------------------------------------------- actions
void ReplicaSide::advance(Origin& origin, std::uint32_t number) {
  Session& session = origin.sessions.at(number);
  for (ReceiverAction& action : session.receiver.take_actions()) {
    perform(origin, number, session, std::move(action));
  }
}

// Runs `work(SetStore&)` on the set's strand, then `done(Receiver&, attempt, value)` on the loop, unless the
// link has been replaced meanwhile.
template <typename Work, typename Done>
void ReplicaSide::run(Origin& origin, std::uint32_t number, Session& session, Work work, Done done) {
  const std::uint64_t attempt = session.receiver.attempt();
  const ReplicaSet& set = sets_.at(session.set);
  set.strand->post(
      [this, &origin, number, attempt, store = set.store, work = std::move(work), done = std::move(done)] {
        auto result = work(*store);
        loop_.post_or_wait([this, &origin, number, attempt, done, result = std::move(result)]() mutable {
          const auto found = origin.sessions.find(number);
          if (found == origin.sessions.end() || found->second.receiver.attempt() != attempt) {
            return;
          }
          Receiver& receiver = found->second.receiver;
          if (result.ok()) {
            done(found->second, attempt, std::move(result).value());
          } else {
            log_.warn("set.refused", result.error(), {{"set", found->second.set}, {"peer", origin.site}});
            receiver.on_work_failed(attempt, result.error(), loop_.now().steady);
          }
          advance(origin, number);
        });
      });
}

// In slices, so that other work of the set goes on between.
void ReplicaSide::precopy(Strand& strand, SetStore& store) {
  strand.post([&strand, &store] {
    if (store.precopy_more()) {
      precopy(strand, store);
    }
  });
}

void ReplicaSide::perform(Origin& origin, std::uint32_t number, Session& session, ReceiverAction action) {
  const auto now = [this] { return loop_.now().steady; };
  std::visit(
      Overloaded{
          [&](const SetMessage& message) { send_set(origin, number, session.receiver.attempt(), message); },
          [&](PrepareAction& prepare) {
            run(
                origin, number, session,
                [site = origin.site, offer = std::move(prepare.offer)](SetStore& store) {
                  return store.prepare(site, offer);
                },
                [now](Session& done, std::uint64_t attempt, Have have) {
                  done.receiver.on_prepared(attempt, std::move(have), now());
                });
          },
          [&](CompareAction& theirs) {
            run(
                origin, number, session,
                [compare = std::move(theirs.compare)](SetStore& store) {
                  return store.compare_with(compare);
                },
                [now](Session& done, std::uint64_t attempt, Differ differ) {
                  done.receiver.on_compared(attempt, std::move(differ), now());
                });
          },
          [&](ApplyAction& apply) {
            const std::size_t bytes = apply.body.size();
            run(
                origin, number, session,
                [batch = apply.batch, frame = apply.frame, body = std::move(apply.body)](SetStore& store) {
                  return store.apply(batch, frame, body);
                },
                [now, batch = apply.batch, bytes](Session& done, std::uint64_t attempt, Unit) {
                  done.receiver.on_applied(attempt, batch, bytes, now());
                });
          },
          [&](const CloseAction& batch) { close(origin, number, session, batch.batch); },
          [&](AnswerAction& ask) {
            run(
                origin, number, session,
                [question = std::move(ask.body)](SetStore& store) { return store.answer(question); },
                [now, batch = ask.batch](Session& done, std::uint64_t attempt, Bytes body) {
                  done.receiver.on_answer(attempt, batch, std::move(body), now());
                });
          },
          [&](const CommitAction& mark) { commit(origin, number, session, mark); },
          [&](FetchAction& wanted) { fetch(origin, number, session, std::move(wanted.fetch)); },
          [&](const ExpectAction& item) {
            run(
                origin, number, session,
                [strand = sets_.at(session.set).strand, key = item.key](SetStore& store) -> Status {
                  if (store.expect(key)) {
                    precopy(*strand, store);
                  }
                  return ok();
                },
                [](Session& done, std::uint64_t attempt, Unit) { done.receiver.on_expected(attempt); });
          },
          [&](const AbortAction&) {
            const ReplicaSet& set = sets_.at(session.set);
            set.strand->post([this, store = set.store, name = session.set] {
              const Status status = store->abort();
              if (!status.ok()) {
                log_.warn("set.abort_failed", status.error(), {{"set", name}});
              }
            });
          },
      },
      action);
}

void ReplicaSide::close(Origin& origin, std::uint32_t number, Session& session, std::uint64_t batch) {
  run(
      origin, number, session, [batch](SetStore& store) { return store.close(batch); },
      [this, batch](Session& done, std::uint64_t attempt, std::vector<ItemTrouble> trouble) {
        for (const ItemTrouble& item : trouble) {
          log_.log(item.redo ? LogLevel::Debug : LogLevel::Warn, "item.failed",
                   {{"set", done.set}, {"item", escape(item.key)}, {"reason", item.reason}});
        }
        done.receiver.on_closed(attempt, batch, std::move(trouble), loop_.now().steady);
      });
}

void ReplicaSide::fetch(Origin& origin, std::uint32_t number, Session& session, Fetch wanted) {
  run(
      origin, number, session, [wanted = std::move(wanted)](SetStore& store) { return store.fetch(wanted); },
      [this](Session& done, std::uint64_t attempt, Fetched fetched) {
        done.receiver.on_fetched(attempt, std::move(fetched), loop_.now().steady);
      });
}

void ReplicaSide::commit(Origin& origin, std::uint32_t number, Session& session, const CommitAction& mark) {
  run(
      origin, number, session,
      [this, set = session.set, site = origin.site, mark](SetStore& store) {
        auto committed = store.commit(site, mark.position, mark.exact);
        if (committed.ok()) {
          loop_.post_or_wait([this, set, site, done = *committed] { tell(set, site, done); });
        }
        return committed;
      },
      [this](Session& done, std::uint64_t attempt, SetStore::Committed committed) {
        done.items = committed.count;
        done.failed = committed.failed;
        done.receiver.on_committed(attempt, committed.position, committed.failed, loop_.now().steady);
      });
}

// Of every commit, whether its attempt goes on or has ended meanwhile: nobody will hear of it a second time.
void ReplicaSide::tell(const std::string& set, const std::string& site, const SetStore::Committed& done) {
  if (done.applied.items > 0) {
    on_published_({set, site, done.position, done.applied, done.failed, done.own});
  }
  for (const ItemTrouble& item : done.trouble) {
    log_.warn("item.failed", {{"set", set}, {"item", escape(item.key)}, {"reason", item.reason}});
  }
  if (done.stranded > 0) {
    log_.warn("stranded.found", {{"set", set}, {"peer", site}, {"items", done.stranded}});
  }
}

// ---------------------------------------------------------------- out
void ReplicaSide::send_set(Origin& origin, std::uint32_t number, std::uint64_t attempt,
                           const SetMessage& message) {
  const Encoded encoded = encode(message);
  wire::EnvelopeHeader header;
  header.type = static_cast<std::uint16_t>(encoded.type);
  header.set = number;
  header.attempt = attempt;
  auto bytes = wire::encode_envelope(header, encoded.body);
  if (bytes.ok()) {
    send(origin, origin.site + "/control", std::move(bytes).value());
  } else {
    log_.error("link.message_too_large", bytes.error(), {{"peer", origin.site}});
  }
}

void ReplicaSide::send_link(Origin& origin, const std::string& routing_id, const LinkMessage& message) {
  const Encoded encoded = encode(message);
  wire::EnvelopeHeader header;
  header.type = static_cast<std::uint16_t>(encoded.type);
  auto bytes = wire::encode_envelope(header, encoded.body);
  if (bytes.ok()) {
    send(origin, routing_id, std::move(bytes).value());
  }
}

void ReplicaSide::send(Origin& origin, const std::string& routing_id, Bytes message) {
  if (origin.waiting.size() < kWaitingMax) {
    origin.waiting.emplace_back(routing_id, std::move(message));
  }
  flush(origin);
}

void ReplicaSide::flush(Origin& origin) {
  while (!origin.waiting.empty()) {
    auto& [routing_id, message] = origin.waiting.front();
    const std::size_t size = message.size();
    const auto outcome = routers_[origin.router]->send(routing_id, std::move(message));
    if (outcome.ok() && *outcome == wire::SendOutcome::WouldBlock) {
      return;
    }
    origin.sent_bytes += outcome.ok() && *outcome == wire::SendOutcome::Sent ? size : 0;
    origin.waiting.pop_front();
  }
}

// ---------------------------------------------------------------- time
void ReplicaSide::note_fresh(const Origin& origin) {
  for (const auto& [number, session] : origin.sessions) {
    if (const auto fresh = session.receiver.fresh_at(origin.last_heard)) {
      options_.fresh.note(session.set, *fresh);
    }
  }
}

void ReplicaSide::save_fresh(const Now& now) {
  for (const auto& [site, origin] : origins_) {
    note_fresh(origin);
  }
  fresh_saved_at_ = now.steady;
  if (const Status saved = options_.fresh.save(now); !saved.ok()) {
    log_.warn("fresh.not_written", saved.error());
  }
}

void ReplicaSide::on_tick(const Now& now) {
  if (!origins_.empty() && now.steady - fresh_saved_at_ >= kFreshInterval) {
    save_fresh(now);
  }
  refuse_late(now);
  for (auto& [site, origin] : origins_) {
    flush(origin);
    for (auto& [number, session] : origin.sessions) {
      const auto due = session.receiver.next_wakeup();
      if (due && *due <= now.steady) {
        session.receiver.on_tick(now.steady);
        advance(origin, number);
      }
    }
  }
}

std::optional<SteadyTime> ReplicaSide::next_wakeup() const {
  std::optional<SteadyTime> next;
  const auto sooner = [&](std::optional<SteadyTime> at) {
    if (at && (!next || *at < *next)) {
      next = at;
    }
  };
  for (const auto& [set, early] : early_) {
    sooner(early.until);
  }
  for (const auto& [site, origin] : origins_) {
    if (!origin.waiting.empty()) {
      sooner(loop_.now().steady + kResendWait);
    }
    sooner(fresh_saved_at_ + kFreshInterval);
    for (const auto& [number, session] : origin.sessions) {
      sooner(session.receiver.next_wakeup());
    }
  }
  return next;
}

}  // namespace ha::replicator
