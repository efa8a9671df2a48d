#include "dnsupdater/operation.h"

#include <algorithm>
#include <utility>

#include "common/base/units.h"

namespace ha::dns {
namespace {

std::string data_of(const std::optional<RrSet>& set) {
  if (!set) {
    return "nothing";
  }
  std::string out;
  for (const Rdata& each : set->rdata) {
    out += (out.empty() ? "" : ", ") + each.text;
  }
  return out + " (TTL " + std::to_string(set->ttl_s) + ")";
}

const RrSet* find(const std::vector<RrSet>& found, const SetKey& key) {
  const auto at = std::find_if(found.begin(), found.end(), [&](const RrSet& each) {
    return each.name == key.name && each.type == key.type;
  });
  return at == found.end() ? nullptr : &*at;
}

std::optional<RrSet> copy_of(const RrSet* set) {
  return set != nullptr ? std::optional(*set) : std::nullopt;
}

// Where some servers allow several TTLs in one RRset: nothing that we make has them.
std::optional<RrSet> one_ttl(std::optional<RrSet> set) {
  if (set) {
    set->ttls_differ = false;
  }
  return set;
}

Error changed_meanwhile(const SetMove& move, const std::optional<RrSet>& now) {
  return Error(Code::Conflict,
               move.name.text() + " " + type_text(move.type) + " is " + data_of(now) + ", neither " +
                   data_of(move.from) + " nor " + data_of(move.to) + ": somebody has changed it meanwhile",
               "dnsupdater show " + move.name.text());
}

SetMove reversed(SetMove move) {
  std::swap(move.from, move.to);
  move.to = one_ttl(std::move(move.to));
  return move;
}

MoveStep reversed(MoveStep step) {
  for (GuardMove& guard : step.guards) {
    std::swap(guard.from, guard.to);
  }
  for (SetMove& set : step.sets) {
    set = reversed(std::move(set));
  }
  return step;
}

std::string line_of(const SetMove& move) {
  const bool ttl_only = move.from && move.to && move.from->rdata == move.to->rdata;
  const std::string name = move.name.text() + " " + type_text(move.type) + " ";
  return ttl_only ? name + "TTL " + std::to_string(move.from->ttl_s) + " → " + std::to_string(move.to->ttl_s)
                  : name + data_of(move.from) + " → " + data_of(move.to);
}

}  // namespace

std::vector<SetKey> keys_of(const MoveStep& step) {
  std::vector<SetKey> keys;
  for (const GuardMove& guard : step.guards) {
    keys.push_back({guard.name, RrType::Txt});
  }
  for (const SetMove& set : step.sets) {
    keys.push_back({set.name, set.type});
  }
  return keys;
}

Result<Change> change_of(const MoveStep& step, const std::vector<RrSet>& found, const Digest& nonce) {
  Change change{step.zone, {}, {}};
  for (const SetMove& move : step.sets) {
    const std::optional<RrSet> now = copy_of(find(found, {move.name, move.type}));
    std::optional<RrSet> to = one_ttl(move.to);
    if (one_ttl(now) != one_ttl(move.from) && one_ttl(now) != to) {
      return changed_meanwhile(move, now);
    }
    change.sets.push_back({move.name, move.type, now, std::move(to), move.of_service});
  }
  for (const GuardMove& move : step.guards) {
    std::optional<Record> before;
    if (const RrSet* set = find(found, {move.name, RrType::Txt})) {
      HA_TRY(before, record_of(*set, move.id));
    }
    HA_TRY(Record after, before ? next_record(*before, nonce) : first_record(move.id, nonce));
    if (move.to) {
      const Pool now = before ? before->at : Pool();
      if (now != *move.to && (!move.from || now != *move.from)) {
        return Error(Code::Conflict, "the pool " + move.id + " was changed meanwhile",
                     "dnsupdater show " + move.id);
      }
      after.at = *move.to;
    }
    change.guards.push_back({move.name, std::move(before), std::move(after)});
  }
  return change;
}

Operation undo_of(const Operation& operation, std::size_t done, std::string id) {
  Operation undo{std::move(id), "undo " + operation.id + " (" + operation.what + ")", {}};
  for (std::size_t i = std::min(done + 1, operation.steps.size()); i-- > 0;) {
    const auto* move = std::get_if<MoveStep>(&operation.steps[i]);
    if (move == nullptr) {
      continue;
    }
    undo.steps.emplace_back(reversed(*move));
    for (const OperationStep& step : operation.steps) {  // who serves that zone
      const auto* verify = std::get_if<VerifyStep>(&step);
      if (verify != nullptr && verify->zone == move->zone) {
        VerifyStep look{verify->zone, verify->servers, reversed(*move).sets, verify->limit};
        undo.steps.emplace_back(std::move(look));
        break;
      }
    }
  }
  return undo;
}

std::vector<std::string> lines_of(const OperationStep& step) {
  std::vector<std::string> lines;
  if (const auto* move = std::get_if<MoveStep>(&step)) {
    for (const SetMove& set : move->sets) {
      lines.push_back(line_of(set));
    }
  } else if (const auto* verify = std::get_if<VerifyStep>(&step)) {
    std::string servers;
    for (const Endpoint& each : verify->servers) {
      servers += (servers.empty() ? "" : ", ") + each.text();
    }
    lines.push_back("wait until " + servers + " answer so, " + show_age(verify->limit) + " at most");
  } else if (const auto* pause = std::get_if<PauseStep>(&step)) {
    lines.push_back("wait " + show_age(pause->length) + ": " + pause->why);
  } else {
    const auto& drain = std::get<DrainStep>(step);
    std::string command;
    for (const std::string& word : drain.command) {
      command += (command.empty() ? "" : " ") + word;
    }
    lines.push_back(command.empty() ? "wait " + show_age(drain.limit) + " for calls to end"
                                    : "until \"" + escape(command) + "\" ends with 0, " +
                                          show_age(drain.limit) + " at most");
  }
  return lines;
}

}  // namespace ha::dns
