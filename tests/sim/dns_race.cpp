#include "tests/sim/dns_race.h"

#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "common/base/random.h"
#include "tests/sim/dns_net.h"

namespace ha::sim {
namespace {

using std::chrono::milliseconds;

const char* const kZone = "voice.test";
const char* const kService = "pbx";

template <typename T>
T good(Result<T> result) {
  HA_ASSERT(result.ok());
  return std::move(result).value();
}

class Race {
 public:
  Race(std::uint64_t seed, unsigned sites, unsigned rounds)
      : random_(seed), net_(random_), rounds_(rounds), zone_(good(dns::Name::parse(kZone))) {
    guard_ = good(dns::guard_name(kService, zone_));
    sip_ = good(dns::Name::parse(std::string("sip.") + kZone));
    primary_.watch(guard_, kService);
    net_.faults = {random_.unit() * 0.3, random_.unit() * 0.2, random_.unit() * 0.2, random_.unit() * 0.1,
                   0.02};
    for (unsigned i = 0; i < sites; ++i) {
      sites_.push_back({"s" + std::to_string(i)});
    }
  }

  DnsRaceOutcome run() {
    for (std::size_t i = 0; i < sites_.size(); ++i) {
      begin(i);
    }
    while (out_.violation.empty() && net_.turn()) {
    }
    check();
    out_.healed_in = net_.now() - SteadyTime{};
    return out_;
  }

 private:
  struct Site {
    std::string name;
    unsigned round = 0;
    Digest nonce{};
  };
  struct Told {
    dns::Verdict verdict = dns::Verdict::NotSent;
    bool applied = false;
  };

  void begin(std::size_t at) {
    Site& site = sites_[at];
    if (site.round++ == rounds_) {
      return;
    }
    site.nonce = {random_.next(), random_.next() | 1U};
    const auto planner = [this, at](const std::vector<dns::RrSet>& found) { return want(at, found); };
    net_.begin({{{guard_, dns::RrType::Txt}, {sip_, dns::RrType::A}}, planner, {}, net_.now()}, primary_,
               [this, at](const dns::SwapResult& result) { told(at, result); });
  }

  dns::Change want(std::size_t at, const std::vector<dns::RrSet>& found) {
    const Site& site = sites_[at];
    std::optional<dns::Record> before;
    std::optional<dns::RrSet> set;
    for (const dns::RrSet& each : found) {
      if (each.name == guard_) {
        before = good(dns::record_of(each, kService));
      } else {
        set = each;
      }
    }
    const dns::Record from = before ? *before : good(dns::first_record(kService, {7, 7}));
    const dns::Record after = good(dns::taken_record(from, site.name, site.nonce));
    const auto address = good(dns::Address::parse("192.0.2." + std::to_string(at + 1)));
    dns::Change change{zone_, {{guard_, before, after}}, {}, false};
    change.sets.push_back({sip_, dns::RrType::A, set,
                           good(dns::RrSet::make(sip_, dns::RrType::A, 30, {dns::address_rdata(address)})),
                           true});
    return change;
  }

  void told(std::size_t at, const dns::SwapResult& result) {
    Site& site = sites_[at];
    using dns::Verdict;
    out_.won += result.verdict == Verdict::Won ? 1U : 0U;
    out_.lost += result.verdict == Verdict::Lost ? 1U : 0U;
    out_.overtaken += result.verdict == Verdict::Overtaken ? 1U : 0U;
    out_.unknown += result.verdict == Verdict::Unknown ? 1U : 0U;
    if (result.verdict == Verdict::Partial || result.verdict == Verdict::Regression ||
        result.verdict == Verdict::Refused) {
      out_.violation =
          site.name + " was told \"" + std::string(verdict_text(result.verdict)) +
          "\" by a primary that is right: " + (result.trouble ? result.trouble->error.what() : "");
    }
    told_[site.nonce] = {result.verdict, result.applied};
    const Duration rest = milliseconds(random_.between(0, 500));
    net_.after(rest, [this, at] { begin(at); });
  }

  void check() {
    std::set<Digest> applied;
    std::map<std::uint64_t, std::string> owners;
    for (const dns::Record& record : primary_.history()) {
      applied.insert(record.nonce);
      const auto [at, made] = owners.emplace(record.version.epoch, record.owner);
      if (!made && at->second != record.owner) {
        out_.violation = "epoch " + std::to_string(record.version.epoch) + " had two owners";
      }
    }
    out_.epochs = static_cast<unsigned>(owners.size());
    for (const auto& [nonce, told] : told_) {
      const bool was = applied.contains(nonce);
      if ((told.verdict == dns::Verdict::Won || told.applied) && !was) {
        out_.violation = "told that it won, and it never was there";
      }
      const bool never = told.verdict == dns::Verdict::Lost || told.verdict == dns::Verdict::NotSent ||
                         told.verdict == dns::Verdict::Nothing;
      if (never && was) {
        out_.violation = "told \"" + std::string(verdict_text(told.verdict)) + "\", and it was there";
      }
      out_.unknown_applied += told.verdict == dns::Verdict::Unknown && was ? 1U : 0U;
    }
  }

  Random random_;
  DnsNet net_;
  unsigned rounds_;
  dns::Name zone_;
  dns::Name guard_;
  dns::Name sip_;
  DnsPrimary primary_;
  std::vector<Site> sites_;
  std::map<Digest, Told> told_;
  DnsRaceOutcome out_;
};

}  // namespace

DnsRaceOutcome run_dns_race(std::uint64_t seed, unsigned sites, unsigned rounds) {
  return Race(seed, sites, rounds).run();
}

}  // namespace ha::sim
