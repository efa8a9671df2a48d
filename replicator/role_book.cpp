#include "replicator/role_book.h"

#include <algorithm>
#include <utility>

#include "common/base/units.h"
#include "schemas/roles.pb.h"

namespace ha::replicator {
namespace {

namespace pb = ha::schemas::roles;

constexpr std::uint32_t kVersion = 1;

}  // namespace

std::string SendRight::silence(const std::string& service, SteadyTime now) const {
  if (!said) {
    return "the coordinator has not said since this program started that this site holds " + service;
  }
  if (nobody) {
    return "nobody holds " + service + " now";
  }
  if (now >= until) {
    return "the coordinator has not said for " + show_age(now - *said) + " that this site holds " + service;
  }
  return well ? std::string() : "this site's health is critical, so nothing of " + service + " is sent";
}

Result<RoleBook> RoleBook::decode(std::string site, BytesView bytes) {
  pb::Roles stored;
  if (bytes.size() > kRoleBookBytesMax ||
      !stored.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || stored.version() != kVersion ||
      static_cast<std::size_t>(stored.roles_size()) > kRolesMax) {
    return Error(Code::Corrupt, "the roles that were kept do not parse");
  }
  RoleBook book(std::move(site));
  for (const pb::Role& role : stored.roles()) {
    if (role.service().empty() || role.epoch() > role.highest() ||
        role.holder().empty() != (role.epoch() == 0) ||
        !book.roles_.emplace(role.service(), Role{role.holder(), role.epoch(), role.highest(), role.nobody()})
             .second) {
      return Error(Code::Corrupt, "the roles that were kept contradict themselves");
    }
  }
  return book;
}

Bytes RoleBook::encode() const {
  pb::Roles stored;
  stored.set_version(kVersion);
  for (const auto& [service, role] : roles_) {
    pb::Role& out = *stored.add_roles();
    out.set_service(service);
    out.set_holder(role.holder);
    out.set_epoch(role.epoch);
    out.set_highest(role.highest);
    out.set_nobody(role.nobody);
  }
  return stored.SerializeAsString();
}

Status RoleBook::take(const RoleOrder& order, SteadyTime now) {
  if (order.epoch == 0) {
    return ok();  // nothing new: what this site may send ends by itself
  }
  Role role = this->role(order.service);
  const std::string epoch = "epoch " + std::to_string(order.epoch) + " of " + escape(order.service);
  if (order.epoch < role.highest) {
    return Error(Code::Refused,
                 epoch + " is over: this site has been told of epoch " + std::to_string(role.highest),
                 "failover why " + escape(order.service));
  }
  if (!order.holder.empty() && order.epoch == role.epoch && order.holder != role.holder) {
    return Error(Code::Refused,
                 epoch + " is " + escape(role.holder) + "'s, it cannot be " + escape(order.holder) + "'s too",
                 "failover arbiter check");
  }
  if (!roles_.contains(order.service) && roles_.size() >= kRolesMax) {
    return Error(Code::Exhausted, "more services than " + std::to_string(kRolesMax));
  }
  role.highest = order.epoch;
  role.nobody = order.holder.empty();
  SendRight& right = rights_[order.service];
  if (role.nobody) {
    right.nobody = true;
    right.until = now;
  } else {
    role.holder = order.holder;
    role.epoch = order.epoch;
    right = order.holder == site_
                ? SendRight{now, now + std::clamp(order.valid, Duration::zero(), kRoleValidMax), order.send,
                            false}
                : SendRight{};
  }
  roles_[order.service] = std::move(role);
  return ok();
}

void RoleBook::raise(const std::string& service, std::uint64_t epoch) {
  if (epoch > role(service).highest) {
    roles_[service].highest = epoch;
  }
}

Role RoleBook::role(const std::string& service) const {
  const auto found = roles_.find(service);
  return found == roles_.end() ? Role{} : found->second;
}

SendRight RoleBook::right(const std::string& service) const {
  const auto found = rights_.find(service);
  return found == rights_.end() ? SendRight{} : found->second;
}

}  // namespace ha::replicator
