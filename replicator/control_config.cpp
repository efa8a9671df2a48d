#include "replicator/control_config.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/units.h"
#include "replicator/config_digest.h"
#include "replicator/session/config_codec.h"
#include "replicator/status.h"
#include "schemas/control.pb.h"

namespace ha::replicator {
namespace {

namespace pb = ha::schemas::control;

// Answers of several sites to one client.
struct Round {
  wire::ControlServer& server;
  std::uint64_t client;
  std::size_t left;
};

void add_links(const SideReport& side, std::vector<ConfigLinkFacts>& to) {
  for (const LinkReport& link : side.links) {
    to.push_back({link.peer, link.state == "up", link.config_equal, link.reason});
  }
}

// The sites that are asked: those that are named, else all.
std::vector<std::string> targets(const pb::Request& asked, const Config& config) {
  std::vector<std::string> out(asked.arguments().begin(), asked.arguments().end());
  if (out.empty()) {
    for (const SiteConfig& site : config.sites()) {
      out.push_back(site.name);
    }
  }
  return out;
}

}  // namespace

bool changes_config(const pb::Request& asked) {
  const auto question = decode_config_question(asked.config());
  return !question.ok() || (question->verb != ConfigVerb::State && question->verb != ConfigVerb::Text);
}

Result<std::unique_ptr<ConfigDesk>> ConfigDesk::open(wire::Loop& loop, Pipeline& pipeline,
                                                     ConfigTrials& trials, const wire::KeyPair& keys) {
  std::unique_ptr<ConfigDesk> desk(new ConfigDesk(loop, pipeline, trials));
  HA_TRY(desk->courier_, ConfigCourier::open(loop, pipeline.config(), keys));
  // Asked on the replica loop, answered on the main loop, sent on the replica loop. A question that finds the
  // main loop's queue full is lost; who asked asks again.
  pipeline.replica_side().on_config(
      [raw = desk.get()](const ReplicaSide::ConfigAsker& from, ConfigQuestion question) {
        static_cast<void>(raw->loop_.post([raw, from, question = std::move(question)] {
          raw->here(question, {from.site, question.user, false}, [raw, from](const ConfigAnswer& answer) {
            static_cast<void>(raw->pipeline_.on_replica([from, answer](Pipeline& pipeline_there, const Now&) {
              pipeline_there.replica_side().answer_config(from, answer);
            }));
          });
        }));
      });
  return desk;
}

void ConfigDesk::answer(wire::ControlServer& server, std::uint64_t client, const pb::Request& asked) {
  auto question = decode_config_question(asked.config());
  const std::vector<std::string> sites = targets(asked, pipeline_.config());
  if (!question.ok() || sites.size() > kConfigSitesMax) {
    server.fail(client, Error(Code::Corrupt, "the request does not parse",
                              "use the hareplicate of the same version as the daemon"));
    return;
  }
  question->user = asked.user();
  const auto round = std::make_shared<Round>(Round{server, client, sites.size()});
  const auto done = [round](const ConfigAnswer& answer) {
    pb::Reply message;
    message.set_config(encode_config(answer));
    round->server.reply(round->client, message.SerializeAsString());
    if (--round->left == 0) {
      round->server.end(round->client);
    }
  };
  const std::string& self = pipeline_.config().self().name;
  for (const std::string& site : sites) {
    if (site == self) {
      here(*question, {self, question->user, true}, done);
    } else {
      courier_->ask(site, *question, done);
    }
  }
}

void ConfigDesk::here(const ConfigQuestion& question, const ConfigCaller& caller, const Done& done) {
  const Config& config = pipeline_.config();
  ConfigAnswer answer;
  answer.site = config.self().name;
  answer.digest = config_digest(config);
  answer.error = do_it(question, caller, answer);
  answer.trial = trials_.facts(loop_.now());
  answer.last = trials_.last();
  answer.settled = trials_.settled();
  if (question.verb == ConfigVerb::State) {
    with_links(std::move(answer), done);
  } else {
    done(std::move(answer));
  }
}

std::optional<Error> ConfigDesk::do_it(const ConfigQuestion& question, const ConfigCaller& caller,
                                       ConfigAnswer& answer) {
  const Now& now = loop_.now();
  const auto error_of = [](const Status& status) {
    return status.ok() ? std::nullopt : std::optional<Error>(status.error());
  };
  switch (question.verb) {
    case ConfigVerb::State:
      return std::nullopt;
    case ConfigVerb::Text:
      answer.text = pipeline_.config().cluster_text();
      return std::nullopt;
    case ConfigVerb::Prepare: {
      auto notes = trials_.prepare(question, caller, now);
      if (!notes.ok()) {
        return std::move(notes).error();
      }
      answer.notes = std::move(notes).value();
      return std::nullopt;
    }
    case ConfigVerb::Apply:
      return error_of(trials_.apply(question.id, caller, now));
    case ConfigVerb::Confirm:
      return error_of(trials_.confirm(question.id, caller, now));
    case ConfigVerb::Undo:
      return error_of(trials_.undo(question.id, caller, now));
    case ConfigVerb::Cancel:
      trials_.cancel(question.id);
      return std::nullopt;
  }
  return Error(Code::Unsupported, "no such question");
}

// The links as the origin loop, then the replica loop, see them.
void ConfigDesk::with_links(ConfigAnswer answer, const Done& done) {
  const bool asked = pipeline_.on_origin([this, answer, done](Pipeline& pipeline, const Now& now) {
    SideReport origin;
    for (const auto& peer : pipeline.peers()) {
      peer->report(origin, now);
    }
    static_cast<void>(pipeline.on_replica([this, answer, done, origin](Pipeline& also, const Now& at) {
      SideReport replica;
      also.replica_side().report(replica, at);
      loop_.post_or_wait([answer, done, origin, replica = std::move(replica)]() mutable {
        add_links(origin, answer.links);
        add_links(replica, answer.links);
        done(std::move(answer));
      });
    }));
  });
  if (!asked) {
    answer.error = Error(Code::Unavailable, "it is stopping");
    done(std::move(answer));
  }
}

void ConfigDesk::put_trial(pb::Status& to, const Now& now) const {
  const std::optional<ConfigTrialFacts> trial = trials_.facts(now);
  if (!trial || !trial->applied) {
    return;
  }
  pb::Trial& out = *to.mutable_trial();
  out.set_id(trial->id);
  out.set_site(trial->site);
  out.set_user(trial->user);
  out.set_left_ns(trial->left.count());
  pb::Problem& problem = *to.add_problems();
  problem.set_id("T-" + trial->id.substr(0, 4));
  problem.set_what("the cluster.toml from " + trial->user + " at " + trial->site +
                   " is on trial: it goes back in " + show_age(trial->left) + " unless it is confirmed");
  problem.set_next("hareplicate config confirm      or: hareplicate config undo");
}

}  // namespace ha::replicator
