// The table of verbs: command line, help, completion and the test of the man page come from it.
#include <vector>

#include "dnsupdater/desk.h"
#include "schemas/cluster_names.h"
#include "version.h"

namespace ha::dns {
namespace {

constexpr CliArgument kName[] = {{"NAME", true, false}};
constexpr CliArgument kOptionalName[] = {{"NAME", false, false}};
constexpr CliArgument kNameTypeData[] = {{"NAME", true, false}, {"TYPE", true, false}, {"DATA", true, true}};
constexpr CliArgument kNameType[] = {{"NAME", true, false}, {"TYPE", true, false}, {"DATA", false, true}};
constexpr CliArgument kSite[] = {{"SITE", true, false}};
constexpr CliArgument kPoolWho[] = {{"NAME", true, false}, {"SITE|ADDRESS", true, true}};
constexpr CliArgument kPoolWeight[] = {
    {"NAME", true, false}, {"WEIGHT", true, false}, {"SITE|ADDRESS", true, true}};
constexpr CliArgument kResolvers[] = {{"RESOLVER", false, true}};
constexpr CliArgument kId[] = {{"ID", true, false}};

constexpr CliFlag kDryRun{"dry-run", 'n', "", "Show the steps and the message; send nothing."};
constexpr CliFlag kNoCoordinator{"no-coordinator", '\0', "",
                                 "Although a lease is held: no coordinator runs any more."};

constexpr CliFlag kSetFlags[] = {
    {"ttl", '\0', "DURATION", "How long resolvers may keep it (default 30s)."}, kDryRun, kNoCoordinator};
constexpr CliFlag kDryRunOnly[] = {kDryRun};
constexpr CliFlag kSwapFlags[] = {kDryRun, kNoCoordinator};
constexpr CliFlag kMaintenanceFlags[] = {
    {"until", '\0', "COMMAND", "Drained when this command ends with 0; its output is the progress."},
    {"drain", '\0', "DURATION", "How long calls may take to end."},
    {"verify", '\0', "DURATION", "How long a server that does not answer so is waited for (default 1m)."},
    kDryRun,
    kNoCoordinator,
};

constexpr CliFlag kDropProtocol{"drop-protocol", '\0', "",
                                "The last IPv4 or the last IPv6 address in service may go."};
constexpr CliFlag kServersFlags[] = {
    {"servers", '\0', "", "A line for each name server: serial, answer, TTL, signature."}};
constexpr CliFlag kPoolFlags[] = {kDropProtocol, kDryRun};
constexpr CliFlag kPoolDrainFlags[] = {
    {"until", '\0', "COMMAND", "Drained when this command ends with 0; its output is the progress."},
    {"drain", '\0', "DURATION", "How long calls may take to end."},
    {"then", '\0', "maint|down|remove", "What becomes of it when it is drained (default: stays draining)."},
    kDropProtocol,
    kDryRun,
};
constexpr CliFlag kPoolAddFlags[] = {
    {"weight", '\0', "WEIGHT", "Another weight than [[dns.pool]] has, 0 to 65535."}, kDryRun};
constexpr CliFlag kProbeFlags[] = {
    {"zone", '\0', "ZONE", "Where the scratch name is made (default: the zone of the first record)."}};

constexpr CliExample kPoolExamples[] = {
    {"dnsupdater pool drain all.voice.example.net fra1 --drain 30m --then maint", "calls end, then work"},
    {"dnsupdater pool in all.voice.example.net fra1", "back"},
};
constexpr CliExample kProbeExamples[] = {
    {"dnsupdater probe", "the resolvers of this host"},
    {"dnsupdater probe 9.9.9.9 198.51.100.7:5353", ""},
};
constexpr CliExample kSetExamples[] = {
    {"dnsupdater set sip.voice.example.net A 192.0.2.10 --ttl 30s", "the whole RRset becomes this"},
    {"dnsupdater set _sip._udp.voice.example.net SRV 0 10 5060 sip.voice.example.net", ""},
};
constexpr CliExample kMaintenanceExamples[] = {
    {"dnsupdater maintenance start fra1 --until \"test $(asterisk -rx 'core show channels count' | grep -c "
     "'^0 active')\" = 1",
     "free for work when the calls have ended"},
    {"dnsupdater maintenance stop fra1", "brings it back"},
};

constexpr CliArgument kOptionalZone[] = {{"ZONE", false, false}};
constexpr CliFlag kDoctorFlags[] = {
    {"against", '\0', "ENDPOINT", "Race against this address, too: is it another server with the same data?"},
    {"policy", '\0', "KIND", "Print what the server has to be told (bind, knot, powerdns); send nothing."},
    {"restart-test", '\0', "", "Wait for a restart of the server: does it keep what it has acknowledged?"},
    {"rounds", '\0', "NUMBER", "How many races (default 20, at most 1000)."},
    {"dry-run", 'n', "", "Show what would be tried; send nothing."},
};
constexpr CliExample kDoctorExamples[] = {
    {"dnsupdater doctor voice.example.net", "may this server decide who holds a service?"},
    {"dnsupdater doctor voice.example.net --policy bind", "what its named.conf needs"},
};

constexpr CliVerb kVerbs[] = {
    {"show",
     "What the primary has, what each server answers, and who holds it.",
     kOptionalName,
     kServersFlags,
     {}},
    {"check", "What is wrong with keys, zones, records and leases; changes nothing.", {}, {}, {}},
    {"doctor", "Tries on scratch names whether the primary is a safe arbiter.", kOptionalZone, kDoctorFlags,
     kDoctorExamples},
    {"set", "Makes the RRset of a name and type this.", kNameTypeData, kSetFlags, kSetExamples},
    {"delete", "Deletes an RRset, or one record of it.", kNameType, kDryRunOnly, {}},
    {"swap", "Exchanges the service and the maintenance address of a site in DNS.", kSite, kSwapFlags, {}},
    {"maintenance start", "Leads callers to the maintenance address of a site, step by step.", kSite,
     kMaintenanceFlags, kMaintenanceExamples},
    {"maintenance stop", "Leads callers back.", kSite, kMaintenanceFlags, kMaintenanceExamples},
    {"pool show", "Which addresses are in a pool, in what state, of which site.", kOptionalName, {}, {}},
    {"pool in", "Brings addresses of a pool into service.", kPoolWho, kDryRunOnly, kPoolExamples},
    {"pool drain", "Takes addresses out of DNS; calls go on.", kPoolWho, kPoolDrainFlags, kPoolExamples},
    {"pool maint", "Takes addresses out of DNS for work on them.", kPoolWho, kPoolFlags, kPoolExamples},
    {"pool down", "Takes addresses out of DNS that have failed.", kPoolWho, kPoolFlags, kPoolExamples},
    {"pool add", "Puts new addresses into a pool, in service.", kPoolWho, kPoolAddFlags, kPoolExamples},
    {"pool remove", "Takes addresses out of a pool for good.", kPoolWho, kPoolFlags, kPoolExamples},
    {"pool weight", "Gives addresses another share of the calls, by SRV.", kPoolWeight, kDryRunOnly, {}},
    {"probe", "What callers behind a resolver see of a change, and when.", kResolvers, kProbeFlags,
     kProbeExamples},
    {"resume", "Goes on with what was broken off.", {}, {}, {}},
    {"undo", "Takes an operation back, as far as nobody has changed it since.", kId, kDryRunOnly, {}},
    {"wait", "Until every server answers what the primary has.", kOptionalName, {}, {}},
    {"journal", "What was changed from this site, and what stands open.", {}, {}, {}},
    {"accept", "What DNS shows of a guard is right, although it has gone back.", kName, {}, {}},
    {"completion bash", "Print the completion script for bash.", {}, {}, {}},
    {"completion names", "Names of sites, for the completion script.", kClusterNames, {}, {}, true},
};

constexpr CliExample kExamples[] = {
    {"dnsupdater show", "who is led where, by whom"},
    {"dnsupdater check", "is all as the configuration says, and may we write?"},
    {"dnsupdater maintenance start fra1 --dry-run", "what it would do"},
};

}  // namespace

const CliProgram& program() noexcept {
  // It asks name servers, no daemon of another site, and answers once.
  static const std::vector<CliFlag> globals = [] {
    std::vector<CliFlag> out;
    for (CliFlag flag : operator_globals()) {
      if (flag.name == "timeout") {
        flag.doc = "How long each swap is tried, instead of [dns] timeout; of wait, how long (default 1m).";
      }
      if (flag.name != "site" && flag.name != "watch") {
        out.push_back(flag);
      }
    }
    return out;
  }();
  static const CliProgram program{
      "dnsupdater", kVersion, "Changes DNS so that no race is lost without knowing it.",
      kVerbs,       globals,  kExamples};
  return program;
}

}  // namespace ha::dns
