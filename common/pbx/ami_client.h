// Asterisk's manager interface over a connection that is kept: for workers, which it blocks.
//
// Each call waits until its patience is over at the latest. Events that come meanwhile wait for next_event().
// When is_over(), a new one has to be made, with the caller's backoff. Thread safety: one thread.
// Source: docs/pbx.md, "AMI".
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/pbx/address.h"
#include "common/pbx/ami_session.h"
#include "common/pbx/asterisk.h"
#include "common/pbx/connection.h"

namespace ha::pbx {

// Asterisk commits at most once a second.
inline constexpr Duration kAstDbCommitWait = std::chrono::milliseconds(1'200);

class AmiClient {
 public:
  // Connected and logged in. Unavailable, TimedOut, Denied, Corrupt, Cancelled. A wrong secret is known after
  // a second: Asterisk takes its time.
  [[nodiscard]] static Result<AmiClient> open(const PbxAddress& at, const AmiLogin& login,
                                              const Patience& patience);

  // Whatever Asterisk answers, also its errors: see AmiAnswer::check().
  [[nodiscard]] Result<AmiAnswer> perform(const AmiAction& action, const Patience& patience);
  // nullopt: none has come.
  [[nodiscard]] Result<std::optional<AmiMessage>> next_event(const Patience& patience);
  [[nodiscard]] bool is_over() const noexcept { return session_->state() == AmiSession::State::Over; }
  [[nodiscard]] const AmiSession& session() const noexcept { return *session_; }

  // The round trip.
  [[nodiscard]] Result<Duration> ping(const Patience& patience);
  // Ok: all modules are loaded. Asterisk lets us in some 0.3 s before that; the connection is held up until
  // then, also for what is asked later.
  [[nodiscard]] Status wait_booted(const Patience& patience);
  [[nodiscard]] Result<CoreStatus> core_status(const Patience& patience);
  [[nodiscard]] Result<ChannelCounts> channels(const Patience& patience);
  [[nodiscard]] Result<std::vector<PjsipContact>> contacts(const Patience& patience);
  [[nodiscard]] Result<std::vector<PjsipContact>> contacts_of(std::string_view endpoint,
                                                              const Patience& patience);
  [[nodiscard]] Result<std::vector<OutboundRegistration>> outbound_registrations(const Patience& patience);
  [[nodiscard]] Result<std::vector<std::string>> command(std::string_view command, const Patience& patience);
  Status user_event(std::string_view name, const std::vector<Field>& fields, const Patience& patience);
  Status put(std::string_view family, std::string_view key, std::string_view value, const Patience& patience);
  Status erase(std::string_view family, std::string_view key, const Patience& patience);
  [[nodiscard]] Result<std::vector<AstDbRow>> tree(std::string_view family, const Patience& patience);

  // Writes a row, and looks for it after `commit_wait`; then it is deleted. How long the write took.
  // Conflict: Asterisk has acknowledged it and lost it.
  [[nodiscard]] Result<Duration> probe_db(std::string_view family, std::string_view key,
                                          std::string_view value, const Patience& patience,
                                          Duration commit_wait = kAstDbCommitWait);

 private:
  AmiClient(PbxAddress at, Connection connection, std::unique_ptr<AmiSession> session) noexcept
      : at_(std::move(at)), connection_(std::move(connection)), session_(std::move(session)) {}
  [[nodiscard]] Status turn(const Patience& patience);
  [[nodiscard]] Error in_context(Error error) const;

  PbxAddress at_;
  Connection connection_;
  std::unique_ptr<AmiSession> session_;
  Bytes unsent_;
};

}  // namespace ha::pbx
