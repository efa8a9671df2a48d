#include "failover/action/replicator_link.h"

#include <utility>

#include "common/wire/control.h"
#include "schemas/control.pb.h"

namespace ha::failover {
namespace {

namespace pb = ha::schemas::control;

constexpr std::chrono::milliseconds kPatience{3000};

}  // namespace

ReplicatorLink::ReplicatorLink(std::string socket, Sink sink)
    : socket_(std::move(socket)), sink_(std::move(sink)), thread_([this] { run(); }) {}

ReplicatorLink::~ReplicatorLink() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void ReplicatorLink::set(std::vector<RoleWish> wishes) {
  {
    const std::lock_guard lock(mutex_);
    news_ = news_ || wishes.size() != wishes_.size();
    for (std::size_t i = 0; !news_ && i < wishes.size(); ++i) {
      RoleWish before = wishes_[i];
      before.until = wishes[i].until;  // a longer turn goes with the next round
      news_ = !(before == wishes[i]);
    }
    wishes_ = std::move(wishes);
  }
  changed_.notify_all();
}

Status ReplicatorLink::wait_in_place(const std::string& service, std::uint64_t epoch, SteadyTime until) {
  std::unique_lock lock(mutex_);
  const std::uint64_t begun = rounds_;
  std::string reason = "the replicator has not answered";
  while (!stopping_) {
    if (rounds_ > begun && trouble_) {
      return *trouble_;
    }
    const auto seen = seen_.find(service);
    if (rounds_ > begun && seen == seen_.end()) {
      return ok();  // it has no sets of it
    }
    if (seen != seen_.end() && seen->second.epoch >= epoch && seen->second.in_place) {
      return ok();
    }
    if (seen != seen_.end() && !seen->second.reason.empty()) {
      reason = seen->second.reason;
    }
    if (changed_.wait_until(lock, until) == std::cv_status::timeout) {
      return Error(Code::TimedOut, "the sets of " + service + " are not in place: " + reason,
                   "hareplicate status");
    }
  }
  return Error(Code::Cancelled, "the coordinator stops");
}

Result<std::vector<RoleSeen>> ReplicatorLink::exchange(const std::vector<RoleWish>& wishes) const {
  pb::Request request;
  request.set_verb("roles");
  request.set_user("failover");
  const SteadyTime now = read_clocks().steady;
  for (const RoleWish& wish : wishes) {
    pb::RoleOrder& out = *request.add_roles();
    out.set_service(wish.service);
    out.set_holder(wish.holder);
    out.set_epoch(wish.epoch);
    out.set_valid_ns(wish.until > now ? (wish.until - now).count() : 0);
    out.set_send(wish.send);
  }
  HA_TRY(wire::ControlClient client, wire::ControlClient::open(socket_, "replicator"));
  HA_CHECK(client.send(request.SerializeAsString(), kPatience));
  std::vector<RoleSeen> out;
  while (true) {
    HA_TRY(const std::optional<Bytes> message, client.next(kPatience));
    if (!message) {
      return out;
    }
    pb::Reply reply;
    if (!reply.ParseFromString(*message) || !reply.has_role()) {
      return Error(Code::Corrupt, "the replicator's answer does not parse",
                   "replicator and failover of the same version");
    }
    const pb::RoleReport& role = reply.role();
    out.push_back({role.service(), role.holder(), role.epoch(), role.in_place(), role.in_sync(),
                   role.has_behind_ns() ? std::optional(Duration(role.behind_ns())) : std::nullopt,
                   role.reason()});
  }
}

void ReplicatorLink::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait_for(lock, kEvery, [this] { return stopping_ || news_; });
    if (stopping_) {
      return;
    }
    news_ = false;
    const std::vector<RoleWish> wishes = wishes_;
    if (wishes.empty()) {
      continue;
    }
    lock.unlock();
    const auto found = exchange(wishes);
    lock.lock();
    ++rounds_;
    trouble_ = found.ok() ? std::nullopt : std::optional(found.error());
    if (found.ok()) {
      seen_.clear();
      for (const RoleSeen& seen : *found) {
        seen_[seen.service] = seen;
      }
    }
    lock.unlock();
    changed_.notify_all();
    sink_(found);
    lock.lock();
  }
}

}  // namespace ha::failover
