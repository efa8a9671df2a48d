// Records of services, changed by compare-and-swap only, and a client that is as careful as the real ones.
//
// The store has no clock. The client sends, hears nothing, reads back, sends again, as docs/dns.md says of a
// swap; what it has sent may arrive any time later. Thread safety: none.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "failover/model/step.h"

namespace ha::sim {

// What a site remembers of a service, over restarts: dnsupdater/seen_book.h.
struct Seen {
  failover::Version highest;
  failover::Version beyond;  // what was seen before a person has accepted less
};

struct Stored {
  failover::Record record;
  std::uint64_t nonce = 0;

  bool operator==(const Stored&) const = default;
};

// What was wrong with it, for breakages on purpose.
struct ArbiterFlaws {
  bool epoch_only = false;  // a swap compares owner and epoch, not the whole text
};

class ArbiterStore {
 public:
  // What a client read, and what it wants there instead. False: it was something else.
  bool swap(const std::string& service, const std::optional<Stored>& expected, const Stored& wanted);
  [[nodiscard]] std::optional<Stored> read(const std::string& service) const;
  // Back to what it was when keep() was called last.
  void keep() { kept_ = records_; }
  void roll_back(const std::set<std::string>& services);
  // Until the next swap.
  [[nodiscard]] const Stored* find(const std::string& service) const;
  [[nodiscard]] std::optional<Stored> kept(const std::string& service) const;

  ArbiterFlaws flaws;
  // After each swap that was applied.
  std::function<void(const std::string& service, const std::optional<Stored>& before, const Stored& now)>
      applied;

 private:
  std::map<std::string, Stored> records_;
  std::map<std::string, Stored> kept_;
};

// Who wants something of the arbiter.
struct Asker {
  std::string site;
  bool eligible = false;  // it claims although the owner has dropped it: a breakage on purpose
};

// The wish of an Ask as the record that it makes of `now`; none: not to be tried, it is lost.
[[nodiscard]] std::optional<Stored> wished(const failover::Ask& ask, const Asker& asker,
                                           const std::optional<Stored>& now, std::uint64_t nonce,
                                           const failover::Version& beyond);

// One call of one site: reads, sends, reads back, until the verdict or the deadline. The world gives it time
// and carries its messages.
class ArbiterCall {
 public:
  struct Read {};
  struct Send {
    std::optional<Stored> expected;
    Stored wanted;
  };
  using Message = std::variant<Read, Send>;

  // `seen` is the asker's, and must outlive the call.
  ArbiterCall(failover::Ask ask, Asker asker, Seen& seen, SteadyTime now, Duration total)
      : ask_(std::move(ask)), asker_(std::move(asker)), seen_(seen), asked_(now), deadline_(now + total) {}

  // The next message, with its number; what is heard of older ones is ignored.
  [[nodiscard]] Message next(std::uint64_t nonce, SteadyTime now);
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  // What was read. True: it has ended, see answer().
  bool on_read(const std::optional<Stored>& found, SteadyTime now);
  // Anything about a message that was sent: the verdict comes from reading back.
  void on_sent() noexcept { reads_ = true; }
  // Nothing came in time. True: it has ended.
  bool on_silence(SteadyTime now);
  [[nodiscard]] const failover::Answer& answer() const noexcept { return answer_; }

 private:
  bool end(failover::Verdict verdict, std::string why = {});

  failover::Ask ask_;
  Asker asker_;
  Seen& seen_;
  SteadyTime asked_;
  SteadyTime deadline_;
  std::uint64_t number_ = 0;
  bool reads_ = true;
  std::optional<std::optional<Stored>> found_;   // the last reading
  std::optional<std::optional<Stored>> before_;  // what it was made from
  std::optional<Stored> wanted_;
  std::optional<SteadyTime> sent_;
  failover::Answer answer_;
};

}  // namespace ha::sim
