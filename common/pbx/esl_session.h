// One connection to FreeSWITCH's event socket, without the connection: login, commands with deadlines,
// events.
//
// Sans-IO, as AmiSession. Answers have no ids and come in the order of the commands: one that is late holds
// up those behind it, also after its deadline; a job (bgapi) holds up nothing. The session subscribes to
// BACKGROUND_JOB for itself. Pure; one thread. Source: docs/pbx.md, "ESL".
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/pbx/esl.h"
#include "common/pbx/event_queue.h"

namespace ha::pbx {

inline constexpr std::size_t kEslPendingMax = 64;

struct EslSessionLimits {
  EslLimits decoder;
  std::size_t events_max = 10'000;
  std::size_t event_bytes_max = std::size_t{16} << 20;
};

struct EslLogin {
  BytesView password;                     // borrowed until FreeSWITCH has asked for it
  std::vector<std::string> events{};      // "HEARTBEAT"; FreeSWITCH does not say if it knows them
  std::vector<std::string> subclasses{};  // of CUSTOM: "sofia::register"
  EslFormat format = EslFormat::Plain;
};

struct EslAnswer {
  Bytes text;  // of a command its Reply-Text, of api and bgapi the output
  Duration took{};

  // "-ERR …" and "-USAGE …" as an Error: Unsupported when FreeSWITCH does not know the command, else Invalid.
  [[nodiscard]] Status check() const;
};

struct EslDone {
  std::uint64_t id = 0;
  Result<EslAnswer> answer;  // TimedOut; or why the session is over
};

class EslSession {
 public:
  enum class State { Greeting, LoggingIn, Subscribing, Ready, Over };

  // Logged in by `until`, or over.
  EslSession(const EslLogin& login, SteadyTime until, const EslSessionLimits& limits = {});

  void on_bytes(BytesView bytes, SteadyTime now);
  void on_closed();  // the connection has ended
  void on_tick(SteadyTime now);
  // When on_tick() has something to do at the latest; nullopt: nothing is waited for.
  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const;

  // Its id, which comes back in next_done(). Unavailable unless Ready; Exhausted with kEslPendingMax
  // unanswered.
  [[nodiscard]] Result<std::uint64_t> start(const EslCommand& command, SteadyTime until, SteadyTime now);

  // To be sent now; empty: nothing.
  [[nodiscard]] Bytes take_output();
  [[nodiscard]] std::optional<EslDone> next_done();
  [[nodiscard]] std::optional<EslEvent> next_event() { return events_.next(); }

  [[nodiscard]] State state() const noexcept { return state_; }
  // Why it is over. Denied: password or access list; Corrupt, Exhausted: see EslDecoder; TimedOut: no login;
  // Invalid: FreeSWITCH does not know an event of the login; Unavailable: the connection ended.
  [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }
  [[nodiscard]] std::uint64_t events_lost() const noexcept { return events_.lost(); }
  // That did not parse, and were dropped.
  [[nodiscard]] std::uint64_t events_unreadable() const noexcept { return events_unreadable_; }
  [[nodiscard]] std::size_t unanswered() const noexcept { return owed_.size() + jobs_.size(); }

 private:
  struct Pending {
    std::uint64_t id = 0;
    EslAnswerKind kind = EslAnswerKind::Reply;
    std::string name;
    SteadyTime sent;
    SteadyTime until;
    bool is_waited_for = true;
  };

  void take(EslFrame frame, SteadyTime now);
  void take_before_ready(const EslFrame& frame);
  void take_answer(EslFrame frame, SteadyTime now);
  void take_event(const EslFrame& frame, SteadyTime now);
  void take_notice(const EslFrame& frame);
  void send(const Result<EslCommand>& command, State then);
  void expire(Pending& pending, SteadyTime now);
  void fail(Error error);

  EslLogin login_;
  SteadyTime login_until_;
  EslDecoder decoder_;
  State state_ = State::Greeting;
  std::optional<Error> error_;
  std::uint64_t last_id_ = 0;
  std::deque<Pending> owed_;             // answers, in the order in which they will come
  std::map<std::string, Pending> jobs_;  // by Job-UUID
  std::deque<EslDone> done_;
  EventQueue<EslEvent> events_;
  std::uint64_t events_unreadable_ = 0;
  Bytes output_;
};

}  // namespace ha::pbx
