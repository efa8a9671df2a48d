#include "common/pbx/ami_session.h"

#include <utility>

namespace ha::pbx {
namespace {

// Actions have numbers as ids; this one is none of them.
constexpr std::string_view kLoginId = "login";

}  // namespace

Status AmiAnswer::check() const {
  if (!same_name(response.response(), "Error")) {
    return ok();
  }
  const std::string_view message = trimmed(response.text("Message"));
  if (message == "Permission denied") {
    return Error(Code::Denied, "permission denied", "see read and write of the user in manager.conf");
  }
  const bool is_unknown = message.starts_with("Invalid/unknown command");
  return Error(is_unknown ? Code::Unsupported : Code::Invalid, escape(message));
}

AmiSession::AmiSession(const AmiLogin& login, SteadyTime until, const AmiSessionLimits& limits)
    : login_(login),
      login_until_(until),
      limits_(limits),
      decoder_(limits.decoder),
      events_(limits.events_max, limits.event_bytes_max) {}

void AmiSession::on_bytes(BytesView bytes, SteadyTime now) {
  decoder_.feed(bytes);
  while (state_ != State::Over) {
    auto message = decoder_.next();
    if (!message.ok()) {
      fail(std::move(message).error());
      return;
    }
    if (state_ == State::Greeting && decoder_.version()) {
      log_in();
    }
    if (!message->has_value()) {
      return;
    }
    take(std::move(**message), now);
  }
}

void AmiSession::log_in() {
  // Without a class of events, or with an empty one, Asterisk sends all.
  auto bytes = encode_action({"Login",
                              {{"Username", login_.user},
                               {"Secret", std::string(login_.secret)},
                               {"Events", login_.events.empty() ? "off" : login_.events}}},
                             kLoginId);
  login_.secret = {};
  if (!bytes.ok()) {
    fail(std::move(bytes).error());
    return;
  }
  output_ += bytes.value();
  state_ = State::LoggingIn;
}

void AmiSession::on_closed() {
  fail(Error(Code::Unavailable, state_ == State::Ready
                                    ? "Asterisk has ended the connection"
                                    : "Asterisk has ended the connection before the login"));
}

void AmiSession::on_tick(SteadyTime now) {
  if ((state_ == State::Greeting || state_ == State::LoggingIn) && now >= login_until_) {
    fail(Error(Code::TimedOut, state_ == State::Greeting ? "no greeting from Asterisk"
                                                         : "no answer to the login from Asterisk"));
    return;
  }
  for (auto at = pending_.begin(); at != pending_.end(); ++at) {
    Pending& pending = at->second;
    if (pending.is_waited_for && now >= pending.until) {
      pending.is_waited_for = false;
      pending.answer = {};
      done_.push_back({at->first, Error(Code::TimedOut, "no answer to " + pending.action)});
    }
  }
}

std::optional<SteadyTime> AmiSession::next_wakeup() const {
  if (state_ == State::Greeting || state_ == State::LoggingIn) {
    return login_until_;
  }
  std::optional<SteadyTime> first;
  for (const auto& [id, pending] : pending_) {
    if (pending.is_waited_for && (!first || pending.until < *first)) {
      first = pending.until;
    }
  }
  return first;
}

Result<std::uint64_t> AmiSession::start(const AmiAction& action, SteadyTime until, SteadyTime now) {
  if (state_ != State::Ready) {
    return error_ ? *error_ : Error(Code::Unavailable, "not logged in to Asterisk");
  }
  if (pending_.size() >= kAmiPendingMax) {
    return Error(Code::Exhausted, "Asterisk has not answered " + std::to_string(pending_.size()) +
                                      " actions, the first of them " + pending_.begin()->second.action);
  }
  const std::uint64_t id = last_id_ + 1;
  HA_TRY(const Bytes bytes, encode_action(action, std::to_string(id)));
  last_id_ = id;
  pending_[id] = {action.name, now, until, true, false, 0, {}};
  output_ += bytes;
  return id;
}

Bytes AmiSession::take_output() {
  return std::exchange(output_, Bytes());
}

std::optional<AmiDone> AmiSession::next_done() {
  if (done_.empty()) {
    return std::nullopt;
  }
  std::optional<AmiDone> first(std::move(done_.front()));
  done_.pop_front();
  return first;
}

void AmiSession::take(AmiMessage message, SteadyTime now) {
  const bool is_event = !message.event().empty();
  const std::string_view id = message.text("ActionID");
  if (same_name(message.event(), "FullyBooted")) {
    fully_booted_ = true;
  }
  if (state_ == State::LoggingIn && !is_event && id == kLoginId) {
    take_login_answer(message);
    return;
  }
  const auto number = whole_number(id);
  const auto place = number ? pending_.find(*number) : pending_.end();
  if (place == pending_.end() || (is_event && !place->second.is_list)) {
    // An answer without an id says that something of ours was wrong; whose it was is not known, and its
    // deadline will tell. An event may carry the id of an action that is over.
    if (is_event) {
      events_.add(std::move(message));
    }
    return;
  }
  if (is_event) {
    take_item(place, std::move(message), now);
    return;
  }
  Pending& pending = place->second;
  pending.is_list = same_name(message.text("EventList"), "start");
  pending.answer.response = std::move(message);
  if (!pending.is_list) {
    pending.answer.took = now - pending.sent;
    finish(place, std::move(pending.answer));
  }
}

void AmiSession::take_login_answer(const AmiMessage& message) {
  if (same_name(message.response(), "Success")) {
    state_ = State::Ready;
    return;
  }
  fail(Error(Code::Denied, "Asterisk refuses the login: " + escape(trimmed(message.text("Message"))),
             "see user, secret and permit in manager.conf"));
}

void AmiSession::take_item(Place place, AmiMessage message, SteadyTime now) {
  Pending& pending = place->second;
  if (same_name(message.text("EventList"), "Complete") || same_name(message.text("EventList"), "Cancelled")) {
    pending.answer.end = std::move(message);
    pending.answer.took = now - pending.sent;
    finish(place, std::move(pending.answer));
    return;
  }
  if (!pending.is_waited_for) {
    return;
  }
  pending.item_bytes += message.fields.bytes();
  if (pending.answer.items.size() >= limits_.items_max || pending.item_bytes > limits_.item_bytes_max) {
    pending.is_waited_for = false;
    pending.answer = {};
    done_.push_back(
        {place->first,
         Error(Code::Exhausted, pending.action + " lists more than " + std::to_string(limits_.items_max) +
                                    " items or " + std::to_string(limits_.item_bytes_max) + " bytes")});
    return;
  }
  pending.answer.items.push_back(std::move(message));
}

// Nobody waits for it: it only gives its place back.
void AmiSession::finish(Place place, Result<AmiAnswer> answer) {
  if (place->second.is_waited_for) {
    done_.push_back({place->first, std::move(answer)});
  }
  pending_.erase(place);
}

void AmiSession::fail(Error error) {
  if (state_ == State::Over) {
    return;
  }
  state_ = State::Over;
  output_.clear();
  login_.secret = {};
  for (auto& [id, pending] : pending_) {
    if (pending.is_waited_for) {
      done_.push_back({id, error});
    }
  }
  pending_.clear();
  error_ = std::move(error);
}

}  // namespace ha::pbx
