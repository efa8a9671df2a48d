#include "dnsupdater/doctor_run.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "common/base/units.h"
#include "dnsupdater/primary.h"
#include "dnsupdater/wire.h"

namespace ha::dns {
namespace {

constexpr int kDelayWrites = 10;
constexpr Duration kDelayWait = std::chrono::seconds(2);
constexpr int kClockSteps = 7;
constexpr int kClockStepS = 500;
constexpr int kClockHours = 14;
constexpr std::size_t kSecretBytes = 32;

// Without the signature, which is its last RR.
Bytes unsigned_copy(const Request& request) {
  const auto layout = lay_out(request.wire);
  if (!layout.ok() || layout->additional.empty()) {
    return {};
  }
  constexpr std::size_t kCountAt = 10;
  Bytes out = request.wire.substr(0, layout->additional.back().begin);
  const std::size_t count = layout->additional.size() - 1;
  out[kCountAt] = static_cast<char>(count >> 8U);
  out[kCountAt + 1] = static_cast<char>(count & 0xffU);
  return out;
}

}  // namespace

Doctor::Doctor(DoctorOptions options, const TsigKey& key)
    : options_(std::move(options)), scratch_(options_.scratch, key) {
  out_.zone = options_.scratch.zone;
  out_.primary = options_.scratch.endpoints.at(0).text();
}

Diagnosis Doctor::run() {
  const bool reached = try_reach();
  bool wrote = false;
  if (reached) {
    try_software();
    try_clock();
    wrote = try_write();
  }
  if (wrote) {
    try_strangers();
    if (try_delays()) {
      try_prerequisites();
      try_case();
      try_partial();
      try_replay();
      try_races();
      try_sizes();
      try_restart();
    }
    try_one_server();
  }
  if (reached) {
    look_at_zone();
    look_at_guards();
  }
  add(judge_place(options_.scratch.endpoints, options_.sites, options_.self));
  if (sent_) {
    clean(wrote);
  }
  out_.interrupted = scratch_.is_cancelled();
  return std::move(out_);
}

void Doctor::clean(bool wrote) {
  const auto left = scratch_.clean();
  out_.left_behind = !left.empty();
  std::string names;
  for (const std::string& each : left) {
    names += (names.empty() ? "" : ", ") + each;
  }
  if (!left.empty()) {
    add({"clean", Mark::Bad, "may be left: " + names,
         "dnsupdater doctor " + out_.zone.text() + "      (deletes them first)"});
  } else if (wrote) {
    add({"clean", Mark::Good, "nothing of the scratch names is left"});
  }
}

void Doctor::add(Check check) {
  if (scratch_.is_late() && check.mark != Mark::Good) {
    check = {check.name, Mark::Bad, check.name + ": not done in time, the server is too slow",
             "is it overloaded, or far away? [dns] timeout is the time that a check has"};
  }
  out_.checks.push_back(std::move(check));
}

bool Doctor::go_on(std::string_view check, unsigned limits) {
  if (scratch_.is_cancelled()) {
    return false;
  }
  if (scratch_.is_dead()) {
    add({std::string(check), Mark::Skipped, "not tried: the server does not answer any more"});
    return false;
  }
  scratch_.begin(options_.limit * limits);
  if (options_.say) {
    options_.say(options_.scratch.zone.text() + ": " + std::string(check));
  }
  return true;
}

std::string Doctor::next_text() {
  return "doctor " + options_.scratch.tag + " " + std::to_string(++texts_);
}

std::optional<RrSet> Doctor::reset() {
  const RrSet set = Scratch::text_set(scratch_.name(), next_text());
  const Name name = scratch_.name();
  Told told = scratch_.tell(scratch_.replace({Need::NameInUse, name}, set));
  if (told.is(Rcode::NxDomain)) {
    told = scratch_.tell(scratch_.replace({Need::NameUnused, name}, set));
  }
  return scratch_.wait_for(set, kVisibleMax) ? std::optional(set) : std::nullopt;
}

// ---------------------------------------------------------------- reach it

// PowerDNS says NOTAUTH or REFUSED, unsigned, of a wrong key and of a wrong time: it is the time if another
// one is taken.
std::optional<std::chrono::seconds> Doctor::clock_of_refusal() const {
  std::vector<int> sizes;  // an hour in steps of less than what is allowed each way; then time zones
  for (int i = 1; i <= kClockSteps; ++i) {
    sizes.push_back(i * kClockStepS);
  }
  for (int hour = 2; hour <= kClockHours; ++hour) {
    sizes.push_back(hour * 3600);
  }
  for (const int size : sizes) {
    for (const int shift : {size, -size}) {
      const std::chrono::seconds by(shift);
      const Told again = scratch_.ask({out_.zone, RrType::Soa}, {}, by);
      if (!again.reply || scratch_.is_cancelled()) {
        return std::nullopt;
      }
      if (again.reply->rcode == Rcode::NoError && again.reply->tsig != TsigVerdict::Missing) {
        return by;
      }
    }
  }
  return std::nullopt;
}

void Doctor::unreachable(const Told& told) {
  const Name& key = scratch_.key().name;
  Check check{"reachable", Mark::Bad, told.text()};
  if (!told.reply) {
    check.cause = Cause::Network;
    check.hint = "is [[dns.zone]] primary right, and is port 53 let through, UDP and TCP?";
  } else if (auto trouble = trouble_of(*told.reply, out_.zone, key, read_clocks().wall)) {
    check.cause = trouble->cause;
    check.seen = trouble->error.what();
    check.hint = trouble->error.hint();
  }
  if (check.cause == Cause::Key) {
    check.hint = "compare the key files here and there; dnsupdater doctor --policy bind|knot|powerdns " +
                 out_.zone.text();
  }
  const bool mute = told.reply && told.reply->tsig == TsigVerdict::Missing &&
                    (told.reply->rcode == Rcode::Refused || told.reply->rcode == Rcode::NotAuth);
  if (const auto shift = mute ? clock_of_refusal() : std::nullopt) {
    check.seen = "our clock is some " + std::to_string(std::abs(shift->count())) + " s " +
                 (shift->count() > 0 ? "behind" : "ahead of") +
                 " the server's, which refuses without saying so";
    check.hint = "timedatectl set-ntp true      (here and on the name server)";
    check.cause = Cause::Clock;
  } else if (mute) {
    check.seen = "the server does not know the key " + key.text() + " or has another secret (" + told.text() +
                 "); at no other time it is taken either";
    check.hint = "compare the key files here and there";
    check.cause = Cause::Key;
  }
  if (!told.reply) {
    add(std::move(check));
    return;
  }
  const RrSet set = Scratch::text_set(scratch_.name(), next_text());
  sent_ = true;
  const Told update = scratch_.tell(scratch_.replace({Need::NameUnused, set.name}, set));
  if (update.reply && update.reply->rcode == Rcode::NotImp) {
    check.seen = "this server takes no updates (NOTIMP)";
    check.hint = "the primary has to be a server that takes RFC 2136 updates: BIND 9, Knot DNS";
    check.cause = std::nullopt;
  }
  add(std::move(check));
}

bool Doctor::try_reach() {
  if (!go_on("reachable")) {
    return false;
  }
  std::string seen;
  bool warn = false;
  for (std::size_t i = 0; i < options_.scratch.endpoints.size(); ++i) {
    const Question soa{out_.zone, RrType::Soa};
    const Told tcp = scratch_.ask(soa, {Transport::Tcp, i});
    const Told udp = scratch_.ask(soa, {Transport::Udp, i});
    if (!tcp.rcode() || *tcp.rcode() != Rcode::NoError) {
      unreachable(tcp.reply || !udp.reply ? tcp : udp);
      out_.checks.back().seen = options_.scratch.endpoints[i].text() + ": " + out_.checks.back().seen;
      return false;
    }
    if (!tcp.reply->authoritative || !gather(tcp.reply->answers, out_.zone, RrType::Soa)) {
      add({"reachable", Mark::Bad,
           options_.scratch.endpoints[i].text() + " answers, but the zone is not its own (no AA)",
           "is [[dns.zone]] primary a resolver? It has to be where the zone is", Cause::Zone});
      return false;
    }
    seen += (seen.empty() ? "" : "; ") +
            (options_.scratch.endpoints.size() > 1 ? options_.scratch.endpoints[i].text() + " " : "") +
            "TCP " + ms_text(tcp.took) + ", UDP " + (udp.rcode() ? ms_text(udp.took) : udp.text());
    warn = warn || !udp.rcode();
  }
  add({"reachable", warn ? Mark::Note : Mark::Good, seen,
       warn ? "is UDP let through on the way? It works without, one round trip slower" : ""});
  return true;
}

void Doctor::try_software() {
  if (!go_on("software")) {
    return;
  }
  const auto version = Name::parse("version.bind");
  for (std::size_t i = 0; i < options_.scratch.endpoints.size(); ++i) {
    Question chaos{*version, RrType::Txt};
    chaos.chaos = true;
    Question nsid{out_.zone, RrType::Soa};
    nsid.nsid = true;
    const Told said = scratch_.ask(chaos, {Transport::Tcp, i});
    const Told id = scratch_.ask(nsid, {Transport::Tcp, i});
    const auto set = said.reply ? gather(said.reply->answers, *version, RrType::Txt) : std::nullopt;
    std::string text = Scratch::text_in(set);
    if (i == 0) {
      out_.software = text;
    }
    if (id.reply && !id.reply->nsid.empty()) {
      text += (text.empty() ? "" : ", ") + std::string("NSID ") + escape(id.reply->nsid);
    }
    identities_.push_back(text);
  }
  add({"software", Mark::Good, identities_[0].empty() ? "it does not say" : identities_[0]});
}

void Doctor::try_clock() {
  if (!go_on("clock")) {
    return;
  }
  const Question soa{out_.zone, RrType::Soa};
  const Told now = scratch_.ask(soa);
  const WallTime ours = read_clocks().wall;
  const Told early = scratch_.ask(soa, {}, -kClockShift);
  const Told late = scratch_.ask(soa, {}, kClockShift);
  ClockSeen seen;
  const auto offset = [&](const Told& told) -> std::optional<Duration> {
    constexpr auto kHalf = std::chrono::milliseconds(500);  // signatures have whole seconds
    return told.reply && told.reply->signed_at
               ? std::optional<Duration>(*told.reply->signed_at + kHalf - ours)
               : std::nullopt;
  };
  const auto taken = [](const Told& told) -> std::optional<bool> {
    return told.reply ? std::optional(told.reply->tsig == TsigVerdict::Good ||
                                      told.reply->tsig == TsigVerdict::OutOfTime)
                      : std::nullopt;
  };
  seen.early = taken(early);
  seen.late = taken(late);
  // Some servers sign with the time of the question: that says nothing about their clock.
  const auto plain = offset(now);
  const auto shifted = offset(late);
  const bool echoes = plain && shifted && *shifted - *plain > kClockShift / 2;
  seen.offset = echoes ? std::nullopt : plain;
  add(judge_clock(seen));
}

// ---------------------------------------------------------------- writing at all

bool Doctor::try_write() {
  if (!go_on("write")) {
    return false;
  }
  const RrSet set = Scratch::text_set(scratch_.name(), next_text());
  sent_ = true;
  const Told told = scratch_.tell(scratch_.replace({Need::NameUnused, set.name}, set));
  if (told.is(Rcode::NoError)) {
    add({"write", Mark::Good, "NOERROR after " + ms_text(told.took)});
    return true;
  }
  Check check{"write", Mark::Bad, told.text()};
  if (told.reply) {
    if (auto trouble = trouble_of(*told.reply, out_.zone, scratch_.key().name, read_clocks().wall)) {
      check.seen = trouble->error.what();
      check.cause = trouble->cause;
      check.hint = trouble->error.hint();
    }
    if (check.cause == Cause::Key) {  // it is known, as we have read with it: Knot says so of a policy
      check.seen =
          "the server knows the key " + scratch_.key().name.text() + ", but does not let it write here";
      check.cause = Cause::Policy;
    }
    if (check.cause == Cause::Policy) {
      check.hint = "dnsupdater doctor --policy bind|knot|powerdns " + out_.zone.text();
    }
  } else {
    check.cause = Cause::Network;
    check.hint = "dnsupdater doctor " + out_.zone.text() + "      (again: was it restarted just now?)";
  }
  add(std::move(check));
  return false;
}

// What came of an update by somebody who may not.
std::string Doctor::stranger(std::string_view what, bool wrong_key, Check& check) {
  const RrSet set = Scratch::text_set(scratch_.name(Scratch::Part::Other), next_text());
  const Update update = scratch_.replace({Need::NameUnused, set.name}, set);
  auto secret = sys::Secret::random(kSecretBytes);
  if (!secret.ok()) {
    return secret.error().what();
  }
  const TsigKey other{scratch_.key().name, scratch_.key().algorithm, std::move(secret).value()};
  auto request = make_update(update, static_cast<std::uint16_t>(texts_), other, read_clocks().wall);
  if (!request.ok()) {
    return request.error().what();
  }
  if (!wrong_key) {
    request->wire = unsigned_copy(*request);
    request->mac.clear();
  }
  const Told told = scratch_.deliver(*request, {}, wrong_key ? &other : nullptr);
  const bool written = scratch_.wait_for(set, std::chrono::milliseconds(50)).has_value();
  check.mark = Mark::Good;
  check.seen = told.text();
  if (written || (told.reply && told.reply->rcode == Rcode::NoError)) {
    check.mark = Mark::Bad;
    check.seen = std::string(what) + " is taken (" + told.text() + ")";
    check.hint = "dnsupdater doctor --policy bind|knot|powerdns " + out_.zone.text();
  } else if (told.reply && told.reply->rcode == Rcode::ServFail) {
    check.mark = Mark::Bad;
    check.seen = std::string(what) + " gives SERVFAIL: this server forwards updates, it is not the primary";
    check.hint = "give [[dns.zone]] primary the server where the zone is written";
  } else if (!told.reply) {
    check.mark = Mark::Note;
  }
  return {};
}

void Doctor::try_strangers() {
  const std::array<std::pair<const char*, const char*>, 2> tries{
      {{"wrong key", "an update with a wrong secret"}, {"unsigned", "an update that nobody has signed"}}};
  for (const auto& [name, what] : tries) {
    if (!go_on(name)) {
      continue;
    }
    Check check{name, Mark::Skipped, ""};
    if (const std::string error = stranger(what, name == tries[0].first, check); !error.empty()) {
      check.seen = error;
    }
    add(std::move(check));
  }
}

bool Doctor::try_delays() {
  if (!go_on("visible")) {
    return false;
  }
  const auto serial = [&]() {
    const auto soa = scratch_.read({out_.zone, RrType::Soa});
    return soa ? soa_number(*soa, kSoaSerial) : std::nullopt;
  };
  const auto before = serial();
  DelaySeen seen;
  seen.waited = kDelayWait;
  const std::size_t endpoints = options_.scratch.endpoints.size();
  RrSet set = Scratch::text_set(scratch_.name(), next_text());
  bool good = true;
  for (int i = 0; good && i < kDelayWrites; ++i) {
    set = Scratch::text_set(scratch_.name(), next_text());
    const Told told = scratch_.tell(scratch_.replace({Need::NameInUse, set.name}, set));
    if (!told.is(Rcode::NoError)) {
      add({"visible", Mark::Bad, "an update that was taken before gives " + told.text() + " now",
           "dnsupdater doctor " + out_.zone.text()});
      return false;
    }
    for (std::size_t endpoint = 0; endpoint < endpoints; ++endpoint) {
      seen.delays.push_back(
          {options_.scratch.endpoints[endpoint].text(), scratch_.wait_for(set, kDelayWait, endpoint)});
      good = good && seen.delays.back().took.has_value();
    }
  }
  if (scratch_.is_cancelled() || scratch_.is_dead()) {
    return false;
  }
  const auto after = serial();
  seen.serial_rose = before && after && serials_behind(*after, *before) > 0;
  const Check check = judge_delays(seen);
  add(check);
  return check.mark != Mark::Bad;
}

}  // namespace ha::dns
