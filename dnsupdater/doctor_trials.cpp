// What doctor tries with updates on its scratch names.
#include <algorithm>
#include <cctype>
#include <latch>
#include <map>
#include <thread>
#include <utility>

#include "dnsupdater/doctor_run.h"

namespace ha::dns {
namespace {

constexpr Duration kPartWait = std::chrono::milliseconds(200);
constexpr std::string_view kNotWritten = "the scratch name could not be written any more";
constexpr unsigned kRoundsOfLimit = 20;
constexpr std::size_t kCompetitors = 4;             // at one endpoint
constexpr std::size_t kCompetitorsPerEndpoint = 2;  // at several
constexpr std::size_t kSizedTextBytesMin = 100;
constexpr std::size_t kSizedTextBytesMax = 1000;  // of each RR in a long message

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

RrSet one(const Name& name, RrType type, Rdata rdata) {
  constexpr std::uint32_t kTtlS = 5;
  return {name, type, type == RrType::Txt ? 0 : kTtlS, false, {std::move(rdata)}};
}

// Of each type that services have, and of one that they have not, here and under a name that policies seldom
// grant: where some are refused and others are not, a message with all of them shows what is done then.
std::vector<RrSet> part_sets(const Name& zone, const Name& main, const Name& outside,
                             const std::string& text) {
  const auto from_text = [](RrType type, std::string_view data) {
    auto rdata = rdata_from_text(type, data);
    HA_ASSERT(rdata.ok());
    return std::move(rdata).value();
  };
  return {
      Scratch::text_set(main, text),
      one(main, RrType::A, from_text(RrType::A, "192.0.2.1")),
      one(main, RrType::Aaaa, from_text(RrType::Aaaa, "2001:db8::1")),
      one(main, RrType::Srv, srv_rdata(0, 10, 5060, zone)),
      one(main, RrType::Naptr, from_text(RrType::Naptr, "100 10 \"s\" \"SIP+D2U\" \"\" " + zone.absolute())),
      one(main, RrType::Mx, from_text(RrType::Mx, "10 " + zone.absolute())),
      Scratch::text_set(outside, text),
      one(outside, RrType::A, from_text(RrType::A, "192.0.2.1"))};
}

}  // namespace

std::optional<RrSet> Doctor::reset_for(std::string_view check) {
  auto set = reset();
  if (!set && !scratch_.is_cancelled()) {
    add({std::string(check), Mark::Bad, std::string(kNotWritten)});
  }
  return set;
}

// ---------------------------------------------------------------- prerequisites

TrialSeen Doctor::try_one(const Trial& trial, Transport transport, const RrSet& old, RrSet& current) {
  const Name name = scratch_.name(trial.on_scratch ? Scratch::Part::Main : Scratch::Part::Other);
  Prerequisite need{trial.need, name, trial.type};
  if (trial.need == Need::SetIs) {
    need.rdata = trial.stale ? old.rdata : current.rdata;
  }
  const RrSet next = Scratch::text_set(scratch_.name(), next_text());
  const Told told = scratch_.tell(scratch_.replace(need, next), {transport});
  TrialSeen seen{trial, transport == Transport::Tcp, told.rcode(), told.text()};
  if (told.is(Rcode::NoError)) {
    seen.applied = scratch_.wait_for(next, kVisibleMax).has_value();
  } else {
    const auto found = scratch_.read({next.name, RrType::Txt});
    seen.applied = found && found->rdata == next.rdata;
  }
  if (seen.applied) {
    current = next;
  }
  return seen;
}

void Doctor::try_prerequisites() {
  if (!go_on("prerequisites")) {
    return;
  }
  std::vector<TrialSeen> seen;
  for (const Transport transport : {Transport::Udp, Transport::Tcp}) {
    for (const Trial& trial : trials()) {
      const auto old = reset();
      auto current = reset();
      if (!old || !current || scratch_.is_cancelled()) {
        break;
      }
      seen.push_back(try_one(trial, transport, *old, *current));
    }
  }
  if (seen.size() == 2 * trials().size()) {
    add(judge_trials(seen));
  } else if (!scratch_.is_cancelled()) {
    add({"prerequisites", Mark::Bad, std::string(kNotWritten)});
  }
}

void Doctor::try_case() {
  if (!go_on("case")) {
    return;
  }
  const auto current = reset_for("case");
  if (!current) {
    return;
  }
  const std::string text = "doctor " + options_.scratch.tag + " " + std::to_string(texts_);
  const RrSet shouted = Scratch::text_set(scratch_.name(), upper(text));
  const RrSet next = Scratch::text_set(scratch_.name(), next_text());
  const Told told =
      scratch_.tell(scratch_.replace({Need::SetIs, next.name, RrType::Txt, shouted.rdata}, next));
  const bool applied =
      scratch_.wait_for(next, told.is(Rcode::NoError) ? kVisibleMax : Duration::zero()).has_value();
  if (!scratch_.is_cancelled()) {
    add(judge_case({{}, true, told.rcode(), told.text(), applied}));
  }
}

void Doctor::try_partial() {
  if (!go_on("partial")) {
    return;
  }
  const auto current = reset_for("partial");
  if (!current) {
    return;
  }
  const Name main = scratch_.name();
  const Prerequisite is_current{Need::SetIs, main, RrType::Txt, current->rdata};
  const std::vector<RrSet> sets =
      part_sets(out_.zone, main, scratch_.name(Scratch::Part::Outside), next_text());
  const auto message_of = [&](const std::vector<RrSet>& parts, const Prerequisite& need) {
    Update update{out_.zone, {need}};
    for (const RrSet& set : parts) {
      update.deletions.push_back({set.name, set.type});
      update.additions.push_back(set);
    }
    return update;
  };
  const Told told = scratch_.tell(message_of(sets, is_current));
  PartialSeen seen{{}, told.reply.has_value(), told.rcode(), told.text(), {}, false, {}};
  for (const RrSet& set : sets) {
    const Duration wait = told.is(Rcode::NoError) ? kPartWait : Duration::zero();
    seen.parts.push_back(
        {type_text(set.type) + " of " + set.name.text(), scratch_.wait_for(set, wait).has_value()});
  }
  if (!told.is(Rcode::NoError)) {
    std::map<Name, std::string> refused;
    for (const RrSet& set : sets) {
      if (!scratch_.tell(message_of({set}, {Need::NameInUse, main})).is(Rcode::NoError)) {
        std::string& types = refused[set.name];
        types += (types.empty() ? "" : ", ") + type_text(set.type);
      }
    }
    for (const auto& [name, types] : refused) {
      seen.refused.push_back(types + " of " + name.text());
    }
  }
  // The other part is no name of the zone: the whole has to be refused before anything is done.
  const auto before = reset();
  const auto elsewhere = Name::parse("doctor-" + options_.scratch.tag + ".invalid");
  if (before) {
    const RrSet next = Scratch::text_set(main, next_text());
    const Told outside =
        scratch_.tell(message_of({next, Scratch::text_set(*elsewhere, "x")}, {Need::NameInUse, main}));
    seen.outside_said = outside.text();
    seen.outside_applied = scratch_.wait_for(next, Duration::zero()).has_value();
  }
  if (!scratch_.is_cancelled()) {
    add(judge_partial(seen));
  }
}

void Doctor::try_replay() {
  if (!go_on("replay")) {
    return;
  }
  const auto current = reset_for("replay");
  const Name main = scratch_.name();
  const Name other = scratch_.name(Scratch::Part::Other);
  if (!current) {
    return;
  }
  const RrSet changed = Scratch::text_set(main, next_text());
  const RrSet made = Scratch::text_set(other, next_text());
  std::string said;
  bool good = true;
  for (const Update& update : {scratch_.replace({Need::SetIs, main, RrType::Txt, current->rdata}, changed),
                               scratch_.replace({Need::SetAbsent, other, RrType::Txt}, made)}) {
    const auto request = scratch_.prepare(update);
    if (!request.ok()) {
      continue;
    }
    const RrSet& wanted = update.additions[0];
    const Told first = scratch_.deliver(*request, {}, &scratch_.key());
    good = good && first.is(Rcode::NoError) && scratch_.wait_for(wanted, kVisibleMax);
    // Somebody goes on; then the old bytes come once more, in both ways.
    const RrSet later = Scratch::text_set(wanted.name, next_text());
    good = good &&
           scratch_.tell(scratch_.replace({Need::NameInUse, wanted.name}, later)).is(Rcode::NoError) &&
           scratch_.wait_for(later, kVisibleMax);
    for (const Transport transport : {Transport::Tcp, Transport::Udp}) {
      const Told again = scratch_.deliver(*request, {transport}, &scratch_.key());
      said += (said.empty() ? "" : ", ") + again.text();
      good = good && !again.is(Rcode::NoError);
    }
    good = good && scratch_.wait_for(later, Duration::zero());
  }
  if (!scratch_.is_cancelled()) {
    add(good ? Check{"replay", Mark::Good, said}
             : Check{"replay", Mark::Bad, "a replayed message is taken: " + said,
                     "use a server that keeps RFC 2136: BIND 9, Knot DNS"});
  }
}

// ---------------------------------------------------------------- races

RaceRound Doctor::race(const RrSet& before, Transport transport) {
  const std::size_t endpoints = options_.scratch.endpoints.size();
  const std::size_t count = endpoints > 1 ? endpoints * kCompetitorsPerEndpoint : kCompetitors;
  std::vector<RrSet> sets;
  std::vector<Told> told(count);
  std::vector<std::thread> threads;
  std::latch together(static_cast<std::ptrdiff_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    sets.push_back(Scratch::text_set(before.name, next_text()));
  }
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      const auto request =
          scratch_.prepare(scratch_.replace({Need::SetIs, before.name, RrType::Txt, before.rdata}, sets[i]));
      together.arrive_and_wait();
      if (request.ok()) {
        told[i] = scratch_.deliver(*request, {transport, i % endpoints}, &scratch_.key());
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  RaceRound round;
  bool any = false;
  for (const Told& each : told) {
    round.accepted.push_back(each.is(Rcode::NoError));
    round.unmet += each.is(Rcode::NxRrset) ? 1U : 0U;
    round.silent += each.is(Rcode::NoError) || each.is(Rcode::NxRrset) ? 0U : 1U;
    any = any || round.accepted.back();
  }
  std::optional<RrSet> found;
  for (const SteadyTime until = read_clocks().steady + kVisibleMax;;) {
    found = scratch_.read({before.name, RrType::Txt});
    const bool is_old = found && found->rdata == before.rdata;
    if (!any || !is_old || read_clocks().steady > until || !scratch_.pause(std::chrono::milliseconds(3))) {
      break;
    }
  }
  std::size_t known = 0;
  for (const RrSet& set : sets) {
    const bool shown =
        found && std::find(found->rdata.begin(), found->rdata.end(), set.rdata[0]) != found->rdata.end();
    round.shown.push_back(shown);
    known += shown ? 1U : 0U;
  }
  round.foreign = !found || (found->rdata != before.rdata && known != found->rdata.size());
  return round;
}

void Doctor::try_races() {
  if (!go_on("races", 1 + options_.rounds / kRoundsOfLimit)) {
    return;
  }
  std::vector<RaceRound> rounds;
  for (unsigned i = 0; i < options_.rounds && !scratch_.is_cancelled() && !scratch_.is_dead(); ++i) {
    const auto before = reset();
    if (!before) {
      break;
    }
    rounds.push_back(race(*before, i % 2 == 0 ? Transport::Udp : Transport::Tcp));
  }
  if (scratch_.is_cancelled()) {
    return;
  }
  add(rounds.empty() ? Check{"races", Mark::Bad, std::string(kNotWritten)}
                     : judge_races(rounds, options_.scratch.endpoints.size()));
}

// ---------------------------------------------------------------- sizes

SizeSeen Doctor::try_size(std::size_t bytes, Transport transport) {
  const Name big = scratch_.name(Scratch::Part::Big);
  const std::size_t text_bytes = std::clamp(bytes / 12, kSizedTextBytesMin, kSizedTextBytesMax);
  RrSet set{big, RrType::Txt, 0, false, {}};
  const auto update = [&] { return scratch_.replace({Need::NameInUse, scratch_.name()}, set); };
  Result<Request> request = Error(Code::Internal, "nothing");
  while (set.rdata.size() < kChangesMax) {
    const std::string number = std::to_string(1000 + set.rdata.size());
    const RrSet next = Scratch::text_set(big, number + next_text() + std::string(text_bytes - 60, 'x'));
    set.rdata.push_back(next.rdata[0]);
    auto longer = scratch_.prepare(update());
    if (!longer.ok() || longer->wire.size() > bytes) {
      set.rdata.pop_back();
      break;
    }
    request = std::move(longer);
  }
  SizeSeen seen{std::string(transport == Transport::Tcp ? "TCP " : "UDP "), false, false, true};
  auto sorted = RrSet::make(big, RrType::Txt, 0, set.rdata);
  if (!request.ok() || !sorted.ok()) {
    seen.what += std::to_string(bytes);
    return seen;
  }
  seen.what += std::to_string(request->wire.size());
  const Told told = scratch_.deliver(*request, {transport}, &scratch_.key());
  seen.answered = told.reply.has_value();
  seen.applied =
      scratch_.wait_for(*sorted, told.is(Rcode::NoError) ? kVisibleMax : Duration::zero()).has_value();
  return seen;
}

void Doctor::try_sizes() {
  if (!go_on("sizes")) {
    return;
  }
  struct Size {
    std::size_t bytes;
    Transport transport;
    bool needed;
  };
  constexpr Size kSizes[] = {{1200, Transport::Udp, false},
                             {1450, Transport::Udp, false},
                             {4000, Transport::Tcp, true},
                             {16'000, Transport::Tcp, true},
                             {59'000, Transport::Tcp, false}};
  std::vector<SizeSeen> seen;
  for (const Size& size : kSizes) {
    if (scratch_.is_cancelled()) {
      return;
    }
    seen.push_back(try_size(size.bytes, size.transport));
    seen.back().needed = size.needed;
  }
  add(judge_sizes(seen));
}

}  // namespace ha::dns
