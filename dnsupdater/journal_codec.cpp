// The journal's files: schemas/dns.proto.
#include <chrono>
#include <utility>

#include "common/base/nanoseconds.h"
#include "dnsupdater/journal.h"
#include "schemas/dns.pb.h"

namespace ha::dns {
namespace {

namespace pb = ha::schemas::dns;

constexpr std::uint32_t kFormat = 1;
constexpr int kRdataMax = 4096;  // of one RRset; a message of 60,000 bytes has fewer
constexpr Duration kSpanMax = std::chrono::seconds(kTtlMaxS);  // no wait is longer than caches keep anything

// ---------------------------------------------------------------- out
void put(const RrSet& set, pb::RrSet& out) {
  out.set_name(set.name.text());
  out.set_type(static_cast<std::uint32_t>(set.type));
  out.set_ttl_s(set.ttl_s);
  out.set_ttls_differ(set.ttls_differ);
  for (const Rdata& each : set.rdata) {
    out.add_wire(each.wire);
    out.add_text(each.text);
  }
}

void put(const Pool& pool, pb::Pool& out) {
  for (const PoolAddress& each : pool) {
    pb::PoolAddress& one = *out.add_addresses();
    one.set_address(each.address.text());
    one.set_state(static_cast<std::uint32_t>(each.state));
    one.set_weight(each.weight);
  }
}

void put_sets(const std::vector<SetMove>& sets, pb::Step& out) {
  for (const SetMove& each : sets) {
    pb::SetMove& one = *out.add_sets();
    one.set_name(each.name.text());
    one.set_type(static_cast<std::uint32_t>(each.type));
    one.set_of_service(each.of_service);
    one.set_shared(each.shared);
    if (each.from) {
      put(*each.from, *one.mutable_from());
    }
    if (each.to) {
      put(*each.to, *one.mutable_to());
    }
  }
}

void put(const MoveStep& step, pb::Step& out) {
  out.set_kind(pb::Step::MOVE);
  out.set_zone(step.zone.text());
  for (const GuardMove& each : step.guards) {
    pb::GuardMove& one = *out.add_guards();
    one.set_name(each.name.text());
    one.set_id(each.id);
    if (each.from) {
      put(*each.from, *one.mutable_from());
    }
    if (each.to) {
      put(*each.to, *one.mutable_to());
    }
  }
  put_sets(step.sets, out);
}

void put(const VerifyStep& step, pb::Step& out) {
  out.set_kind(pb::Step::VERIFY);
  out.set_zone(step.zone.text());
  out.set_limit_ns(step.limit.count());
  for (const Endpoint& each : step.servers) {
    out.add_servers(each.text());
  }
  put_sets(step.sets, out);
}

void put(const PauseStep& step, pb::Step& out) {
  out.set_kind(pb::Step::PAUSE);
  out.set_limit_ns(step.length.count());
  out.set_why(step.why);
}

void put(const DrainStep& step, pb::Step& out) {
  out.set_kind(pb::Step::DRAIN);
  out.set_limit_ns(step.limit.count());
  for (const std::string& word : step.command) {
    out.add_command(word);
  }
}

// ---------------------------------------------------------------- in
Error torn() {
  return Error(Code::Corrupt, "an operation does not parse");
}

Result<RrSet> set_from(const pb::RrSet& in) {
  HA_TRY(const Name name, Name::parse(in.name()));
  if (in.wire_size() != in.text_size() || in.wire_size() > kRdataMax || in.type() > 0xffff) {
    return torn();
  }
  std::vector<Rdata> rdata;
  rdata.reserve(static_cast<std::size_t>(in.wire_size()));
  for (int i = 0; i < in.wire_size(); ++i) {
    rdata.push_back({in.wire(i), in.text(i)});
  }
  HA_TRY(RrSet set, RrSet::make(name, static_cast<RrType>(in.type()), in.ttl_s(), std::move(rdata)));
  set.ttls_differ = in.ttls_differ();
  return set;
}

Result<Pool> pool_from(const pb::Pool& in) {
  Pool pool;
  if (in.addresses_size() > static_cast<int>(kPoolAddressesMax)) {
    return torn();
  }
  for (const pb::PoolAddress& each : in.addresses()) {
    HA_TRY(const Address address, Address::parse(each.address()));
    if (each.state() > static_cast<std::uint32_t>(AddressState::Down) || each.weight() > 0xffff) {
      return torn();
    }
    pool.push_back(
        {address, static_cast<AddressState>(each.state()), static_cast<std::uint16_t>(each.weight())});
  }
  return pool;
}

Result<std::vector<SetMove>> sets_from(const pb::Step& in) {
  std::vector<SetMove> sets;
  if (in.sets_size() > static_cast<int>(kChangesMax)) {
    return torn();
  }
  for (const pb::SetMove& each : in.sets()) {
    HA_TRY(const Name name, Name::parse(each.name()));
    if (each.type() > 0xffff) {
      return torn();
    }
    SetMove move{name, static_cast<RrType>(each.type()), {}, {}, each.of_service(), each.shared()};
    if (each.has_from()) {
      HA_TRY(move.from, set_from(each.from()));
    }
    if (each.has_to()) {
      HA_TRY(move.to, set_from(each.to()));
    }
    sets.push_back(std::move(move));
  }
  return sets;
}

Result<OperationStep> move_from(const pb::Step& in) {
  MoveStep step;
  HA_TRY(step.zone, Name::parse(in.zone()));
  if (in.guards_size() > static_cast<int>(kChangesMax)) {
    return torn();
  }
  for (const pb::GuardMove& each : in.guards()) {
    HA_TRY(const Name name, Name::parse(each.name()));
    GuardMove guard{name, each.id()};
    if (each.has_from()) {
      HA_TRY(guard.from, pool_from(each.from()));
    }
    if (each.has_to()) {
      HA_TRY(guard.to, pool_from(each.to()));
    }
    step.guards.push_back(std::move(guard));
  }
  HA_TRY(step.sets, sets_from(in));
  return OperationStep(std::move(step));
}

Result<OperationStep> verify_from(const pb::Step& in) {
  VerifyStep step;
  HA_TRY(step.zone, Name::parse(in.zone()));
  step.limit = Duration(in.limit_ns());
  if (in.servers_size() > static_cast<int>(kChangesMax)) {
    return torn();
  }
  for (const std::string& each : in.servers()) {
    HA_TRY(const Endpoint endpoint, Endpoint::parse(each));
    step.servers.push_back(endpoint);
  }
  HA_TRY(step.sets, sets_from(in));
  return OperationStep(std::move(step));
}

Result<OperationStep> step_from(const pb::Step& in) {
  if (in.limit_ns() < 0 || in.limit_ns() > kSpanMax.count()) {
    return torn();
  }
  switch (in.kind()) {
    case pb::Step::MOVE:
      return move_from(in);
    case pb::Step::VERIFY:
      return verify_from(in);
    case pb::Step::PAUSE:
      return OperationStep(PauseStep{Duration(in.limit_ns()), in.why()});
    case pb::Step::DRAIN:
      return OperationStep(DrainStep{{in.command().begin(), in.command().end()}, Duration(in.limit_ns())});
    default:
      return torn();
  }
}

}  // namespace

Bytes encode(const JournalEntry& entry) {
  pb::Operation out;
  out.set_format(kFormat);
  out.set_id(entry.operation.id);
  out.set_what(entry.operation.what);
  out.set_by(entry.by);
  out.set_begun_ns(nanoseconds(entry.begun));
  for (const OperationStep& step : entry.operation.steps) {
    std::visit([&](const auto& each) { put(each, *out.add_steps()); }, step);
  }
  for (const StepNote& note : entry.notes) {
    pb::StepNote& one = *out.add_notes();
    one.set_began_ns(nanoseconds(note.began));
    one.set_ended_ns(note.ended ? nanoseconds(*note.ended) : 0);
    one.set_said(note.said);
  }
  out.set_ended(entry.ended);
  out.set_whole(true);
  return out.SerializeAsString();
}

Result<JournalEntry> decode_entry(BytesView bytes) {
  pb::Operation in;
  if (bytes.size() > kJournalBytesMax || !in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return torn();
  }
  if (in.format() != kFormat) {
    return Error(Code::Unsupported, "an operation of format " + std::to_string(in.format()) +
                                        ", which this version does not know");
  }
  if (!in.whole() || in.begun_ns() < 0 || in.steps_size() > static_cast<int>(kStepsMax) ||
      in.notes_size() > in.steps_size()) {
    return torn();
  }
  JournalEntry entry{{in.id(), in.what(), {}}, in.by(), wall_time(in.begun_ns())};
  for (const pb::Step& each : in.steps()) {
    HA_TRY(OperationStep step, step_from(each));
    entry.operation.steps.push_back(std::move(step));
  }
  for (const pb::StepNote& each : in.notes()) {
    if (each.began_ns() < 0 || each.ended_ns() < 0) {
      return torn();
    }
    entry.notes.push_back({wall_time(each.began_ns()),
                           each.ended_ns() != 0 ? std::optional(wall_time(each.ended_ns())) : std::nullopt,
                           each.said()});
  }
  entry.ended = in.ended();
  return entry;
}

}  // namespace ha::dns
