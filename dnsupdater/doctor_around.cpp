// What doctor looks at around the updates: the primary's addresses, the zone, guards, a restart.
#include <poll.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "dnsupdater/doctor_run.h"
#include "dnsupdater/updater.h"

namespace ha::dns {
namespace {

constexpr Duration kAwayInterval = std::chrono::milliseconds(20);

}  // namespace

void Doctor::try_one_server() {
  const std::size_t count = options_.scratch.endpoints.size();
  if (count < 2 || !go_on("one server")) {
    return;
  }
  std::string seen;
  bool same = true;
  for (std::size_t i = 0; i < count; ++i) {
    same = same && identities_[i] == identities_[0];
    seen += (seen.empty() ? "" : "; ") + options_.scratch.endpoints[i].text() + " says " +
            (identities_[i].empty() ? "nothing" : identities_[i]);
  }
  add(same ? Check{"one server", Mark::Good, "all " + std::to_string(count) + " addresses say the same"}
           : Check{"one server", Mark::Bad, "its addresses are of different servers: " + seen,
                   "[[dns.zone]] primary has the addresses of one server; others belong into servers"});
}

void Doctor::look_at_zone() {
  if (!go_on("zone")) {
    return;
  }
  ZoneSeen seen;
  const SetKey soa{out_.zone, RrType::Soa};
  seen.soa = scratch_.read(soa);
  const auto serial = seen.soa ? soa_number(*seen.soa, kSoaSerial) : std::nullopt;
  for (const ServerView& view : view_servers(options_.servers, out_.zone, soa, options_.scratch.patience,
                                             options_.scratch.cancel_fd)) {
    if (view.trouble) {
      seen.odd.push_back(view.server.text() + ": " + view.trouble->error.what());
    } else if (!view.serial) {
      seen.odd.push_back(view.server.text() + " does not have the zone");
    } else if (serial && serials_behind(*serial, *view.serial) > 0) {
      seen.odd.push_back(view.server.text() + " is behind: serial " + std::to_string(*view.serial) + ", " +
                         std::to_string(*serial) + " at the primary");
    }
  }
  add(judge_zone(seen));
}

void Doctor::look_at_guards() {
  if (!go_on("seen")) {
    return;
  }
  std::vector<GuardSeen> guards;
  for (const auto& [name, version] : options_.seen) {
    GuardSeen one{name, version, std::nullopt};
    const Told told = scratch_.ask({name, RrType::Txt});
    if (!told.rcode()) {
      add({"seen", Mark::Skipped, name.text() + ": " + told.text()});
      return;
    }
    if (const auto set = gather(told.reply->answers, name, RrType::Txt)) {
      auto strings = txt_strings(set->rdata.at(0).wire);
      auto text = strings.ok() ? join_strings(*strings) : Result<Bytes>(strings.error());
      auto record = text.ok() ? parse_record(*text) : Result<Record>(text.error());
      if (record.ok() && set->rdata.size() == 1) {
        one.now = std::move(record).value();
      } else {
        one.unreadable = record.ok() ? "several texts" : record.error().what();
      }
    }
    guards.push_back(std::move(one));
  }
  add(judge_seen(guards));
}

void Doctor::try_restart() {
  if (!options_.restart) {
    add({"restart", Mark::Skipped, "not tried: somebody has to restart the name server",
         "dnsupdater doctor " + out_.zone.text() + " --restart-test"});
    return;
  }
  if (!go_on("restart")) {
    return;
  }
  RestartSeen seen;
  const auto last = reset();
  const auto soa = scratch_.read({out_.zone, RrType::Soa});
  if (!last || !soa) {
    add({"restart", Mark::Bad, "the text that was to outlast the restart could not be written"});
    return;
  }
  seen.before = Scratch::text_in(last);
  seen.serial_before = soa_number(*soa, kSoaSerial);
  options_.say(
      "Restart the name server now, as systemctl would. It is waited for until it has been away and is "
      "back; Enter goes on at once.");
  const SteadyTime until = read_clocks().steady + *options_.restart;
  scratch_.begin(*options_.restart + options_.limit);
  std::array<pollfd, 2> polled{{{options_.scratch.cancel_fd, POLLIN, 0}, {options_.input_fd, POLLIN, 0}}};
  bool typed = false;
  for (bool here = true; !(seen.was_away || typed) || !here;) {
    const Told told = scratch_.ask({out_.zone, RrType::Soa}, {Transport::Udp});
    here = told.is(Rcode::NoError);
    seen.was_away = seen.was_away || !here;
    if (read_clocks().steady > until || scratch_.is_cancelled()) {
      break;
    }
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(kAwayInterval).count();
    if (::poll(polled.data(), polled.size(), static_cast<int>(wait)) > 0 && polled[1].revents != 0) {
      std::array<char, 64> line{};
      typed = ::read(options_.input_fd, line.data(), line.size()) > 0 || typed;
      polled[1].fd = -1;  // once; and an end of input is no line
    }
  }
  if (scratch_.is_cancelled()) {
    return;
  }
  if (!scratch_.ask({out_.zone, RrType::Soa}).is(Rcode::NoError)) {
    add({"restart", Mark::Bad, "it has not come back", "look at the name server's log", Cause::Network});
    return;
  }
  const auto found = scratch_.read({scratch_.name(), RrType::Txt});
  const auto now = scratch_.read({out_.zone, RrType::Soa});
  seen.after = found ? std::optional(Scratch::text_in(found)) : std::nullopt;
  seen.serial_after = now ? soa_number(*now, kSoaSerial) : std::nullopt;
  add(judge_restart(seen));
}

}  // namespace ha::dns
