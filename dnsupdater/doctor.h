// What makes a primary a safe arbiter for compare-and-swap: the checks, and what is seen as what.
//
// Pure: doctor_run.h asks and writes, this judges. Each check says what was done, what was expected and what
// was seen, so that an operator can judge as well. Thread safety: values and plain functions.
// Source: RFC 2136, 8945; docs/dns.md, "Doctor".
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "dnsupdater/config.h"
#include "dnsupdater/mark.h"
#include "dnsupdater/message.h"
#include "dnsupdater/plan.h"
#include "dnsupdater/record.h"
#include "dnsupdater/trouble.h"

namespace ha::dns {

struct CheckPlan {
  std::string_view name;
  std::string_view did;
  std::string_view expected;
};
// All checks, in the order in which they are made.
[[nodiscard]] std::span<const CheckPlan> check_plans() noexcept;

struct Check {
  std::string name;  // of a CheckPlan
  Mark mark = Mark::Skipped;
  std::string seen;
  std::string hint = {};                      // the next command
  std::optional<Cause> cause = std::nullopt;  // of Fail: where an exit code stands for it
};

struct Diagnosis {
  Name zone;
  std::string primary;
  std::string software;  // as it says; may be empty
  std::vector<Check> checks;
  bool interrupted = false;  // ^C: the checks are not all
  bool left_behind = false;  // scratch names may be in the zone still

  [[nodiscard]] bool safe() const noexcept;
  // "192.0.2.53:53 is a safe arbiter for voice.example.net", or is NOT, and why.
  [[nodiscard]] std::string conclusion() const;
  // A line for each check, those that were not good with a hint; then the conclusion.
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string json() const;
};

// ---------------------------------------------------------------- prerequisites

// One UPDATE under one prerequisite on the scratch name, whose TXT is one text, or on a name that is unused.
struct Trial {
  Need need = Need::SetIs;
  bool on_scratch = true;  // else: a name that is unused
  RrType type = RrType::Txt;
  bool stale = false;  // of SetIs: the text that was there before
  Rcode due = Rcode::NoError;
};
[[nodiscard]] std::span<const Trial> trials() noexcept;

struct TrialSeen {
  Trial trial;
  bool tcp = false;
  std::optional<Rcode> rcode;  // with a good signature
  std::string said;            // the answer in words
  bool applied = false;        // what was read back
};
[[nodiscard]] Check judge_trials(const std::vector<TrialSeen>& seen);

[[nodiscard]] std::string ms_text(Duration length);  // "12 ms"

// ---------------------------------------------------------------- the others

// TXT that differs in case only was taken for equal.
[[nodiscard]] Check judge_case(const TrialSeen& seen);

struct PartSeen {
  std::string what;  // "A of doctor-1f.voice.example.net"
  bool applied = false;
};
struct PartialSeen {
  std::vector<PartSeen> parts;  // of the message
  bool answered = true;
  std::optional<Rcode> rcode;  // with a good signature
  std::string said;
  std::vector<std::string> refused;  // parts that are refused when they are sent alone
  bool outside_applied = false;      // part of a message with a name of another zone
  std::string outside_said;
};
[[nodiscard]] Check judge_partial(const PartialSeen& seen);

struct RaceRound {
  std::vector<bool> accepted;  // by competitor: NOERROR
  std::size_t unmet = 0;
  std::size_t silent = 0;
  std::vector<bool> shown;  // whose text was read back
  bool foreign = false;     // or nobody's
};
[[nodiscard]] Check judge_races(const std::vector<RaceRound>& rounds, std::size_t endpoints);

// How long what the first endpoint has accepted took to be seen at each; none: it was not, within `waited`.
struct Delay {
  std::string at;  // the endpoint
  std::optional<Duration> took;
};
struct DelaySeen {
  std::vector<Delay> delays;  // the first one is of the first endpoint
  Duration waited{};
  bool serial_rose = false;
};
inline constexpr Duration kVisibleMax = std::chrono::milliseconds(500);
[[nodiscard]] Check judge_delays(const DelaySeen& seen);

struct ClockSeen {
  std::optional<Duration> offset;  // the server's less ours, as signatures have it
  std::optional<bool> early;       // whether a query signed 240 s ago was taken
  std::optional<bool> late;        // and one signed in 240 s
};
inline constexpr Duration kClockShift = std::chrono::seconds(240);
[[nodiscard]] Check judge_clock(const ClockSeen& seen);

// Which sites the arbiter stands at, as far as addresses tell.
[[nodiscard]] Check judge_place(const std::vector<Endpoint>& primary, const std::vector<SiteAddresses>& sites,
                                std::string_view self);

struct SizeSeen {
  std::string what;  // "4,000 bytes over TCP"
  bool answered = false;
  bool applied = false;
  bool needed = true;  // we do send such
};
[[nodiscard]] Check judge_sizes(const std::vector<SizeSeen>& seen);

struct ZoneSeen {
  std::optional<RrSet> soa;
  std::vector<std::string> odd;  // servers of the zone that answer otherwise, in words
};
[[nodiscard]] Check judge_zone(const ZoneSeen& seen);

// What is in DNS of guards that this site has seen.
struct GuardSeen {
  Name guard;
  Version seen;
  std::optional<Record> now;
  std::string unreadable = {};
};
[[nodiscard]] Check judge_seen(const std::vector<GuardSeen>& guards);

struct RestartSeen {
  bool was_away = false;
  std::optional<std::string> before;  // the last text that was acknowledged
  std::optional<std::string> after;
  std::optional<std::uint32_t> serial_before;
  std::optional<std::uint32_t> serial_after;
};
[[nodiscard]] Check judge_restart(const RestartSeen& seen);

}  // namespace ha::dns
