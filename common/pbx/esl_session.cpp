#include "common/pbx/esl_session.h"

#include <algorithm>
#include <utility>

namespace ha::pbx {
namespace {

constexpr std::string_view kJobEvent = "BACKGROUND_JOB";

bool is_good(std::string_view reply) {
  return reply.starts_with("+OK");
}

}  // namespace

Status EslAnswer::check() const {
  if (!text.starts_with("-ERR") && !text.starts_with("-USAGE")) {
    return ok();
  }
  const bool is_unknown =
      text.find("ommand not found") != std::string::npos;  // of the socket, or of api: "Command not found!"
  return Error(is_unknown ? Code::Unsupported : Code::Invalid, escape(trimmed(text)));
}

EslSession::EslSession(const EslLogin& login, SteadyTime until, const EslSessionLimits& limits)
    : login_(login),
      login_until_(until),
      decoder_(limits.decoder),
      events_(limits.events_max, limits.event_bytes_max) {}

void EslSession::on_bytes(BytesView bytes, SteadyTime now) {
  decoder_.feed(bytes);
  while (state_ != State::Over) {
    auto frame = decoder_.next();
    if (!frame.ok()) {
      fail(std::move(frame).error());
      return;
    }
    if (!frame->has_value()) {
      return;
    }
    take(std::move(**frame), now);
  }
}

void EslSession::on_closed() {
  fail(Error(Code::Unavailable, state_ == State::Ready
                                    ? "FreeSWITCH has ended the connection"
                                    : "FreeSWITCH has ended the connection before the login"));
}

void EslSession::on_tick(SteadyTime now) {
  if (state_ == State::Over) {
    return;
  }
  if (state_ != State::Ready) {
    if (now >= login_until_) {
      fail(Error(Code::TimedOut, state_ == State::Greeting ? "no greeting from FreeSWITCH"
                                                           : "no answer to the login from FreeSWITCH"));
    }
    return;
  }
  for (Pending& each : owed_) {
    expire(each, now);
  }
  for (auto at = jobs_.begin(); at != jobs_.end();) {
    expire(at->second, now);
    at = at->second.is_waited_for ? std::next(at) : jobs_.erase(at);  // a late event belongs to nobody
  }
}

void EslSession::expire(Pending& pending, SteadyTime now) {
  if (pending.is_waited_for && now >= pending.until) {
    pending.is_waited_for = false;
    done_.push_back({pending.id, Error(Code::TimedOut, "no answer to " + pending.name)});
  }
}

std::optional<SteadyTime> EslSession::next_wakeup() const {
  if (state_ == State::Over) {
    return std::nullopt;
  }
  if (state_ != State::Ready) {
    return login_until_;
  }
  std::optional<SteadyTime> first;
  const auto look = [&](const Pending& pending) {
    if (pending.is_waited_for && (!first || pending.until < *first)) {
      first = pending.until;
    }
  };
  std::for_each(owed_.begin(), owed_.end(), look);
  for (const auto& [uuid, pending] : jobs_) {
    look(pending);
  }
  return first;
}

Result<std::uint64_t> EslSession::start(const EslCommand& command, SteadyTime until, SteadyTime now) {
  if (state_ != State::Ready) {
    return error_ ? *error_ : Error(Code::Unavailable, "not logged in to FreeSWITCH");
  }
  if (unanswered() >= kEslPendingMax) {
    return Error(Code::Exhausted,
                 "FreeSWITCH has not answered " + std::to_string(unanswered()) + " commands");
  }
  owed_.push_back({++last_id_, command.kind, command.name, now, until, true});
  output_ += command.wire;
  return last_id_;
}

Bytes EslSession::take_output() {
  return std::exchange(output_, Bytes());
}

std::optional<EslDone> EslSession::next_done() {
  if (done_.empty()) {
    return std::nullopt;
  }
  std::optional<EslDone> first(std::move(done_.front()));
  done_.pop_front();
  return first;
}

void EslSession::take(EslFrame frame, SteadyTime now) {
  const std::string_view type = frame.type();
  if (same_name(type, "text/disconnect-notice")) {
    take_notice(frame);
  } else if (same_name(type, "text/rude-rejection")) {
    fail(Error(Code::Denied, "FreeSWITCH does not admit this address",
               "see apply-inbound-acl in event_socket.conf.xml"));
  } else if (state_ != State::Ready) {
    take_before_ready(frame);
  } else if (same_name(type, "command/reply") || same_name(type, "api/response")) {
    take_answer(std::move(frame), now);
  } else if (type.starts_with("text/event-")) {
    take_event(frame, now);
  }  // what is left are lines of the log, which nobody has asked for
}

void EslSession::take_before_ready(const EslFrame& frame) {
  const std::string_view reply = frame.headers.text("Reply-Text");
  const bool is_reply = same_name(frame.type(), "command/reply");
  if (state_ == State::Greeting) {
    if (!same_name(frame.type(), "auth/request")) {
      fail(Error(Code::Corrupt, "it greets with a frame of type " + in_quotes(frame.type()) +
                                    ", which is no FreeSWITCH event socket"));
      return;
    }
    send(esl_auth(login_.password), State::LoggingIn);
    login_.password = {};
  } else if (is_reply && state_ == State::LoggingIn) {
    if (!is_good(reply)) {
      fail(Error(Code::Denied, "FreeSWITCH refuses the password: " + escape(reply),
                 "see password in event_socket.conf.xml"));
      return;
    }
    std::vector<std::string> events = login_.events;
    events.insert(events.begin(), std::string(kJobEvent));
    send(esl_subscribe(login_.format, events, login_.subclasses), State::Subscribing);
  } else if (is_reply && state_ == State::Subscribing) {
    if (!is_good(reply)) {
      fail(Error(Code::Invalid, "FreeSWITCH refuses the subscription: " + escape(reply)));
      return;
    }
    state_ = State::Ready;
  }
}

void EslSession::send(const Result<EslCommand>& command, State then) {
  if (!command.ok()) {
    fail(command.error());
    return;
  }
  output_ += command.value().wire;
  state_ = then;
}

void EslSession::take_answer(EslFrame frame, SteadyTime now) {
  if (owed_.empty()) {
    fail(Error(Code::Corrupt, "FreeSWITCH answers what nobody has asked"));
    return;
  }
  const bool is_output = same_name(frame.type(), "api/response");
  if (is_output && owed_.front().kind != EslAnswerKind::Api) {
    fail(Error(Code::Corrupt,
               "FreeSWITCH answers " + owed_.front().name + " with the output of another command"));
    return;
  }
  Pending pending = std::move(owed_.front());
  owed_.pop_front();
  const std::string_view job = frame.headers.text("Job-UUID");
  if (pending.kind == EslAnswerKind::Job && pending.is_waited_for && !job.empty()) {
    jobs_[std::string(job)] = std::move(pending);
    return;
  }
  if (pending.is_waited_for) {
    Bytes text = is_output ? std::move(frame.body) : Bytes(frame.headers.text("Reply-Text"));
    done_.push_back({pending.id, EslAnswer{std::move(text), now - pending.sent}});
  }
}

void EslSession::take_event(const EslFrame& frame, SteadyTime now) {
  auto event = read_event(frame);
  if (!event.ok()) {
    ++events_unreadable_;
    return;
  }
  if (event->name() == kJobEvent) {
    const auto job = jobs_.find(std::string(event->text("Job-UUID")));
    if (job != jobs_.end()) {
      done_.push_back({job->second.id, EslAnswer{std::move(event->body), now - job->second.sent}});
      jobs_.erase(job);
      return;
    }
    // Of others, who share FreeSWITCH with us.
    if (std::find(login_.events.begin(), login_.events.end(), kJobEvent) == login_.events.end()) {
      return;
    }
  }
  events_.add(std::move(event).value());
}

void EslSession::take_notice(const EslFrame& frame) {
  if (same_name(frame.headers.text("Content-Disposition"), "linger")) {
    return;  // the connection stays for a while
  }
  const std::string_view first_line = split(frame.body, '\n').front();
  fail(Error(Code::Unavailable, "FreeSWITCH ends the connection: " + escape(first_line)));
}

void EslSession::fail(Error error) {
  if (state_ == State::Over) {
    return;
  }
  state_ = State::Over;
  output_.clear();
  login_.password = {};
  for (const Pending& each : owed_) {
    if (each.is_waited_for) {
      done_.push_back({each.id, error});
    }
  }
  for (const auto& [uuid, pending] : jobs_) {
    done_.push_back({pending.id, error});
  }
  owed_.clear();
  jobs_.clear();
  error_ = std::move(error);
}

}  // namespace ha::pbx
