// The table of verbs: command line, help, completion and the test of the man page come from it.
#include "failover/verbs.h"

#include "schemas/cluster_names.h"
#include "version.h"

namespace ha::failover {
namespace {

constexpr CliArgument kService[] = {{"SERVICE", true, false}};
constexpr CliArgument kOptionalService[] = {{"SERVICE", false, false}};
constexpr CliArgument kSite[] = {{"SITE", true, false}};
constexpr CliArgument kOptionalSite[] = {{"SITE", false, false}};
constexpr CliArgument kSubject[] = {{"SITE|SERVICE", false, false}};
constexpr CliArgument kSensor[] = {{"SENSOR", true, false}};
constexpr CliArgument kEvent[] = {{"EVENT", true, false}};
constexpr CliArgument kFault[] = {{"FAULT", true, false, "site-dies|pbx-dies|arbiter-dies|isolated"},
                                  {"SITE", false, false}};

constexpr CliFlag kDryRun{"dry-run", 'n', "", "Show what would happen; change nothing."};
constexpr CliFlag kDrain{"drain", '\0', "DURATION", "How long calls that are up may take to end."};
constexpr CliFlag kStatusFlags[] = {
    {"oneline", '\0', "", "One line and the exit codes of monitoring plugins."},
    {"budget", '\0', "", "What a takeover takes, part by part."},
};
constexpr CliFlag kHistoryFlags[] = {{"limit", 'n', "NUMBER", "Only so many, the newest."}};
constexpr CliFlag kSwitchoverFlags[] = {
    {"to", '\0', "SITE", "Who shall have it (default: the best that can)."}, kDrain, kDryRun};
constexpr CliFlag kMoveFlags[] = {kDrain, kDryRun};
constexpr CliFlag kDryRunOnly[] = {kDryRun};
constexpr CliFlag kMuteFlags[] = {{"for", '\0', "DURATION", "For how long (default 1h)."}};
constexpr CliFlag kAcceptFlags[] = {
    {"beyond", '\0', "EPOCH", "The next holder's epoch is higher than that; say it at each site."}};
constexpr CliFlag kDaemonFlags[] = {
    {"log-level", '\0', "LEVEL", "debug, info, warn or error (default info)."},
    {"log-format", '\0', "FORMAT", "auto, text or json (default auto: the journal under systemd)."},
};

constexpr CliExample kSwitchoverExamples[] = {
    {"failover switchover pbx --to nyc1 --dry-run", "what it would do"},
    {"failover switchover pbx --to nyc1 --drain 30m", "when the calls have ended, or after 30 minutes"},
};
constexpr CliExample kSimulateExamples[] = {{"failover simulate site-dies fra1", "who takes what, and when"}};

constexpr CliVerb kVerbs[] = {
    {"status", "Who holds what, who could take it, losing what, in how many seconds.", {}, kStatusFlags, {}},
    {"why", "Why it is so, in sentences, and what to type next.", kSubject, {}, {}},
    {"history",
     "Who held what, since when, and why it moved; the newest first.",
     kOptionalService,
     kHistoryFlags,
     {}},
    {"switchover", "Hands a service that this site holds to another one.", kService, kSwitchoverFlags,
     kSwitchoverExamples},
    {"takeover",
     "Takes a service whose holder is dead, as soon as that is certain.",
     kService,
     kDryRunOnly,
     {}},
    {"fallback", "Hands a service back to the first of its sites.", kService, kMoveFlags, {}},
    {"pause", "This site takes nothing over by itself any more.", {}, {}, {}},
    {"resume", "It does again.", {}, {}, {}},
    {"maintenance start",
     "This site gives up what it holds, and takes nothing.",
     kOptionalSite,
     kMoveFlags,
     {}},
    {"maintenance stop", "It takes part again.", kOptionalSite, {}, {}},
    {"health", "How well each site is, and what adds to its score.", kOptionalSite, {}, {}},
    {"sensor list", "This site's sensors: what they say, and how it counts.", {}, {}, {}},
    {"sensor test", "Measures with one of them now.", kSensor, {}, {}},
    {"sensor mute", "One of them adds nothing to the score for a while.", kSensor, kMuteFlags, {}},
    {"sensor unmute", "It counts again.", kSensor, {}, {}},
    {"fence confirm",
     "You say that a silent site is off: what it held can be taken at once.",
     kSite,
     kDryRunOnly,
     {}},
    {"ack", "You have looked at what failed, and at what is held because of flapping.", {}, {}, {}},
    {"simulate",
     "Who would take what, and when, if that happened now; does nothing.",
     kFault,
     {},
     kSimulateExamples},
    {"arbiter check", "Reads every record, and says what is wrong.", {}, {}, {}},
    {"arbiter accept",
     "What it shows of a service is right, although it has gone back.",
     kService,
     kAcceptFlags,
     {}},
    {"handlers list", "What is told of events, and how often.", {}, {}, {}},
    {"handlers test", "Runs those of an event with sample data.", kEvent, {}, {}},
    {"config check", "Whether cluster.toml and node.toml are right for failover.", {}, {}, {}},
    {"config reload", "Reads them again; what is held goes on.", {}, {}, {}},
    {"daemon", "The coordinator itself, as systemd runs it.", {}, kDaemonFlags, {}},
    {"completion bash", "Print the completion script for bash.", {}, {}, {}},
    {"completion names", "Names of sites, for the completion script.", kClusterNames, {}, {}, true},
};

constexpr CliExample kExamples[] = {
    {"failover status", "which one is live, who can take over"},
    {"failover why pbx", "why nobody else holds it, and what to type next"},
    {"failover switchover pbx --to nyc1", "on the site that holds it"},
};

}  // namespace

const CliProgram& program() noexcept {
  static const std::vector<CliFlag> globals = [] {
    std::vector<CliFlag> out;
    for (const CliFlag& flag : operator_globals()) {
      if (flag.name != "site") {
        out.push_back(flag);
      }
    }
    return out;
  }();
  static const CliProgram program{
      "failover", kVersion, "Moves services between sites, never two at one epoch.",
      kVerbs,     globals,  kExamples};
  return program;
}

}  // namespace ha::failover
