#include "tests/sim/replica_end.h"

#include <algorithm>
#include <utility>

#include "replicator/session/codec.h"
#include "replicator/session/overloaded.h"

namespace ha::sim {

using namespace ha::replicator;

ReplicaEnd::ReplicaEnd(World& world, std::string site, std::string cluster, const EndOptions& options,
                       std::map<std::string, SimStore*> stores, std::vector<Link*> links,
                       std::string admitted)
    : world_(world),
      site_(std::move(site)),
      cluster_(std::move(cluster)),
      options_(options),
      admitted_(std::move(admitted)),
      stores_(std::move(stores)) {
  for (const auto& [set, store] : stores_) {
    strands_.emplace(set, std::make_unique<SimStrand>(world, options.work_max));
  }
  for (Link* link : links) {
    Origin& origin = origins_[link->origin];
    origin.link = link;
    for (auto& lane : link->lanes) {
      lane->to_replica = [this, &origin](std::size_t number, const Packet& packet) {
        on_packet(origin, number, packet);
      };
    }
  }
}

ReplicaEnd::~ReplicaEnd() {
  for (auto& [site, origin] : origins_) {
    for (auto& lane : origin.link->lanes) {
      lane->to_replica = nullptr;
    }
  }
}

const Receiver* ReplicaEnd::receiver(const std::string& set) const {
  for (const auto& [site, origin] : origins_) {
    for (const auto& [number, session] : origin.sessions) {
      if (session.set == set) {
        return &session.receiver;
      }
    }
  }
  return nullptr;
}

// ---------------------------------------------------------------- in
void ReplicaEnd::on_packet(Origin& origin, std::size_t lane, const Packet& packet) {
  if (is_link_message(packet.type)) {
    auto message = decode_link_message(packet.type, packet.body);
    if (!message.ok()) {
      world_.violate("the origin's link message does not decode: " + message.error().what());
    } else if (const auto* hello = std::get_if<Hello>(&*message)) {
      on_hello(origin, lane, *hello);
    } else if (const auto* ping = std::get_if<Ping>(&*message)) {
      Encoded pong = encode(LinkMessage(Pong{*ping}));
      origin.link->lanes[lane]->reply({0, 0, static_cast<std::uint16_t>(pong.type), std::move(pong.body)});
    }
    return;
  }
  auto message = decode_set_message(packet.type, packet.body);
  if (!message.ok()) {
    world_.violate("the origin's message does not decode: " + message.error().what());
    return;
  }
  if (origin.nonce == 0 || packet.attempt >> 32 != origin.nonce) {
    return;
  }
  if (Session* session = session_for(origin, packet.set, *message, packet.attempt)) {
    note_data(*session, *message, packet.attempt);
    session->receiver.on_message(std::move(message).value(), packet.attempt, world_.now());
    advance(origin, packet.set);
  }
}

void ReplicaEnd::on_hello(Origin& origin, std::size_t lane, const Hello& hello) {
  const LinkMessage answer =
      judge(hello, origin.link->origin, {cluster_, site_, "config"}, options_.window_bytes, world_.clocks());
  if (std::holds_alternative<Welcome>(answer) && origin.nonce != hello.link_nonce) {
    for (auto& [number, session] : origin.sessions) {
      session.receiver.on_link_down();
      advance(origin, number);
    }
    origin.sessions.clear();
    origin.nonce = hello.link_nonce;
  }
  Encoded encoded = encode(answer);
  origin.link->lanes[lane]->reply({0, 0, static_cast<std::uint16_t>(encoded.type), std::move(encoded.body)});
}

ReplicaEnd::Session* ReplicaEnd::session_for(Origin& origin, std::uint32_t number, const SetMessage& message,
                                             std::uint64_t attempt) {
  if (const auto found = origin.sessions.find(number); found != origin.sessions.end()) {
    return &found->second;
  }
  const auto* offer = std::get_if<Offer>(&message);
  if (offer == nullptr) {
    return nullptr;
  }
  if (!stores_.contains(offer->set) || (!admitted_.empty() && admitted_ != origin.link->origin)) {
    send_set(origin, number, attempt, Refusal{Code::Refused, "this is not its origin", {}});
    return nullptr;
  }
  return &origin.sessions.emplace(number, Session{offer->set, Receiver(), {}, 0, {}}).first->second;
}

void ReplicaEnd::note_data(Session& session, const SetMessage& message, std::uint64_t attempt) {
  if (attempt > session.attempt) {
    session.attempt = attempt;
    session.after.clear();
    session.closed.clear();
  }
  if (const auto* data = std::get_if<Data>(&message); data != nullptr && attempt == session.attempt) {
    session.after[data->batch] = data->after;
  }
}

// A batch is applied only when all those are closed that it has to come after.
void ReplicaEnd::check_order(Session& session, std::uint64_t batch) {
  for (std::uint64_t before = session.after[batch]; before > 0; --before) {
    if (!session.closed.contains(before)) {
      world_.violate(site_ + " applies batch " + std::to_string(batch) + " before " + std::to_string(before));
      return;
    }
  }
}

// ---------------------------------------------------------------- actions
void ReplicaEnd::advance(Origin& origin, std::uint32_t number) {
  Session& session = origin.sessions.at(number);
  for (ReceiverAction& action : session.receiver.take_actions()) {
    perform(origin, number, session, std::move(action));
  }
  arm();
}

template <typename Work, typename Done>
void ReplicaEnd::run(Origin& origin, std::uint32_t number, Session& session, Work work, Done done) {
  const std::uint64_t attempt = session.receiver.attempt();
  strands_.at(session.set)
      ->post([this, &origin, number, attempt, store = stores_.at(session.set), work = std::move(work),
              done = std::move(done)] {
        world_.after(life_, std::chrono::microseconds(50),
                     [this, &origin, number, attempt, done, result = work(*store)]() mutable {
                       const auto found = origin.sessions.find(number);
                       if (found == origin.sessions.end() || found->second.receiver.attempt() != attempt) {
                         return;
                       }
                       Receiver& receiver = found->second.receiver;
                       if (result.ok()) {
                         done(found->second, attempt, std::move(result).value());
                       } else {
                         world_.trace(site_ + " refuses: " + result.error().what());
                         receiver.on_work_failed(attempt, result.error(), world_.now());
                       }
                       advance(origin, number);
                     });
      });
}

void ReplicaEnd::perform(Origin& origin, std::uint32_t number, Session& session, ReceiverAction action) {
  const auto now = [this] { return world_.now(); };
  std::visit(
      Overloaded{
          [&](const SetMessage& message) { send_set(origin, number, session.receiver.attempt(), message); },
          [&](PrepareAction& prepare) {
            run(
                origin, number, session,
                [site = origin.link->origin, offer = std::move(prepare.offer)](SimStore& store) {
                  return store.prepare(site, offer);
                },
                [now](Session& done, std::uint64_t attempt, Have have) {
                  done.receiver.on_prepared(attempt, std::move(have), now());
                });
          },
          [&](CompareAction& theirs) {
            run(
                origin, number, session,
                [compare = std::move(theirs.compare)](SimStore& store) {
                  return store.compare_with(compare);
                },
                [now](Session& done, std::uint64_t attempt, Differ differ) {
                  done.receiver.on_compared(attempt, std::move(differ), now());
                });
          },
          [&](ApplyAction& apply) {
            check_order(session, apply.batch);
            const std::size_t bytes = apply.body.size();
            run(
                origin, number, session,
                [batch = apply.batch, body = std::move(apply.body)](SimStore& store) {
                  return store.apply(batch, body);
                },
                [now, batch = apply.batch, bytes](Session& done, std::uint64_t attempt, Unit) {
                  done.receiver.on_applied(attempt, batch, bytes, now());
                });
          },
          [&](const CloseAction& close) {
            run(
                origin, number, session,
                [batch = close.batch](SimStore& store) { return store.close(batch); },
                [now, batch = close.batch](Session& done, std::uint64_t attempt,
                                           std::vector<ItemTrouble> trouble) {
                  done.closed.insert(batch);
                  done.receiver.on_closed(attempt, batch, std::move(trouble), now());
                });
          },
          [&](const ExpectAction&) { session.receiver.on_expected(session.receiver.attempt()); },
          [&](AnswerAction& ask) {
            run(
                origin, number, session,
                [question = std::move(ask.body)](SimStore& store) { return store.answer(question); },
                [now, batch = ask.batch](Session& done, std::uint64_t attempt, Bytes body) {
                  done.receiver.on_answer(attempt, batch, std::move(body), now());
                });
          },
          [&](const CommitAction& mark) { commit(origin, number, session, mark); },
          [&](FetchAction& wanted) { fetch(origin, number, session, std::move(wanted.fetch)); },
          [&](const AbortAction&) {
            strands_.at(session.set)->post([store = stores_.at(session.set)] { store->abort(); });
          },
      },
      action);
}

void ReplicaEnd::fetch(Origin& origin, std::uint32_t number, Session& session, Fetch wanted) {
  run(
      origin, number, session, [wanted = std::move(wanted)](SimStore& store) { return store.fetch(wanted); },
      [this](Session& done, std::uint64_t attempt, Fetched fetched) {
        done.receiver.on_fetched(attempt, std::move(fetched), world_.now());
      });
}

void ReplicaEnd::commit(Origin& origin, std::uint32_t number, Session& session, const CommitAction& mark) {
  run(
      origin, number, session,
      [site = origin.link->origin, mark](SimStore& store) {
        return store.commit(site, mark.position, mark.exact);
      },
      [this](Session& done, std::uint64_t attempt, SimStore::Committed committed) {
        done.receiver.on_committed(attempt, committed.position, committed.failed, world_.now());
      });
}

void ReplicaEnd::send_set(Origin& origin, std::uint32_t number, std::uint64_t attempt,
                          const SetMessage& message) {
  if (const auto* refusal = std::get_if<Refusal>(&message);
      refusal != nullptr && refusal->code == Code::Exhausted) {
    world_.violate(site_ + ": " + refusal->what);
  }
  world_.trace(site_ + " set " + std::to_string(number) + " attempt " +
               std::to_string(attempt & 0xffffffffU) + " answers " + std::to_string(message.index()));
  Encoded encoded = encode(message);
  origin.link->lanes[0]->reply(
      {number, attempt, static_cast<std::uint16_t>(encoded.type), std::move(encoded.body)});
}

// ---------------------------------------------------------------- time
std::optional<SteadyTime> ReplicaEnd::next_wakeup() const {
  std::optional<SteadyTime> next;
  for (const auto& [site, origin] : origins_) {
    for (const auto& [number, session] : origin.sessions) {
      const auto at = session.receiver.next_wakeup();
      if (at && (!next || *at < *next)) {
        next = at;
      }
    }
  }
  return next;
}

void ReplicaEnd::on_tick() {
  armed_.reset();
  for (auto& [site, origin] : origins_) {
    for (auto& [number, session] : origin.sessions) {
      const auto due = session.receiver.next_wakeup();
      if (due && *due <= world_.now()) {
        session.receiver.on_tick(world_.now());
        advance(origin, number);
      }
    }
  }
  const auto next = next_wakeup();
  if (next && *next <= world_.now()) {
    world_.violate(site_ + " wakes up again and again");
  }
  arm();
}

void ReplicaEnd::arm() {
  const auto next = next_wakeup();
  if (!next || (armed_ && *armed_ <= *next)) {
    return;
  }
  armed_ = *next;
  world_.after(life_, std::max(*next - world_.now(), Duration::zero()), [this] { on_tick(); });
}

}  // namespace ha::sim
