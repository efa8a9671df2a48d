#include "dnsupdater/doctor.h"

#include <algorithm>

#include "common/base/join.h"
#include "common/base/json_out.h"

namespace ha::dns {
namespace {

constexpr CheckPlan kPlans[] = {
    {"reachable", "SOA asked for over UDP and TCP, signed", "an answer of its own, signed with our key"},
    {"software", "version.bind and NSID", "for information"},
    {"clock", "queries signed 240 s early and late", "both are taken: the clocks are within 60 s"},
    {"write", "a TXT made where there was nothing", "NOERROR, signed"},
    {"wrong key", "an update with our key's name and another secret", "refused, nothing written"},
    {"unsigned", "an update without a signature", "refused, nothing written"},
    {"visible", "read at once after each of 10 updates", "seen within 0.5 s, and the serial rises"},
    {"prerequisites", "each kind met and unmet, over UDP and TCP", "the rcode of RFC 2136, and nothing else"},
    {"case", "a prerequisite that differs in case only", "NXRRSET"},
    {"partial", "a message of which a part is not allowed or impossible", "all of it or nothing"},
    {"replay", "the same bytes twice", "NXRRSET or YXRRSET, nothing changed"},
    {"races", "competing updates at the same moment", "one winner in each round, and its text is there"},
    {"sizes", "updates and answers of up to 60,000 bytes", "taken and read back whole"},
    {"one server", "what each address of the primary says it is", "the same"},
    {"place", "its addresses compared with those of the sites", "a third place"},
    {"zone", "SOA, and the servers that answer callers",
     "negative answers end within 5 min; serials are equal"},
    {"seen", "guards compared with what this site has seen", "none has gone back"},
    {"restart", "a text that was acknowledged, after a restart of the server", "it is there"},
    {"clean", "the scratch names deleted", "nothing of them is left"},
};

const CheckPlan* plan_of(std::string_view name) {
  const auto* const at = std::find_if(std::begin(kPlans), std::end(kPlans),
                                      [&](const CheckPlan& each) { return each.name == name; });
  return at == std::end(kPlans) ? nullptr : at;
}

}  // namespace

std::span<const CheckPlan> check_plans() noexcept {
  return kPlans;
}

// ---------------------------------------------------------------- the whole

bool Diagnosis::safe() const noexcept {
  return !interrupted &&
         std::none_of(checks.begin(), checks.end(), [](const Check& each) { return each.mark == Mark::Bad; });
}

std::string Diagnosis::conclusion() const {
  std::string out = primary;
  if (interrupted) {
    return out + ": given up before all was tried; nothing is known of it as an arbiter for " + zone.text();
  }
  if (safe()) {
    const auto warnings = std::count_if(checks.begin(), checks.end(),
                                        [](const Check& each) { return each.mark == Mark::Note; });
    out += " is a safe arbiter for " + zone.text();
    return warnings == 0 ? out : out + ", with " + std::to_string(warnings) + " to look at";
  }
  std::vector<std::string> reasons;
  for (const Check& each : checks) {
    if (each.mark == Mark::Bad) {
      reasons.push_back(each.seen);
    }
  }
  return out + " is NOT a safe arbiter for " + zone.text() + ": " + joined(reasons, "; ");
}

std::string Diagnosis::text() const {
  std::string out = zone.text() + " at " + primary + (software.empty() ? "" : ", " + software) + "\n";
  constexpr std::size_t kNameWidth = 16;
  for (const Check& each : checks) {
    out += "  " + std::string(mark_sign(each.mark)) + " " + each.name;
    out += std::string(each.name.size() < kNameWidth ? kNameWidth - each.name.size() : 1, ' ') + each.seen +
           "\n";
    const CheckPlan* plan = plan_of(each.name);
    const std::string indent(4 + kNameWidth, ' ');
    if ((each.mark == Mark::Note || each.mark == Mark::Bad) && plan != nullptr) {
      out += indent + "tried: " + std::string(plan->did) + "; due: " + std::string(plan->expected) + "\n";
    }
    if (!each.hint.empty() && each.mark != Mark::Good) {
      out += indent + "next:  " + each.hint + "\n";
    }
  }
  return out + conclusion() + "\n";
}

std::string Diagnosis::json() const {
  JsonList list;
  for (const Check& each : checks) {
    const CheckPlan* plan = plan_of(each.name);
    JsonObject one;
    one.text("name", each.name)
        .text("mark", mark_text(each.mark))
        .text("did", plan == nullptr ? "" : plan->did)
        .text("expected", plan == nullptr ? "" : plan->expected)
        .text("seen", each.seen)
        .text("hint", each.hint);
    list.add(one.text());
  }
  return JsonObject()
      .text("zone", zone.text())
      .text("primary", primary)
      .text("software", software)
      .flag("safe", safe())
      .text("conclusion", conclusion())
      .raw("checks", list.text())
      .text();
}

}  // namespace ha::dns
