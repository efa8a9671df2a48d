#include "replicator/control_service.h"

#include <unistd.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <utility>

#include "common/base/nanoseconds.h"
#include "replicator/config_digest.h"
#include "replicator/control_config.h"
#include "replicator/control_feed.h"
#include "replicator/control_holds.h"
#include "replicator/control_jobs.h"
#include "replicator/control_roles.h"
#include "replicator/control_status.h"
#include "replicator/control_stranded.h"
#include "schemas/control.pb.h"
#include "version.h"

namespace ha::replicator {
namespace {

namespace pb = ha::schemas::control;

constexpr mode_t kSocketMode = 0660;
constexpr std::size_t kJobsKept = 50;
constexpr std::size_t kFailedShownMax = 1000;  // of one set

constexpr const char* kOtherVersion = "use the hareplicate of the same version as the daemon";

Error stopping() {
  return Error(Code::Unavailable, "the replicator is stopping");
}

std::string flag(const pb::Request& asked, const std::string& name) {
  const auto found = asked.flags().find(name);
  return found == asked.flags().end() ? std::string() : found->second;
}

JobOrder order_of(const pb::Request& asked) {
  JobOrder order;
  order.verb = asked.verb();
  order.peer = flag(asked, "to");
  order.deep = asked.flags().contains("deep");
  order.full = asked.flags().contains("full");
  order.repair = asked.verb() == "resync" || asked.flags().contains("repair");
  order.user = asked.user();
  const auto& words = asked.arguments();
  if (asked.verb() == "diff" && words.size() > 1) {
    order.path = words[1];
  }
  const int sets = asked.verb() == "diff" ? std::min(words.size(), 1) : words.size();
  order.sets.assign(words.begin(), words.begin() + sets);
  return order;
}

}  // namespace

class ControlService::Impl {
 public:
  Impl(wire::Loop& loop, Pipeline& pipeline, Logger& log, VerifiedBook verified, History history,
       HoldBook holds, std::unique_ptr<ConfigDesk> desk, RoleKeeper& roles)
      : loop_(loop),
        pipeline_(pipeline),
        log_(log),
        started_(read_clocks().wall),
        verified_(std::move(verified)),
        feed_(log, std::move(history)),
        holds_(pipeline, log, std::move(holds)),
        desk_(std::move(desk)),
        jobs_(pipeline, log,
              [this](const pb::Job& job, const std::vector<pb::Item>& items) {
                loop_.post_or_wait([this, job, items] { on_job(job, items); });
              }),
        roles_(loop, pipeline, roles, log) {
    pipeline_.on_turn({[this](const std::string& set) { jobs_.leave(set); },
                       [this](const std::string& set) { holds_.again(set); }});
  }
  ~Impl() {
    for (const wire::Loop::Id id : registered_) {
      loop_.remove(id);
    }
  }

  Status listen(const std::string& path) {
    HA_TRY(server_, wire::ControlServer::open(path, kSocketMode, [this](wire::ControlRequest request) {
             on_request(std::move(request));
           }));
    registered_.push_back(loop_.add(*server_, {}));
    roles_.start();
    registered_.push_back(loop_.add_timer([this] { return feed_.next_wakeup(); },
                                          [this](const Now& now) { feed_.on_tick(*server_, now); }));
    return ok();
  }

 private:
  struct KeptJob {
    pb::Job job;
    std::vector<pb::Item> items;
    std::set<std::uint64_t> followers;
  };

  void on_request(wire::ControlRequest request) {
    pb::Request asked;
    if (!asked.ParseFromString(request.body)) {
      server_->fail(request.client, Error(Code::Corrupt, "the request does not parse", kOtherVersion));
      return;
    }
    const std::string& verb = asked.verb();
    const bool job = verb == "resync" || verb == "verify" || verb == "diff";
    const bool steers = job || verb == "stop" || verb == "roles" || verb == "hold" || verb == "release" ||
                        (verb == "stranded" && changes_stranded(asked)) ||
                        (verb == "config" && changes_config(asked));
    if (steers && request.uid != 0 && request.uid != ::geteuid()) {
      server_->fail(request.client, Error(Code::Denied, "only root may do this",
                                          "the same command as root, with sudo in front"));
    } else if (verb == "status") {
      status(request.client, asked);
    } else if (job) {
      start_job(request.client, asked);
    } else if (verb == "roles") {
      roles_.answer(*server_, request.client, asked);
    } else if (verb == "hold" || verb == "release") {
      hold(request.client, asked);
    } else if (verb == "stranded") {
      answer_stranded(*server_, loop_, pipeline_, request.client, asked);
    } else if (verb == "config") {
      desk_->answer(*server_, request.client, asked);
    } else if (verb == "jobs") {
      list_jobs(request.client);
    } else if (verb == "follow") {
      follow(request.client, asked.arguments_size() > 0 ? asked.arguments(0) : "");
    } else if (verb == "stop") {
      stop_job(request.client, asked.arguments_size() > 0 ? asked.arguments(0) : "");
    } else if (verb == "history") {
      feed_.history(*server_, request.client, asked);
    } else if (verb == "events") {
      feed_.events(*server_, request.client, asked, loop_.now());
    } else if (verb == "probe") {
      probe(request.client, asked);
    } else {
      server_->fail(
          request.client,
          Error(Code::Unsupported, "this daemon does not know \"" + escape(verb) + "\"", kOtherVersion));
    }
  }

  bool reply(std::uint64_t client, const pb::Reply& message) {
    return server_->reply(client, message.SerializeAsString());
  }

  // ---------------------------------------------------------------- status
  // The origin loop's part, then the replica loop's, then the answer from here.
  void status(std::uint64_t client, const pb::Request& asked) {
    const bool problems = asked.flags().contains("problems");
    const bool sent = pipeline_.on_origin([this, client, problems](Pipeline& pipeline, const Now& now) {
      SideReport origin;
      std::vector<pb::Item> failed;
      for (const auto& peer : pipeline.peers()) {
        peer->report(origin, now);
        for (const auto& set : pipeline.origin_sets()) {
          for (const std::string& trouble : peer->troubles(set->config().name)) {
            pb::Item& item = failed.emplace_back();
            item.set_set(set->config().name);
            item.set_peer(peer->name());
            item.set_key(unescape(trouble.substr(0, trouble.find(": "))));
            item.set_what("failed");
            item.set_detail(trouble.substr(std::min(trouble.find(": ") + 2, trouble.size())));
          }
        }
      }
      static_cast<void>(pipeline.on_replica([this, client, problems, origin = std::move(origin),
                                             failed = std::move(failed)](Pipeline& also, const Now& at) {
        SideReport replica;
        also.replica_side().report(replica, at);
        also.after().report(replica);
        loop_.post_or_wait([this, client, problems, origin, failed, replica = std::move(replica)] {
          pb::Reply message;
          pb::Status& out = *message.mutable_status();
          put_status(pipeline_.config(), origin, replica, verified_, out);
          out.set_config_digest(config_digest(pipeline_.config()));
          desk_->put_trial(out, loop_.now());
          roles_.put_status(out, loop_.now());
          out.set_now_ns(nanoseconds(loop_.now().wall));
          out.set_version(kVersion);
          out.set_started_ns(nanoseconds(started_));
          for (pb::Link& link : *out.mutable_links()) {  // one that never was up has no beginning
            link.set_state_for_ns(std::min(link.state_for_ns(), out.now_ns() - out.started_ns()));
          }
          if (problems) {
            out.mutable_failed()->Assign(failed.begin(), failed.end());
            add_failed(client, std::make_shared<pb::Reply>(std::move(message)), 0);
          } else {
            reply(client, message);
            server_->end(client);
          }
        });
      }));
    });
    if (!sent) {
      server_->fail(client, stopping());
    }
  }

  // The failed items of one set after the other, each on its own strand.
  void add_failed(std::uint64_t client, std::shared_ptr<pb::Reply> message, std::size_t number) {
    const auto& sets = pipeline_.config().sets();
    if (number == sets.size()) {
      reply(client, *message);
      server_->end(client);
      return;
    }
    const std::string set = sets[number].name;
    const bool known = pipeline_.on_set(set, [this, client, message, number, set](SetStore* store) {
      auto failed = store != nullptr ? store->failed_items(kFailedShownMax) : std::vector<FailedItem>();
      loop_.post_or_wait([this, client, message, number, set, failed = std::move(failed)] {
        for (const FailedItem& each : failed.ok() ? *failed : std::vector<FailedItem>()) {
          pb::Item& item = *message->mutable_status()->add_failed();
          item.set_set(set);
          item.set_key(each.key);
          item.set_what("failed");
          item.set_detail(each.reason);
          item.set_since_ns(each.since_ns);
        }
        add_failed(client, message, number + 1);
      });
    });
    if (!known) {
      add_failed(client, message, number + 1);
    }
  }

  // ---------------------------------------------------------------- jobs
  void start_job(std::uint64_t client, const pb::Request& asked) {
    const bool sent = pipeline_.on_origin([this, client, order = order_of(asked)](Pipeline&, const Now& now) {
      const auto id = jobs_.start(order, now);
      loop_.post_or_wait(
          [this, client, id] { id.ok() ? follow(client, *id) : server_->fail(client, id.error()); });
    });
    if (!sent) {
      server_->fail(client, stopping());
    }
  }

  void stop_job(std::uint64_t client, const std::string& id) {
    const bool sent = pipeline_.on_origin([this, client, id](Pipeline&, const Now& now) {
      const Status stopped = jobs_.stop(id, now);
      loop_.post_or_wait([this, client, stopped] {
        stopped.ok() ? server_->end(client) : server_->fail(client, stopped.error());
      });
    });
    if (!sent) {
      server_->fail(client, stopping());
    }
  }

  void list_jobs(std::uint64_t client) {
    for (const std::string& id : job_order_) {
      pb::Reply message;
      *message.mutable_job() = jobs_kept_.at(id).job;
      reply(client, message);
    }
    server_->end(client);
  }

  void follow(std::uint64_t client, const std::string& id) {
    const auto found = jobs_kept_.find(id);
    if (found == jobs_kept_.end()) {
      server_->fail(client, Error(Code::NotFound, "there is no job \"" + escape(id) + "\"",
                                  "hareplicate jobs      lists the newest"));
    } else if (found->second.job.ended_ns() != 0) {
      finish_follower(client, found->second);
    } else {
      pb::Reply message;
      *message.mutable_job() = found->second.job;
      if (reply(client, message)) {
        found->second.followers.insert(client);
      }
    }
  }

  void finish_follower(std::uint64_t client, const KeptJob& kept) {
    for (const pb::Item& item : kept.items) {
      pb::Reply message;
      *message.mutable_item() = item;
      if (!reply(client, message)) {
        return;
      }
    }
    pb::Reply message;
    *message.mutable_job() = kept.job;
    reply(client, message);
    server_->end(client);
  }

  void on_job(const pb::Job& job, const std::vector<pb::Item>& items) {
    if (!jobs_kept_.contains(job.id())) {
      job_order_.push_back(job.id());
      forget_old_jobs();
    }
    KeptJob& kept = jobs_kept_[job.id()];
    kept.job = job;
    if (job.ended_ns() != 0) {
      kept.items = items;
      for (const std::uint64_t client : std::exchange(kept.followers, {})) {
        finish_follower(client, kept);
      }
      const Status written = verified_.take(job);
      if (!written.ok()) {
        log_.warn("verify.not_kept", written.error());
      }
      return;
    }
    pb::Reply message;
    *message.mutable_job() = job;
    std::erase_if(kept.followers, [&](std::uint64_t client) { return !reply(client, message); });
  }

  void forget_old_jobs() {
    for (auto id = job_order_.begin(); job_order_.size() > kJobsKept && id != job_order_.end();) {
      const auto kept = jobs_kept_.find(*id);
      if (kept == jobs_kept_.end() || kept->second.job.ended_ns() == 0) {
        ++id;
        continue;
      }
      jobs_kept_.erase(kept);
      id = job_order_.erase(id);
    }
  }

  // ---------------------------------------------------------------- hold and release
  void hold(std::uint64_t client, const pb::Request& asked) {
    const HoldOrder order{asked.verb() == "release",
                          asked.arguments_size() > 0 ? asked.arguments(0) : "",
                          flag(asked, "to"),
                          flag(asked, "reason"),
                          asked.user(),
                          asked.flags().contains("force-delete"),
                          asked.flags().contains("dry-run")};
    const bool sent = pipeline_.on_origin([this, client, order](Pipeline&, const Now& now) {
      loop_.post_or_wait([this, client, done = holds_.run(order, now)] {
        if (!done.ok()) {
          server_->fail(client, done.error());
          return;
        }
        for (const HeldPair& held : *done) {
          pb::Reply message;
          pb::Item& item = *message.mutable_item();
          item.set_set(held.set);
          item.set_peer(held.peer);
          item.set_detail(held.reason);
          reply(client, message);
        }
        server_->end(client);
      });
    });
    if (!sent) {
      server_->fail(client, stopping());
    }
  }

  // One round trip to the peer arguments[0] on the state lane.
  void probe(std::uint64_t client, const pb::Request& asked) {
    const std::string peer = asked.arguments_size() > 0 ? asked.arguments(0) : "";
    static_cast<void>(pipeline_.on_origin([this, client, peer](Pipeline& pipeline, const Now&) {
      for (const auto& each : pipeline.peers()) {
        if (each->name() == peer) {
          each->probe(200, [this, client, peer](Duration rtt) {
            loop_.post_or_wait([this, client, peer, rtt] {
              pb::Reply message;
              message.mutable_probe()->set_peer(peer);
              message.mutable_probe()->set_rtt_ns(rtt.count());
              reply(client, message);
              server_->end(client);
            });
          });
          return;
        }
      }
      loop_.post_or_wait([this, client, peer] {
        server_->fail(client,
                      Error(Code::NotFound, "this site has no link to a site \"" + escape(peer) + "\""));
      });
    }));
  }

  wire::Loop& loop_;
  Pipeline& pipeline_;
  Logger& log_;
  WallTime started_;
  std::unique_ptr<wire::ControlServer> server_;
  std::vector<wire::Loop::Id> registered_;
  VerifiedBook verified_;
  Feed feed_;
  Holds holds_;  // the origin loop's
  std::unique_ptr<ConfigDesk> desk_;
  std::deque<std::string> job_order_;
  std::map<std::string, KeptJob> jobs_kept_;
  Jobs jobs_;  // the origin loop's; gone before the rest
  RoleDesk roles_;
};

ControlService::ControlService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ControlService::~ControlService() = default;

Result<std::unique_ptr<ControlService>> ControlService::open(wire::Loop& loop, Pipeline& pipeline,
                                                             ControlParts parts, Logger& log,
                                                             const std::string& path) {
  const std::string state_dir = pipeline.config().state_dir().string();
  HA_TRY(VerifiedBook verified, VerifiedBook::open(state_dir));
  HA_TRY(History history, History::open(state_dir));
  HA_TRY(HoldBook holds, HoldBook::open(state_dir));
  HA_TRY(std::unique_ptr<ConfigDesk> desk, ConfigDesk::open(loop, pipeline, parts.trials, parts.keys));
  auto impl = std::make_unique<Impl>(loop, pipeline, log, std::move(verified), std::move(history),
                                     std::move(holds), std::move(desk), parts.roles);
  HA_CHECK(impl->listen(path));
  return std::unique_ptr<ControlService>(new ControlService(std::move(impl)));
}

std::function<void(const Published&)> record_published(wire::Loop& loop, Logger& log,
                                                       const std::string& state_dir) {
  auto opened = History::open(state_dir);
  auto history = opened.ok() ? std::make_shared<History>(std::move(opened).value()) : nullptr;
  return [&loop, &log, history](const Published& done) {
    log.info("set.published", {{"set", done.set},
                               {"origin", done.origin},
                               {"items", done.applied.items},
                               {"bytes", done.applied.bytes},
                               {"sequence", done.position.sequence},
                               {"failed", done.failed}});
    if (history == nullptr) {
      return;
    }
    const HistoryRecord record{
        nanoseconds(read_clocks().wall), done.set,           done.origin,        done.position.epoch,
        done.position.sequence,          done.applied.items, done.applied.bytes, done.failed};
    loop.post_or_wait([&log, history, record] {
      const Status added = history->add(record);
      if (!added.ok()) {
        log.warn("history.not_written", added.error(), {{"set", record.set}});
      }
    });
  };
}

}  // namespace ha::replicator
