// hareplicate invite
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "common/base/bytes.h"
#include "common/base/json_out.h"
#include "common/base/units.h"
#include "common/wire/envelope.h"
#include "replicator/config_parts.h"
#include "tools/hareplicate/admission.h"
#include "tools/hareplicate/context.h"
#include "tools/hareplicate/daemon.h"
#include "tools/hareplicate/invitation.h"
#include "tools/hareplicate/key_file.h"
#include "tools/hareplicate/pair_files.h"
#include "tools/hareplicate/pair_link.h"
#include "tools/hareplicate/pair_token.h"
#include "tools/hareplicate/tcp_probe.h"
#include "version.h"

namespace ha::tool {
namespace {

constexpr std::string_view kListen = "tcp://*:7401";
constexpr Duration kGoodForMin = std::chrono::seconds(1);
constexpr Duration kGoodForMax = std::chrono::hours(24);
constexpr std::chrono::milliseconds kTurn{1000};
constexpr std::chrono::seconds kPlainInterval{10};
constexpr std::chrono::seconds kFarewell{2};  // until the joiner has read the last message
constexpr Duration kClockTolerance = std::chrono::seconds(10);

struct Wishes {
  std::string site;
  std::string address;
  std::vector<std::string> services;
  std::string listen;
  std::vector<std::string> at;
  Duration good_for{};
};

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

Result<Wishes> read_wishes(const Context& context) {
  const CliInvocation& line = context.invocation;
  Wishes out;
  out.site = context.argument(0);
  out.address = line.value("address");
  out.services = split_list(line.value("eligible"));
  out.listen = line.value("listen", kListen);
  out.at = split_list(line.value("at"));
  if (auto name = replicator::check_name(out.site); !name.ok()) {
    return std::move(name).error().hinted("hareplicate invite nyc1");
  }
  if (!out.address.empty()) {
    if (auto right = replicator::check_address(out.address); !right.ok()) {
      return std::move(right).error().in("--address").hinted("--address tcp://nyc1.example.net:7400");
    }
  }
  const std::string port = split_address(out.listen).port;
  const bool any_port = port == "0" || port == "*";
  if (!out.listen.starts_with("tcp://") ||
      (!any_port && !replicator::check_address("tcp://host:" + port).ok())) {
    return Error(Code::Invalid, "--listen " + escape(out.listen) + " is not an address to listen on",
                 "--listen tcp://0.0.0.0:7401");
  }
  auto span = parse_duration(line.value("for", "15m"));
  if (!span.ok() || *span < kGoodForMin || *span > kGoodForMax) {
    return Error(Code::Invalid, "--for " + escape(line.value("for")) + " must be from 1s to 24h",
                 "--for 15m");
  }
  out.good_for = *span;
  return out;
}

// The configuration, if it may invite: there, right, writable, with the key that it says.
Result<replicator::Config> inviting_config(const Context& context, const Wishes& wishes) {
  const std::string file = context.globals.config;
  if (::access(file.c_str(), F_OK) != 0 && errno == ENOENT) {
    return Error(Code::Invalid,
                 escape(file) + " does not exist: an invitation comes from a site that has a configuration",
                 "for the first site of a cluster: hareplicate init; else type this on a site of it");
  }
  HA_TRY(replicator::Config config, load_config(context));
  HA_CHECK(check_writable(file));
  const std::string key_file = config.secret_key_file().string();
  HA_TRY(const wire::PublicKey key, public_key_of(key_file));
  if (!config.self().has_key(key.z85())) {
    return Error(Code::Invalid,
                 "cluster.toml has another key for site " + config.self().name + " than " + escape(key_file) +
                     ": a new site could not talk to this one",
                 "hareplicate keys show");
  }
  if (wishes.site == config.self().name) {
    return Error(Code::Refused, "site " + wishes.site + " is this one", "invite the name of the new machine");
  }
  for (const std::string& service : wishes.services) {
    if (config.service(service) == nullptr) {
      return Error(Code::Invalid, "--eligible: no service is called \"" + escape(service) + "\"",
                   "hareplicate config show");
    }
  }
  return config;
}

// Where the new machine finds us: --at, or the hosts of this site's addresses, with the port we listen on.
Result<std::vector<std::string>> own_endpoints(const Wishes& wishes, const replicator::Config& config,
                                               const std::string& bound) {
  const std::string port = split_address(bound).port;
  std::vector<std::string> out;
  for (const std::string& host : wishes.at) {
    const bool has_port = replicator::check_address("tcp://" + host).ok();
    out.push_back(has_port ? host : join_address(split_address(host + ":0").host, port));
    if (!replicator::check_address("tcp://" + out.back()).ok()) {
      return Error(Code::Invalid, "--at " + escape(host) + " is no host name or IP address",
                   "--at fra1.example.net");
    }
  }
  for (const std::string& address :
       wishes.at.empty() ? config.self().addresses : std::vector<std::string>()) {
    const std::string endpoint = join_address(split_address(address).host, port);
    if (std::find(out.begin(), out.end(), endpoint) == out.end()) {
      out.push_back(endpoint);
    }
  }
  return out;
}

// One invitation from its token to its end.
class Inviter {
 public:
  Inviter(const Context& context, Wishes wishes, const replicator::Config& config, PairServer server,
          Invitation invitation)
      : context_(context),
        wishes_(std::move(wishes)),
        config_(config),
        server_(std::move(server)),
        invitation_(std::move(invitation)),
        terminal_(::isatty(STDERR_FILENO) == 1) {}

  void show_token(const std::string& token, WallTime expires, const std::vector<std::string>& endpoints) {
    const std::string command = "hareplicate join " + token;
    if (context_.json()) {
      JsonList where;
      for (const std::string& endpoint : endpoints) {
        where.add(json_quote(endpoint));
      }
      print(JsonObject()
                .text("schema", "hareplicate.invitation/1")
                .text("site", wishes_.site)
                .text("token", token)
                .text("command", command)
                .text("expires", show_utc(expires))
                .raw("endpoints", where.text())
                .text() +
            "\n");
      return;
    }
    talk(context_, "Invitation of site " + wishes_.site + " to cluster " + escape(config_.cluster_name()) +
                       ", good until " + show_local(expires) +
                       " and once.\nOn the new machine, as root:\n\n");
    print(command + "\n");
    talk(context_,
         "\nWhoever has this line can join: send it by a channel that only you two read.\nIt connects to " +
             endpoints.front() + ": let that TCP port in here while this waits. ^C ends the invitation.\n");
  }

  Outcome run() {
    catch_interrupts();
    while (!invitation_.over()) {
      if (interrupted()) {
        return ended(Error(Code::Cancelled, "the invitation has ended, as you asked"));
      }
      HA_TRY(auto messages, server_.turn(kTurn));
      const Now now = read_clocks();
      for (PairServer::Message& message : messages) {
        HA_CHECK(on_message(std::move(message), now));
      }
      invitation_.on_tick(now);
      show_progress(now.steady);
    }
    if (invitation_.state() == Invitation::State::Joined) {
      return farewell();
    }
    if (invitation_.state() == Invitation::State::Guessed) {
      static_cast<void>(linger());
      return ended(Error(Code::Refused,
                         "the invitation has ended: " + std::to_string(kWrongSecretsMax) +
                             " wrong secrets. Somebody has a part of the token",
                         "hareplicate invite " + wishes_.site + "      (and send it by another channel)"));
    }
    return ended(Error(Code::NotFound,
                       "nobody has joined within " + write_duration(wishes_.good_for) + strangers(),
                       "hareplicate invite " + wishes_.site));
  }

 private:
  std::string strangers() const {
    const std::uint64_t count = server_.strangers();
    return count == 0 ? ""
                      : "; " + show_count(count) +
                            " connections came without this token (a port scan, or an older token)";
  }

  // An end without a word from the joiner that it has its files.
  Outcome ended(Error error) {
    clear();
    if (admitted_.empty()) {
      return error;
    }
    return Error(error.code(),
                 error.what() + ". " + wishes_.site +
                     " is in cluster.toml, but that machine has not said that it has stored its files",
                 "hareplicate invite " + wishes_.site + "      (join there again: harmless)");
  }

  Status on_message(PairServer::Message message, const Now& now) {
    auto decision = invitation_.on_message(message.key, std::move(message.message), now);
    if (const auto* answer = std::get_if<Invitation::Answer>(&decision)) {
      if (!answer->note.empty()) {
        say(message.address + ": " + answer->note + "\n");
      }
      return server_.send(message.from, answer->message);
    }
    if (const auto* admit = std::get_if<Invitation::Admit>(&decision)) {
      return server_.send(message.from, this->admit(*admit, message.address, now));
    }
    return ok();
  }

  PairMessage admit(const Invitation::Admit& who, const std::string& address, const Now& now) {
    auto admission = change_configuration(who, address);
    if (!admission.ok()) {
      say(address + ": " + admission.error().what() + "\n  next: " + admission.error().hint() + "\n");
      return Invitation::refused(std::move(admission).error(), now);
    }
    admitted_ = JsonObject()
                    .text("schema", "hareplicate.joined/1")
                    .text("site", wishes_.site)
                    .text("host", escape(who.request.host_name))
                    .text("seen_from", address)
                    .text("address", admission->addresses.front())
                    .text("key", who.key)
                    .flag("was_member", admission->was_member)
                    .text();
    summary_ = wishes_.site +
               (admission->was_member ? " was a site already and has joined again" : " has joined") +
               ": host " + escape(who.request.host_name) + ", seen from " + address + ", address " +
               admission->addresses.front() + ",\nkey " + who.key + "\n";
    warning_ = admission->warning;
    warn_of_clock(who.request.wall, now.wall);
    was_member_ = admission->was_member;
    return invitation_.welcomed(who.key, {wishes_.site, config_.cluster_id(), config_.self().name,
                                          admission->cluster_text, admission->was_member, now.wall});
  }

  Result<Admission> change_configuration(const Invitation::Admit& who, const std::string& address) {
    HA_CHECK(check_no_trial(config_));  // one may have begun while we waited
    AdmissionCase about;
    HA_TRY(about.texts, read_config_texts(context_.globals.config));
    about.site = wishes_.site;
    about.address = wishes_.address;
    about.services = wishes_.services;
    about.key = who.key;
    about.seen_from = address;
    about.comment = "joined " + show_local(read_clocks().wall).substr(0, 10);
    HA_TRY(Admission admission, plan_admission(about, who.request));
    if (!admission.was_member) {
      HA_CHECK(replace_config(context_.globals.config, admission.cluster_text));
    }
    return admission;
  }

  void warn_of_clock(WallTime theirs, WallTime ours) {
    const Duration apart = std::chrono::abs(std::chrono::duration_cast<Duration>(theirs - ours));
    if (apart > kClockTolerance) {
      warning_ += (warning_.empty() ? "" : "\n") + std::string("the clocks differ by ") + show_age(apart) +
                  ": here " + show_utc(ours) + ", there " + show_utc(theirs) +
                  "; on the one that is wrong: timedatectl set-ntp true";
    }
  }

  // The last answer has been handed over; the joiner hangs up when it has read it.
  Status linger() {
    const std::uint64_t left = server_.left();
    const SteadyTime deadline = read_clocks().steady + kFarewell;
    while (server_.left() == left && read_clocks().steady < deadline) {
      HA_TRY([[maybe_unused]] const auto late, server_.turn(std::chrono::milliseconds(100)));
    }
    return ok();
  }

  Outcome farewell() {
    HA_CHECK(linger());
    clear();
    if (context_.json()) {
      print(admitted_ + "\n");
    } else {
      print(summary_);
    }
    if (!warning_.empty()) {
      talk(context_, "warning: " + warning_ + "\n");
    }
    if (!was_member_) {
      talk(context_,
           context_.globals.config + " has its [[site]] now" +
               (wishes_.services.empty() ? "" : "; it may hold " + context_.invocation.value("eligible")) +
               ".\n");
    }
    const auto daemon = Daemon::open(context_);
    talk(context_,
         daemon.ok() || daemon.error().code() != Code::Unavailable
             ? "next: systemctl reload replicator      (or restart it: it has to know " + wishes_.site + ")\n"
             : "next: systemctl start replicator      (it does not run here yet)\n");
    if (config_.sites().size() > (was_member_ ? 2U : 1U)) {
      talk(context_,
           "      for the other sites as well: hareplicate config push      (instead of the reload here)\n");
    }
    talk(context_, "      hareplicate status --watch\n");
    return ExitCode::Good;
  }

  void show_progress(SteadyTime now) {
    const bool waits = invitation_.state() == Invitation::State::Welcomed;
    if (context_.globals.quiet || context_.json() || invitation_.over() ||
        (!terminal_ && now - shown_ < kPlainInterval)) {
      return;
    }
    const auto left = std::chrono::ceil<std::chrono::seconds>(invitation_.ends() - now);
    const std::string line =
        (waits ? wishes_.site + " is storing its files, " : "waiting for " + wishes_.site + ", ") +
        show_age(left) + " left";
    talk(context_, terminal_ ? "\r\033[K" + line : line + "\n");
    shown_ = now;
    on_screen_ = terminal_;
  }
  void clear() {
    if (on_screen_) {
      talk(context_, "\r\033[K");
    }
    on_screen_ = false;
  }
  void say(const std::string& text) {
    clear();
    talk(context_, text);
  }

  const Context& context_;
  Wishes wishes_;
  const replicator::Config& config_;
  PairServer server_;
  Invitation invitation_;
  bool terminal_;
  bool on_screen_ = false;
  bool was_member_ = false;
  SteadyTime shown_{};
  std::string admitted_;  // as JSON; empty: nobody yet
  std::string summary_;
  std::string warning_;
};

Result<PairServer> listen(const std::string& endpoint, const wire::KeyPair& keys) {
  auto server = PairServer::open(endpoint, keys);
  if (server.ok()) {
    return server;
  }
  const std::string port = split_address(endpoint).port;
  if (server.error().code() == Code::Exists) {
    return Error(
        Code::Refused,
        "port " + escape(port) + " is taken: another invitation waits there, or another program",
        "end the other one with ^C, or: hareplicate invite SITE --listen tcp://*:7402; who has it: ss -ltnp");
  }
  return std::move(server)
      .error()
      .in("--listen")
      .hinted("--listen tcp://0.0.0.0:7401, an address of this host");
}

}  // namespace

Outcome run_invite(const Context& context) {
  HA_TRY(Wishes wishes, read_wishes(context));
  HA_TRY(const replicator::Config config, inviting_config(context, wishes));
  HA_CHECK(check_no_trial(config));
  HA_TRY(const wire::KeyPair keys, wire::KeyPair::generate());
  HA_TRY(sys::Secret secret, sys::Secret::random(kTokenSecretBytes));
  HA_TRY(PairServer server, listen(wishes.listen, keys));
  HA_TRY(auto endpoints, own_endpoints(wishes, config, server.endpoint()));
  const Now now = read_clocks();
  PairToken token;
  token.server_key = keys.public_key;
  HA_TRY(token.secret, sys::Secret::copy_of(secret.bytes()));
  token.expires = now.wall + std::chrono::ceil<std::chrono::seconds>(wishes.good_for);
  token.site = wishes.site;
  token.cluster = config.cluster_name();
  token.endpoints = std::move(endpoints);
  HA_TRY(const std::string text, encode_token(token));
  if (config.site(wishes.site) != nullptr) {
    talk(context,
         "Site " + wishes.site + " is in cluster.toml already: only the machine with its key can join.\n");
  }
  InvitationTerms terms{wishes.site,   std::move(secret), now.steady + wishes.good_for,
                        token.expires, wire::kWireMajor,  kVersion};
  Inviter inviter(context, std::move(wishes), config, std::move(server),
                  Invitation(std::move(terms), config));
  inviter.show_token(text, token.expires, token.endpoints);
  return inviter.run();
}

}  // namespace ha::tool
