#include "tests/sim/dns_race.h"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

#include "common/base/random.h"
#include "tests/sim/dns_primary.h"

namespace ha::sim {
namespace {

using std::chrono::milliseconds;

const char* const kZone = "voice.test";
const char* const kService = "pbx";
constexpr Duration kPatience = milliseconds(1000);  // of the transport, for one send
constexpr Duration kStray = std::chrono::seconds(30);

template <typename T>
T good(Result<T> result) {
  HA_ASSERT(result.ok());
  return std::move(result).value();
}

struct Faults {
  double lose = 0;
  double late = 0;
  double twice = 0;
  double refuse = 0;  // SERVFAIL, before or after it was applied
};

class Race {
 public:
  Race(std::uint64_t seed, unsigned sites, unsigned rounds)
      : random_(seed), rounds_(rounds), zone_(good(dns::Name::parse(kZone))) {
    guard_ = good(dns::guard_name(kService, zone_));
    sip_ = good(dns::Name::parse(std::string("sip.") + kZone));
    primary_.watch(guard_, kService);
    faults_ = {random_.unit() * 0.3, random_.unit() * 0.2, random_.unit() * 0.2, random_.unit() * 0.1};
    for (unsigned i = 0; i < sites; ++i) {
      sites_.push_back({"s" + std::to_string(i), {}, 0, 0, {}});
    }
  }

  DnsRaceOutcome run() {
    for (std::size_t i = 0; i < sites_.size(); ++i) {
      begin(i);
    }
    while (!events_.empty() && out_.violation.empty()) {
      const auto next = events_.begin();
      now_ = next->first;
      const auto work = std::move(next->second);
      events_.erase(next);
      work();
    }
    check();
    out_.healed_in = now_ - SteadyTime{};
    return out_;
  }

 private:
  struct Site {
    std::string name;
    std::optional<dns::Swap> swap;
    unsigned round = 0;
    std::uint64_t step = 0;  // answers to older ones are not heard
    Digest nonce{};
  };
  struct Told {
    dns::Verdict verdict = dns::Verdict::NotSent;
    bool applied = false;
  };

  void after(Duration wait, std::function<void()> work) { events_.emplace(now_ + wait, std::move(work)); }
  Duration trip() {
    const Duration usual = milliseconds(random_.between(1, 80));
    return random_.chance(faults_.late) ? usual + milliseconds(random_.between(0, 20'000)) : usual;
  }

  void begin(std::size_t at) {
    Site& site = sites_[at];
    if (site.round++ == rounds_) {
      return;
    }
    site.nonce = {random_.next(), random_.next() | 1U};
    const auto planner = [this, at](const std::vector<dns::RrSet>& found) { return want(at, found); };
    site.swap.emplace(std::vector<dns::SetKey>{{guard_, dns::RrType::Txt}, {sip_, dns::RrType::A}}, planner,
                      dns::SwapLimits{}, now_);
    go_on(at);
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

  void go_on(std::size_t at) {
    Site& site = sites_[at];
    const std::uint64_t number = ++site.step;
    std::visit(
        [&](auto step) {
          using Step = decltype(step);
          if constexpr (std::is_same_v<Step, dns::WaitStep>) {
            after(std::max(step.until - now_, Duration{1}), [this, at, number] { again(at, number); });
          } else if constexpr (std::is_same_v<Step, dns::ReadStep>) {
            read(at, number, step.sets);
          } else if constexpr (std::is_same_v<Step, dns::SendStep>) {
            send(at, number, step.update);
          } else {
            told(at, step);
          }
        },
        site.swap->step(now_));
  }

  void again(std::size_t at, std::uint64_t number) {
    if (sites_[at].step == number) {
      go_on(at);
    }
  }

  void read(std::size_t at, std::uint64_t number, const std::vector<dns::SetKey>& keys) {
    after(kPatience, [this, at, number] {
      if (sites_[at].step == number) {
        sites_[at].swap->on_unread({dns::Cause::Network, Error(Code::TimedOut, "silence")}, now_);
        go_on(at);
      }
    });
    if (random_.chance(faults_.lose)) {
      return;
    }
    after(trip(), [this, at, number, keys] {
      const auto found = primary_.read(keys);
      if (random_.chance(faults_.lose)) {
        return;
      }
      after(trip(), [this, at, number, found] {
        if (sites_[at].step == number) {
          sites_[at].swap->on_read(found, now_);
          go_on(at);
        }
      });
    });
  }

  void hear(std::size_t at, std::uint64_t number, dns::Heard heard) {
    if (sites_[at].step == number) {
      sites_[at].swap->on_sent(heard, std::nullopt, now_);
      go_on(at);
    }
  }

  void send(std::size_t at, std::uint64_t number, const dns::Update& update) {
    after(kPatience, [this, at, number] { hear(at, number, dns::Heard::Silence); });
    const int copies = random_.chance(faults_.lose) ? 0 : random_.chance(faults_.twice) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      after(trip(), [this, at, number, update] { arrive(at, number, update); });
    }
    if (random_.chance(0.02)) {  // somebody plays it again, much later
      after(kStray, [this, update] { static_cast<void>(primary_.apply(update)); });
    }
  }

  void arrive(std::size_t at, std::uint64_t number, const dns::Update& update) {
    const bool broken = random_.chance(faults_.refuse);
    const bool applies = !broken || random_.chance(0.5);
    const dns::Rcode code = applies ? primary_.apply(update) : dns::Rcode::ServFail;
    const dns::Heard heard = broken                        ? dns::Heard::Silence
                             : code == dns::Rcode::NoError ? dns::Heard::Accepted
                                                           : dns::Heard::Unmet;
    if (!random_.chance(faults_.lose)) {
      after(trip(), [this, at, number, heard] { hear(at, number, heard); });
    }
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
    ++site.step;
    after(rest, [this, at] { begin(at); });
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
  unsigned rounds_;
  dns::Name zone_;
  dns::Name guard_;
  dns::Name sip_;
  DnsPrimary primary_;
  Faults faults_;
  std::vector<Site> sites_;
  SteadyTime now_{};
  std::multimap<SteadyTime, std::function<void()>> events_;
  std::map<Digest, Told> told_;
  DnsRaceOutcome out_;
};

}  // namespace

DnsRaceOutcome run_dns_race(std::uint64_t seed, unsigned sites, unsigned rounds) {
  return Race(seed, sites, rounds).run();
}

}  // namespace ha::sim
