#include "tests/sim/origin_end.h"

#include <algorithm>
#include <utility>

#include "replicator/session/codec.h"
#include "replicator/session/overloaded.h"

namespace ha::sim {

using namespace ha::replicator;

namespace {

constexpr std::size_t kControl = 0;
constexpr std::size_t kState = 1;
constexpr std::size_t kFirstBulk = 2;

Packet packet_of(std::uint32_t set, std::uint64_t attempt, Encoded encoded) {
  return {set, attempt, static_cast<std::uint16_t>(encoded.type), std::move(encoded.body)};
}

}  // namespace

// ---------------------------------------------------------------- a set
OriginSetSim::OriginSetSim(World& world, SimStore& store, const EndOptions& options)
    : world_(world), store_(store), options_(options), strand_(world, options.work_max) {}

void OriginSetSim::start() {
  post_facts();
  scan_everything();
}

void OriginSetSim::changed(const Bytes& key) {
  dirty_.insert(key);
  if (!planned_) {
    planned_ = true;
    world_.after(life_, options_.settle, [this] { scan(); });
  }
}

void OriginSetSim::scan_everything() {
  full_ = true;
  changed({});
}

void OriginSetSim::scan() {
  planned_ = false;
  std::set<Bytes> keys = std::exchange(dirty_, {});
  keys.erase(Bytes());
  for (OriginEnd* peer : peers) {
    for (const Bytes& key : keys) {
      peer->expect(*this, key);
    }
  }
  strand_.post([this, keys = std::move(keys), full = std::exchange(full_, false)] {
    full ? store_.scan_all() : store_.scan(keys);
    post_facts();
  });
}

void OriginSetSim::renew() {
  strand_.post([this] { store_.renew(); });
  scan_everything();
}

void OriginSetSim::adopt(const std::string& peer, AdoptAction action,
                         std::function<void(Result<SimStore::Adopted>)> done) {
  strand_.post([this, peer, action = std::move(action), done = std::move(done)] {
    auto adopted = store_.adopt(peer, action);
    world_.after(life_, std::chrono::microseconds(100), [this, adopted, facts = store_.facts(), done] {
      facts_ = facts;
      for (OriginEnd* end : peers) {
        end->on_facts(*this);
      }
      done(adopted);
    });
  });
}

void OriginSetSim::drop_adoptions(const std::string& peer) {
  strand_.post([this, peer] { store_.drop_adoptions(peer); });
}

void OriginSetSim::set_acknowledged(const std::string& peer, const Position& position) {
  strand_.post([this, peer, position] { store_.set_acknowledged(peer, position); });
}

void OriginSetSim::post_facts() {
  strand_.post([this] {
    world_.after(life_, std::chrono::microseconds(100), [this, facts = store_.facts()] {
      facts_ = facts;
      for (OriginEnd* peer : peers) {
        peer->on_facts(*this);
      }
    });
  });
}

// ---------------------------------------------------------------- a peer
OriginEnd::OriginEnd(World& world, Invariants& invariants, Link& link, const std::string& cluster,
                     const EndOptions& options, const std::vector<OriginSetSim*>& sets)
    : world_(world),
      invariants_(invariants),
      lanes_(link),
      options_(options),
      link_({cluster, link.origin, "config"}, link.replica, [&world] { return world.random().next(); }) {
  for (OriginSetSim* set : sets) {
    SenderOptions sender;
    sender.set = set->store().options().set;
    sender.check = options.check;
    const auto acknowledged = set->store().index().acknowledged(link.replica);
    auto session = std::make_unique<Session>(
        Session{static_cast<std::uint32_t>(sessions_.size() + 1), set,
                Sender(sender, acknowledged.ok() ? *acknowledged : std::nullopt),
                std::make_unique<SimStrand>(world, options.work_max),
                std::make_unique<SimReader>(world, invariants, set->store(), options.frame_bytes), 0, 0,
                link.origin + ">" + link.replica + ":" + sender.set});
    session->reader->ask_permille = options.ask_permille;
    session->reader->wrong_basis_permille = options.wrong_basis_permille;
    session->reader->drop_permille = options.drop_permille;
    session->reader->padding = options.padding;
    sessions_.push_back(std::move(session));
    set->peers.push_back(this);
  }
  for (auto& lane : lanes_.lanes) {
    lane->on_lost = [this] {
      link_.on_lost("connection lost", world_.clocks());
      advance();
    };
    lane->on_connected = [this] {
      if (std::all_of(lanes_.lanes.begin(), lanes_.lanes.end(),
                      [](const auto& each) { return each->connected(); })) {
        link_.on_connected(world_.clocks());
      }
      advance();
    };
    lane->to_origin = [this](const Packet& packet) { on_packet(packet); };
    lane->on_room = [this] { advance(); };
  }
}

OriginEnd::~OriginEnd() {
  for (auto& lane : lanes_.lanes) {
    lane->on_lost = nullptr;
    lane->on_connected = nullptr;
    lane->to_origin = nullptr;
    lane->on_room = nullptr;
  }
  for (auto& session : sessions_) {
    invariants_.session_ended(session->name);
  }
}

void OriginEnd::on_facts(OriginSetSim& set) {
  for (auto& session : sessions_) {
    if (session->set == &set) {
      session->sender.on_index(set.facts(), world_.now());
    }
  }
  advance();
}

void OriginEnd::expect(const OriginSetSim& set, const Bytes& key) {
  for (auto& session : sessions_) {
    if (session->set == &set) {
      session->sender.expect(key);
    }
  }
  advance();
}

void OriginEnd::observe(Invariants& invariants) {
  for (auto& session : sessions_) {
    invariants.progress(session->name, session->sender.attempt(), session->sender.status());
  }
}

void OriginEnd::on_packet(const Packet& packet) {
  if (is_link_message(packet.type)) {
    auto message = decode_link_message(packet.type, packet.body);
    if (!message.ok()) {
      world_.violate("the replica's link message does not decode: " + message.error().what());
      return;
    }
    link_.on_message(std::move(message).value(), world_.clocks());
  } else {
    auto message = decode_set_message(packet.type, packet.body);
    if (!message.ok()) {
      world_.violate("the replica's message does not decode: " + message.error().what());
      return;
    }
    sessions_.at(packet.set - 1)->sender.on_message(std::move(message).value(), packet.attempt, world_.now());
  }
  advance();
}

// ---------------------------------------------------------------- actions
void OriginEnd::advance() {
  perform_link();
  const auto has_actions = [](const auto& session) { return session->sender.has_actions(); };
  do {
    for (auto& session : sessions_) {
      for (SenderAction& action : session->sender.take_actions()) {
        perform(*session, std::move(action));
      }
      static_cast<void>(session->sender.take_became_equal());
    }
    while (link_.status().state == LinkState::Up && send_data()) {
    }
  } while (std::any_of(sessions_.begin(), sessions_.end(), has_actions));
  arm();
}

void OriginEnd::perform_link() {
  for (LinkAction& action : link_.take_actions()) {
    std::visit(Overloaded{
                   [&](const LinkSend& send) {
                     const std::size_t lane = send.lane == LinkLane::Control ? kControl : kState;
                     lanes_.lanes[lane]->send(packet_of(0, 0, encode(send.message)));
                   },
                   [&](const LinkUp& up) {
                     window_bytes_ = std::min(options_.window_bytes, up.window_bytes);
                     stuck_.reset();
                     for (auto& session : sessions_) {
                       session->sender.on_link_up(up.nonce, world_.now());
                     }
                   },
                   [&](const LinkDown&) {
                     stuck_.reset();
                     for (auto& session : sessions_) {
                       session->sender.on_link_down();
                     }
                   },
               },
               action);
  }
}

void OriginEnd::send_set(Session& session, const SetMessage& message) {
  world_.trace(session.name + " attempt " + std::to_string(session.sender.attempt() & 0xffffffffU) +
               " sends " + std::to_string(message.index()));
  lanes_.lanes[kControl]->send(packet_of(session.number, session.sender.attempt(), encode(message)));
}

template <typename Work, typename Done>
void OriginEnd::run(Session& session, Work work, Done done) {
  const std::uint64_t attempt = session.sender.attempt();
  session.strand->post([this, &session, attempt, work = std::move(work), done = std::move(done)] {
    world_.after(life_, std::chrono::microseconds(50),
                 [this, &session, attempt, done, result = work(*session.reader)]() mutable {
                   if (result.ok()) {
                     done(attempt, std::move(result).value());
                   } else {
                     world_.trace(session.name + " work failed: " + result.error().what());
                     session.sender.on_work_failed(attempt, result.error(), world_.now());
                   }
                   advance();
                 });
  });
}

void OriginEnd::perform(Session& session, SenderAction action) {
  const auto built = [this, &session](std::uint64_t batch) {
    return [this, &session, batch](std::uint64_t attempt, SimReader::Built result) {
      on_built(session, attempt, batch, std::move(result));
    };
  };
  std::visit(Overloaded{
                 [&](const SetMessage& message) { send_set(session, message); },
                 [&](const ListAction& list) {
                   run(
                       session, [list](SimReader& reader) { return reader.list(list); },
                       [this, &session](std::uint64_t attempt, std::vector<Listed> items) {
                         session.sender.on_listed(attempt, std::move(items), world_.now());
                       });
                 },
                 [&](const DescribeAction& spans) {
                   run(
                       session, [spans](SimReader& reader) { return reader.describe(spans); },
                       [this, &session](std::uint64_t attempt, Description description) {
                         session.sender.on_described(attempt, std::move(description), world_.now());
                       });
                 },
                 [&](const BuildAction& batch) {
                   run(
                       session, [batch](SimReader& reader) { return reader.build(batch); },
                       built(batch.batch));
                 },
                 [&](const ContinueAction& more) {
                   run(
                       session, [batch = more.batch](SimReader& reader) { return reader.next(batch); },
                       built(more.batch));
                 },
                 [&](const FeedAction& feed) {
                   run(
                       session,
                       [batch = feed.batch, body = feed.body](SimReader& reader) {
                         return reader.feed(batch, body);
                       },
                       built(feed.batch));
                 },
                 [&](const SortAheadAction& ahead) {
                   run(
                       session, [keys = ahead.keys](SimReader& reader) { return reader.sort_ahead(keys); },
                       [this, &session](std::uint64_t attempt, SimReader::Sorted sorted) {
                         session.sender.on_sorted(attempt, std::move(sorted.deleted),
                                                  std::move(sorted.absent), world_.now());
                       });
                 },
                 [&](AdoptAction& frame) { adopt(session, std::move(frame)); },
                 [&](const StopBuildsAction&) {
                   session.set->drop_adoptions(lanes_.replica);
                   session.strand->post([&session] { session.reader->stop_builds(); });
                 },
                 [&](const AcknowledgedAction& acknowledged) {
                   session.set->set_acknowledged(lanes_.replica, acknowledged.position);
                 },
                 [&](const SenderEvent& event) {
                   invariants_.told(session.name, event.name);
                   world_.trace(session.name + " " + event.name + " " + event.text);
                 },
                 [](const auto&) {},  // what an operator has asked for: nobody does here
             },
             action);
}

void OriginEnd::adopt(Session& session, AdoptAction action) {
  const std::uint64_t attempt = session.sender.attempt();
  const std::uint64_t number = action.number;
  const bool last = action.last;
  const auto done = [this, &session, attempt, number, last,
                     alive = std::weak_ptr<Life>(life_)](const Result<SimStore::Adopted>& adopted) {
    if (alive.expired()) {
      return;
    }
    if (!adopted.ok()) {
      session.sender.on_work_failed(attempt, adopted.error(), world_.now());
    } else {
      session.sender.on_adopted(attempt, number, last, adopted->head, adopted->missed, world_.now());
    }
    advance();
  };
  session.set->adopt(lanes_.replica, std::move(action), done);
}

void OriginEnd::on_built(Session& session, std::uint64_t attempt, std::uint64_t batch,
                         SimReader::Built built) {
  for (const Bytes& key : built.skipped) {
    session.set->changed(key);
  }
  if (built.need) {
    session.sender.on_need(attempt, batch, std::move(*built.need), world_.now());
  } else if (built.frame) {
    const std::size_t bytes = built.frame->size();
    const std::size_t frame_max = 2 * options_.frame_bytes + options_.padding + 4096;
    if (attempt == session.sender.attempt()) {
      session.waiting_bytes = session.waiting_attempt == attempt ? session.waiting_bytes + bytes : bytes;
      session.waiting_attempt = attempt;
      invariants_.waiting_output(session.waiting_bytes, frame_max);
    }
    session.sender.on_frame(attempt, batch, std::move(*built.frame), built.last, !built.skipped.empty(),
                            world_.now());
  }
}

// ---------------------------------------------------------------- data
std::uint64_t OriginEnd::in_flight() const {
  std::uint64_t bytes = 0;
  for (const auto& session : sessions_) {
    bytes += session->sender.bytes_in_flight();
  }
  return bytes;
}

bool OriginEnd::send_data() {
  for (std::size_t tried = 0; !stuck_ && tried < sessions_.size(); ++tried) {
    Session& session = *sessions_[next_session_++ % sessions_.size()];
    const std::uint64_t used = in_flight();
    const std::uint64_t attempt = session.sender.attempt();
    auto data = session.sender.next_data(window_bytes_ > used ? window_bytes_ - used : 0, world_.now());
    if (data) {
      const std::size_t bytes = data->body.size();
      session.waiting_bytes -= std::min<std::uint64_t>(bytes, session.waiting_bytes);
      invariants_.in_flight(in_flight(), session.sender.bytes_in_flight(), bytes, window_bytes_);
      stuck_ = packet_of(session.number, attempt, encode(SetMessage(std::move(*data))));
    }
  }
  const std::size_t flows = lanes_.lanes.size() - kFirstBulk;
  for (std::size_t tried = 0; stuck_ && tried < flows; ++tried) {
    if (lanes_.lanes[kFirstBulk + next_flow_++ % flows]->send(*stuck_)) {
      stuck_.reset();
      return true;
    }
  }
  return false;
}

// ---------------------------------------------------------------- time
std::optional<SteadyTime> OriginEnd::next_wakeup() const {
  std::optional<SteadyTime> next = link_.next_wakeup();
  for (const auto& session : sessions_) {
    const auto at = session->sender.next_wakeup();
    if (at && (!next || *at < *next)) {
      next = at;
    }
  }
  return next;
}

void OriginEnd::on_tick() {
  armed_.reset();
  link_.on_tick(world_.clocks());
  for (auto& session : sessions_) {
    const auto due = session->sender.next_wakeup();
    if (due && *due <= world_.now()) {
      session->sender.on_tick(world_.now());
    }
  }
  const auto next = next_wakeup();
  if (next && *next <= world_.now()) {
    world_.violate(lanes_.origin + ">" + lanes_.replica + " wakes up again and again");
  }
  advance();
}

void OriginEnd::arm() {
  const auto next = next_wakeup();
  if (!next || (armed_ && *armed_ <= *next)) {
    return;
  }
  armed_ = *next;
  world_.after(life_, std::max(*next - world_.now(), Duration::zero()), [this] { on_tick(); });
}

std::string OriginEnd::difference() const {
  for (const auto& session : sessions_) {
    // Offering: it looks whether it is still so, as it does now and then.
    const SenderStatus status = session->sender.status();
    const bool known =
        status.acknowledged && *status.acknowledged == session->set->store().index().position();
    if (status.state != SenderState::Equal && !(status.state == SenderState::Offering && known)) {
      return session->name + " is not equal";
    }
  }
  return {};
}

std::string OriginEnd::describe() const {
  std::string out;
  for (const auto& session : sessions_) {
    const SenderStatus status = session->sender.status();
    out += "; " + session->name + " state " + std::to_string(static_cast<int>(status.state)) + " " +
           status.reason;
  }
  return out;
}

}  // namespace ha::sim
