#include "dnsupdater/probe.h"

#include <algorithm>

namespace ha::dns {
namespace {

bool shows(const Sight& sight, const Rdata& data) {
  return sight.kind == Sight::Kind::Data && sight.rdata == std::vector<Rdata>{data};
}

std::string seconds(std::uint32_t count) {
  return std::to_string(count) + " s";
}

}  // namespace

std::string_view habit_text(Habit habit) noexcept {
  switch (habit) {
    case Habit::Honours:
      return "honours";
    case Habit::Clamps:
      return "clamps";
    case Habit::ServesOld:
      return "serves-expired";
    case Habit::StaysOld:
      return "stays-old";
    case Habit::CannotFind:
      return "cannot-find";
    case Habit::Silent:
      return "silent";
  }
  return "";
}

ProbeVerdict verdict_of(const Endpoint& resolver, const Sight& first, const Sight& second, const Sight& third,
                        const Rdata& now) {
  const std::string callers = "callers behind " + resolver.address.text();
  for (const Sight* const each : {&first, &second, &third}) {
    if (each->kind == Sight::Kind::Silent) {
      return {Habit::Silent, std::nullopt,
              each == &first ? "it does not answer" : "it has stopped answering: nothing can be said"};
    }
    if (each->kind == Sight::Kind::Failed) {
      return {Habit::CannotFind, std::nullopt, callers + " do not find the zone: it says " + each->said};
    }
    if (each->kind == Sight::Kind::Nothing) {
      return {Habit::CannotFind, std::nullopt,
              callers + " do not find the name: it asks other servers than [[dns.zone]] servers, or filters"};
    }
  }
  if (first.ttl_s > kProbeTtlS) {
    return {Habit::Clamps, first.ttl_s,
            callers + " follow after up to " + seconds(first.ttl_s) + ", whatever the TTL: it clamps TTLs"};
  }
  if (shows(second, now)) {
    return {Habit::Honours, kProbeTtlS,
            callers + " follow when the TTL is over (" + seconds(kProbeTtlS) + " here)"};
  }
  if (shows(third, now)) {
    return {Habit::ServesOld, std::nullopt,
            "the first caller after a change still gets the old address, however long ago it was: it serves "
            "expired data"};
  }
  return {Habit::StaysOld, std::nullopt,
          callers + " still have the old address when the TTL is over, and " + seconds(third.ttl_s) +
              " more at least: it asks a cache that keeps data longer"};
}

std::vector<Endpoint> resolvers_of(std::string_view resolv_conf) {
  std::vector<Endpoint> out;
  while (!resolv_conf.empty() && out.size() < kResolversMax) {
    const std::size_t end = std::min(resolv_conf.find('\n'), resolv_conf.size());
    std::string_view line = resolv_conf.substr(0, end);
    resolv_conf.remove_prefix(std::min(end + 1, resolv_conf.size()));
    constexpr std::string_view kWord = "nameserver";
    constexpr std::string_view kBlank = " \t\r";
    if (!line.starts_with(kWord)) {
      continue;
    }
    line.remove_prefix(kWord.size());
    const std::size_t begin = line.find_first_not_of(kBlank);
    if (begin == 0 || begin == std::string_view::npos) {
      continue;
    }
    line = line.substr(begin, line.find_first_of(kBlank, begin) - begin);
    const auto address = Address::parse(line);
    if (address.ok() && std::find(out.begin(), out.end(), Endpoint{*address}) == out.end()) {
      out.push_back({*address});
    }
  }
  return out;
}

}  // namespace ha::dns
