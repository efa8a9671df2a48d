// The network between swaps and primaries: loses, delays and doubles messages, in virtual time.
//
// Swaps are driven here, so that one that was killed hears nothing more while its messages still arrive.
// Thread safety: none.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "tests/sim/dns_primary.h"

namespace ha::sim {

struct DnsFaults {
  double lose = 0;
  double late = 0;
  double twice = 0;
  double refuse = 0;  // SERVFAIL, before or after it was applied
  double again = 0;   // somebody plays a message again, much later
};

class DnsNet {
 public:
  using Told = std::function<void(const dns::SwapResult& result)>;
  using Applied = std::function<void()>;

  // `random` must outlive it.
  explicit DnsNet(Random& random) : random_(random) {}

  void after(Duration wait, std::function<void()> work);
  // Runs a swap on a primary, which must outlive it; `told` is called once. The number is for kill().
  std::uint64_t begin(dns::Swap swap, DnsPrimary& primary, Told told);
  void kill(std::uint64_t number) { swaps_.erase(number); }
  // The next event; false: there is none.
  bool turn();

  [[nodiscard]] SteadyTime now() const noexcept { return now_; }
  DnsFaults faults;
  Applied applied = [] {};  // after each message that a primary has taken in

 private:
  struct Running {
    dns::Swap swap;
    DnsPrimary* primary = nullptr;
    Told told;
    std::uint64_t step = 0;  // answers to older ones are not heard
  };
  using Hear = std::function<void(dns::Swap& swap)>;

  Duration trip();
  void go_on(std::uint64_t number);
  void hear(std::uint64_t number, std::uint64_t step, const Hear& what);
  void read(std::uint64_t number, const Running& running, const dns::ReadStep& wanted);
  void send(std::uint64_t number, const Running& running, const dns::Update& update);
  void arrive(std::uint64_t number, std::uint64_t step, DnsPrimary& primary, const dns::Update& update);
  dns::Rcode apply(DnsPrimary& primary, const dns::Update& update);

  Random& random_;
  SteadyTime now_{};
  std::multimap<SteadyTime, std::function<void()>> events_;
  std::map<std::uint64_t, Running> swaps_;
  std::uint64_t last_ = 0;
};

}  // namespace ha::sim
