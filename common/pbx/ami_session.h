// One connection to Asterisk's manager, without the connection: login, actions with deadlines, events.
//
// Sans-IO: bytes and time come in, bytes, answers and events are taken out. When it is over it says why and
// stays over; connecting again is the caller's, with a new one. An action's deadline ends the waiting only:
// its place among kAmiPendingMax is free when Asterisk has answered, so one that answers nothing is seen.
// Pure; one thread. Source: docs/pbx.md, "AMI".
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/pbx/ami.h"
#include "common/pbx/event_queue.h"

namespace ha::pbx {

inline constexpr std::size_t kAmiPendingMax = 64;

struct AmiSessionLimits {
  AmiLimits decoder;
  std::size_t items_max = 50'000;  // of a list
  std::size_t item_bytes_max = std::size_t{32} << 20;
  std::size_t events_max = 10'000;
  std::size_t event_bytes_max = std::size_t{16} << 20;
};

struct AmiLogin {
  std::string user;
  BytesView secret;            // borrowed until the greeting has come
  std::string events = "off";  // or "on", or classes: "system,call,user"; FullyBooted needs "system"
};

struct AmiAnswer {
  AmiMessage response;
  std::vector<AmiMessage> items;  // of a list
  AmiMessage end;                 // of a list: what says that it is complete
  Duration took{};

  // Asterisk's "Response: Error" as an Error: Denied without the permission, Unsupported when it does not
  // know the action, else Invalid, with its message.
  [[nodiscard]] Status check() const;
};

struct AmiDone {
  std::uint64_t id = 0;
  // TimedOut; Exhausted: its list was too long; or why the session is over.
  Result<AmiAnswer> answer;
};

class AmiSession {
 public:
  enum class State { Greeting, LoggingIn, Ready, Over };

  // Logged in by `until`, or over.
  AmiSession(const AmiLogin& login, SteadyTime until, const AmiSessionLimits& limits = {});

  void on_bytes(BytesView bytes, SteadyTime now);
  void on_closed();  // the connection has ended
  void on_tick(SteadyTime now);
  // When on_tick() has something to do at the latest; nullopt: nothing is waited for.
  [[nodiscard]] std::optional<SteadyTime> next_wakeup() const;

  // Its id, which comes back in next_done(). Unavailable unless Ready; Exhausted with kAmiPendingMax
  // unanswered; Invalid as encode_action() has it.
  [[nodiscard]] Result<std::uint64_t> start(const AmiAction& action, SteadyTime until, SteadyTime now);

  // To be sent now; empty: nothing.
  [[nodiscard]] Bytes take_output();
  [[nodiscard]] std::optional<AmiDone> next_done();
  [[nodiscard]] std::optional<AmiMessage> next_event() { return events_.next(); }

  [[nodiscard]] State state() const noexcept { return state_; }
  // Why it is over. Denied: user or secret; Corrupt, Exhausted: see AmiDecoder; TimedOut: no login;
  // Unavailable: the connection ended.
  [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }
  // FullyBooted has come; only a login whose events include "system" hears it.
  [[nodiscard]] bool fully_booted() const noexcept { return fully_booted_; }
  [[nodiscard]] const std::optional<std::string>& version() const noexcept { return decoder_.version(); }
  [[nodiscard]] std::uint64_t events_lost() const noexcept { return events_.lost(); }
  [[nodiscard]] std::size_t unanswered() const noexcept { return pending_.size(); }

 private:
  struct Pending {
    std::string action;
    SteadyTime sent;
    SteadyTime until;
    bool is_waited_for = true;
    bool is_list = false;
    std::size_t item_bytes = 0;
    AmiAnswer answer;
  };
  using Place = std::map<std::uint64_t, Pending>::iterator;

  void log_in();
  void take(AmiMessage message, SteadyTime now);
  void take_login_answer(const AmiMessage& message);
  void take_item(Place place, AmiMessage message, SteadyTime now);
  void finish(Place place, Result<AmiAnswer> answer);
  void fail(Error error);

  AmiLogin login_;
  SteadyTime login_until_;
  AmiSessionLimits limits_;
  AmiDecoder decoder_;
  State state_ = State::Greeting;
  std::optional<Error> error_;
  bool fully_booted_ = false;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, Pending> pending_;  // by id
  std::deque<AmiDone> done_;
  EventQueue<AmiMessage> events_;
  Bytes output_;
};

}  // namespace ha::pbx
