// The sets of an OriginPeer: performs what senders ask for, and sends data as credit and flows allow.
#include <algorithm>
#include <utility>

#include "common/wire/envelope.h"
#include "replicator/origin_peer.h"
#include "replicator/session/codec.h"
#include "replicator/session/overloaded.h"

namespace ha::replicator {
namespace {

constexpr int kFramesPerTurn = 64;
constexpr std::size_t kTroublesKept = 100;

Result<Bytes> message_of(std::uint32_t set, std::uint64_t attempt, wire::Lane lane,
                         const SetMessage& message) {
  const Encoded encoded = encode(message);
  wire::EnvelopeHeader header;
  header.type = static_cast<std::uint16_t>(encoded.type);
  header.lane = lane;
  header.set = set;
  header.attempt = attempt;
  return wire::encode_envelope(header, encoded.body);
}

}  // namespace

// ---------------------------------------------------------------- sets come and go
void OriginPeer::add(OriginSet& set, std::optional<Position> acknowledged, const Now& now) {
  SenderOptions options;
  options.set = set.config().name;
  options.check = set.config().check;
  options.peer = options_.peer;
  options.guards = set.config().guards;
  sessions_.push_back(std::make_unique<Session>(Session{++last_number_,
                                                        &set,
                                                        Sender(options, acknowledged),
                                                        Strand(workers_),
                                                        nullptr,
                                                        0,
                                                        {},
                                                        false,
                                                        std::nullopt,
                                                        {},
                                                        {}}));
  start_session(*sessions_.back(), now);
}

bool OriginPeer::retire(const std::string& set, std::function<void()> drained) {
  const auto found = std::find_if(sessions_.begin(), sessions_.end(),
                                  [&](const auto& session) { return session->set->config().name == set; });
  if (found == sessions_.end()) {
    return false;
  }
  silence(**found);
  (*found)->compared = {};
  retired_.push_back(std::move(*found));
  sessions_.erase(found);
  Session& session = *retired_.back();
  session.strand.post([this, &session, drained = std::move(drained)] {
    session.reader.reset();
    loop_.post_or_wait(drained);
  });
  return true;
}

void OriginPeer::bury(const std::string& set) {
  std::erase_if(retired_, [&](const auto& session) { return session->set->config().name == set; });
}

void OriginPeer::silence(Session& session) {
  session.paused.clear();
  session.sender.on_link_down();
  if (stuck_of_ == &session) {
    stuck_.reset();
  }
}

void OriginPeer::on_right(OriginSet& set, const Now& now) {
  if (Session* session = session_of(set.config().name); session != nullptr) {
    set.may_send() ? start_session(*session, now) : silence(*session);
    advance(now);
  }
}

void OriginPeer::on_facts(OriginSet& set, const Now& now) {
  if (Session* session = session_of(set.config().name); session != nullptr) {
    session->sender.on_index(set.facts(), now.steady);
    advance(now);
  }
}

void OriginPeer::expect(const OriginSet& set, const Bytes& key, const Now& now) {
  if (Session* session = session_of(set.config().name); session != nullptr) {
    session->sender.expect(key);
    advance(now);
  }
}

bool OriginPeer::check(const std::string& set, bool full, const Now& now) {
  Session* session = session_of(set);
  if (session == nullptr) {
    return false;
  }
  full ? session->sender.resync(now.steady) : session->sender.check_now(now.steady);
  advance(now);
  return true;
}

OriginPeer::Session* OriginPeer::session_of(const std::string& set) const {
  const auto found = std::find_if(sessions_.begin(), sessions_.end(),
                                  [&](const auto& session) { return session->set->config().name == set; });
  return found == sessions_.end() ? nullptr : found->get();
}

bool OriginPeer::compare(const std::string& set, CompareRequest request, Compared done, const Now& now) {
  Session* session = session_of(set);
  if (session == nullptr) {
    return false;
  }
  session->compared = std::move(done);
  session->sender.compare(std::move(request), now.steady);
  advance(now);
  return true;
}

void OriginPeer::hold(const std::string& set, const std::string& reason, const Now& now) {
  if (Session* session = session_of(set); session != nullptr) {
    session->sender.hold_by_hand(reason, now.steady);
    advance(now);
  }
}

void OriginPeer::release(const std::string& set, const Now& now) {
  if (Session* session = session_of(set); session != nullptr) {
    session->sender.release(now.steady);
    advance(now);
  }
}

void OriginPeer::cancel_compare(const std::string& set, const Now& now) {
  if (Session* session = session_of(set); session != nullptr) {
    session->compared = {};
    session->sender.cancel_compare(now.steady);
    advance(now);
  }
}

SenderStatus OriginPeer::status_of(const Session& session) const {
  SenderStatus status = session.sender.status();
  if (!session.set->may_send()) {
    status.reason = session.set->silence(loop_.now().steady);
    status.hint = "failover status";
  } else if (!session.paused.empty()) {
    status.reason = session.paused;
    status.hint = "hareplicate config diff " + options_.peer;
  }
  return status;
}

std::optional<SenderStatus> OriginPeer::sender_status(const std::string& set) const {
  const Session* session = session_of(set);
  return session == nullptr ? std::nullopt : std::optional(status_of(*session));
}

std::string OriginPeer::paused(const std::string& set) const {
  const Session* session = session_of(set);
  if (session == nullptr) {
    return {};
  }
  return session->set->may_send() ? session->paused : session->set->silence(loop_.now().steady);
}

std::vector<std::string> OriginPeer::troubles(const std::string& set) const {
  const Session* session = session_of(set);
  return session == nullptr ? std::vector<std::string>()
                            : std::vector<std::string>(session->troubles.begin(), session->troubles.end());
}

void OriginPeer::on_event(Session& session, const SenderEvent& event) {
  const LogLevel level = event.name == "session.checked"     ? LogLevel::Debug
                         : event.name == "session.comparing" ? LogLevel::Info
                                                             : LogLevel::Warn;
  log_.log(level, event.name,
           {{"set", session.set->config().name}, {"peer", options_.peer}, {"reason", event.text}});
  if (event.name == "item.failed") {
    session.troubles.push_back(event.text);
    if (session.troubles.size() > kTroublesKept) {
      session.troubles.pop_front();
    }
  }
}

// ---------------------------------------------------------------- actions
void OriginPeer::advance(const Now& now) {
  perform_link(now);
  const auto has_actions = [](const auto& session) { return session->sender.has_actions(); };
  do {
    for (auto& session : sessions_) {
      for (SenderAction& action : session->sender.take_actions()) {
        perform(*session, std::move(action));
      }
      if (session->sender.state() == SenderState::Equal && session->sender.take_became_equal()) {
        session->last_equal = now.wall;
        session->troubles.clear();
        log_.info("set.in_sync", {{"set", session->set->config().name}, {"peer", options_.peer}});
      }
    }
    pump_data(now);
  } while (std::any_of(sessions_.begin(), sessions_.end(), has_actions));
}

Result<PeerReader*> OriginPeer::reader_of(Session& session) {
  const unsigned generation = session.set->store().root_generation();
  if (!session.reader || session.reader_generation != generation) {
    session.reader_generation = generation;
    const SetStoreOptions& options = session.set->store().options();
    HA_TRY(session.reader, PeerReader::open(options.index_path, options.set.path, unit_rule(options.set)));
  }
  return session.reader.get();
}

// Runs `work(PeerReader&)` on the session's strand, then `done(value)` on the loop.
template <typename Work, typename Done>
void OriginPeer::run(Session& session, Work work, Done done) {
  const std::uint64_t attempt = session.sender.attempt();
  session.strand.post([this, &session, attempt, work = std::move(work), done = std::move(done)] {
    auto reader = reader_of(session);
    auto result = reader.ok() ? work(**reader) : decltype(work(**reader))(reader.error());
    loop_.post_or_wait([this, &session, attempt, done, result = std::move(result)]() mutable {
      const Now& now = loop_.now();
      if (result.ok()) {
        done(attempt, std::move(result).value());
      } else {
        session.sender.on_work_failed(attempt, result.error(), now.steady);
      }
      advance(now);
    });
  });
}

void OriginPeer::perform(Session& session, SenderAction action) {
  const auto built = [this, &session](std::uint64_t batch) {
    return [this, &session, batch](std::uint64_t attempt, PeerReader::Built result) {
      on_built(session, attempt, batch, std::move(result));
    };
  };
  std::visit(Overloaded{
                 [&](const SetMessage& message) { send_set(session, message); },
                 [&](ListAction& list) {
                   run(
                       session, [list](PeerReader& reader) { return reader.list(list); },
                       [this, &session](std::uint64_t attempt, std::vector<Listed> items) {
                         session.sender.on_listed(attempt, std::move(items), loop_.now().steady);
                       });
                 },
                 [&](DescribeAction& spans) {
                   run(
                       session, [spans](PeerReader& reader) { return reader.describe_spans(spans); },
                       [this, &session](std::uint64_t attempt, Description description) {
                         session.sender.on_described(attempt, std::move(description), loop_.now().steady);
                       });
                 },
                 [&](const BuildAction& batch) { build(session, batch); },
                 [&](const ContinueAction& next) {
                   run(
                       session, [batch = next.batch](PeerReader& reader) { return reader.next(batch); },
                       built(next.batch));
                 },
                 [&](FeedAction& feed) {
                   run(
                       session,
                       [batch = feed.batch, body = std::move(feed.body)](PeerReader& reader) {
                         return reader.feed(batch, body);
                       },
                       built(feed.batch));
                 },
                 [&](SortAheadAction& ahead) {
                   run(
                       session,
                       [keys = std::move(ahead.keys)](PeerReader& reader) { return reader.sort_ahead(keys); },
                       [this, &session](std::uint64_t attempt, PeerReader::Sorted sorted) {
                         session.sender.on_sorted(attempt, std::move(sorted.deleted),
                                                  std::move(sorted.absent), loop_.now().steady,
                                                  std::move(sorted.messages));
                       });
                 },
                 [&](AdoptAction& frame) { adopt(session, std::move(frame)); },
                 [&](const StopBuildsAction&) {
                   session.set->drop_adoptions(options_.peer);
                   session.strand.post([&session] {
                     if (session.reader) {
                       session.reader->stop_builds();
                     }
                   });
                 },
                 [&](const AcknowledgedAction& acknowledged) {
                   session.set->acknowledged(options_.peer, acknowledged.position);
                   count_pending(session);
                 },
                 [&](ComparedAction& compared) {
                   if (auto done = std::exchange(session.compared, {})) {
                     done(std::move(compared));
                   }
                 },
                 [&](const SenderEvent& event) { on_event(session, event); },
             },
             action);
}

void OriginPeer::adopt(Session& session, AdoptAction action) {
  const std::uint64_t attempt = session.sender.attempt();
  const std::uint64_t number = action.number;
  const bool last = action.last;
  const auto done = [this, &session, attempt, number, last](const Result<SetStore::Adopted>& adopted) {
    const Now& now = loop_.now();
    if (!adopted.ok()) {
      session.sender.on_work_failed(attempt, adopted.error(), now.steady);
    } else {
      if (last) {
        log_.warn("set.adopted", {{"set", session.set->config().name},
                                  {"peer", options_.peer},
                                  {"missed", adopted->missed},
                                  {"reason", adopted->why}});
      }
      session.sender.on_adopted(attempt, number, last, adopted->head, adopted->missed, now.steady);
    }
    advance(now);
  };
  session.set->adopt(options_.peer, std::move(action), done);
}

void OriginPeer::build(Session& session, const BuildAction& action) {
  for (const ItemToBuild& item : action.items) {
    if (item.size > kWholeFileBytesMax) {
      session.set->want_signatures(item.key);
    }
  }
  run(
      session, [action](PeerReader& reader) { return reader.build(action); },
      [this, &session, batch = action.batch](std::uint64_t attempt, PeerReader::Built result) {
        on_built(session, attempt, batch, std::move(result));
      });
}

void OriginPeer::on_built(Session& session, std::uint64_t attempt, std::uint64_t batch,
                          PeerReader::Built built) {
  const Now& now = loop_.now();
  for (const SkippedItem& item : built.skipped) {
    log_.debug("source.skipped",
               {{"set", session.set->config().name}, {"item", escape(item.key)}, {"reason", item.what}});
    session.set->look_again(item.key, now);
  }
  if (built.need) {
    session.sender.on_need(attempt, batch, std::move(*built.need), now.steady);
  } else if (built.frame) {
    session.sender.on_frame(attempt, batch, std::move(*built.frame), built.last, !built.skipped.empty(),
                            now.steady);
  }
}

// ---------------------------------------------------------------- data
std::uint64_t OriginPeer::in_flight() const {
  std::uint64_t bytes = 0;
  for (const auto& session : sessions_) {
    bytes += session->sender.bytes_in_flight();
  }
  return bytes;
}

void OriginPeer::send_set(Session& session, const SetMessage& message) {
  auto bytes = message_of(session.number, session.sender.attempt(), wire::Lane::Control, message);
  if (bytes.ok()) {
    session.link_bytes += bytes->size();
    send(kControl, std::move(bytes).value());
  } else {
    log_.error("link.message_too_large", bytes.error(), {{"peer", options_.peer}});
  }
}

void OriginPeer::pump_data(const Now& now) {
  for (int i = 0; i < kFramesPerTurn && link_.status().state == LinkState::Up; ++i) {
    if (!send_data(now)) {
      return;
    }
  }
}

// One frame onto a flow with room. False: nothing to send, or no room, or no credit.
bool OriginPeer::send_data(const Now& now) {
  for (std::size_t tried = 0; !stuck_ && tried < sessions_.size(); ++tried) {
    Session& session = *sessions_[next_session_ % sessions_.size()];
    ++next_session_;
    const std::uint64_t used = in_flight();
    const std::uint64_t attempt = session.sender.attempt();
    auto data = session.sender.next_data(window_bytes_ > used ? window_bytes_ - used : 0, now.steady);
    if (data) {
      auto bytes = message_of(session.number, attempt, wire::Lane::Bulk, SetMessage(std::move(*data)));
      if (bytes.ok()) {
        session.link_bytes += bytes->size();
        stuck_ = std::move(bytes).value();
        stuck_of_ = &session;
      } else {
        session.sender.on_work_failed(attempt, bytes.error(), now.steady);
      }
    }
  }
  if (!stuck_) {
    return false;
  }
  backlogged_ = true;
  const std::size_t flows = lanes_.size() - kFirstBulk;
  for (std::size_t tried = 0; tried < flows; ++tried) {
    Lane& lane = lanes_[kFirstBulk + next_flow_++ % flows];
    const std::size_t size = stuck_->size();
    const auto sent = lane.dealer->send(std::move(*stuck_));
    if (sent.ok() && *sent) {
      lane.sent_bytes += size;
      stuck_.reset();
      return true;
    }
  }
  for (std::size_t i = kFirstBulk; i < lanes_.size(); ++i) {
    lanes_[i].dealer->want_write(lanes_[i].connected);
  }
  return false;
}

// ---------------------------------------------------------------- what is left
void OriginPeer::count_pending(Session& session) {
  if (session.counting) {
    return;
  }
  session.counting = true;
  const auto acknowledged = session.sender.status().acknowledged;
  session.strand.post([this, &session, after = acknowledged ? acknowledged->sequence : 0] {
    auto reader = reader_of(session);
    auto pending = reader.ok() ? (*reader)->pending(after) : Result<Pending>(reader.error());
    loop_.post_or_wait([&session, pending = std::move(pending)] {
      session.counting = false;
      if (pending.ok()) {
        session.pending = *pending;
      }
    });
  });
}

}  // namespace ha::replicator
