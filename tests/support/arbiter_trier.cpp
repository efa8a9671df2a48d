// The cases of arbiter_suite.h over a real arbiter, with the configuration of each site in FOLDER/<site>:
//
//   arbiter_trier cases|race|measure|renewals|check FOLDER COUNT [NAME-PART]
//
// COUNT: rounds of the race, or renewals; `measure` times them, `renewals` tells each: "won SEQ", "unknown".
// `check` says what s0 finds of etcd. What is to be done to servers and messages it asks of whoever started
// it, a line each: "do WORD [SITE]", and waits for the line "done". All else that it says are results: "case
// NAME", "ok WHAT", "FAIL WHAT", "took MEDIAN-US P95-US WHAT", "found MARK ABOUT CHECK: WHAT". Started by
// tests/e2e/arbiters_keep_one_promise.py.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "failover/lease/arbiter_check.h"
#include "failover/lease/open_arbiter.h"
#include "tests/support/arbiter_suite.h"
#include "tests/support/arbiter_turn.h"

namespace {

using namespace ha;
using namespace ha::failover;

constexpr Duration kTotal = std::chrono::seconds(2);

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

// Whoever started us has done it when this returns.
void ask(const std::string& what) {
  say("do " + what);
  std::string line;
  for (int c = std::getchar(); c != '\n'; c = std::getchar()) {
    if (c == EOF) {
      std::exit(3);
    }
    line += static_cast<char>(c);
  }
  if (line != "done") {
    say("FAIL \"" + what + "\" was answered with \"" + line + "\"");
    std::exit(3);
  }
}

template <typename T>
T must(Result<T> result) {
  if (!result.ok()) {
    say("FAIL " + result.error().what());
    std::exit(1);
  }
  return std::move(result).value();
}

class Report final : public SuiteReport {
 public:
  void check(bool good, const std::string& what) override {
    bad_ += good ? 0 : 1;
    say((good ? "ok " : "FAIL ") + what);
  }
  [[nodiscard]] int bad() const { return bad_; }

 private:
  int bad_ = 0;
};

class RealBench final : public ArbiterBench {
 public:
  explicit RealBench(std::string folder) : folder_(std::move(folder)) {
    for (int i = 0; i < kSuiteSites; ++i) {
      const std::string site = suite_site(i);
      ConfigProblems problems;
      auto config = dns::DnsConfig::load(folder_ + "/" + site + "/cluster.toml", problems);
      if (!config.ok()) {
        say("FAIL " + problems.text() + config.error().what());
        std::exit(1);
      }
      configs_.emplace(site, std::make_unique<dns::DnsConfig>(std::move(config).value()));
      restart_site(site);
    }
  }

  Arbiter& at(std::string_view site) override { return **open_.find(site)->second; }
  void restart_site(std::string_view site) override {
    open_.erase(std::string(site));
    open_.emplace(site, must(OpenArbiter::open(*configs_.find(site)->second, kTotal)));
  }
  SteadyTime now() const override { return read_clocks().steady; }

  void mishap(std::string_view site, SuiteMishap what) override {
    switch (what) {
      case SuiteMishap::LoseRequest:
        return ask("lose-request " + std::string(site));
      case SuiteMishap::LoseReply:
        return ask("lose-reply " + std::string(site));
      case SuiteMishap::HoldAll:
        return ask("hold-all " + std::string(site));
    }
  }
  void deliver(std::string_view site) override { ask("deliver " + std::string(site)); }
  void stop_server() override { ask("stop-server"); }
  void start_server() override { ask("start-server"); }
  void kill_server_after_change(std::string_view site) override {
    ask("kill-after-change " + std::string(site));
  }
  void freeze_server_after_change(std::string_view site) override {
    ask("freeze-after-change " + std::string(site));
  }
  void thaw_server() override { ask("thaw-server"); }
  void save_server() override { ask("save-server"); }
  void restore_server() override { ask("restore-server"); }
  void at_once(const std::vector<std::function<void()>>& jobs) override {
    std::vector<std::thread> threads;
    threads.reserve(jobs.size());
    for (const auto& job : jobs) {
      threads.emplace_back(job);
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }

 private:
  std::string folder_;
  std::map<std::string, std::unique_ptr<dns::DnsConfig>, std::less<>> configs_;
  std::map<std::string, std::unique_ptr<OpenArbiter>, std::less<>> open_;
};

void took(std::vector<std::int64_t> us, const std::string& what) {
  std::sort(us.begin(), us.end());
  say("took " + std::to_string(us[us.size() / 2]) + " " + std::to_string(us[us.size() * 95 / 100]) + " " +
      what);
}

// Whole calls, as a coordinator would make them.
int measure(RealBench& bench, int count) {
  using std::chrono::duration_cast;
  using std::chrono::microseconds;
  Arbiter& arbiter = bench.at("s0");
  const ArbiterAnswer first = arbiter.claim("measured", std::nullopt, {}, 0);
  std::vector<std::int64_t> renewals;
  std::vector<std::int64_t> reads;
  int bad = first.verdict == ArbiterVerdict::Won ? 0 : 1;
  for (int i = 0; i < count && bad == 0; ++i) {
    const SteadyTime begin = bench.now();
    bad += arbiter.renew("measured", 1, {}, Hold::Own).verdict == ArbiterVerdict::Won ? 0 : 1;
    const SteadyTime middle = bench.now();
    bad += arbiter.read("measured").trouble ? 1 : 0;
    renewals.push_back(duration_cast<microseconds>(middle - begin).count());
    reads.push_back(duration_cast<microseconds>(bench.now() - middle).count());
  }
  if (bad == 0) {
    took(renewals, "renewal");
    took(reads, "reading");
  }
  return bad;
}

// As a holder does it while its arbiter fails now and then.
int renew(RealBench& bench, int count) {
  Arbiter& arbiter = bench.at("s0");
  ArbiterAnswer answer = arbiter.claim("measured", std::nullopt, {}, 0);
  for (int i = 0; i < count; ++i) {
    const std::string seq = answer.record ? std::to_string(answer.record->version.seq) : "0";
    say(verdict_text(answer.verdict) + " " + seq + " " + (answer.why ? answer.why->what() : ""));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    answer = arbiter.renew("measured", 1, {}, Hold::Own);
  }
  return 0;
}

int check(const std::string& folder) {
  ConfigProblems problems;
  const dns::DnsConfig config = must(dns::DnsConfig::load(folder + "/s0/cluster.toml", problems));
  EtcdClient client = must(EtcdClient::open(config.arbiter(), std::chrono::seconds(1)));
  for (const dns::Finding& each :
       judge_etcd(config, look_at_etcd(config, client, std::chrono::seconds(20)))) {
    say("found " + std::string(dns::mark_text(each.mark)) + " " + each.about + " " + each.check + ": " +
        each.found + (each.next.empty() ? "" : " — " + each.next));
  }
  return 0;
}

int run(const std::vector<std::string>& words) {
  int count = 0;
  std::from_chars(words[2].data(), words[2].data() + words[2].size(), count);
  if (words[0] == "check") {
    return check(words[1]);
  }
  RealBench bench(words[1]);
  if (words[0] == "measure") {
    return measure(bench, count) == 0 ? 0 : 1;
  }
  if (words[0] == "renewals") {
    return renew(bench, count);
  }
  Report report;
  const std::vector<SuiteCase> all =
      words[0] == "race" ? std::vector<SuiteCase>{arbiter_race(count)} : arbiter_cases();
  for (const SuiteCase& each : all) {
    if (words.size() < 4 || each.name.find(words[3]) != std::string::npos) {
      say("case " + each.name);
      each.run(bench, report, each.service);
    }
  }
  return report.bad() == 0 ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  const std::vector<std::string> given(words + 1, words + count);
  if (given.size() < 3) {
    std::fputs("arbiter_trier cases|race|measure|renewals|check FOLDER COUNT [NAME-PART]\n", stderr);
    return 2;
  }
  return run(given);
}
