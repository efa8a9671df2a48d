// Event handlers: executables of the operator's that are told what happens, and some of which may say no.
//
// A blocking handler is asked, at the events that wait and only then: ask() runs those of an event in the
// order of the configuration, and the first that fails vetoes. All others are told: tell() puts the event
// into each one's queue and returns at once; a thread of its own runs it, never two of one handler at a time.
// A full queue drops the event and counts it. Thread safety: tell() from one thread; ask() from any, it
// blocks; the sink is called on the threads of the handlers. Source: docs/failover.md, "Handlers".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "failover/action/command.h"

namespace ha::failover {

inline constexpr std::size_t kHandlersMax = 64;
inline constexpr std::size_t kHandlerQueueMax = 256;
inline constexpr std::size_t kEventFieldsMax = 64;

struct Event {
  std::string name;  // "role.promoted"
  std::string id;    // "e-17": the same in the log
  std::string site;  // ours
  std::string role = {};
  std::uint64_t epoch = 0;
  WallTime at{};
  std::vector<std::pair<std::string, std::string>> fields = {};  // {"service", "pbx-eu"}
};
// As handlers get it: "HA_EVENT=role.promoted", …, "HA_SERVICE=pbx-eu".
[[nodiscard]] std::vector<std::string> event_environment(const Event& event);
// One JSON object and a newline.
[[nodiscard]] std::string event_json(const Event& event);

struct HandlerConfig {
  std::string name;
  std::vector<std::string> events;  // "role.promoted", "pbx.*"
  ActionCommand run;
  bool blocking = false;
  std::size_t queue_max = 32;
};
// Invalid: no name, no events, one that is none (events.h), a command that is none, a blocking one with an
// event that waits for nobody.
[[nodiscard]] Status check_handler(const HandlerConfig& config);

struct HandlerRun {
  std::string handler;
  std::string event;
  std::string id;
  CommandOutcome outcome;
};
struct Veto {
  std::string handler;
  std::string words;
};
struct HandlerCounts {
  std::string handler;
  std::uint64_t runs = 0;
  std::uint64_t failures = 0;
  std::uint64_t dropped = 0;
  std::size_t waiting = 0;
};

class Handlers {
 public:
  using Sink = std::function<void(HandlerRun)>;

  // Invalid for a wrong configuration or two of one name; Exhausted above kHandlersMax.
  [[nodiscard]] static Result<std::unique_ptr<Handlers>> start(std::vector<HandlerConfig> configs, Sink sink);
  // Ends what runs, and drops what waits.
  ~Handlers();
  Handlers(const Handlers&) = delete;
  Handlers& operator=(const Handlers&) = delete;

  [[nodiscard]] std::optional<Veto> ask(const Event& event, int cancel_fd = -1);
  void tell(const Event& event);
  [[nodiscard]] std::vector<HandlerCounts> counts() const;

 private:
  struct Handler;
  explicit Handlers(Sink sink);

  Sink sink_;
  std::vector<std::unique_ptr<Handler>> handlers_;
};

}  // namespace ha::failover
