#include "common/pbx/esl_client.h"

#include <utility>

#include "common/pbx/session_pump.h"

namespace ha::pbx {
namespace {

constexpr std::string_view kProof = "proof";
constexpr std::string_view kProofField = "Proof";

}  // namespace

Result<EslClient> EslClient::open(const PbxAddress& at, EslLogin login, const Patience& patience) {
  auto connection = Connection::open(at, patience);
  if (!connection.ok()) {
    return std::move(connection).error().in("ESL " + at.text());
  }
  login.subclasses.push_back(std::string(kEslSubclassPrefix) + std::string(kProof));
  EslClient out(at, std::move(connection).value(), std::make_unique<EslSession>(login, patience.until));
  while (out.session_->state() != EslSession::State::Ready) {
    HA_CHECK(out.turn(patience));
  }
  return out;
}

Error EslClient::in_context(Error error) const {
  return std::move(error).in("ESL " + at_.text());
}

// Ok: there may be something new.
Status EslClient::turn(const Patience& patience) {
  auto pumped = pump(connection_, *session_, unsent_, patience);
  sort_events();
  if (pumped.ok() && is_over()) {
    pumped = *session_->error();
  }
  return pumped.ok() ? std::move(pumped) : in_context(std::move(pumped).error());
}

// Proofs, also of other clients, are not for next_event().
void EslClient::sort_events() {
  while (auto event = session_->next_event()) {
    if (our_custom_event(*event) != kProof) {
      events_.add(std::move(*event));
    } else if (!proof_.empty() && event->text(kProofField) == proof_) {
      proof_has_come_ = true;
    }
  }
}

Result<EslAnswer> EslClient::perform(const EslCommand& command, const Patience& patience) {
  const auto id = session_->start(command, patience.until, read_clocks().steady);
  if (!id.ok()) {
    return in_context(id.error());
  }
  for (;;) {
    while (auto done = session_->next_done()) {
      if (done->id == id.value()) {  // else of a call that was given up
        return done->answer.ok() ? std::move(done->answer) : in_context(std::move(done->answer).error());
      }
    }
    HA_CHECK(turn(patience));
  }
}

Result<EslAnswer> EslClient::api(std::string_view command, const Patience& patience) {
  HA_TRY(const EslCommand made, esl_api(command));
  return perform(made, patience);
}

Result<EslAnswer> EslClient::job(std::string_view command, const Patience& patience) {
  HA_TRY(const EslCommand made, esl_bgapi(command));
  return perform(made, patience);
}

Result<std::optional<EslEvent>> EslClient::next_event(const Patience& patience) {
  for (;;) {
    if (auto event = events_.next()) {
      return event;
    }
    if (is_over()) {
      return in_context(*session_->error());
    }
    const bool is_last = read_clocks().steady >= patience.until;
    auto turned = turn(patience);
    if (!turned.ok() && (!is_over() || turned.error().code() == Code::Cancelled)) {
      return std::move(turned).error();
    }
    if (is_last) {
      return events_.next();
    }
  }
}

Result<SwitchStatus> EslClient::status(const Patience& patience) {
  HA_TRY(const EslAnswer answer, api(kAskStatus, patience));
  return read_status(answer);
}

Result<std::uint64_t> EslClient::calls(const Patience& patience) {
  HA_TRY(const EslAnswer answer, api(kAskCalls, patience));
  return read_total(answer);
}

Result<std::uint64_t> EslClient::channels(const Patience& patience) {
  HA_TRY(const EslAnswer answer, api(kAskChannels, patience));
  return read_total(answer);
}

Result<std::uint64_t> EslClient::registrations(const Patience& patience) {
  HA_TRY(const EslAnswer answer, api(kAskRegistrations, patience));
  return read_total(answer);
}

Result<std::vector<Gateway>> EslClient::gateways(const Patience& patience) {
  HA_TRY(const EslAnswer answer, api(kAskGateways, patience));
  return read_gateways(answer);
}

Result<Gateway> EslClient::gateway(std::string_view name, const Patience& patience) {
  HA_TRY(const EslAnswer answer, api(std::string(kAskGateways) + " " + std::string(name), patience));
  return read_gateway(answer);
}

Status EslClient::send_event(std::string_view name, const std::vector<Field>& fields,
                             const Patience& patience) {
  HA_TRY(const EslCommand made, esl_send_event(name, fields));
  HA_TRY(const EslAnswer answer, perform(made, patience));
  return answer.check();
}

Result<Duration> EslClient::prove_events(const Patience& patience) {
  const SteadyTime begin = read_clocks().steady;
  // Different from that of every other client on this host.
  proof_ = std::to_string(begin.time_since_epoch().count()) + "-" + std::to_string(++proofs_);
  proof_has_come_ = false;
  HA_CHECK(send_event(kProof, {{std::string(kProofField), proof_}}, patience));
  for (;;) {
    const SteadyTime now = read_clocks().steady;
    if (proof_has_come_) {
      return now - begin;
    }
    if (now >= patience.until) {
      return in_context(Error(Code::TimedOut, "FreeSWITCH has taken an event of ours and not sent it back"));
    }
    HA_CHECK(turn(patience));
  }
}

}  // namespace ha::pbx
