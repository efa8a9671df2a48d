// dnsupdater probe
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <future>

#include "common/base/cli_table.h"
#include "common/sys/digest.h"
#include "common/sys/replace.h"
#include "dnsupdater/desk.h"
#include "dnsupdater/probe.h"
#include "dnsupdater/scratch.h"
#include "dnsupdater/updater.h"

namespace ha::dns {
namespace {

constexpr const char* kResolvConf = "/etc/resolv.conf";
constexpr std::size_t kResolvConfBytesMax = 65'536;
constexpr Duration kPatience = std::chrono::seconds(4);  // of a resolver, twice; some wait 1.8 s themselves
constexpr Duration kServerPatience = std::chrono::seconds(1);
constexpr Duration kServersMax = std::chrono::seconds(30);  // for secondaries to follow
constexpr Duration kSilenceMax = std::chrono::seconds(3);
constexpr Duration kLookInterval = std::chrono::milliseconds(200);
constexpr Duration kBetween = std::chrono::seconds(1);  // the two questions after the change
constexpr Duration kMargin = std::chrono::seconds(2);   // over the TTL
constexpr int kTriesMax = 5;
// Documentation addresses (RFC 5737): nobody is led to anybody by them.
constexpr const char* kBefore = "192.0.2.1";
constexpr const char* kAfter = "192.0.2.2";

RrSet record_with(const Name& name, const char* address) {
  return {name, RrType::A, kProbeTtlS, false, {address_rdata(*Address::parse(address))}};
}

// The record of the scratch name: made, changed, and gone at the end, also after ^C.
class ProbeRecord {
 public:
  ProbeRecord(Desk& desk, const ZoneConfig& zone, Name name)
      : desk_(desk), zone_(zone), name_(std::move(name)), closing_(desk.config()) {}
  ProbeRecord(const ProbeRecord&) = delete;
  ProbeRecord& operator=(const ProbeRecord&) = delete;

  // Trouble of the primary; what was sent may be there.
  std::optional<Trouble> make() {
    auto trouble =
        put(desk_.zones(), {zone_.name, {{Need::NameUnused, name_}}, {}, {record_with(name_, kBefore)}},
            record_with(name_, kBefore));
    // Only what was refused is known not to be there.
    made_ = !trouble || is_passing(trouble->cause) || trouble->error.code() == Code::Cancelled;
    return trouble;
  }
  std::optional<Trouble> change() {
    const RrSet before = record_with(name_, kBefore);
    return put(desk_.zones(),
               {zone_.name,
                {{Need::SetIs, name_, RrType::A, before.rdata}},
                {{name_, RrType::A}},
                {record_with(name_, kAfter)}},
               record_with(name_, kAfter));
  }
  // Not to be broken off: with connections of its own.
  std::optional<Trouble> remove() {
    return made_
               ? put(closing_, {zone_.name, {{Need::SetExists, name_, RrType::A}}, {{name_, RrType::A}}, {}},
                     std::nullopt)
               : std::nullopt;
  }

  // Until all servers have it; the name of one that has not in time.
  std::optional<std::string> wait_for_servers(const char* address) {
    SetMove wanted;
    wanted.to = record_with(name_, address);
    const SteadyTime begin = read_clocks().steady;
    for (;;) {
      std::optional<std::string> behind;
      bool any_old = false;
      for (const ServerView& view :
           view_servers(zone_.servers, zone_.name, {name_, RrType::A}, kServerPatience, desk_.cancel_fd())) {
        const bool same = behind_text(view, wanted).empty();
        any_old = any_old || (!same && !view.trouble);
        behind = same ? behind : std::optional(view.server.text());
      }
      const Duration waited = read_clocks().steady - begin;
      if (!behind || waited >= (any_old ? kServersMax : kSilenceMax) || !pause(kLookInterval)) {
        return behind;
      }
    }
  }

  // False: cancelled.
  bool pause(Duration length) const {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(length).count();
    pollfd polled{desk_.cancel_fd(), POLLIN, 0};
    return ::poll(&polled, 1, static_cast<int>(ms)) == 0;
  }

  [[nodiscard]] const Name& name() const { return name_; }

 private:
  // As a swap: what was sent is looked for, whatever was answered. Without a guard: the name is random.
  std::optional<Trouble> put(Zones& zones, const Update& update, const std::optional<RrSet>& wanted) {
    auto primary = zones.primary(zone_.name);
    if (!primary.ok()) {
      return Trouble{Cause::Ours, std::move(primary).error()};
    }
    std::optional<Trouble> last;
    for (unsigned tries = 0; tries < kTriesMax; ++tries) {
      auto sent = (*primary)->send(update, tries);
      auto found = (*primary)->read({{name_, RrType::A}});
      if (const auto* sets = std::get_if<std::vector<RrSet>>(&found)) {
        const auto now = sets->empty() ? std::nullopt : std::optional(sets->front());
        if (now == wanted) {
          return std::nullopt;
        }
        last = sent.trouble ? std::move(sent.trouble)
                            : Trouble{Cause::Server, Error(Code::Unavailable,
                                                           "the primary does not show what it has taken")};
        if (sent.heard == Heard::Refused) {
          return last;
        }
      } else {
        last = std::get<Trouble>(std::move(found));
        if (!is_passing(last->cause)) {
          return last;
        }
      }
    }
    return last;
  }

  Desk& desk_;
  const ZoneConfig& zone_;
  Name name_;
  Zones closing_;
  bool made_ = false;
};

Sight look(const Endpoint& resolver, const Name& name, int cancel_fd) {
  Question question{name, RrType::A};
  question.recursion = true;
  for (int tries = 0; tries < 2; ++tries) {
    auto heard = ask_plain(resolver, question, kPatience, cancel_fd);
    if (std::holds_alternative<Trouble>(heard)) {
      continue;
    }
    const Reply& reply = std::get<Answer>(heard).reply;
    if (reply.rcode != Rcode::NoError && reply.rcode != Rcode::NxDomain) {
      return {Sight::Kind::Failed, {}, 0, rcode_text(reply.rcode)};
    }
    const auto set = gather(reply.answers, name, RrType::A);
    return set ? Sight{Sight::Kind::Data, set->rdata, set->ttl_s, {}}
               : Sight{Sight::Kind::Nothing, {}, 0, {}};
  }
  // Callers give up by now. Whether it is there at all: localhost is for each resolver to answer (RFC 6761).
  Question local{*Name::parse("localhost"), RrType::A};
  local.recursion = true;
  return std::holds_alternative<Answer>(ask_plain(resolver, local, kPatience, cancel_fd))
             ? Sight{Sight::Kind::Failed, {}, 0, "nothing in time"}
             : Sight{};
}

// All at the same time: who is silent keeps the others waiting, but not their turn.
std::vector<Sight> look_all(const std::vector<Endpoint>& resolvers, const Name& name,
                            const std::vector<Sight>& before, int cancel_fd) {
  std::vector<std::future<Sight>> asked;
  for (std::size_t i = 0; i < resolvers.size(); ++i) {
    const bool known_bad = !before.empty() && before[i].kind != Sight::Kind::Data;
    asked.push_back(std::async(known_bad ? std::launch::deferred : std::launch::async,
                               [&resolvers, &name, &before, known_bad, i, cancel_fd] {
                                 return known_bad ? before[i] : look(resolvers[i], name, cancel_fd);
                               }));
  }
  std::vector<Sight> out;
  out.reserve(asked.size());
  for (std::future<Sight>& each : asked) {
    out.push_back(each.get());
  }
  return out;
}

Result<std::vector<Endpoint>> wanted_resolvers(const Context& context) {
  std::vector<Endpoint> out;
  for (const std::string& word : context.invocation.arguments) {
    HA_TRY(const Endpoint endpoint, Endpoint::parse(word));
    if (std::find(out.begin(), out.end(), endpoint) == out.end()) {
      out.push_back(endpoint);
    }
  }
  if (context.invocation.arguments.empty()) {
    HA_TRY(const Bytes text, sys::read_kept(kResolvConf, kResolvConfBytesMax));
    out = resolvers_of(text);
  }
  if (out.empty() || out.size() > kResolversMax) {
    return Error(Code::Invalid,
                 out.empty() ? std::string(kResolvConf) + " has no name server"
                             : "more than " + std::to_string(kResolversMax) + " resolvers",
                 "dnsupdater probe 9.9.9.9 198.51.100.7:5353");
  }
  return out;
}

Result<const ZoneConfig*> wanted_zone(const Context& context, const DnsConfig& config) {
  Name name = config.zones().at(0).name;
  if (!config.records().empty()) {
    name = config.records()[0].zone;
  } else if (!config.pools().empty()) {
    name = config.pools()[0].zone;
  }
  if (context.has("zone")) {
    HA_TRY(name, Name::parse(context.invocation.value("zone")));
  }
  for (const ZoneConfig& zone : config.zones()) {
    if (zone.name == name) {
      return &zone;
    }
  }
  return Error(Code::Invalid, name.text() + " is no [[dns.zone]]", "hareplicate config show dns.zone");
}

struct Sights {
  std::vector<Sight> first, second, third;
};

// Trouble: of the primary, or cancelled.
std::variant<Sights, Trouble> probe(const Context& context, Desk& desk, ProbeRecord& scratch,
                                    const std::vector<Endpoint>& resolvers) {
  const auto cancelled = [] { return Trouble{Cause::Ours, Error(Code::Cancelled, "given up")}; };
  const auto wait_for_servers = [&](const char* address) {
    if (const auto behind = scratch.wait_for_servers(address)) {
      talk(context, *behind + " has not followed: resolvers that ask it look worse than they are\n");
    }
    return scratch.pause(Duration::zero());
  };
  Sights sights;
  talk(context, scratch.name().text() + ": made, TTL " + std::to_string(kProbeTtlS) + " s\n");
  if (auto trouble = scratch.make()) {
    return std::move(*trouble);
  }
  if (!wait_for_servers(kBefore)) {
    return cancelled();
  }
  sights.first = look_all(resolvers, scratch.name(), {}, desk.cancel_fd());
  if (!scratch.pause(Duration::zero())) {
    return cancelled();
  }
  const bool any = std::any_of(sights.first.begin(), sights.first.end(),
                               [](const Sight& each) { return each.kind == Sight::Kind::Data; });
  if (!any) {
    sights.second = sights.third = sights.first;
    return sights;
  }
  if (auto trouble = scratch.change()) {
    return std::move(*trouble);
  }
  if (!wait_for_servers(kAfter)) {
    return cancelled();
  }
  const Duration rest = std::chrono::seconds(kProbeTtlS) + kMargin;
  talk(context, "changed; the resolvers are asked again in " +
                    std::to_string(std::chrono::duration_cast<std::chrono::seconds>(rest).count()) + " s\n");
  if (!scratch.pause(rest)) {
    return cancelled();
  }
  sights.second = look_all(resolvers, scratch.name(), sights.first, desk.cancel_fd());
  if (!scratch.pause(kBetween)) {
    return cancelled();
  }
  sights.third = look_all(resolvers, scratch.name(), sights.second, desk.cancel_fd());
  if (!scratch.pause(Duration::zero())) {
    return cancelled();
  }
  return sights;
}

ExitCode show(const Context& context, const std::vector<Endpoint>& resolvers, const Sights& sights) {
  Table table({{"RESOLVER", "resolver", Align::Left},
               {"HABIT", "habit", Align::Left},
               {"FOLLOWS", "follows_s", Align::Right},
               {"MEANING", "meaning", Align::Left}});
  std::size_t silent = 0;
  std::size_t good = 0;
  for (std::size_t i = 0; i < resolvers.size(); ++i) {
    const ProbeVerdict verdict = verdict_of(resolvers[i], sights.first[i], sights.second[i], sights.third[i],
                                            address_rdata(*Address::parse(kAfter)));
    silent += sights.first[i].kind == Sight::Kind::Silent ? 1U : 0U;
    good += verdict.habit == Habit::Honours ? 1U : 0U;
    table.add({resolvers[i].text(), habit_text(verdict.habit),
               verdict.follows_s
                   ? TableCell(std::uint64_t{*verdict.follows_s}, std::to_string(*verdict.follows_s) + " s")
                   : TableCell::none(),
               verdict.meaning});
  }
  print(table.print(context.globals.output, "dnsupdater.probe/1"));
  if (silent == resolvers.size()) {
    return ExitCode::Unreachable;
  }
  return good == resolvers.size() ? ExitCode::Good : ExitCode::NotGood;
}

}  // namespace

Outcome run_probe(const Context& context) {
  HA_TRY(const std::vector<Endpoint> resolvers, wanted_resolvers(context));
  HA_TRY(const std::unique_ptr<Desk> desk, Desk::open(context));
  HA_TRY(const ZoneConfig* zone, wanted_zone(context, desk->config()));
  HA_TRY(const Bytes random, sys::random_bytes(4));
  HA_TRY(const Name name, zone->name.below(hex(random) + "." + std::string(kProbeLabel)));
  ProbeRecord scratch(*desk, *zone, name);
  auto sights = probe(context, *desk, scratch, resolvers);
  if (auto trouble = scratch.remove()) {
    std::fputs(show_error("dnsupdater", Error(Code::Unavailable,
                                              name.text() + " may be left behind: " + trouble->error.what(),
                                              "nsupdate: update delete " + name.absolute() + " A"))
                   .c_str(),
               stderr);
  }
  if (auto* trouble = std::get_if<Trouble>(&sights)) {
    std::fputs(show_error("dnsupdater", trouble->error).c_str(), stderr);
    const bool by_hand = trouble->error.code() == Code::Cancelled;
    return exit_of({by_hand ? RunEnd::Cancelled : RunEnd::Stopped, std::nullopt, std::move(*trouble)});
  }
  return show(context, resolvers, std::get<Sights>(sights));
}

}  // namespace ha::dns
