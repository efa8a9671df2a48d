#include "dnsupdater/plan.h"

#include <algorithm>
#include <set>
#include <utility>

namespace ha::dns {
namespace {

// Whether a guard says something new beside that it was changed.
bool says_more(const GuardChange& guard) {
  Record before = guard.before.value_or(Record{guard.after.id, "", {0, 0}, HoldState::Free, {}, {}});
  before.version.seq = guard.after.version.seq;
  before.nonce = guard.after.nonce;
  return before != guard.after;
}

// A guard that is not there, and would only say that nothing has happened yet, waits for the first change of
// what it guards.
bool has_work(const Change& change) {
  return change.renewal || std::any_of(change.guards.begin(), change.guards.end(), says_more) ||
         std::any_of(change.sets.begin(), change.sets.end(),
                     [](const SetChange& set) { return set.before != set.after; }) ||
         (change.sets.empty() && std::any_of(change.guards.begin(), change.guards.end(),
                                             [](const GuardChange& guard) { return !guard.before; }));
}

std::string about(const Name& name, RrType type) {
  return name.text() + ' ' + type_text(type);
}

// `is_sent`: whether there is a message, so that the guard has to change.
Status check_guard(const GuardChange& guard, bool is_sent) {
  const std::string& name = guard.name.text();
  if (!is_guard_name(guard.name)) {
    return Error(Code::Invalid, name + " is not a guard's name", "guards are called _ha.NAME");
  }
  if (!guard.before) {
    return ok();
  }
  if (guard.before->id != guard.after.id) {
    return Error(Code::Invalid, name + ": a guard cannot change what it guards");
  }
  if (!is_sent) {
    return ok();
  }
  if (guard.after.version <= guard.before->version ||
      guard.after.version.epoch < guard.before->version.epoch || guard.after.nonce == guard.before->nonce) {
    return Error(Code::Invalid, name + ": a change has to go on from what was read, with a new nonce");
  }
  if (guard.after.owner != guard.before->owner && !guard.after.owner.empty() &&
      guard.after.version.epoch == guard.before->version.epoch) {
    return Error(Code::Invalid, name + ": a new owner needs a new epoch");
  }
  return ok();
}

// Types that belong to the server, and questions that are no types.
bool is_managed(RrType type) {
  const auto number = static_cast<unsigned>(type);
  const bool dnssec = number == 24 || number == 25 || number == 46 || number == 47 || number == 48 ||
                      number == 50 || number == 51;
  return dnssec || type == RrType::Soa || number == 0 || number == 41 || (number >= 128 && number <= 255);
}

Status check_set(const SetChange& set, const Name& zone) {
  const std::string what = about(set.name, set.type);
  if (is_managed(set.type) || (set.type == RrType::Ns && set.name == zone)) {
    return Error(Code::Invalid, what + " belongs to the name server", "change it there");
  }
  if (is_guard_name(set.name)) {
    return Error(Code::Invalid, what + " is beside a guard", "choose a name that does not begin with _ha");
  }
  for (const auto& side : {&set.before, &set.after}) {
    if (*side && ((*side)->name != set.name || (*side)->type != set.type || (*side)->rdata.empty())) {
      return Error(Code::Invalid, what + ": the change is of another RRset, or of none");
    }
  }
  if (!set.after) {
    return set.of_service
               ? Status(Error(Code::Refused, what + " would be left empty: nobody could call the service",
                              "set another address first: dnsupdater set " + set.name.text()))
               : ok();
  }
  if (set.after->ttl_s == 0 || set.after->ttl_s > kTtlMaxS || set.after->ttls_differ) {
    return Error(Code::Invalid, what + ": the TTL has to be one for all, and not 0",
                 "use 30s to 60s; some phones and Asterisk keep what has TTL 0 for ever");
  }
  if (set.type == RrType::Cname && set.after->rdata.size() > 1) {
    return Error(Code::Invalid, what + ": a name has one CNAME at most");
  }
  return ok();
}

// A server takes no CNAME beside other types, and says nothing: RFC 2136, section 3.4.2.2.
Status check_cnames(const Change& change) {
  for (const SetChange& cname : change.sets) {
    if (cname.type != RrType::Cname || !cname.after) {
      continue;
    }
    for (const SetChange& other : change.sets) {
      if (other.name == cname.name && other.type != RrType::Cname && other.after) {
        return Error(Code::Invalid, cname.name.text() + " would have a CNAME beside " + type_text(other.type),
                     "choose one of them");
      }
    }
  }
  return ok();
}

Status check(const Change& change, bool is_sent) {
  if (change.guards.empty()) {
    return Error(Code::Invalid, "a change without a guard would be an update without a prerequisite");
  }
  if (change.guards.size() + change.sets.size() > kChangesMax) {
    return Error(Code::Exhausted, "a change of more than 256 RRsets", "do it in parts");
  }
  std::set<std::pair<Name, RrType>> seen;
  const auto take = [&](const Name& name, RrType type) -> Status {
    if (!name.is_in(change.zone)) {
      return Error(Code::Invalid, name.text() + " is not in the zone " + change.zone.text(),
                   "name the zone it is in: [[dns.zone]] in cluster.toml");
    }
    if (!seen.emplace(name, type).second) {
      return Error(Code::Invalid, about(name, type) + " is to be changed twice in one swap");
    }
    return ok();
  };
  for (const GuardChange& guard : change.guards) {
    HA_CHECK(take(guard.name, RrType::Txt));
    HA_CHECK(check_guard(guard, is_sent));
  }
  for (const SetChange& set : change.sets) {
    HA_CHECK(take(set.name, set.type));
    HA_CHECK(check_set(set, change.zone));
  }
  return check_cnames(change);
}

Status plan_guard(const GuardChange& guard, Plan& out) {
  HA_TRY(Rdata after, record_rdata(guard.after));
  if (guard.before) {
    HA_TRY(Rdata before, record_rdata(*guard.before));
    out.update.prerequisites.push_back({Need::SetIs, guard.name, RrType::Txt, {std::move(before)}});
    out.update.deletions.push_back({guard.name, RrType::Txt});
  } else {
    out.update.prerequisites.push_back({Need::SetAbsent, guard.name, RrType::Txt});
  }
  RrSet set{guard.name, RrType::Txt, 0, false, {std::move(after)}};
  out.afterwards.push_back({guard.name, RrType::Txt, set});
  out.update.additions.push_back(std::move(set));
  return ok();
}

void plan_set(const SetChange& set, Plan& out) {
  out.afterwards.push_back({set.name, set.type, set.after});
  if (set.before == set.after) {
    return;
  }
  // Also where nothing was read: what came in between is not in the plan.
  out.update.deletions.push_back({set.name, set.type});
  if (set.after) {
    out.update.additions.push_back(*set.after);
  }
}

std::string listed(const RrSet& set) {
  std::string out;
  for (const Rdata& one : set.rdata) {
    out += (out.empty() ? "" : ", ") + one.text;
  }
  return out + (set.ttls_differ ? " with several TTLs" : " with TTL " + std::to_string(set.ttl_s));
}

std::string_view command_of(Need need) {
  switch (need) {
    case Need::NameInUse:
      return "prereq yxdomain ";
    case Need::NameUnused:
      return "prereq nxdomain ";
    case Need::SetExists:
    case Need::SetIs:
      return "prereq yxrrset ";
    case Need::SetAbsent:
      return "prereq nxrrset ";
  }
  return "";
}

void add_prerequisite(const Prerequisite& one, std::string& out) {
  const std::string head = std::string(command_of(one.need)) + one.name.absolute();
  switch (one.need) {
    case Need::NameInUse:
    case Need::NameUnused:
      out += head + '\n';
      return;
    case Need::SetExists:
    case Need::SetAbsent:
      out += head + " IN " + type_text(one.type) + '\n';
      return;
    case Need::SetIs:
      for (const Rdata& rdata : one.rdata) {
        out += head;
        out += " IN " + type_text(one.type) + ' ' + rdata.text + '\n';
      }
      return;
  }
}

}  // namespace

Result<Plan> make_plan(const Change& change) {
  const bool is_sent = has_work(change);
  HA_CHECK(check(change, is_sent));
  Plan out{Update{change.zone, {}}, {}};
  if (!is_sent) {
    for (const GuardChange& guard : change.guards) {
      if (!guard.before) {
        out.afterwards.push_back({guard.name, RrType::Txt, std::nullopt});
        continue;
      }
      HA_TRY(Rdata before, record_rdata(*guard.before));
      out.afterwards.push_back(
          {guard.name, RrType::Txt, RrSet{guard.name, RrType::Txt, 0, false, {std::move(before)}}});
    }
  } else {
    for (const GuardChange& guard : change.guards) {
      HA_CHECK(plan_guard(guard, out));
    }
  }
  for (const SetChange& set : change.sets) {
    plan_set(set, out);
  }
  return out;
}

std::vector<std::string> differences(const Plan& plan, const std::vector<RrSet>& found) {
  std::vector<std::string> out;
  for (const Expected& expected : plan.afterwards) {
    const auto there = std::find_if(found.begin(), found.end(), [&](const RrSet& set) {
      return set.name == expected.name && set.type == expected.type;
    });
    const std::string what = about(expected.name, expected.type);
    if (there == found.end()) {
      if (expected.set) {
        out.push_back(what + " is not there; it should be " + listed(*expected.set));
      }
    } else if (!expected.set) {
      out.push_back(what + " is still there: " + listed(*there));
    } else if (*there != *expected.set) {
      out.push_back(what + " is " + listed(*there) + "; it should be " + listed(*expected.set));
    }
  }
  return out;
}

std::string nsupdate_text(const Update& update) {
  std::string out = "zone " + update.zone.absolute() + '\n';
  for (const Prerequisite& one : update.prerequisites) {
    add_prerequisite(one, out);
  }
  for (const Deletion& one : update.deletions) {
    out += "update delete " + one.name.absolute();
    if (one.type) {
      out += " IN " + type_text(*one.type);
    }
    if (one.rdata) {
      out += ' ' + one.rdata->text;
    }
    out += '\n';
  }
  for (const RrSet& set : update.additions) {
    for (const std::string& line : zone_lines(set)) {
      out += "update add " + line + '\n';
    }
  }
  return out + "send\n";
}

}  // namespace ha::dns
