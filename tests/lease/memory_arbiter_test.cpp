// The suite of all arbiters over the one in memory, and what only that one can do.
#include "tests/support/memory_arbiter.h"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <memory>
#include <utility>

#include "common/base/random.h"
#include "tests/support/arbiter_suite.h"

using namespace ha::failover;
using ha::Code;
using std::chrono::milliseconds;

namespace {

class Report final : public SuiteReport {
 public:
  void check(bool good, const std::string& what) override { BOOST_TEST(good, what); }
};

class MemoryBench final : public ArbiterBench {
 public:
  MemoryBench() {
    for (int i = 0; i < kSuiteSites; ++i) {
      restart_site(suite_site(i));
    }
  }

  Arbiter& at(std::string_view site) override { return one(site); }
  void restart_site(std::string_view site) override {
    auto made = std::make_unique<MemoryArbiter>(store_, books_[std::string(site)], clock_, std::string(site));
    made->cut(is_down_);
    sites_.insert_or_assign(std::string(site), std::move(made));
  }
  ha::SteadyTime now() const override { return clock_.now; }

  void mishap(std::string_view site, SuiteMishap what) override {
    switch (what) {
      case SuiteMishap::LoseRequest:
        return one(site).plan({Mishap::RequestLost});
      case SuiteMishap::LoseReply:
        return one(site).plan({Mishap::ReplyLost});
      case SuiteMishap::HoldAll:
        return one(site).plan({}, Mishap::RequestLate);
    }
  }
  void deliver(std::string_view site) override {
    one(site).plan({});
    one(site).deliver_late();
  }

  void stop_server() override { down(true); }
  void start_server() override { down(false); }
  // Applied, and from then on nobody hears anything.
  void kill_server_after_change(std::string_view site) override {
    one(site).cut_after_next([this] { down(true); });
  }
  void freeze_server_after_change(std::string_view site) override { kill_server_after_change(site); }
  void thaw_server() override { down(false); }
  void save_server() override { saved_ = store_.save(); }
  void restore_server() override { store_.restore(saved_); }

  // Each may come between the reading and the change of the one before it.
  void at_once(const std::vector<std::function<void()>>& jobs) override {
    jobs_ = jobs;
    for (std::size_t i = jobs_.size(); i > 1; --i) {
      std::swap(jobs_[i - 1], jobs_[random_.below(i)]);
    }
    for (auto& [name, site] : sites_) {
      site->before_each([this] {
        if (random_.chance(0.6)) {
          next_job();
        }
      });
    }
    while (!jobs_.empty()) {
      next_job();
    }
    for (auto& [name, site] : sites_) {
      site->before_each({});
    }
  }

 private:
  MemoryArbiter& one(std::string_view site) { return *sites_.find(site)->second; }
  void down(bool is_down) {
    is_down_ = is_down;
    for (auto& [name, site] : sites_) {
      site->cut(is_down);
    }
  }
  void next_job() {
    if (jobs_.empty()) {
      return;
    }
    const std::function<void()> job = jobs_.back();
    jobs_.pop_back();
    job();
  }

  static std::set<std::string, std::less<>> services() {
    std::set<std::string, std::less<>> out = {"race"};
    for (const SuiteCase& each : arbiter_cases()) {
      out.insert(each.service);
    }
    return out;
  }

  MemoryClock clock_;
  MemoryStore store_{services()};
  MemoryStore::Records saved_;
  std::map<std::string, MemoryBook, std::less<>> books_;
  std::map<std::string, std::unique_ptr<MemoryArbiter>, std::less<>> sites_;
  std::vector<std::function<void()>> jobs_;
  ha::Random random_{20};
  bool is_down_ = false;
};

struct Two {
  MemoryStore store{{"pbx"}};
  MemoryClock clock;
  MemoryBook book;
  MemoryBook other_book;
  MemoryArbiter fra{store, book, clock, "fra"};
  MemoryArbiter nyc{store, other_book, clock, "nyc"};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(lease_memory_arbiter)

BOOST_AUTO_TEST_CASE(it_keeps_what_every_arbiter_promises) {
  MemoryBench bench;
  Report report;
  for (const SuiteCase& each : arbiter_cases()) {
    BOOST_TEST_CONTEXT(each.name) {
      each.run(bench, report, each.service);
    }
  }
}

BOOST_AUTO_TEST_CASE(one_of_eight_contenders_wins_each_epoch) {
  MemoryBench bench;
  Report report;
  const SuiteCase race = arbiter_race(1000);
  race.run(bench, report, race.service);
}

BOOST_AUTO_TEST_CASE(what_counts_is_when_the_first_message_was_sent) {
  Two two;
  two.fra.delay(milliseconds(75), milliseconds(80));
  const ha::SteadyTime begin = two.clock.now;
  two.fra.plan({Mishap::RequestLost, Mishap::None});
  const ArbiterAnswer won = two.fra.claim("pbx", std::nullopt, {}, 0);
  BOOST_TEST((won.verdict == ArbiterVerdict::Won));
  BOOST_TEST((won.sent == begin + milliseconds(155)));  // after the reading
  BOOST_TEST((two.clock.now == begin + milliseconds(155 + 75 + 155)));
}

BOOST_AUTO_TEST_CASE(a_late_message_applies_only_to_what_it_was_made_from) {
  Two two;
  two.fra.plan({}, Mishap::RequestLate);
  BOOST_TEST((two.fra.claim("pbx", std::nullopt, {}, 0).verdict == ArbiterVerdict::Unknown));
  BOOST_TEST(two.store.history("pbx").empty());
  BOOST_TEST(two.fra.deliver_late() == 1U);  // of its copies
  BOOST_TEST(two.fra.deliver_late() == 0U);
  BOOST_TEST(two.store.history("pbx").size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_renewal_gives_up_where_others_change_the_record_all_the_time) {
  Two two;
  BOOST_TEST((two.fra.claim("pbx", std::nullopt, {}, 0).verdict == ArbiterVerdict::Won));
  const auto touch = [&two] {
    const auto before = two.store.read("pbx");
    auto after = *before;
    ++after.version.seq;
    after.nonce = {2, after.version.seq};
    BOOST_TEST(two.store.apply({"pbx", before, after}));
  };
  two.fra.before_each(touch);
  const ArbiterAnswer busy = two.fra.renew("pbx", 1, {}, Hold::Own);
  BOOST_TEST((busy.verdict == ArbiterVerdict::Unreachable));
  int left = 2;
  two.fra.before_each([&] {
    if (left-- > 0) {
      touch();
    }
  });
  BOOST_TEST((two.fra.renew("pbx", 1, {}, Hold::Own).verdict == ArbiterVerdict::Won));
}

BOOST_AUTO_TEST_CASE(a_record_behind_its_copy_is_not_claimed_by_who_has_never_seen_it) {
  Two two;
  const auto backup = two.store.save();
  BOOST_TEST((two.fra.claim("pbx", std::nullopt, {}, 0).verdict == ArbiterVerdict::Won));
  BOOST_TEST(two.fra.follow("pbx")[0].done);
  two.store.restore(backup);
  const ArbiterAnswer refused = two.nyc.claim("pbx", std::nullopt, {}, 0);
  BOOST_TEST((refused.verdict == ArbiterVerdict::Regression));
  BOOST_TEST(two.nyc.accept("pbx", 0).ok());
  const ArbiterAnswer won = two.nyc.claim("pbx", std::nullopt, {}, 0);
  BOOST_REQUIRE((won.verdict == ArbiterVerdict::Won));
  BOOST_TEST(won.record->version.epoch == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
