// What an inviter says to machines that come with a token: the rules of docs/pairing.md, one decision a
// message.
//
// Sans-IO: who a message is from (the key of its connection), what it says and the time go in, what to do
// comes out. It writes nothing: on Admit the caller changes cluster.toml and then says welcomed() or
// refused(). Thread safety: none. Source: docs/pairing.md.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/sys/secret.h"
#include "replicator/config.h"
#include "tools/hareplicate/pair_codec.h"

namespace ha::tool {

inline constexpr unsigned kWrongSecretsMax = 5;

struct InvitationTerms {
  std::string site;  // the name of who is invited
  sys::Secret secret;
  SteadyTime ends;
  WallTime expires;  // the same moment, for sentences
  std::uint32_t wire_major = 0;
  std::string program_version;
};

class Invitation {
 public:
  Invitation(InvitationTerms terms, const replicator::Config& config);

  struct Nothing {};  // not for us; counted
  struct Answer {     // send it
    PairMessage message;
    std::string note;  // what the operator at this end should read; may be empty
  };
  struct Admit {  // change cluster.toml for this one, then welcomed() or refused()
    std::string key;
    PairRequest request;
  };
  using Decision = std::variant<Nothing, Answer, Admit>;

  // `key` is the Z85 public key of the connection.
  [[nodiscard]] Decision on_message(const std::string& key, PairMessage message, const Now& now);
  // After Admit: from now on the token is used; the same machine gets this again as often as it asks.
  [[nodiscard]] PairMessage welcomed(const std::string& key, PairWelcome welcome);
  // After Admit: nothing was changed; the invitation stays open.
  [[nodiscard]] static PairMessage refused(Error error, const Now& now);
  void on_tick(const Now& now);

  enum class State {
    Open,
    Welcomed,  // a machine is in cluster.toml, and has not said yet that it has stored its files
    Joined,
    Expired,
    Guessed,  // too many wrong secrets
  };
  [[nodiscard]] State state() const noexcept { return state_; }
  [[nodiscard]] bool over() const noexcept { return state_ != State::Open && state_ != State::Welcomed; }
  [[nodiscard]] SteadyTime ends() const noexcept { return terms_.ends; }

 private:
  [[nodiscard]] Decision on_request(const std::string& key, PairRequest request, const Now& now);
  [[nodiscard]] std::optional<Error> objection(const std::string& key, const PairRequest& request,
                                               const Now& now) const;
  [[nodiscard]] Decision wrong_secret(const Now& now);

  InvitationTerms terms_;
  std::string cluster_id_;
  std::string cluster_name_;
  std::string self_;
  std::vector<replicator::SiteConfig> sites_;  // as they were when the invitation was made
  State state_ = State::Open;
  std::string welcomed_key_;
  PairWelcome welcome_;
  unsigned wrong_secrets_ = 0;
};

}  // namespace ha::tool
