// What the cases of arbiter_suite.h are written in: one service, whoever asks about it.
//
// Thread safety: one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tests/support/arbiter_suite.h"

namespace ha::failover {

[[nodiscard]] inline std::string verdict_text(ArbiterVerdict verdict) {
  switch (verdict) {
    case ArbiterVerdict::Won:
      return "won";
    case ArbiterVerdict::Lost:
      return "lost";
    case ArbiterVerdict::Refused:
      return "refused";
    case ArbiterVerdict::Unreachable:
      return "unreachable";
    case ArbiterVerdict::Unknown:
      return "unknown";
    case ArbiterVerdict::Regression:
      return "regression";
  }
  return "?";
}

class Turn {
 public:
  Turn(ArbiterBench& bench, SuiteReport& report, std::string service)
      : bench_(bench), report_(report), service_(std::move(service)) {}

  [[nodiscard]] ArbiterBench& bench() noexcept { return bench_; }
  [[nodiscard]] SteadyTime now() const { return bench_.now(); }
  void check(bool good, const std::string& what) { report_.check(good, what); }

  ArbiterSight read(std::string_view site) { return bench_.at(site).read(service_); }
  ArbiterAnswer claim(std::string_view site, const std::optional<Version>& saw, const Terms& terms = {},
                      std::uint64_t above = 0) {
    return bench_.at(site).claim(service_, saw, terms, above);
  }
  ArbiterAnswer renew(std::string_view site, std::uint64_t epoch, const Terms& terms = {},
                      Hold hold = Hold::Own) {
    return bench_.at(site).renew(service_, epoch, terms, hold);
  }
  ArbiterAnswer release(std::string_view site, std::uint64_t epoch) {
    return bench_.at(site).release(service_, epoch);
  }
  ArbiterAnswer transfer(std::string_view site, std::uint64_t epoch, std::string_view target) {
    return bench_.at(site).transfer(service_, epoch, target);
  }
  Status accept(std::string_view site) { return bench_.at(site).accept(service_); }

  [[nodiscard]] static std::optional<Version> version_of(const std::optional<Record>& record) {
    return record ? std::optional(record->version) : std::nullopt;
  }

  // The version that the site reads; there has to be one.
  [[nodiscard]] std::optional<Version> seen(std::string_view site) {
    const ArbiterSight sight = read(site);
    report_.check(sight.record.has_value(), std::string(site) + " reads a record" +
                                                (sight.record    ? ""
                                                 : sight.trouble ? ", but: " + sight.trouble->what()
                                                                 : ", but there is none"));
    return version_of(sight.record);
  }

  // What is there, claimed by the site.
  ArbiterAnswer take(std::string_view site, const Terms& terms = {}) {
    ArbiterAnswer won = claim(site, version_of(read(site).record), terms);
    is(won, ArbiterVerdict::Won, std::string(site) + " takes it");
    return won;
  }

  void is(const ArbiterAnswer& answer, ArbiterVerdict wanted, const std::string& what) {
    report_.check(answer.verdict == wanted,
                  what + ": " + verdict_text(wanted) +
                      (answer.verdict == wanted ? ""
                                                : ", but it is " + verdict_text(answer.verdict) + ": " +
                                                      (answer.why ? answer.why->what() : "")));
    report_.check(answer.why.has_value() == (answer.verdict != ArbiterVerdict::Won), what + ": why");
  }

  void owned(const std::optional<Record>& record, const std::string& owner, Version version, Hold hold) {
    const bool good = record && record->owner == owner && record->version == version && record->hold == hold;
    report_.check(good, "it is " + owner + "'s at " + text_of(version) +
                            (good     ? ""
                             : record ? ", but it is " + record->owner + "'s at " + text_of(record->version)
                                      : ", but there is none"));
  }

  // `site` brings the names after the record, or is not the one to do it.
  void followed(std::string_view site, bool is_done, const std::string& what) {
    const auto all = bench_.at(site).follow(service_);
    report_.check(!all.empty(), what + ": there are names");
    for (const FollowAnswer& each : all) {
      const bool good = is_done ? each.done : !each.done && each.why && each.why->code() == Code::Conflict;
      report_.check(good, what + (is_done ? " brings names in " : " leaves names in ") + each.place +
                              (good || !each.why ? "" : ": " + each.why->what()));
    }
  }

 private:
  static std::string text_of(Version version) {
    return std::to_string(version.epoch) + "/" + std::to_string(version.seq);
  }

  ArbiterBench& bench_;
  SuiteReport& report_;
  std::string service_;
};

}  // namespace ha::failover
