#include "tests/sim/dns_takeover.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "dnsupdater/lease.h"
#include "tests/sim/dns_net.h"

namespace ha::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

const char* const kService = "pbx";
constexpr Duration kTrouble = minutes(6);  // then faults, kills and claims end
constexpr Duration kQuiet = minutes(4);    // in which all has to come right

template <typename T>
T good(Result<T> result) {
  HA_ASSERT(result.ok());
  return std::move(result).value();
}

dns::DnsConfig config_of(unsigned sites, bool two_zones) {
  std::string text = "[cluster]\nname = \"sim\"\nid = \"s-1\"\n";
  std::string names;
  for (unsigned i = 0; i < sites; ++i) {
    const std::string number = std::to_string(i);
    // Every second site has IPv4 only: the AAAA comes and goes.
    const std::string v6 = i % 2 == 0 ? ", \"2001:db8::" + number + "\"" : "";
    text += "[[site]]\nname = \"s" + number + "\"\naddress = [\"tcp://s:1\"]\nkey = \"k\"\n" +
            "public_ip = [\"192.0.2.1" + number + "\"" + v6 + "]\n";
    names += (names.empty() ? "\"s" : ", \"s") + number + "\"";
  }
  text += "[[service]]\nname = \"pbx\"\nholder = \"s0\"\nsites = [" + names + "]\n";
  text += "[[dns.zone]]\nname = \"voice.test\"\nprimary = [\"192.0.2.53\"]\n";
  text += "[[dns.record]]\nservice = \"pbx\"\nname = \"sip.voice.test\"\n";
  if (two_zones) {
    text += "[[dns.zone]]\nname = \"lease.test\"\nprimary = [\"192.0.2.54\"]\n";
    text += "[arbiter]\nkind = \"dns\"\nzone = \"lease.test\"\n";
  }
  ConfigProblems problems;
  return good(dns::DnsConfig::parse({"cluster.toml", text, "node.toml", "", "s0"}, problems));
}

class Takeover {
 public:
  Takeover(std::uint64_t seed, unsigned sites, bool two_zones)
      : random_(seed), net_(random_), config_(config_of(sites, two_zones)) {
    place_ = good(dns::place_of(config_, kService));
    copy_guard_ = two_zones ? place_.copies.at(0).guard : place_.lease;
    lease_primary_.watch(place_.lease, kService);
    service_primary_.watch(copy_guard_, kService);
    net_.faults = {random_.unit() * 0.3, random_.unit() * 0.2, random_.unit() * 0.2, random_.unit() * 0.1,
                   0.02};
    net_.applied = [this] { look(); };
    for (unsigned i = 0; i < sites; ++i) {
      sites_.push_back({"s" + std::to_string(i)});
    }
  }

  DnsTakeoverOutcome run() {
    for (std::size_t i = 0; i < sites_.size(); ++i) {
      rest(i);
      kill_some_time(i);
    }
    net_.after(kTrouble, [this] {
      net_.faults = {};
      is_quiet_ = true;
    });
    while (out_.violation.empty() && net_.now() < SteadyTime{} + kTrouble + kQuiet && net_.turn()) {
    }
    if (out_.violation.empty()) {
      check_end();
    }
    out_.healed_in = net_.now() - SteadyTime{} - kTrouble;
    return out_;
  }

 private:
  struct Site {
    std::string name;
    std::uint64_t life = 0;  // raised by a kill: what was begun before does not go on
    std::uint64_t swap = 0;
    bool was_killed = false;
    std::uint64_t doubt = 0;  // of the copy, that was beyond the lease as it was read before
    std::map<dns::Name, dns::Version> seen = {};  // on its disk
  };

  DnsPrimary& lease_primary() { return two_zones() ? lease_primary_ : service_primary_; }
  [[nodiscard]] bool two_zones() const { return !place_.copies.empty(); }
  std::optional<dns::Record> record_at(const DnsPrimary& primary, const dns::Name& guard) {
    return good(dns::record_in(primary.read({{guard, dns::RrType::Txt}}), guard, kService));
  }
  void violate(const std::string& what) { out_.violation = out_.violation.empty() ? what : out_.violation; }

  // ---- what a site does
  void rest(std::size_t at) {
    const std::uint64_t life = sites_[at].life;
    net_.after(milliseconds(random_.between(0, 2000)), [this, at, life] {
      if (sites_[at].life == life) {
        turn(at);
      }
    });
  }

  void kill_some_time(std::size_t at) {
    net_.after(milliseconds(random_.between(0, 8000)), [this, at] {
      if (is_quiet_) {
        return;
      }
      Site& site = sites_[at];
      ++site.life;
      ++out_.kills;
      net_.kill(site.swap);
      site.was_killed = true;
      rest(at);
      kill_some_time(at);
    });
  }

  // The planner gives what is sent; `what` is counted if it is won.
  template <typename Planner, typename Told>
  void swap(std::size_t at, DnsPrimary& primary, std::vector<dns::SetKey> keys, const dns::Name& guard,
            Planner planner, Told told, bool guards_known = false) {
    auto planned = [this, at, guard, planner](
                       const std::vector<dns::RrSet>& found) -> std::variant<dns::Change, dns::Trouble> {
      const auto now = good(dns::record_in(found, guard, kService));
      const auto seen = sites_[at].seen.find(guard);
      if (seen != sites_[at].seen.end() && dns::is_regression(seen->second, now)) {
        violate(guard.text() + " went back behind what " + sites_[at].name + " has won");
      }
      auto made = planner(found);
      if (!made.ok()) {
        return dns::Trouble{dns::Cause::Ours, std::move(made).error()};
      }
      after_[at] = made->guards[0].after;
      return std::move(made).value();
    };
    dns::SwapLimits limits;
    limits.guards_known = guards_known;
    sites_[at].swap = net_.begin({std::move(keys), planned, limits, net_.now()}, primary,
                                 [this, at, guard, told](const dns::SwapResult& result) {
                                   if (result.verdict == dns::Verdict::Won) {
                                     dns::Version& seen = sites_[at].seen[guard];
                                     seen = std::max(seen, after_[at].version);
                                   }
                                   check_verdict(at, result);
                                   told(result);
                                 });
  }

  void check_verdict(std::size_t at, const dns::SwapResult& result) {
    using dns::Verdict;
    out_.lost += result.verdict == Verdict::Lost || result.verdict == Verdict::Overtaken ? 1U : 0U;
    const bool passing =
        result.trouble && (result.trouble->error.code() == Code::Conflict ||
                           result.trouble->error.code() == Code::TimedOut || sites_[at].doubt > 0);
    if (result.verdict == Verdict::Partial || result.verdict == Verdict::Regression ||
        result.verdict == Verdict::Refused || (result.verdict == Verdict::NotSent && !passing)) {
      violate(sites_[at].name + " was told \"" + std::string(verdict_text(result.verdict)) +
              "\" by primaries that are right: " + (result.trouble ? result.trouble->error.what() : ""));
    }
  }

  // Looks at the lease, as LeaseKeeper does, and goes on from what is there.
  void turn(std::size_t at) {
    const std::vector<dns::SetKey> keys{{place_.lease, dns::RrType::Txt}};
    swap(
        at, lease_primary(), keys, place_.lease,
        [this, at](const std::vector<dns::RrSet>& found) -> Result<dns::Change> {
          seen_lease_[at] = good(dns::record_in(found, place_.lease, kService));
          return Error(Code::Conflict, "only a look");
        },
        [this, at](const dns::SwapResult& result) {
          if (result.trouble && result.trouble->error.code() == Code::Conflict) {
            decide(at);
          } else {
            rest(at);
          }
        });
  }

  void decide(std::size_t at) {
    const std::optional<dns::Record>& lease = seen_lease_[at];
    Site& site = sites_[at];
    if (site.doubt > (lease ? lease->version.epoch : 0)) {
      violate("the copy at epoch " + std::to_string(site.doubt) + " is beyond a lease that was read later");
    }
    site.doubt = 0;
    if (lease && lease->owner == site.name) {
      if (two_zones() && random_.chance(0.7)) {
        follow(at);
      } else {
        change(at, owners_wish(at, *lease));
      }
      return;
    }
    if (is_quiet_ || random_.chance(0.5)) {
      rest(at);
      return;
    }
    dns::LeaseWish wish{dns::LeaseAct::Claim, site.name};
    wish.saw = lease ? std::optional(lease->version) : std::nullopt;
    change(at, wish);
  }

  dns::LeaseWish owners_wish(std::size_t at, const dns::Record& lease) {
    dns::LeaseWish wish{dns::LeaseAct::Renew, sites_[at].name};
    wish.epoch = lease.version.epoch;
    const double what = is_quiet_ ? 1.0 : random_.unit();
    if (what < 0.1) {
      wish.act = dns::LeaseAct::Release;
    } else if (what < 0.2) {
      wish.act = dns::LeaseAct::Transfer;
      wish.target = sites_[(at + 1) % sites_.size()].name;
    } else if (what < 0.4) {
      wish.state = dns::HoldState::Drain;
    }
    return wish;
  }

  void change(std::size_t at, const dns::LeaseWish& wish) {
    const Digest nonce{random_.next(), random_.next() | 1U};
    swap(
        at, lease_primary(), dns::lease_keys(config_, place_, wish.act), place_.lease,
        [this, wish, nonce](const std::vector<dns::RrSet>& found) {
          return dns::lease_change(config_, place_, wish, found, nonce);
        },
        [this, at, wish](const dns::SwapResult& result) {
          if (result.verdict == dns::Verdict::Won) {
            out_.claims += wish.act == dns::LeaseAct::Claim ? 1U : 0U;
            out_.transfers += wish.act == dns::LeaseAct::Transfer ? 1U : 0U;
            out_.renewals += wish.act == dns::LeaseAct::Renew ? 1U : 0U;
            if (wish.act == dns::LeaseAct::Claim && !winners_.insert(after_[at].version.epoch).second) {
              violate("epoch " + std::to_string(after_[at].version.epoch) + " was won twice");
            }
          }
          rest(at);
        },
        wish.act == dns::LeaseAct::Claim && wish.saw);
  }

  void follow(std::size_t at) {
    const dns::Record lease = *seen_lease_[at];
    const dns::Name zone = place_.copies.at(0).zone;
    auto zones = good(dns::service_sets(config_, kService, lease.owner));
    std::vector<dns::SetKey> keys = dns::service_keys(config_, kService, zone);
    keys.push_back({copy_guard_, dns::RrType::Txt});
    swap(
        at, service_primary_, keys, copy_guard_,
        [zones, lease, this, at](const std::vector<dns::RrSet>& found) {
          const auto copy = good(dns::record_in(found, copy_guard_, kService));
          const bool beyond = dns::stand_of(lease, copy) == dns::CopyStand::Beyond;
          sites_[at].doubt = beyond ? copy->version.epoch : 0;
          return dns::follow_change(zones.at(0), lease, sites_[at].name, found);
        },
        [this, at](const dns::SwapResult& result) {
          if (result.verdict == dns::Verdict::Won) {
            ++out_.halves;
            out_.resumed += sites_[at].was_killed ? 1U : 0U;
          }
          if (result.verdict == dns::Verdict::Won || result.verdict == dns::Verdict::Nothing) {
            sites_[at].was_killed = false;
          }
          rest(at);
        });
  }

  // ---- what is promised
  // After every message: copy and records agree, and nothing goes back.
  void look() {
    const auto copy = record_at(service_primary_, copy_guard_);
    const auto lease = record_at(lease_primary(), place_.lease);
    const std::uint64_t epoch = copy ? copy->version.epoch : 0;
    if (epoch < copy_epoch_) {
      violate("the copy went from epoch " + std::to_string(copy_epoch_) + " to " + std::to_string(epoch));
    }
    if (epoch > copy_epoch_ && lease && epoch < lease->version.epoch) {
      ++out_.late;
    }
    copy_epoch_ = epoch;
    if (copy && (!lease || lease->version.epoch < epoch)) {
      violate("the copy is beyond the lease");
    }
    if (lease) {
      check_owner(*lease);
    }
    if (copy && !copy->owner.empty()) {
      const auto found = service_primary_.read(dns::service_keys(config_, kService, zone_of_records()));
      const auto zones = good(dns::service_sets(config_, kService, copy->owner));
      const auto wrong = dns::service_differences(zones.at(0), found);
      if (!wrong.empty()) {
        violate("copy of " + copy->owner + " at epoch " + std::to_string(epoch) + ", but " + wrong[0]);
      }
    }
  }

  [[nodiscard]] dns::Name zone_of_records() const {
    return two_zones() ? place_.copies.at(0).zone : place_.zone;
  }

  void check_owner(const dns::Record& lease) {
    if (lease.owner.empty()) {
      return;
    }
    const auto [owner, made] = owners_.emplace(lease.version.epoch, lease.owner);
    if (!made && owner->second != lease.owner) {
      violate("epoch " + std::to_string(lease.version.epoch) + " had two owners");
    }
  }

  void check_end() {
    const auto copy = record_at(service_primary_, copy_guard_);
    const auto lease = record_at(lease_primary(), place_.lease);
    if (dns::stand_of(lease, copy) != dns::CopyStand::Current) {
      violate("all is quiet, and the copy is at epoch " + std::to_string(copy_epoch_) + ", the lease " +
              dns::holder_text(lease));
    }
  }

  Random random_;
  DnsNet net_;
  dns::DnsConfig config_;
  dns::ServicePlace place_;
  dns::Name copy_guard_;
  DnsPrimary lease_primary_;
  DnsPrimary service_primary_;
  std::vector<Site> sites_;
  std::map<std::size_t, dns::Record> after_;  // what each site has sent last
  std::map<std::size_t, std::optional<dns::Record>> seen_lease_;
  std::map<std::uint64_t, std::string> owners_;
  std::set<std::uint64_t> winners_;
  std::uint64_t copy_epoch_ = 0;
  bool is_quiet_ = false;
  DnsTakeoverOutcome out_;
};

}  // namespace

DnsTakeoverOutcome run_dns_takeover(std::uint64_t seed, unsigned sites, bool two_zones) {
  return Takeover(seed, sites, two_zones).run();
}

}  // namespace ha::sim
