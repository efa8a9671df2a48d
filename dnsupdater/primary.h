// The primary of one zone: reads RRsets and sends updates, signed, and says in words what is wrong.
//
// It blocks, for workers. What is done with what was heard is Swap's business. Several addresses are of one
// server: the next one is tried when one is silent; never another server of the zone. Thread safety: one
// thread, but cancel() from any. Source: docs/dns.md, "A swap"; what servers answer to what: the same.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "dnsupdater/exchange.h"
#include "dnsupdater/swap.h"
#include "dnsupdater/tsig.h"

namespace ha::dns {

struct PrimaryOptions {
  Name zone;
  std::vector<Endpoint> endpoints;                      // at least one, by preference
  Duration patience = std::chrono::milliseconds(1000);  // for one answer
  int cancel_fd = -1;
  // A primary that refuses our clock says its own, signed: messages are signed by that one from then on. The
  // two may be hours apart, and it does not hinder who has to act now; who has time sets the clock first.
  bool by_its_clock = false;
};

class Primary {
 public:
  template <typename T>
  using Heard = std::variant<T, Trouble>;

  // `key` must outlive it.
  Primary(PrimaryOptions options, const TsigKey& key) : options_(std::move(options)), key_(&key) {}

  // As they stood at one moment: those that exist. The guards among them are asked for first, and again at
  // the end when there are others, as every change changes a guard.
  [[nodiscard]] Heard<std::vector<RrSet>> read(const std::vector<SetKey>& keys);
  // The same in one round trip: each as it stood at a moment of its own.
  [[nodiscard]] Heard<std::vector<RrSet>> read_at_once(const std::vector<SetKey>& keys);
  struct Sent {
    dns::Heard heard = dns::Heard::Silence;
    std::optional<Trouble> trouble;
    std::optional<Answer> answer;  // what came last
  };
  // `earlier`: sends of the same change before this; the first one goes by UDP if it is short.
  [[nodiscard]] Sent send(const Update& update, unsigned earlier);
  // Any question, signed; a truncated answer, and an unsigned one, are asked for again by TCP.
  [[nodiscard]] Heard<Answer> ask(const Question& question);

  [[nodiscard]] const PrimaryOptions& options() const noexcept { return options_; }

 private:
  using Make = std::function<Result<Request>(std::uint16_t id, WallTime now)>;
  [[nodiscard]] Heard<Answer> once(Transport transport, const Make& make);
  [[nodiscard]] Heard<Answer> sent(Transport transport, const Make& make);
  [[nodiscard]] Heard<std::vector<RrSet>> read_once(const std::vector<SetKey>& keys);

  PrimaryOptions options_;
  const TsigKey* key_;
  std::size_t endpoint_ = 0;  // that answered last
  Duration clock_shift_{};    // of its clock to ours, if that matters
};

// What an answer says, if not what was hoped for; none: it is good. `ours`: our clock when it came.
[[nodiscard]] std::optional<Trouble> trouble_of(const Reply& reply, const Name& zone, const Name& key,
                                                WallTime ours);

}  // namespace ha::dns
