// What callers are told by DNS: dns.resolve, dns.authority.
#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/join.h"
#include "common/base/units.h"
#include "dnsupdater/message.h"
#include "dnsupdater/probe.h"
#include "dnsupdater/updater.h"
#include "failover/sensors/bounded_file.h"
#include "failover/sensors/connection.h"
#include "failover/sensors/families.h"

namespace ha::failover {
namespace {

constexpr const char* kResolvers = "/etc/resolv.conf";
constexpr std::size_t kServersMax = dns::kResolversMax;
constexpr Duration kPatienceMin = std::chrono::milliseconds(10);

Result<std::vector<dns::Endpoint>> endpoints_of(const std::vector<std::string>& texts) {
  if (texts.size() > kServersMax) {
    return Error(Code::Exhausted, "more than " + std::to_string(kServersMax) + " name servers");
  }
  std::vector<dns::Endpoint> out;
  for (const std::string& text : texts) {
    HA_TRY(const dns::Endpoint each, dns::Endpoint::parse(text));
    out.push_back(each);
  }
  return out;
}

// What is left of the turn, for each of so many questions.
Duration patience_of(const MeasureTurn& turn, std::size_t questions) {
  const Duration left = turn.until - read_clocks().steady;
  return std::max(left / static_cast<std::int64_t>(std::max<std::size_t>(questions, 1)), kPatienceMin);
}

// ---------------------------------------------------------------- dns.resolve
class DnsResolve final : public Sensor {
 public:
  DnsResolve(const SensorSetup& setup, dns::Question question, std::vector<dns::Endpoint> resolvers,
             std::vector<dns::Rdata> expected)
      : spec_(setup.spec),
        question_(std::move(question)),
        resolvers_(std::move(resolvers)),
        expected_(std::move(expected)) {}

  Reading measure(const MeasureTurn& turn) override {
    std::vector<dns::Endpoint> resolvers = resolvers_;
    if (resolvers.empty()) {
      const auto text = read_bounded(kResolvers);
      resolvers = text.ok() ? dns::resolvers_of(*text) : std::vector<dns::Endpoint>{};
      if (resolvers.empty()) {
        return unknown(std::string(kResolvers) + " names no resolver");
      }
    }
    Duration longest{};
    std::vector<std::string> wrong;
    for (std::size_t i = 0; i < resolvers.size(); ++i) {
      const SteadyTime begin = read_clocks().steady;
      const auto heard =
          dns::ask_plain(resolvers[i], question_, patience_of(turn, resolvers.size() - i), turn.cancel_fd);
      longest = std::max(longest, read_clocks().steady - begin);
      if (const std::string what = wrong_in(heard); !what.empty()) {
        wrong.push_back(resolvers[i].text() + " " + what);
      }
    }
    if (!wrong.empty()) {
      return tripped(question_.name.text() + ": " + joined(wrong));
    }
    return graded(spec_, std::chrono::duration<double>(longest).count(), "s",
                  question_.name.text() + " is found by all of " + std::to_string(resolvers.size()) +
                      " resolvers, within " + show_age(longest));
  }

 private:
  // Of the type that was asked for, whatever name it is at: an alias may lead there.
  [[nodiscard]] std::string wrong_in(const dns::Primary::Heard<dns::Answer>& heard) const {
    if (const auto* trouble = std::get_if<dns::Trouble>(&heard)) {
      return trouble->error.code() == Code::TimedOut ? "is silent" : trouble->error.what();
    }
    const dns::Reply& reply = std::get<dns::Answer>(heard).reply;
    if (reply.rcode != dns::Rcode::NoError) {
      return "says " + dns::rcode_text(reply.rcode);
    }
    std::vector<dns::Rdata> found;
    std::vector<std::string> texts;
    for (const dns::Rr& rr : reply.answers) {
      if (rr.type == question_.type) {
        found.push_back(rr.rdata);
        texts.push_back(rr.rdata.text);
      }
    }
    std::sort(found.begin(), found.end());
    if (found.empty()) {
      return "has nothing of type " + dns::type_text(question_.type);
    }
    return expected_.empty() || found == expected_ ? "" : "has " + joined(texts);
  }

  SensorSpec spec_;
  dns::Question question_;
  std::vector<dns::Endpoint> resolvers_;
  std::vector<dns::Rdata> expected_;
};

// ---------------------------------------------------------------- dns.authority
class DnsAuthority final : public Sensor {
 public:
  DnsAuthority(const SensorSetup& setup, dns::Name zone, dns::SetKey key, std::vector<dns::Endpoint> servers)
      : spec_(setup.spec),
        zone_(std::move(zone)),
        key_(std::move(key)),
        servers_(std::move(servers)),
        ttl_max_(setup.has("ttl_max") ? std::optional(setup.span("ttl_max")) : std::nullopt) {}

  Reading measure(const MeasureTurn& turn) override {
    // Each of them is asked for the data, and for the zone's SOA.
    const auto views =
        dns::view_servers(servers_, zone_, key_, patience_of(turn, servers_.size() * 2), turn.cancel_fd);
    const std::string difference = difference_of(views);
    if (difference.empty()) {
      differ_since_.reset();
    } else {
      differ_since_ = differ_since_.value_or(turn.now.steady);
    }
    const Duration lasted = differ_since_ ? turn.now.steady - *differ_since_ : Duration::zero();
    Reading reading = graded(spec_, std::chrono::duration<double>(lasted).count(), "s",
                             differ_since_ ? zone_.text() + ": " + difference + ", for " + show_age(lasted)
                                           : "all servers have the same of " + zone_.text());
    if (reading.grade == Grade::Ok && ttl_max_) {
      for (const dns::ServerView& view : views) {
        if (view.set && std::chrono::seconds(view.set->ttl_s) > *ttl_max_) {
          return warned(key_.name.text() + " has TTL " + std::to_string(view.set->ttl_s) + ", more than " +
                        write_duration(*ttl_max_));
        }
      }
    }
    return reading;
  }

 private:
  static std::string difference_of(const std::vector<dns::ServerView>& views) {
    for (const dns::ServerView& view : views) {
      if (view.trouble) {
        return view.trouble->error.what();
      }
      if (!view.serial || !view.authoritative) {
        return view.server.text() + " does not have it";
      }
      if (view.serial != views[0].serial) {
        return view.server.text() + " has serial " + std::to_string(*view.serial) + ", " +
               views[0].server.text() + " " + std::to_string(*views[0].serial);
      }
      if (view.set != views[0].set) {
        return view.server.text() + " has " + dns::data_text(view.set) + ", " + views[0].server.text() + " " +
               dns::data_text(views[0].set);
      }
    }
    return "";
  }

  SensorSpec spec_;
  dns::Name zone_;
  dns::SetKey key_;
  std::vector<dns::Endpoint> servers_;
  std::optional<Duration> ttl_max_;
  std::optional<SteadyTime> differ_since_;
};

}  // namespace

SensorMade make_dns_resolve(const SensorSetup& setup) {
  dns::Question question;
  HA_TRY(question.name, dns::Name::parse(setup.text("query")));
  HA_TRY(question.type, dns::parse_type(setup.text("type")));
  question.recursion = true;
  HA_TRY(std::vector<dns::Endpoint> resolvers, endpoints_of(setup.list("resolvers")));
  std::vector<dns::Rdata> expected;
  for (const std::string& text : setup.list("expect")) {
    HA_TRY(dns::Rdata rdata, dns::rdata_from_text(question.type, text));
    expected.push_back(std::move(rdata));
  }
  std::sort(expected.begin(), expected.end());
  return std::unique_ptr<Sensor>(
      std::make_unique<DnsResolve>(setup, std::move(question), std::move(resolvers), std::move(expected)));
}

SensorMade make_dns_authority(const SensorSetup& setup) {
  HA_TRY(dns::Name zone, dns::Name::parse(setup.text("zone")));
  HA_TRY(std::vector<dns::Endpoint> servers, endpoints_of(setup.list("servers")));
  if (servers.size() < 2) {
    return Error(Code::Invalid, "dns.authority compares servers, it needs at least two");
  }
  dns::SetKey key{zone, dns::RrType::Soa};
  if (setup.has("query")) {
    HA_TRY(key.name, dns::Name::parse(setup.text("query")));
    HA_TRY(key.type, dns::parse_type(setup.text("type")));
  }
  return std::unique_ptr<Sensor>(
      std::make_unique<DnsAuthority>(setup, std::move(zone), std::move(key), std::move(servers)));
}

}  // namespace ha::failover
