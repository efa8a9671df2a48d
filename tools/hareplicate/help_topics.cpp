#include "tools/hareplicate/help_topics.h"

#include <array>

#include "replicator/config.h"
#include "schemas/cluster_schema.h"

namespace ha::tool {
namespace {

constexpr std::array<HelpTopic, 4> kTopics = {{
    {"first-hour", "From nothing to two equal sites."},
    {"states", "What the STATE of a set means, and BEHIND."},
    {"problems", "What the ids of problems mean, and what to do."},
    {"config", "Every key of cluster.toml and node.toml that this version reads."},
}};

constexpr std::string_view kFirstHour = R"(At the site that has the data (its PBX runs there):

  hareplicate init --from-asterisk --dry-run      look first; or --from-freeswitch, --from-freepbx
  hareplicate init --from-asterisk                writes cluster.toml, node.toml and this site's key
  less /etc/hareplicate/cluster.toml              read it once; it says what is left out, and why
  hareplicate config check                        every problem, with file:line:column
  hareplicate doctor                              rights, kernel, limits, clock, directories; prints fixes
  hareplicate invite OTHER-SITE                   how the second site gets in

At the second site, the line that invite prints, then what it says: it names the directories to make.

  hareplicate join hr1.…                          cluster.toml, node.toml and this site's key

At both sites, once both are in cluster.toml:

  replicator                                      the daemon; as a service, or in a terminal for a first try
  hareplicate status --watch                      until every set says "in sync"
  hareplicate verify --deep                       reads every byte at both sides; says "equal"

init only looks at the PBX, it changes nothing there. What the replica has at the paths of the sets is made
equal to the holder's: see what that means with  hareplicate resync SET --dry-run  before you trust it.
)";

constexpr std::string_view kStates = R"(in sync        the replica has confirmed the origin's position and sum
reading        a tree is walked; nothing is sent
checking       positions are compared; nothing is sent
comparing      sums are compared, to find what differs; nothing is sent
copying        items are sent; LEFT says how much
incomplete     all but some items: hareplicate status SET --problems
failed         the last attempt ended; it is tried again with growing waits
HELD           nothing is sent until you say so; the problem names the command
waiting        a replica that has been promised something that has not come yet
paused         the two sites have different definitions of the set: hareplicate config diff SITE
down           no link

BEHIND is the age of the oldest change that the replica does not have. A replica says it of itself too; when
nothing is heard from the origin it counts from the last message: what a takeover would lose at most.
LAST EQUAL is the same as a time of day.
)";

constexpr std::string_view kProblems =
    R"(Every problem in  hareplicate status  has an id and the next command. The letter says what kind it is:

  L-...   a link is down or refused.       hareplicate doctor
          Is the replicator running there, is TCP port 7400 open, do the keys fit (hareplicate keys show)?
  C-...   a peer runs with another cluster.toml. It is the same file on every site.
          hareplicate config diff SITE shows where; hareplicate config push where it is right.
  P-...   a set is paused: its definition differs at the peer. The others go on. The same two commands.
  T-...   a pushed cluster.toml is on trial. hareplicate config confirm keeps it; else it goes back.
  H-...   a set is held: going on could destroy something. Read the reason, see hareplicate diff SET,
          then type the command that the problem names. Other sets go on.
  A-...   a command of after failed: the problem says which and how. Run it by hand to see more.
  F-...   a set or some of its items failed.   hareplicate status SET --problems  lists them with reasons.
          They are tried again by themselves; no room and missing rights are for you to mend.

When nothing answers:    systemctl status replicator; journalctl -t replicator; hareplicate config check
To ask somebody else:    hareplicate support-bundle FILE.tar.gz      no key is in it
Exit codes:              0 good, 1 not good, 2 usage or configuration, 3 unreachable, 4 refused, 5 timed out,
                         6 internal, 130 interrupted
)";

constexpr std::string_view kConfig =
    R"(cluster.toml is the same file at every site; node.toml beside it holds what differs at one.
Every site gets the same one, and it goes back by itself unless you confirm it:  hareplicate config push .
Check both with  hareplicate config check , see what counts with  hareplicate config show --origin .
Durations are "300ms" "30s" "15m" "2h" "30d", sizes "16MB" (10^6) "64KiB" (2^10), rates "20MB/s".
)";

}  // namespace

std::span<const HelpTopic> help_topics() noexcept {
  return kTopics;
}

std::optional<std::string> help_text(std::string_view topic) {
  if (topic == "first-hour") {
    return std::string(kFirstHour);
  }
  if (topic == "states") {
    return std::string(kStates);
  }
  if (topic == "problems") {
    return std::string(kProblems);
  }
  if (topic == "config") {
    return std::string(kConfig) + "\ncluster.toml\n------------\n" + config_reference(cluster_schema()) +
           "\nnode.toml\n---------\n" + config_reference(node_schema());
  }
  return std::nullopt;
}

}  // namespace ha::tool
