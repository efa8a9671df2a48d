// The arbiter that tests compare the others with: one record a service, in memory, and all that can happen to
// a message on its way. Also for simulations, which move the messages themselves: MemoryStore.
//
// No I/O, no clock: time is what MemoryClock says. Thread safety: none.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "dnsupdater/lease.h"
#include "failover/lease/arbiter.h"

namespace ha::failover {

struct MemoryClock {
  SteadyTime now{};
};

// What a server has: it compares and swaps, and does nothing else.
class MemoryStore {
 public:
  struct Change {
    std::string service;
    std::optional<dns::Record> before;
    dns::Record after;
  };
  explicit MemoryStore(std::set<std::string, std::less<>> services) : services_(std::move(services)) {}

  [[nodiscard]] bool knows(std::string_view service) const;
  [[nodiscard]] std::optional<dns::Record> read(std::string_view service) const;
  // False: something else than `before` is there. Nothing is changed then.
  bool apply(const Change& change);
  // Every record that a service has ever had, in order.
  [[nodiscard]] const std::vector<dns::Record>& history(std::string_view service) const;

  // What callers are shown: the epoch copy, by the same rules.
  [[nodiscard]] std::optional<dns::Record> shown(std::string_view service) const;
  void show(const dns::Record& record) { shown_.insert_or_assign(record.id, record); }

  // A backup of the records, and back to it.
  using Records = std::map<std::string, dns::Record, std::less<>>;
  [[nodiscard]] Records save() const { return records_; }
  void restore(Records records) { records_ = std::move(records); }

 private:
  std::set<std::string, std::less<>> services_;
  Records records_;
  Records shown_;
  std::map<std::string, std::vector<dns::Record>, std::less<>> history_;
};

// What becomes of one message that changes something.
enum class Mishap {
  None,
  RequestLost,
  ReplyLost,
  RequestLate,  // it is on its way until deliver_late()
};

// What a site knows over restarts.
struct MemoryBook {
  std::map<std::string, dns::Version, std::less<>> seen;
  std::map<std::string, dns::Version, std::less<>> beyond;
};

class MemoryArbiter final : public Arbiter {
 public:
  // All must outlive it. `tries`: of one message, until the call gives up.
  MemoryArbiter(MemoryStore& store, MemoryBook& book, MemoryClock& clock, std::string self, int tries = 4)
      : store_(store), book_(book), clock_(clock), self_(std::move(self)), tries_max_(tries) {}

  [[nodiscard]] ArbiterSight read(std::string_view service) override;
  [[nodiscard]] ArbiterAnswer claim(std::string_view service, const std::optional<Version>& saw,
                                    const Terms& terms, std::uint64_t above) override;
  [[nodiscard]] ArbiterAnswer renew(std::string_view service, std::uint64_t epoch, const Terms& terms,
                                    Hold hold) override;
  [[nodiscard]] ArbiterAnswer release(std::string_view service, std::uint64_t epoch) override;
  [[nodiscard]] ArbiterAnswer transfer(std::string_view service, std::uint64_t epoch,
                                       std::string_view target) override;
  [[nodiscard]] std::vector<FollowAnswer> follow(std::string_view service) override;
  [[nodiscard]] Status accept(std::string_view service, std::uint64_t beyond) override;

  // Of the next messages; of those after them `ever`.
  void plan(std::deque<Mishap> next, Mishap ever = Mishap::None);
  // Nothing gets through, in either direction.
  void cut(bool is_cut) { is_cut_ = is_cut; }
  // Called when the next change has been applied, and before anything is heard of it: `cut` may be called.
  void cut_after_next(std::function<void()> cut) { after_next_ = std::move(cut); }
  // How long a message, and its answer, are on their way.
  void delay(Duration request, Duration reply) { request_takes_ = request, reply_takes_ = reply; }
  // Called between the reading and the change of each call: somebody else's chance.
  void before_each(std::function<void()> hook) { before_each_ = std::move(hook); }
  // What was late arrives now, oldest first. How many of them applied.
  std::size_t deliver_late();

 private:
  [[nodiscard]] std::optional<Error> regression(std::string_view service,
                                                const std::optional<dns::Record>& now);
  [[nodiscard]] dns::Version beyond(std::string_view service) const;
  [[nodiscard]] Digest nonce();
  // False: no answer.
  [[nodiscard]] bool send(const MemoryStore::Change& change);
  [[nodiscard]] ArbiterAnswer change(std::string_view service, const dns::LeaseWish& wish);
  [[nodiscard]] std::optional<ArbiterAnswer> change_once(std::string_view service,
                                                         const dns::LeaseWish& wish);

  MemoryStore& store_;
  MemoryBook& book_;
  MemoryClock& clock_;
  std::string self_;
  int tries_max_;
  std::deque<Mishap> plan_;
  Mishap ever_ = Mishap::None;
  bool is_cut_ = false;
  Duration request_takes_{};
  Duration reply_takes_{};
  std::function<void()> before_each_;
  std::function<void()> after_next_;
  std::vector<MemoryStore::Change> late_;
  std::map<std::string, ArbiterSight, std::less<>> last_;
};

}  // namespace ha::failover
