// FreeSWITCH's event socket over a connection that is kept: for workers, which it blocks.
//
// Each call waits until its patience is over at the latest. Events that come meanwhile wait for next_event().
// When is_over(), a new one has to be made, with the caller's backoff. Thread safety: one thread.
// Source: docs/pbx.md, "ESL".
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/pbx/address.h"
#include "common/pbx/connection.h"
#include "common/pbx/esl_session.h"
#include "common/pbx/freeswitch.h"

namespace ha::pbx {

class EslClient {
 public:
  // Connected, logged in and subscribed. Unavailable, TimedOut, Denied, Invalid, Corrupt, Cancelled.
  [[nodiscard]] static Result<EslClient> open(const PbxAddress& at, EslLogin login, const Patience& patience);

  // Whatever FreeSWITCH answers, also its errors: see EslAnswer::check().
  [[nodiscard]] Result<EslAnswer> perform(const EslCommand& command, const Patience& patience);
  // "status": the output. The connection waits for it; a long one is better a job.
  [[nodiscard]] Result<EslAnswer> api(std::string_view command, const Patience& patience);
  [[nodiscard]] Result<EslAnswer> job(std::string_view command, const Patience& patience);
  // nullopt: none has come.
  [[nodiscard]] Result<std::optional<EslEvent>> next_event(const Patience& patience);
  [[nodiscard]] bool is_over() const noexcept { return session_->state() == EslSession::State::Over; }
  [[nodiscard]] const EslSession& session() const noexcept { return *session_; }

  // The round trip is AmiClient::ping()'s equal: answer.took of api("status").
  [[nodiscard]] Result<SwitchStatus> status(const Patience& patience);
  [[nodiscard]] Result<std::uint64_t> calls(const Patience& patience);
  [[nodiscard]] Result<std::uint64_t> channels(const Patience& patience);
  [[nodiscard]] Result<std::uint64_t> registrations(const Patience& patience);
  [[nodiscard]] Result<std::vector<Gateway>> gateways(const Patience& patience);
  [[nodiscard]] Result<Gateway> gateway(std::string_view name, const Patience& patience);
  // CUSTOM hareplicate::<name>.
  Status send_event(std::string_view name, const std::vector<Field>& fields, const Patience& patience);

  // An event of ours goes through FreeSWITCH's event thread and comes back: how long that took. TimedOut is
  // what a hanging event thread looks like.
  [[nodiscard]] Result<Duration> prove_events(const Patience& patience);

 private:
  EslClient(PbxAddress at, Connection connection, std::unique_ptr<EslSession> session) noexcept
      : at_(std::move(at)), connection_(std::move(connection)), session_(std::move(session)) {}
  [[nodiscard]] Status turn(const Patience& patience);
  void sort_events();
  [[nodiscard]] Error in_context(Error error) const;

  PbxAddress at_;
  Connection connection_;
  std::unique_ptr<EslSession> session_;
  Bytes unsent_;
  EventQueue<EslEvent> events_{10'000, std::size_t{16} << 20};
  std::string proof_;  // that is under way
  bool proof_has_come_ = false;
  std::uint64_t proofs_ = 0;
};

}  // namespace ha::pbx
