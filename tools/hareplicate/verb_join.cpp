// hareplicate join
#include <algorithm>
#include <filesystem>
#include <set>

#include "common/base/bytes.h"
#include "common/base/json_out.h"
#include "common/base/units.h"
#include "common/sys/process.h"
#include "common/wire/envelope.h"
#include "replicator/config_parts.h"
#include "tools/hareplicate/context.h"
#include "tools/hareplicate/daemon.h"
#include "tools/hareplicate/doctor.h"
#include "tools/hareplicate/pair_files.h"
#include "tools/hareplicate/pair_link.h"
#include "tools/hareplicate/pair_token.h"
#include "tools/hareplicate/tcp_probe.h"
#include "version.h"

namespace ha::tool {
namespace {

constexpr Duration kConnectionLimit = std::chrono::seconds(20);
constexpr Duration kAnswerLimit = std::chrono::seconds(30);
constexpr Duration kStoredLimit = std::chrono::seconds(10);
constexpr std::string_view kAgain = "the same command again; it is harmless";
constexpr Duration kClockTolerance = std::chrono::seconds(10);

struct Reached {
  std::string endpoint;  // "host:port" as in the token
  TcpAnswer answer;
};

std::string again(const std::string& site) {
  return "on a site of the cluster: hareplicate invite " + site;
}
std::string again(const PairToken& token) {
  return again(token.site);
}

// Why nobody could be reached, by the worst that an address gave: nobody listens is more than silence.
Error unreachable(const PairToken& token, Code worst, const std::string& each, const HostPort& last) {
  const std::string port = escape(last.port);
  if (worst == Code::NotFound) {
    return Error(Code::Unavailable, "the inviter's name does not resolve here: " + each,
                 "getent hosts " + escape(last.host) + "; or invite again with --at ADDRESS");
  }
  if (worst == Code::TimedOut) {
    return Error(
        Code::Unavailable, "no answer from the inviter: " + each,
        "let TCP port " + port + " in at the inviter (its firewall, and those between), then the same again");
  }
  return Error(Code::Unavailable,
               "nobody waits for this token: " + each +
                   ". The invitation was used, was stopped, or its port is closed",
               "look whether invite still waits there, and whether TCP port " + port +
                   " is let in; for a new token, " + again(token));
}

// The first address of the token that answers.
Result<Reached> reach(const PairToken& token, WallTime now) {
  std::string each;
  Code worst = Code::NotFound;
  HostPort last;
  for (const std::string& endpoint : token.endpoints) {
    last = split_address(endpoint);
    auto answer = probe_tcp(last);
    if (answer.ok()) {
      return Reached{endpoint, std::move(answer).value()};
    }
    const Code code = answer.error().code();
    worst = code == Code::Unavailable || worst == Code::NotFound ? code : worst;
    each += (each.empty() ? "" : "; ") + escape(endpoint) + ": " + answer.error().what();
  }
  if (now >= token.expires) {
    return Error(Code::Refused,
                 "the invitation has expired: it was good until " + show_utc(token.expires) +
                     ", and this machine's clock says " + show_utc(now) + "; nobody waits for it (" + each +
                     ")",
                 again(token) + "; if this clock is wrong: timedatectl set-ntp true");
  }
  return unreachable(token, worst, each, last);
}

Result<std::vector<std::string>> own_addresses(const Context& context) {
  const std::string address = context.invocation.value("address");
  if (address.empty()) {
    return std::vector<std::string>();
  }
  if (auto right = replicator::check_address(address); !right.ok()) {
    return std::move(right).error().in("--address").hinted("--address tcp://nyc1.example.net:7400");
  }
  return std::vector<std::string>{address};
}

// Both times, when they are far apart; the inviter's clock decides, so this is for people.
void warn_of_clock(const Context& context, WallTime theirs, WallTime ours, const PairToken& token) {
  const Duration apart = std::chrono::abs(std::chrono::duration_cast<Duration>(theirs - ours));
  if (apart > kClockTolerance) {
    talk(context,
         "warning: the clocks differ by " + show_age(apart) + ": here " + show_utc(ours) + ", there " +
             show_utc(theirs) +
             (ours >= token.expires ? "; by this clock the invitation has expired, by theirs it has not"
                                    : "") +
             "\n  next: on the one that is wrong: timedatectl set-ntp true\n");
  }
}

// " PATH PATH…", each once, of the sets that have no directory here: an empty one is not made by itself, as
// it would hide that a file system is not mounted.
std::string missing_directories(const replicator::Config& config) {
  std::set<std::string> missing;
  for (const replicator::SetConfig& set : config.sets()) {
    std::error_code error;
    if (!std::filesystem::exists(set.live_path, error) && !error) {
      missing.insert(escape(set.live_path));
    }
  }
  std::string out;
  for (const std::string& path : missing) {
    out += " " + path;
  }
  return out;
}

class Joiner {
 public:
  Joiner(const Context& context, PairToken token, JoinPlace place)
      : context_(context), token_(std::move(token)), place_(std::move(place)) {}

  Outcome run() {
    HA_TRY(auto addresses, own_addresses(context_));
    auto reached = reach(token_, read_clocks().wall);
    if (!reached.ok()) {
      return place_.member_as == token_.site ? member_already(reached.error()) : Outcome(reached.error());
    }
    if (context_.has("dry-run")) {
      return dry_run(*reached);
    }
    catch_interrupts();
    HA_TRY(const PlaceKey key, key_of_place(place_));
    talk(context_, "key          " + key.pair.public_key.z85() + "\n             " +
                       escape(place_.key_file.string()) + (key.made ? " was made, mode 0600" : " is there") +
                       "\n");
    HA_TRY(PairClient client, connect(*reached, key.pair));
    HA_TRY(const PairWelcome welcome, ask(client, *reached, std::move(addresses)));
    HA_TRY(const JoinFiles files, files_for(place_, welcome, key.pair.public_key));
    HA_TRY(const bool changed, store_files(place_, files));
    const auto told = client.ask(PairStored{}, kStoredLimit);
    if (!told.ok()) {
      talk(context_, "warning: " + escape(welcome.inviter) +
                         " was not told that all is stored here; harmless, it will "
                         "say so\n");
    }
    report(welcome, files, changed);
    return ExitCode::Good;
  }

 private:
  Outcome dry_run(const Reached& reached) {
    print("site         " + token_.site + " of cluster " + escape(token_.cluster) + "\ninviter      " +
          escape(reached.endpoint) + " answers, " + show_age(reached.answer.took) + "\ngood until   " +
          show_utc(token_.expires) + "\nkey          " + escape(place_.key_file.string()) +
          (place_.key ? ", is there" : ", would be made") + "\nwould write  " +
          escape(place_.cluster_file.string()) +
          (place_.node_site.empty() ? ", " + escape(place_.node_file.string()) : "") + "\n");
    talk(context_, "Nothing was changed, and the token was not used.\n");
    return ExitCode::Good;
  }

  Outcome member_already(const Error& why) {
    print("this machine is site " + token_.site + " of cluster " + escape(token_.cluster) + " already\n");
    talk(context_, "The token was not used: " + why.what() + "\nnext: hareplicate doctor\n");
    return ExitCode::Good;
  }

  Result<PairClient> connect(const Reached& reached, const wire::KeyPair& keys) {
    const std::string port = split_address(reached.endpoint).port;
    auto client = PairClient::connect("tcp://" + join_address(reached.answer.numeric, port),
                                      token_.server_key, keys, kConnectionLimit);
    if (client.ok()) {
      return client;
    }
    const bool cancelled = client.error().code() == Code::Cancelled;
    return std::move(client).error().hinted(cancelled ? std::string(kAgain)
                                                      : "use the newest token; or " + again(token_));
  }

  Result<PairWelcome> ask(PairClient& client, const Reached& reached, std::vector<std::string> addresses) {
    PairRequest request;
    request.secret = Bytes(token_.secret.bytes());
    request.wire_major = wire::kWireMajor;
    request.program_version = kVersion;
    request.site = token_.site;
    request.addresses = std::move(addresses);
    request.host_name = escape(sys::short_host_name());
    request.local_address = reached.answer.local;
    request.cluster_id = place_.cluster_id;
    request.wall = read_clocks().wall;
    auto answer = client.ask(request, kAnswerLimit);
    if (!answer.ok()) {
      return std::move(answer).error().hinted(std::string(kAgain));
    }
    const WallTime now = read_clocks().wall;
    if (auto* refusal = std::get_if<PairRefusal>(&*answer)) {
      warn_of_clock(context_, refusal->wall, now, token_);
      const Error& said = refusal->error;
      return Error(said.code(), escape(said.what()), escape(said.hint()));
    }
    auto* welcome = std::get_if<PairWelcome>(&*answer);
    if (welcome == nullptr) {
      return Error(Code::Corrupt, "the inviter's answer makes no sense", "install the same version on both");
    }
    warn_of_clock(context_, welcome->wall, now, token_);
    return std::move(*welcome);
  }

  void report(const PairWelcome& welcome, const JoinFiles& files, bool changed) {
    const replicator::Config& config = files.config;
    const std::string inviter = escape(welcome.inviter);
    const replicator::SiteConfig* other = config.site(welcome.inviter);
    const Check peer = other == nullptr ? Check{} : check_peer(inviter, other->addresses.front());
    if (context_.json()) {
      print(JsonObject()
                .text("schema", "hareplicate.join/1")
                .text("site", config.self().name)
                .text("cluster", config.cluster_name())
                .text("inviter", escape(welcome.inviter))
                .text("address", config.self().addresses.front())
                .flag("was_member", welcome.was_member)
                .flag("changed", changed)
                .flag("inviter_answers", peer.health == Health::Good)
                .text() +
            "\n");
      return;
    }
    print("this machine is site " + config.self().name + " of cluster " + escape(config.cluster_name()) +
          (changed ? "" : ", as it was before") + "\n");
    talk(context_,
         "written      " + escape(place_.cluster_file.string()) + ", " + escape(place_.node_file.string()) +
             (place_.cluster && changed ? "; what was there is cluster.toml.old" : "") + "\naddress      " +
             config.self().addresses.front() + ": let TCP port " +
             split_address(config.self().addresses.front()).port + " in for the other sites\n" + inviter +
             std::string(inviter.size() < 13 ? 13 - inviter.size() : 1, ' ') + escape(peer.found) +
             (peer.fix.empty() ? "" : "\n             " + escape(peer.fix)) + "\n");
    const bool usual = place_.directory == "/etc/hareplicate";
    const std::string config_flag = usual ? "" : " --config " + escape(place_.cluster_file.string());
    const std::string missing = missing_directories(config);
    if (!missing.empty()) {
      talk(context_,
           "missing      directories of sets; a file system that belongs there has to be mounted first\n");
    }
    talk(context_,
         "next: " + (missing.empty() ? "" : "mkdir -p" + missing + "\n      ") +
             (usual ? "systemctl start replicator      (or: replicator)" : "replicator" + config_flag) +
             "\n      hareplicate" + config_flag + " doctor\n      hareplicate" + config_flag +
             " status --watch\n");
  }

  const Context& context_;
  PairToken token_;
  JoinPlace place_;
};

}  // namespace

Outcome run_join(const Context& context) {
  HA_TRY(PairToken token, decode_token(context.argument(0)));
  const std::string& wanted = context.globals.site;
  if (!wanted.empty() && wanted != token.site) {
    return Error(Code::Refused, "this token is for site " + token.site + ", not for " + escape(wanted),
                 "join without --site; or " + again(escape(wanted)));
  }
  const std::string usual = std::filesystem::path(context.globals.config).parent_path().string();
  const std::filesystem::path directory = context.invocation.value("config-dir", usual.empty() ? "." : usual);
  HA_TRY(JoinPlace place, look_at_place(directory));
  HA_CHECK(check_place(place, token.site));
  return Joiner(context, std::move(token), std::move(place)).run();
}

}  // namespace ha::tool
