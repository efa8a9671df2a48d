#include "tools/hareplicate/invitation.h"

#include <utility>

#include "common/base/bytes.h"
#include "common/base/units.h"

namespace ha::tool {

Invitation::Invitation(InvitationTerms terms, const replicator::Config& config)
    : terms_(std::move(terms)),
      cluster_id_(config.cluster_id()),
      cluster_name_(config.cluster_name()),
      self_(config.self().name),
      sites_(config.sites()) {}

void Invitation::on_tick(const Now& now) {
  if (!over() && now.steady >= terms_.ends) {
    state_ = State::Expired;
  }
}

Invitation::Decision Invitation::on_message(const std::string& key, PairMessage message, const Now& now) {
  if (auto* request = std::get_if<PairRequest>(&message)) {
    return on_request(key, std::move(*request), now);
  }
  if (std::holds_alternative<PairStored>(message) && !welcomed_key_.empty() && key == welcomed_key_) {
    state_ = State::Joined;
    return Answer{PairStored{}, ""};
  }
  return Nothing{};
}

Invitation::Decision Invitation::on_request(const std::string& key, PairRequest request, const Now& now) {
  if (state_ == State::Guessed) {
    return Nothing{};
  }
  // Before anything else: who does not have the secret learns nothing but that.
  if (!terms_.secret.equals(request.secret)) {
    return wrong_secret(now);
  }
  request.secret.assign(request.secret.size(), '\0');
  on_tick(now);
  if (!welcomed_key_.empty() && key == welcomed_key_) {  // our answer was lost, or it was too slow to store
    welcome_.wall = now.wall;
    return Answer{welcome_, ""};
  }
  if (auto error = objection(key, request, now)) {
    std::string note = error->what();
    return Answer{refused(std::move(*error), now), std::move(note)};
  }
  return Admit{key, std::move(request)};
}

Invitation::Decision Invitation::wrong_secret(const Now& now) {
  ++wrong_secrets_;
  const bool last = wrong_secrets_ >= kWrongSecretsMax;
  if (last && !over()) {
    state_ = State::Guessed;
  }
  return Answer{
      refused(Error(Code::Refused,
                    last ? "wrong secret, for the fifth time: the invitation has ended"
                         : "the secret in this token is not that of the invitation",
                    "use the token as " + self_ +
                        " has printed it, or make a new one there: "
                        "hareplicate invite SITE"),
              now),
      "wrong secret, number " + std::to_string(wrong_secrets_) + " of " + std::to_string(kWrongSecretsMax)};
}

std::optional<Error> Invitation::objection(const std::string& key, const PairRequest& request,
                                           const Now& now) const {
  const std::string again = "on " + self_ + ": hareplicate invite " + terms_.site;
  if (state_ == State::Expired) {
    return Error(Code::Refused,
                 "the invitation was good until " + show_local(terms_.expires) + "; at " + self_ + " it is " +
                     show_local(now.wall),
                 again);
  }
  if (request.protocol != kPairProtocol || request.wire_major != terms_.wire_major) {
    return Error(Code::Unsupported,
                 "versions do not fit: hareplicate " + terms_.program_version + " (wire " +
                     std::to_string(terms_.wire_major) + ", pairing " + std::to_string(kPairProtocol) +
                     ") on " + self_ + ", " + escape(request.program_version) + " (wire " +
                     std::to_string(request.wire_major) + ", pairing " + std::to_string(request.protocol) +
                     ") on the new machine",
                 "install the same version on both, then join again");
  }
  if (state_ != State::Open) {
    return Error(
        Code::Refused, "this token was used already, by another machine",
        "if that was not you, look at " + self_ + " now: hareplicate config show; for a new one, " + again);
  }
  for (const replicator::SiteConfig& site : sites_) {
    if (site.has_key(key) && site.name != terms_.site) {
      return Error(Code::Refused,
                   "this machine has the key of site " + site.name + ", which is in the cluster already" +
                       (site.name == self_ ? ": join runs on the new machine, not on this one" : ""),
                   "a copied disk? then remove the key file there and join again");
    }
  }
  if (!request.cluster_id.empty() && request.cluster_id != cluster_id_) {
    return Error(Code::Refused,
                 "the new machine has the cluster.toml of another cluster, with id \"" +
                     escape(request.cluster_id) + "\"; this one is " + cluster_name_ + ", \"" + cluster_id_ +
                     "\"",
                 "on the new machine, when it shall leave the other one: mv /etc/hareplicate/cluster.toml "
                 "/etc/hareplicate/cluster.toml.old");
  }
  if (!request.site.empty() && request.site != terms_.site) {
    return Error(Code::Refused,
                 "this invitation is for site " + terms_.site + ", not for \"" + escape(request.site) + "\"",
                 "join without --site, or on " + self_ + ": hareplicate invite " + escape(request.site));
  }
  return std::nullopt;
}

PairMessage Invitation::welcomed(const std::string& key, PairWelcome welcome) {
  state_ = State::Welcomed;
  welcomed_key_ = key;
  welcome_ = std::move(welcome);
  return welcome_;
}

PairMessage Invitation::refused(Error error, const Now& now) {
  return PairRefusal{std::move(error), now.wall};
}

}  // namespace ha::tool
