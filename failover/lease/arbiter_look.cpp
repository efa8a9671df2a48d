// look_at_etcd(): asks every member.
#include <utility>

#include "dnsupdater/updater.h"
#include "failover/lease/arbiter_check.h"

namespace ha::failover {
namespace {

class Look {
 public:
  Look(const dns::DnsConfig& config, EtcdClient& client, Duration total)
      : config_(config), client_(client), until_(read_clocks().steady + total) {}

  EtcdFacts all() {
    for (std::size_t i = 0; i < client_.endpoints().size(); ++i) {
      EtcdMemberFacts member{client_.endpoints()[i], {}, {}, {}, {}};
      ask_status(i, member);
      if (member.status && !first_) {
        first_ = i;
      }
      facts_.members.push_back(std::move(member));
    }
    if (first_) {
      ask_members();
      ask_rights();
      write_and_read();
    }
    return std::move(facts_);
  }

 private:
  // The body of what came; its trouble if nothing did.
  Result<HttpReply> ask(std::size_t member, const std::string& path, const std::string& body) {
    auto heard = client_.ask(member, path, body, until_);
    if (auto* failure = std::get_if<EtcdFailure>(&heard)) {
      return std::move(failure->error);
    }
    return std::get<HttpReply>(std::move(heard));
  }

  void ask_status(std::size_t index, EtcdMemberFacts& member) {
    auto reply = ask(index, kEtcdStatusPath, "{}");
    auto status = reply.ok() ? parse_etcd_status(reply->body) : Result<EtcdStatus>(reply.error());
    if (!status.ok()) {
      member.trouble = std::move(status).error();
      return;
    }
    member.status = std::move(status).value();
    if (reply->date) {
      member.ahead = read_clocks().wall - *reply->date;
    }
  }

  void ask_members() {
    const auto reply = ask(*first_, kEtcdMembersPath, "{}");
    const auto count = reply.ok() ? parse_etcd_members(reply->body) : Result<std::size_t>(reply.error());
    facts_.cluster_size = count.ok() ? *count : 0;
  }

  void ask_rights() {
    for (const dns::ServiceConfig& service : config_.services()) {
      const std::string key = config_.arbiter().prefix + service.name;
      ++facts_.keys;
      const auto reply = ask(*first_, kEtcdTxnPath, etcd_rights(key));
      if (!reply.ok() && reply.error().code() == Code::Denied) {
        facts_.refused.push_back(key);
      } else if (!reply.ok()) {
        facts_.rights_trouble = reply.error();
      }
    }
  }

  // Members of one cluster read what was written at any of them.
  void write_and_read() {
    const std::string key = config_.arbiter().prefix + "_check/" + config_.self();
    const auto nonce = dns::new_nonce();
    const auto before = read(*first_, key);
    if (!nonce.ok() || !before.ok()) {
      facts_.write_trouble = nonce.ok() ? before.error() : nonce.error();
      return;
    }
    const std::string text = hex(*nonce);
    auto reply = ask(*first_, kEtcdTxnPath, etcd_swap_request(key, *before, text));
    const auto swapped = reply.ok() ? parse_etcd_swap(reply->body, key) : Result<EtcdSwapped>(reply.error());
    if (!swapped.ok() || !swapped->applied) {
      facts_.write_trouble =
          swapped.ok() ? Error(Code::Conflict, "another check runs from this site") : swapped.error();
      return;
    }
    for (std::size_t i = 0; i < facts_.members.size(); ++i) {
      const auto now =
          facts_.members[i].status ? read(i, key) : Result<std::optional<EtcdValue>>(Error(Code::Io, ""));
      if (now.ok()) {
        facts_.members[i].reads_the_write = *now && (*now)->value == text;
      }
    }
    static_cast<void>(ask(*first_, kEtcdDeletePath, etcd_delete(key)));
  }

  Result<std::optional<EtcdValue>> read(std::size_t member, const std::string& key) {
    HA_TRY(const HttpReply reply, ask(member, kEtcdRangePath, etcd_range(key)));
    HA_TRY(EtcdRead found, parse_etcd_range(reply.body, key));
    return std::move(found.now);
  }

  const dns::DnsConfig& config_;
  EtcdClient& client_;
  SteadyTime until_;
  std::optional<std::size_t> first_;  // that answers
  EtcdFacts facts_;
};

}  // namespace

EtcdFacts look_at_etcd(const dns::DnsConfig& config, EtcdClient& client, Duration total) {
  return Look(config, client, total).all();
}

}  // namespace ha::failover
