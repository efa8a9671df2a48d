#include "tests/sim/dns_net.h"

#include <algorithm>
#include <memory>
#include <variant>

namespace ha::sim {
namespace {

using std::chrono::milliseconds;

constexpr Duration kPatience = milliseconds(1000);  // of the transport, for one send
constexpr Duration kAgain = std::chrono::seconds(30);

}  // namespace

void DnsNet::after(Duration wait, std::function<void()> work) {
  events_.emplace(now_ + wait, std::move(work));
}

bool DnsNet::turn() {
  if (events_.empty()) {
    return false;
  }
  const auto next = events_.begin();
  now_ = next->first;
  const auto work = std::move(next->second);
  events_.erase(next);
  work();
  return true;
}

Duration DnsNet::trip() {
  const Duration usual = milliseconds(random_.between(1, 80));
  return random_.chance(faults.late) ? usual + milliseconds(random_.between(0, 20'000)) : usual;
}

std::uint64_t DnsNet::begin(dns::Swap swap, DnsPrimary& primary, Told told) {
  const std::uint64_t number = ++last_;
  swaps_.emplace(number, Running{std::move(swap), &primary, std::move(told), 0});
  go_on(number);
  return number;
}

void DnsNet::go_on(std::uint64_t number) {
  Running& running = swaps_.at(number);
  const std::uint64_t at = ++running.step;
  const dns::SwapStep step = running.swap.step(now_);
  if (const auto* wait = std::get_if<dns::WaitStep>(&step)) {
    after(std::max(wait->until - now_, Duration{1}), [this, number, at] { hear(number, at, nullptr); });
  } else if (const auto* reading = std::get_if<dns::ReadStep>(&step)) {
    read(number, running, *reading);
  } else if (const auto* sending = std::get_if<dns::SendStep>(&step)) {
    send(number, running, sending->update);
  } else {
    const Told told = std::move(running.told);
    swaps_.erase(number);
    told(std::get<dns::SwapResult>(step));
  }
}

void DnsNet::hear(std::uint64_t number, std::uint64_t step, const Hear& what) {
  const auto at = swaps_.find(number);
  if (at == swaps_.end() || at->second.step != step) {
    return;
  }
  if (what) {
    what(at->second.swap);
  }
  go_on(number);
}

// All that is asked for at once has a way, and a moment, of its own.
void DnsNet::read(std::uint64_t number, const Running& running, const dns::ReadStep& wanted) {
  const std::uint64_t at = running.step;
  DnsPrimary* const primary = running.primary;
  after(kPatience, [this, number, at] {
    hear(number, at, [this](dns::Swap& swap) {
      swap.on_unread({dns::Cause::Network, Error(Code::TimedOut, "silence")}, now_);
    });
  });
  if (random_.chance(faults.lose)) {
    return;
  }
  std::vector<std::vector<dns::SetKey>> questions(1, wanted.sets);
  if (wanted.at_once) {
    questions.clear();
    for (const dns::SetKey& key : wanted.sets) {
      questions.push_back({key});
    }
  }
  const auto found = std::make_shared<std::vector<dns::RrSet>>();
  const auto left = std::make_shared<std::size_t>(questions.size());
  for (const auto& keys : questions) {
    after(trip(), [this, number, at, primary, keys, found, left] {
      const auto part = primary->read(keys);
      found->insert(found->end(), part.begin(), part.end());
      if (--*left > 0 || random_.chance(faults.lose)) {
        return;
      }
      after(trip(), [this, number, at, found] {
        hear(number, at, [this, found](dns::Swap& swap) { swap.on_read(*found, now_); });
      });
    });
  }
}

void DnsNet::send(std::uint64_t number, const Running& running, const dns::Update& update) {
  const std::uint64_t at = running.step;
  DnsPrimary* const primary = running.primary;
  after(kPatience, [this, number, at] {
    hear(number, at, [this](dns::Swap& swap) { swap.on_sent(dns::Heard::Silence, std::nullopt, now_); });
  });
  const int copies = random_.chance(faults.lose) ? 0 : random_.chance(faults.twice) ? 2 : 1;
  for (int copy = 0; copy < copies; ++copy) {
    after(trip(), [this, number, at, primary, update] { arrive(number, at, *primary, update); });
  }
  if (random_.chance(faults.again)) {
    after(kAgain, [this, primary, update] { static_cast<void>(apply(*primary, update)); });
  }
}

dns::Rcode DnsNet::apply(DnsPrimary& primary, const dns::Update& update) {
  const dns::Rcode code = primary.apply(update);
  applied();
  return code;
}

void DnsNet::arrive(std::uint64_t number, std::uint64_t step, DnsPrimary& primary,
                    const dns::Update& update) {
  const bool broken = random_.chance(faults.refuse);
  const bool applies = !broken || random_.chance(0.5);
  const dns::Rcode code = applies ? apply(primary, update) : dns::Rcode::ServFail;
  const dns::Heard heard = broken                        ? dns::Heard::Silence
                           : code == dns::Rcode::NoError ? dns::Heard::Accepted
                                                         : dns::Heard::Unmet;
  if (!random_.chance(faults.lose)) {
    after(trip(), [this, number, step, heard] {
      hear(number, step, [this, heard](dns::Swap& swap) { swap.on_sent(heard, std::nullopt, now_); });
    });
  }
}

}  // namespace ha::sim
