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

std::vector<Rdata> rdata_of(const std::optional<RrSet>& set) {
  return set ? set->rdata : std::vector<Rdata>();
}

std::vector<Rdata> without(std::vector<Rdata> all, const std::vector<Rdata>& these) {
  std::erase_if(all,
                [&](const Rdata& one) { return std::find(these.begin(), these.end(), one) != these.end(); });
  return all;
}

// What the move does, to a set in which others have changed something else.
Result<std::optional<RrSet>> rebased_set(const SetMove& move, const std::optional<RrSet>& now) {
  std::vector<Rdata> rdata = without(rdata_of(now), without(rdata_of(move.from), rdata_of(move.to)));
  for (Rdata& one : without(rdata_of(move.to), rdata_of(move.from))) {
    rdata.push_back(std::move(one));
  }
  if (rdata.empty()) {
    return std::optional<RrSet>();
  }
  std::uint32_t ttl_s = now ? now->ttl_s : (move.to ? *move.to : *move.from).ttl_s;
  if (now && move.from && move.to) {
    if (ttl_s != move.from->ttl_s && ttl_s != move.to->ttl_s) {
      return changed_meanwhile(move, now);
    }
    ttl_s = move.to->ttl_s;
  }
  HA_TRY(RrSet set, RrSet::make(move.name, move.type, ttl_s, std::move(rdata)));
  return std::optional(std::move(set));
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

std::string text_of(const PoolAddress& one) {
  return std::string(address_state_text(one.state)) + ", weight " + std::to_string(one.weight);
}

// "pool.example.net: 192.0.2.10 in, weight 10 → draining, weight 10".
void add_lines(const GuardMove& move, std::vector<std::string>& lines) {
  if (!move.to) {
    return;
  }
  const Pool from = move.from.value_or(Pool());
  const auto entry = [](const Pool& pool, const Address& address) -> std::string {
    const auto at = std::find_if(pool.begin(), pool.end(),
                                 [&](const PoolAddress& one) { return one.address == address; });
    return at == pool.end() ? "not in the pool" : text_of(*at);
  };
  const auto line = [&](const Address& address) {
    const std::string was = entry(from, address);
    const std::string shall = entry(*move.to, address);
    if (was != shall) {
      lines.push_back(move.id + ": " + address.text() + " " + was + " → " + shall);
    }
  };
  for (const PoolAddress& one : *move.to) {
    line(one.address);
  }
  for (const PoolAddress& one : from) {
    if (entry(*move.to, one.address) == "not in the pool") {
      line(one.address);
    }
  }
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

bool is_after(const SetMove& move, const std::optional<RrSet>& seen) {
  if (!move.shared) {
    return seen == move.to;
  }
  const std::vector<Rdata> rdata = rdata_of(seen);
  const std::vector<Rdata> goes = without(rdata_of(move.from), rdata_of(move.to));
  const std::vector<Rdata> comes = without(rdata_of(move.to), rdata_of(move.from));
  const bool ttl_moves = move.from && move.to && move.from->ttl_s != move.to->ttl_s;
  return without(rdata, goes) == rdata && without(comes, rdata).empty() &&
         (!ttl_moves || (seen && seen->ttl_s == move.to->ttl_s));
}

Result<Change> change_of(const MoveStep& step, const std::vector<RrSet>& found, const Digest& nonce,
                         const SeenBeyond& beyond) {
  Change change{step.zone, {}, {}};
  for (const GuardMove& move : step.guards) {
    std::optional<Record> before;
    if (const RrSet* set = find_set(found, move.name, RrType::Txt)) {
      HA_TRY(before, record_of(*set, move.id));
    }
    const Version seen = beyond ? beyond(move.name) : Version{};
    HA_TRY(Record after, before ? next_record(*before, nonce, seen) : first_record(move.id, nonce, seen));
    if (move.to) {
      auto list = rebased(after.at, move.from.value_or(Pool()), *move.to);
      if (!list.ok()) {
        return std::move(list).error().in("pool " + move.id);
      }
      after.at = std::move(list).value();
    }
    change.guards.push_back({move.name, std::move(before), std::move(after)});
  }
  for (const SetMove& move : step.sets) {
    const std::optional<RrSet> now = copy_of(find_set(found, move.name, move.type));
    HA_TRY(std::optional<RrSet> to, move.shared ? rebased_set(move, now) : one_ttl(move.to));
    if (!move.shared && one_ttl(now) != one_ttl(move.from) && one_ttl(now) != to) {
      return changed_meanwhile(move, now);
    }
    change.sets.push_back({move.name, move.type, now, std::move(to), move.of_service});
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
    for (const GuardMove& guard : move->guards) {
      add_lines(guard, lines);
    }
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
