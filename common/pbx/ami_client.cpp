#include "common/pbx/ami_client.h"

#include <algorithm>
#include <utility>

#include "common/pbx/session_pump.h"

namespace ha::pbx {

Result<AmiClient> AmiClient::open(const PbxAddress& at, const AmiLogin& login, const Patience& patience) {
  auto connection = Connection::open(at, patience);
  if (!connection.ok()) {
    return std::move(connection).error().in("AMI " + at.text());
  }
  AmiClient out(at, std::move(connection).value(), std::make_unique<AmiSession>(login, patience.until));
  while (out.session_->state() != AmiSession::State::Ready) {
    HA_CHECK(out.turn(patience));
  }
  return out;
}

Error AmiClient::in_context(Error error) const {
  return std::move(error).in("AMI " + at_.text());
}

// Ok: there may be something new.
Status AmiClient::turn(const Patience& patience) {
  auto pumped = pump(connection_, *session_, unsent_, patience);
  if (pumped.ok() && is_over()) {
    pumped = *session_->error();
  }
  return pumped.ok() ? std::move(pumped) : in_context(std::move(pumped).error());
}

Result<AmiAnswer> AmiClient::perform(const AmiAction& action, const Patience& patience) {
  const auto id = session_->start(action, patience.until, read_clocks().steady);
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

Result<std::optional<AmiMessage>> AmiClient::next_event(const Patience& patience) {
  for (;;) {
    if (auto event = session_->next_event()) {
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
      return session_->next_event();
    }
  }
}

Result<Duration> AmiClient::ping(const Patience& patience) {
  HA_TRY(const AmiAnswer answer, perform({"Ping"}, patience));
  HA_CHECK(answer.check());
  return answer.took;
}

Status AmiClient::wait_booted(const Patience& patience) {
  HA_TRY(const auto lines, command("core waitfullybooted", patience));
  const bool is_booted = std::any_of(lines.begin(), lines.end(), [](const std::string& line) {
    return line.find("fully booted") != std::string::npos;
  });
  return is_booted ? ok() : in_context(Error(Code::Corrupt, "no answer to core waitfullybooted"));
}

Result<CoreStatus> AmiClient::core_status(const Patience& patience) {
  HA_TRY(const AmiAnswer answer, perform(ask_core_status(), patience));
  return read_core_status(answer);
}

Result<ChannelCounts> AmiClient::channels(const Patience& patience) {
  HA_TRY(const AmiAnswer answer, perform(ask_channels(), patience));
  return read_channels(answer);
}

Result<std::vector<PjsipContact>> AmiClient::contacts(const Patience& patience) {
  HA_TRY(const AmiAnswer answer, perform(ask_contacts(), patience));
  return read_contacts(answer);
}

Result<std::vector<PjsipContact>> AmiClient::contacts_of(std::string_view endpoint,
                                                         const Patience& patience) {
  HA_TRY(const AmiAnswer answer, perform(ask_endpoint(endpoint), patience));
  return read_contacts(answer);
}

Result<std::vector<OutboundRegistration>> AmiClient::outbound_registrations(const Patience& patience) {
  HA_TRY(const AmiAnswer answer, perform(ask_outbound_registrations(), patience));
  return read_outbound_registrations(answer);
}

Result<std::vector<std::string>> AmiClient::command(std::string_view command, const Patience& patience) {
  HA_TRY(const AmiAnswer answer, perform(ask_command(command), patience));
  return read_command(answer);
}

Status AmiClient::user_event(std::string_view name, const std::vector<Field>& fields,
                             const Patience& patience) {
  HA_TRY(const AmiAnswer answer, perform(send_user_event(name, fields), patience));
  return answer.check();
}

Status AmiClient::put(std::string_view family, std::string_view key, std::string_view value,
                      const Patience& patience) {
  HA_TRY(const AmiAction action, put_db(family, key, value));
  HA_TRY(const AmiAnswer answer, perform(action, patience));
  return read_db_change(answer);
}

Status AmiClient::erase(std::string_view family, std::string_view key, const Patience& patience) {
  HA_TRY(const AmiAnswer answer, perform(delete_db(family, key), patience));
  return read_db_change(answer);
}

Result<std::vector<AstDbRow>> AmiClient::tree(std::string_view family, const Patience& patience) {
  HA_TRY(const AmiAnswer answer, perform(ask_db_tree(family), patience));
  return read_db_tree(answer);
}

Result<Duration> AmiClient::probe_db(std::string_view family, std::string_view key, std::string_view value,
                                     const Patience& patience, Duration commit_wait) {
  HA_TRY(const AmiAction action, put_db(family, key, value));
  HA_TRY(const AmiAnswer written, perform(action, patience));
  HA_CHECK(read_db_change(written));
  const Patience commit{std::min(patience.until, read_clocks().steady + commit_wait), patience.cancel_fd};
  while (read_clocks().steady < commit.until) {
    HA_CHECK(turn(commit));
  }
  HA_TRY(const std::vector<AstDbRow> rows, tree(family, patience));
  const std::string wanted = "/" + std::string(family) + "/" + std::string(key);
  const bool is_kept = std::any_of(
      rows.begin(), rows.end(), [&](const AstDbRow& row) { return row.key == wanted && row.value == value; });
  if (!is_kept) {
    return in_context(Error(Code::Conflict, "AstDB has acknowledged " + in_quotes(wanted) + " and lost it",
                            "does something else have astdb.sqlite3 open?"));
  }
  HA_CHECK(erase(family, key, patience));
  return written.took;
}

}  // namespace ha::pbx
