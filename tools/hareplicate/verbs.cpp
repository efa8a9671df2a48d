// The table of verbs: command line, help, completion and the test of the man page come from it.
#include "schemas/cluster_names.h"
#include "tools/hareplicate/context.h"
#include "version.h"

namespace ha::tool {
namespace {

constexpr CliArgument kSets[] = {{"SET", false, true}};
constexpr CliArgument kSet[] = {{"SET", true, false}};
constexpr CliArgument kOptionalSet[] = {{"SET", false, false}};
constexpr CliArgument kSetPath[] = {{"SET", true, false}, {"PATH", false, false}};
constexpr CliArgument kJob[] = {{"ID", true, false}};
constexpr CliArgument kIdPath[] = {{"ID", true, false}, {"PATH", false, false}};
constexpr CliArgument kFile[] = {{"FILE", true, false}};
constexpr CliArgument kSite[] = {{"SITE", true, false}};
constexpr CliArgument kToken[] = {{"TOKEN", true, false}};
constexpr CliArgument kOptionalFile[] = {{"FILE", false, false}};
constexpr CliArgument kSiteOrFile[] = {{"SITE|FILE", false, false}};
constexpr CliArgument kTopic[] = {{"TOPIC", false, true, "first-hour|states|problems|config"}};
constexpr CliArgument kBundle[] = {{"FILE.tar.gz", true, false}};

constexpr CliFlag kTo{"to", '\0', "SITE", "Only towards this site."};
constexpr CliFlag kSince{"since", '\0', "TIME", "Not older: \"15m\" (ago), \"14:30\", \"2026-11-20 14:30\"."};

constexpr CliFlag dry_run(std::string_view doc) {
  return {"dry-run", 'n', "", doc};
}

constexpr CliFlag kStatusFlags[] = {
    kTo,
    {"problems", '\0', "", "List every item that failed, with its reason."},
    {"oneline", '\0', "",
     "One line and the exit codes of a monitoring plugin: 0 ok, 1 warning, 2 critical, 3 unknown."},
    {"warning", '\0', "DURATION", "With --oneline: behind for longer is a warning."},
    {"critical", '\0', "DURATION", "With --oneline: behind for longer is critical."},
};
constexpr CliFlag kResyncFlags[] = {
    kTo,
    {"full", '\0', "",
     "Forget all stored positions first; also releases a holder that has gone back in time."},
    {"itemize", 'i', "", "Name every item."},
    dry_run("Say what would change; send nothing."),
};
constexpr CliFlag kVerifyFlags[] = {
    kTo,
    {"deep", '\0', "", "Read all content on both sides, not only what the file systems say of it."},
    {"repair", '\0', "", "Send what differs."},
};
constexpr CliFlag kDiffFlags[] = {
    kTo,
    {"limit", '\0', "N", "At most so many items (default 200)."},
    {"deep", '\0', "", "Read all content on both sides first."},
};
constexpr CliFlag kHoldFlags[] = {
    kTo,
    {"reason", '\0', "TEXT", "Why, for whoever looks next."},
    dry_run("Say what would be held."),
};
constexpr CliFlag kReleaseFlags[] = {
    kTo,
    {"force-delete", '\0', "", "Yes, items may be replaced or deleted. --yes does not stand for it."},
    dry_run("Say what is held and why."),
};
constexpr CliFlag kKeepFlags[] = {
    {"to", '\0', "DIR", "A new directory, absolute, on the file system of the set."},
    dry_run("Say what would be moved."),
};
constexpr CliFlag kMergeFlags[] = {
    {"out", '\0', "FILE", "Write the merged text to this new file, conflicts marked."},
    {"with", '\0', "FILE", "Take this text, in which somebody has decided the conflicts."},
    dry_run("Show what would change; write nothing."),
};
constexpr CliFlag kDropFlags[] = {dry_run("Say what would be deleted.")};
constexpr CliFlag kHistoryFlags[] = {kSince};
constexpr CliFlag kEventsFlags[] = {
    kSince,
    {"follow", 'f', "", "Go on with what happens."},
    {"on", '\0', "GLOB", "Only events with such a name, e.g. 'link.*'."},
};
constexpr CliFlag kShowFlags[] = {{"origin", '\0', "", "Say where each value comes from: file:line:column."}};
constexpr CliFlag kWithout{"without", '\0', "SITE[,SITE]",
                           "Leave these sites out: they keep what they have."};
constexpr CliFlag kPushFlags[] = {
    {"confirm", '\0', "DURATION",
     "Every site goes back after that long unless it is confirmed, 5s to 24h (default 2m)."},
    kWithout,
    dry_run("Say what differs and what each site would do; change nothing."),
};
constexpr CliFlag kConfirmFlags[] = {
    {"without", '\0', "SITE[,SITE]", "Leave these sites out: they go back to what they had."}};
constexpr CliFlag kInviteFlags[] = {
    {"address", '\0', "ADDRESS",
     "Where the others reach the new site, tcp://host:port (default: found out)."},
    {"for", '\0', "DURATION", "How long the invitation is good, 1s to 24h (default 15m)."},
    {"listen", '\0', "ADDRESS", "Where to wait for the new machine (default tcp://*:7401)."},
    {"at", '\0', "HOST[,HOST]", "Where it reaches this one, also HOST:PORT (default: this site's hosts)."},
    {"eligible", '\0', "SERVICE[,SERVICE]", "Services that it may hold; else it only keeps copies."},
};
constexpr CliFlag kJoinFlags[] = {
    {"address", '\0', "ADDRESS", "Where the other sites reach this machine, tcp://host:port."},
    {"config-dir", '\0', "DIR", "Where the configuration goes (default /etc/hareplicate)."},
    dry_run("Read the token and try the way there; change nothing, do not use the token."),
};
constexpr CliFlag kRotateFlags[] = {
    {"cancel", '\0', "", "Take an announced key back that is not in use yet."},
    {"force-cut-off", '\0', "", "Switch although a site may not know the next key, and would lose this one."},
    dry_run("Say which step comes next; change nothing."),
};

constexpr CliFlag kInitFlags[] = {
    {"from-asterisk", '\0', "", "Look at an Asterisk without FreePBX."},
    {"from-freeswitch", '\0', "", "Look at a FreeSWITCH."},
    {"from-freepbx", '\0', "", "Look at a FreePBX and its Asterisk."},
    {"root", '\0', "DIR", "Look below this directory instead of /: a mounted system, say."},
    {"site", '\0', "NAME", "Name of this site (default: the host's name)."},
    {"address", '\0', "tcp://HOST:PORT",
     "Where other sites reach this one (default: what is found, port 7400)."},
    {"output", 'o', "FILE", "cluster.toml to write (default: that of --config); node.toml goes beside it."},
    dry_run("Print cluster.toml to standard output; write nothing."),
};

constexpr CliExample kInitExamples[] = {
    {"hareplicate init --from-asterisk --dry-run", "what would it write?"},
    {"hareplicate init --from-freepbx --site fra1", "write cluster.toml, node.toml and a key"},
    {"hareplicate init --from-freeswitch --root /mnt -o /tmp/cluster.toml", "from a mounted system"},
};
constexpr CliExample kBundleExamples[] = {
    {"hareplicate support-bundle /tmp/fra1.tar.gz", "everything that helps to help you, and no key"},
    {"tar -tzf /tmp/fra1.tar.gz", "what is in it?"},
};
constexpr CliExample kHelpExamples[] = {
    {"hareplicate help", "which topics are there?"},
    {"hareplicate help first-hour", "from nothing to two equal sites"},
    {"hareplicate help resync", "the same as hareplicate resync --help"},
};
constexpr CliExample kStatusExamples[] = {
    {"hareplicate status", "all links, sets and problems"},
    {"hareplicate status --watch", "the same again and again"},
    {"hareplicate status --oneline --warning 5m --critical 1h", "for Nagios and its kin"},
};
constexpr CliExample kResyncExamples[] = {
    {"hareplicate resync etc --dry-run", "what would change?"},
    {"hareplicate resync etc --to nyc1", "make etc on nyc1 equal to this site"},
    {"hareplicate resync etc --full --yes", "after this site was restored from a backup"},
};
constexpr CliExample kVerifyExamples[] = {
    {"hareplicate verify", "all sets, at all replicas"},
    {"hareplicate verify voicemail --deep", "read every byte on both sides"},
    {"hareplicate verify etc --repair", "and send what differs"},
};
constexpr CliExample kDiffExamples[] = {
    {"hareplicate diff etc --to nyc1", "what differs there"},
    {"hareplicate diff etc keys --to nyc1", "only keys and what is in it"},
    {"hareplicate diff etc --json | jq '.rows[].key'", "for a script"},
};
constexpr CliExample kHoldExamples[] = {
    {"hareplicate hold etc --reason 'upgrade on nyc1' --to nyc1", "stop one set towards one site"},
    {"hareplicate release etc --dry-run", "what is held, and why?"},
    {"hareplicate release etc --to nyc1 --force-delete", "let it pass, deletions and all"},
};
constexpr CliExample kStrandedExamples[] = {
    {"hareplicate stranded", "has anything been put aside here?"},
    {"hareplicate stranded show x-42-7f3a", "which items?"},
    {"hareplicate stranded keep x-42-7f3a --to /var/tmp/lost", "look at the content"},
};
constexpr CliExample kMergeExamples[] = {
    {"hareplicate stranded merge x-42-7f3a --dry-run", "what would become of it?"},
    {"hareplicate stranded merge x-42-7f3a sip.conf --out /tmp/sip.conf", "a text to edit, with marks"},
    {"hareplicate stranded merge x-42-7f3a sip.conf --with /tmp/sip.conf", "and back, when it is decided"},
};
constexpr CliExample kEventsExamples[] = {
    {"hareplicate events --since 15m", "what happened lately"},
    {"hareplicate events --follow --on 'link.*'", "watch the links"},
    {"hareplicate events --json", "JSON lines"},
};
constexpr CliExample kConfigExamples[] = {
    {"hareplicate config diff nyc1", "where nyc1 has another cluster.toml"},
    {"hareplicate config push --confirm 2m", "this cluster.toml to every site, on trial"},
    {"hareplicate config confirm", "keep it; without this every site goes back by itself"},
};
constexpr CliExample kKeysExamples[] = {
    {"hareplicate keys new /etc/hareplicate/secrets/fra1.curve", "make this site's key"},
    {"hareplicate keys show", "is the key file the one in cluster.toml?"},
    {"hareplicate config check", "then see whether everything fits"},
};
constexpr CliExample kInviteExamples[] = {
    {"hareplicate invite nyc1", "prints the line to paste on the new machine, and waits for it"},
    {"hareplicate invite nyc1 --eligible pbx --for 1h", "it may hold the service pbx, too"},
    {"hareplicate invite nyc1 --at 203.0.113.9 --address tcp://nyc1.example.net:7400", "say who is where"},
};
constexpr CliExample kJoinExamples[] = {
    {"hareplicate join hr1.…", "what invite has printed"},
    {"hareplicate join hr1.… --dry-run", "is the token good, and the way open?"},
    {"hareplicate join hr1.… --address tcp://nyc1.example.net:7400", "when it is reached by another address"},
};

constexpr CliVerb kVerbs[] = {
    {"init",
     "Write a commented cluster.toml from what the PBX on this machine has; changes nothing of it.",
     {},
     kInitFlags,
     kInitExamples},
    {"status", "How links and sets are; exit code 1 when something needs you.", kSets, kStatusFlags,
     kStatusExamples},
    {"resync", "Make a set at its replicas equal to this site's.", kSet, kResyncFlags, kResyncExamples},
    {"verify", "Compare sets with their replicas; changes nothing.", kSets, kVerifyFlags, kVerifyExamples},
    {"diff", "List the items that differ at the replicas.", kSetPath, kDiffFlags, kDiffExamples},
    {"hold", "Stop a set towards its replicas, or at a replica, until it is released; survives restarts.",
     kSet, kHoldFlags, kHoldExamples},
    {"release", "Let go on what is held, by hand or by a guard, as it is shown now.", kSet, kReleaseFlags,
     kHoldExamples},
    {"jobs list", "Jobs that run or ran lately.", {}, {}, {}},
    {"jobs follow", "Follow a job to its end.", kJob, {}, {}},
    {"jobs stop", "Stop a job; what it has done stays.", kJob, {}, {}},
    {"stranded list",
     "What this site had and a new holder had not: kept aside when it was replaced.",
     {},
     {},
     kStrandedExamples},
    {"stranded show", "The items of one incident.", kJob, {}, kStrandedExamples},
    {"stranded keep", "Move the content of one out of the store.", kJob, kKeepFlags, kStrandedExamples},
    {"stranded merge", "Merge texts of one into the live ones, line by line.", kIdPath, kMergeFlags,
     kMergeExamples},
    {"stranded drop", "Delete one for good.", kJob, kDropFlags, kStrandedExamples},
    {"history", "What was applied at this site, when, and from whom.", kOptionalSet, kHistoryFlags, {}},
    {"events", "What the replicator has logged lately.", {}, kEventsFlags, kEventsExamples},
    {"config check", "Is the configuration right? Every problem with file:line:column.", {}, {}, {}},
    {"config show", "Every value in force.", {}, kShowFlags, {}},
    {"config diff",
     "Where this cluster.toml differs from what other sites have in force, or from a file.",
     kSiteOrFile,
     {},
     kConfigExamples},
    {"config push", "Give every site this cluster.toml, or FILE, on trial: undone unless confirmed.",
     kOptionalFile, kPushFlags, kConfigExamples},
    {"config confirm", "Keep what was pushed, on every site.", {}, kConfirmFlags, kConfigExamples},
    {"config undo", "Take back what was pushed, on every site.", {}, {}, kConfigExamples},
    {"keys new",
     "Make a site's secret key; prints the public one for cluster.toml.",
     kFile,
     {},
     kKeysExamples},
    {"keys show",
     "The public key of a key file, and whether cluster.toml has it.",
     kOptionalFile,
     {},
     kKeysExamples},
    {"keys rotate",
     "Change this site's key without a gap, in three steps; says what comes next.",
     {},
     kRotateFlags,
     {}},
    {"invite", "Invite a machine as a new site: prints a token, waits until it has joined.", kSite,
     kInviteFlags, kInviteExamples},
    {"join", "Make this machine a site of the cluster that has invited it.", kToken, kJoinFlags,
     kJoinExamples},
    {"doctor",
     "Check this host: rights, kernel, limits, clock, directories, keys, peers. Prints fixes.",
     {},
     {},
     {}},
    {"support-bundle",
     "Pack status, configuration, events and checks into a file, without keys and what overlays put in.",
     kBundle,
     {},
     kBundleExamples},
    {"help", "Explain a topic or a verb; without one, list the topics.", kTopic, {}, kHelpExamples},
    {"completion bash", "Print the completion script for bash.", {}, {}, {}},
    {"completion names", "Names of sets or sites, for the completion script.", kClusterNames, {}, {}, true},
};

constexpr CliExample kExamples[] = {
    {"hareplicate init --from-asterisk --dry-run", "a configuration from what is here"},
    {"hareplicate status", "how are things?"},
    {"hareplicate doctor", "why does it not work?"},
};

}  // namespace

const CliProgram& program() noexcept {
  static const CliProgram made = {
      "hareplicate", kVersion,           "Asks and steers the replicator of this site.",
      kVerbs,        operator_globals(), kExamples};
  return made;
}

}  // namespace ha::tool
