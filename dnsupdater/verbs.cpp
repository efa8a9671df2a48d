// The table of verbs: command line, help, completion and the test of the man page come from it.
#include "dnsupdater/desk.h"
#include "version.h"

namespace ha::dns {
namespace {

constexpr CliArgument kName[] = {{"NAME", true, false}};
constexpr CliArgument kOptionalName[] = {{"NAME", false, false}};
constexpr CliArgument kNameTypeData[] = {{"NAME", true, false}, {"TYPE", true, false}, {"DATA", true, true}};
constexpr CliArgument kNameType[] = {{"NAME", true, false}, {"TYPE", true, false}, {"DATA", false, true}};
constexpr CliArgument kSite[] = {{"SITE", true, false}};
constexpr CliArgument kId[] = {{"ID", true, false}};

constexpr CliFlag kDryRun{"dry-run", 'n', "", "Show the steps and the message; send nothing."};
constexpr CliFlag kNoCoordinator{"no-coordinator", '\0', "",
                                 "Although a lease is held: no coordinator runs any more."};

constexpr CliFlag kSetFlags[] = {{"ttl", '\0', "DURATION", "How long resolvers may keep it (default 30s)."},
                                 kDryRun};
constexpr CliFlag kDryRunOnly[] = {kDryRun};
constexpr CliFlag kSwapFlags[] = {kDryRun, kNoCoordinator};
constexpr CliFlag kMaintenanceFlags[] = {
    {"until", '\0', "COMMAND", "Drained when this command ends with 0; its output is the progress."},
    {"drain", '\0', "DURATION", "How long calls may take to end."},
    {"verify", '\0', "DURATION", "How long a server that does not answer so is waited for (default 1m)."},
    kDryRun,
    kNoCoordinator,
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

constexpr CliVerb kVerbs[] = {
    {"show", "What the primary has, what each server answers, and who holds it.", kOptionalName, {}, {}},
    {"set", "Makes the RRset of a name and type this.", kNameTypeData, kSetFlags, kSetExamples},
    {"delete", "Deletes an RRset, or one record of it.", kNameType, kDryRunOnly, {}},
    {"swap", "Exchanges the service and the maintenance address of a site in DNS.", kSite, kSwapFlags, {}},
    {"maintenance start", "Leads callers to the maintenance address of a site, step by step.", kSite,
     kMaintenanceFlags, kMaintenanceExamples},
    {"maintenance stop", "Leads callers back.", kSite, kMaintenanceFlags, kMaintenanceExamples},
    {"resume", "Goes on with what was broken off.", {}, {}, {}},
    {"undo", "Takes an operation back, as far as nobody has changed it since.", kId, kDryRunOnly, {}},
    {"wait", "Until every server answers what the primary has.", kOptionalName, {}, {}},
    {"journal", "What was changed from this site, and what stands open.", {}, {}, {}},
    {"accept", "What DNS shows of a guard is right, although it has gone back.", kName, {}, {}},
};

constexpr CliExample kExamples[] = {
    {"dnsupdater show", "who is led where, by whom"},
    {"dnsupdater maintenance start fra1 --dry-run", "what it would do"},
};

}  // namespace

const CliProgram& program() noexcept {
  static const CliProgram program{
      "dnsupdater", kVersion,           "Changes DNS so that no race is lost without knowing it.",
      kVerbs,       operator_globals(), kExamples};
  return program;
}

}  // namespace ha::dns
