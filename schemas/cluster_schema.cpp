#include "schemas/cluster_schema.h"

#include <algorithm>
#include <array>

namespace ha {
namespace {

using enum ConfigType;

constexpr std::array kClusterTables = {
    ConfigTable{"", false, false, "The top of the file."},
    ConfigTable{"cluster", false, false, "What makes these sites one cluster."},
    ConfigTable{"site", true, false, "One host with one PBX and its daemons."},
    ConfigTable{"service", true, false, "What callers reach by name; its data flows from its holder."},
    ConfigTable{"link", false, false, "How much of the network replication may use."},
    ConfigTable{"link.peer", true, false, "A link between two sites that differs from [link]."},
    ConfigTable{"set_defaults", false, false, "What a [[set]] does not say for itself."},
    ConfigTable{"set", true, false, "Something that is replicated."},
    ConfigTable{"failover", false, false,
                "How sites watch each other and take over; with it the arbiter says who holds a service."},
    ConfigTable{"pbx", false, false, "How the PBX of a site is started, stopped and asked."},
    ConfigTable{"sensor", true, true,
                "Something that is measured; beside these it has the keys of its kind: docs/sensors.md."},
    ConfigTable{"handler", true, false, "A command for what happens: docs/handlers.md."},
    ConfigTable{"arbiter", false, false, "Where it is decided who holds a service."},
    ConfigTable{"dns", false, false, "How callers find the holder: RFC 2136 updates; docs/dns.md."},
    ConfigTable{"dns.zone", true, false,
                "A zone in which dnsupdater writes, and the server where it is written."},
    ConfigTable{"dns.record", true, false, "A name that leads callers to the holder of a service."},
    ConfigTable{"dns.pool", true, false, "A name that leads callers to the holders of several services."},
    ConfigTable{"overlay", true, false,
                "Lines of a file that differ at one site; not a difference to verify."},
    ConfigTable{"overlay.replace", true, false,
                "What is altered, in each line by itself; several are applied in order."},
};

// What a [[set]] may say itself, too: inherited().
constexpr std::array kDefaultKeys = {
    ConfigKey{"set_defaults", "check", Span, "1s..1d", "30s", "Positions are compared at least this often."},
    ConfigKey{"set_defaults", "walk", Span, "10s..30d", "15m",
              "A full walk at least this often, even when file events say nothing; at a replica too."},
    ConfigKey{"set_defaults", "settle", Span, "10ms..10m", "300ms",
              "How long a change waits for others that belong to it."},
    ConfigKey{"set_defaults", "publish", Choice, "file|set", "file",
              "file: each file appears when it is complete; set: all at once, when everything has arrived."},
    ConfigKey{"set_defaults", "max_delete", Percent, "0%..100%", "10%",
              "A change that deletes more of a replica's items than that, and more than 20, is HELD."},
    ConfigKey{"set_defaults", "min_items", Integer, "0..1000000000", "0",
              "With fewer items at the origin than that, the set is HELD."},
    ConfigKey{"set_defaults", "stranded_max", Integer, "1..10000000", "10000",
              "Items of a former holder that a site keeps for you; more are not replaced, the set is HELD."},
    ConfigKey{"set_defaults", "stable", Span, "0s..1d", "0s",
              "A file that was written to within that time is not sent yet; 0s sends it at once."},
    ConfigKey{"set_defaults", "delete", Text, "", "mirror",
              "What a deletion at the origin does at replicas: mirror, never, or trash:30d (moved aside)."},
    ConfigKey{"set_defaults", "place", Choice, "live|shelf", "live",
              "Where a set stands while its service is held elsewhere: at its path, or aside until then."},
    ConfigKey{"set_defaults", "after_on", Choice, "replica|holder|always", "always",
              "When `after` runs: at replicas after changes, at a new holder once, or both."},
    ConfigKey{"set_defaults", "after_timeout", Span, "1s..1h", "30s",
              "A command of `after` that takes longer is ended."},
};

// A key of [set_defaults] as a [[set]] has it.
consteval ConfigKey inherited(std::string_view name) {
  const ConfigKey& key = *std::find_if(kDefaultKeys.begin(), kDefaultKeys.end(),
                                       [&](const ConfigKey& each) { return each.name == name; });
  return {"set", key.name, key.type, key.range, "", "As in [set_defaults]."};
}

template <std::size_t... kSizes>
constexpr auto joined(const std::array<ConfigKey, kSizes>&... parts) {
  std::array<ConfigKey, (kSizes + ...)> out{};
  auto at = out.begin();
  ((at = std::copy(parts.begin(), parts.end(), at)), ...);
  return out;
}

constexpr std::array kCommonKeys = {
    ConfigKey{"", "version", Integer, "1..1", "1", "Version of this file's format."},
    ConfigKey{"cluster", "name", Text, "", kRequired, "Name of the cluster, for people."},
    ConfigKey{"cluster", "id", Text, "", kRequired,
              "Identity of the cluster: two clusters with different ids never pair, whatever their keys."},
    ConfigKey{"site", "name", Text, "", kRequired, "Short name of the site, as used in every command."},
    ConfigKey{"site", "location", Text, "", "", "Where the host stands; several sites may share a location."},
    ConfigKey{"site", "address", TextList, "", kRequired,
              "Where the other sites reach this one: [\"tcp://host:port\"]; of several they use the first."},
    ConfigKey{"site", "key", Text, "", kRequired,
              "The site's CURVE public key in Z85, 40 characters, as made by: hareplicate keys new."},
    ConfigKey{"site", "next_key", Text, "", "",
              "The key that the site is about to have, while it is being changed: hareplicate keys rotate."},
    ConfigKey{"site", "public_ip", TextList, "", "",
              "Addresses that callers are sent to when the site holds a service: [\"192.0.2.10\"]."},
    ConfigKey{"site", "maintenance_ip", TextList, "", "",
              "Addresses that take the place of public_ip while the site is in maintenance, one for each."},
    ConfigKey{"site", "public_name", Text, "", "",
              "A name that leads to this site alone: \"fra1.voice.example.net\"; target of a pool's SRV."},
    ConfigKey{
        "site", "maintenance_name", Text, "", "",
        "A name that leads to whatever of the two is not in service: \"fra1-maint.voice.example.net\"."},
    ConfigKey{"site", "heartbeat", TextList, "", "",
              "Where coordinators reach this site, one address for each path: [\"tcp://host:7410\"]."},
    ConfigKey{"site", "capacity", Integer, "0..64", "1", "How many services it may hold at a time."},
    ConfigKey{"site", "local_networks", TextList, "", "",
              "Who is still served with on_isolation = \"survive_local\": [\"10.1.0.0/16\"]."},
    ConfigKey{"service", "name", Text, "", kRequired, "Short name of the service."},
    ConfigKey{"service", "sites", TextList, "", kRequired,
              "Sites that may hold the service, by preference; the others only keep copies."},
    ConfigKey{"service", "holder", Text, "", "",
              "Site that holds the service, and so sends its data; required, but with [failover] the arbiter "
              "says it."},
    ConfigKey{"service", "epoch", Integer, "1..9223372036854775807", "1",
              "Number of the holder's turn: raise it by one whenever you change the holder; not with "
              "[failover]."},
    ConfigKey{
        "service", "takeover", Choice, "lease|fast", "lease",
        "lease: never two at a time; fast: at once when sure that the holder is dead; docs/failover.md."},
    ConfigKey{"service", "max_lag", Span, "0s..30d", "5m",
              "A site that is further behind takes it after all others, and never by a planned move."},
    ConfigKey{"service", "fallback", Choice, "never|when-idle|always", "never",
              "Whether it goes back to the first of its sites; when-idle: while no call is up."},
    ConfigKey{"service", "fallback_after", Span, "1m..30d", "30m",
              "That site has been well, and caught up, for so long."},
    ConfigKey{"service", "fallback_window", Text, "", "",
              "Time of day in which it may: \"02:00-05:00\"; without it, always."},
    ConfigKey{"service", "fallback_zone", Text, "", "",
              "Time zone of the window: \"Europe/Berlin\"; by default the host's."},
    ConfigKey{"service", "ports", TextList, "", "",
              "What callers reach it by, for the guard: [\"udp/5060\", \"tcp/5060-5061\"], which is the "
              "default."},
    ConfigKey{"service", "reregister", Span, "0s..1d", "0s",
              "How long your phones take to come back by themselves; for the budget that is shown."},
    ConfigKey{
        "link", "bwlimit", Rate, "1kB/s..100GB/s", "",
        "Most bytes per second to one peer, all bulk transfers together; without it there is no limit."},
    ConfigKey{"link", "bulk_flows", Integer, "1..16", "4",
              "Parallel connections for bulk data to each peer."},
    ConfigKey{"link", "window", Size, "256kB..1GB", "16MB",
              "Most bulk bytes to one peer that wait for an acknowledgement."},
    ConfigKey{"link", "congestion", Choice, "bbr|cubic|system", "bbr",
              "TCP congestion control of bulk connections; system leaves the host's own."},
    ConfigKey{"link.peer", "between", TextList, "", kRequired, "The two sites of this link."},
    ConfigKey{"link.peer", "bwlimit", Rate, "1kB/s..100GB/s", kRequired, "As [link] bwlimit, for this pair."},
    ConfigKey{"failover", "heartbeat", Span, "20ms..10s", "100ms", "A heartbeat so often, on every path."},
    ConfigKey{"failover", "misses", Integer, "2..100", "3",
              "So many missed heartbeats, and 60ms, on all paths: the site is suspected."},
    ConfigKey{"failover", "lease", Span, "500ms..10m", "10s",
              "A confirmed renewal counts for so long: about how long a takeover from a dead site takes."},
    ConfigKey{"failover", "renew", Span, "50ms..3m", "",
              "How often the holder renews and the others look; a fifth of lease."},
    ConfigKey{"failover", "stop_before", Span, "10ms..5m", "500ms",
              "A holder begins to stop that long before its lease ends."},
    ConfigKey{"failover", "stagger", Span, "0ms..10s", "200ms",
              "The second candidate waits that much longer than the first, and so on."},
    ConfigKey{
        "failover", "guard", Choice, "required|off", "required",
        "required: the kernel closes a service's ports at the end of its lease, else it is not served."},
    ConfigKey{"failover", "on_isolation", Choice, "stop|survive_local", "stop",
              "What a holder does whose lease has ended: stop, or go on for local_networks alone."},
    ConfigKey{"failover", "fence", Text, "", "",
              "Command that switches another site off (HA_FENCE_SITE); when it ends with 0, nobody waits."},
    ConfigKey{"failover", "fence_within", Span, "1s..10m", "30s", "A fence that takes longer has failed."},
    ConfigKey{"pbx", "kind", Choice, "asterisk|freeswitch|other", "asterisk", "Which PBX it is."},
    ConfigKey{"pbx", "start", Text, "", "",
              "Starts it; by default: systemctl start asterisk, or freeswitch."},
    ConfigKey{"pbx", "stop", Text, "", "", "Stops it, calls and all; by default by systemctl."},
    ConfigKey{"pbx", "restart", Text, "", "", "Restarts it; without it: stop, and start."},
    ConfigKey{"pbx", "status", Text, "", "",
              "Ends with 0 if it runs, 1 to 3 if not; by default its process."},
    ConfigKey{"pbx", "process", Text, "", "", "Name of its process; by default that of the kind."},
    ConfigKey{"pbx", "pidfile", Text, "", "", "File with its process id, instead of the name."},
    ConfigKey{"pbx", "start_within", Span, "1s..10m", "30s", "A start that takes longer has failed."},
    ConfigKey{"pbx", "stop_within", Span, "100ms..10m", "10s",
              "A stop that takes longer has failed; then it is killed, if kill says so."},
    ConfigKey{"pbx", "kill", Boolean, "", "true", "Whether what does not stop in time is killed."},
    ConfigKey{"pbx", "calls", Text, "", "",
              "Command that prints how many calls are up; without it the PBX is asked by address."},
    ConfigKey{"pbx", "address", Text, "", "",
              "Its manager (AMI) or event socket, of this host: \"127.0.0.1:5038\", \"127.0.0.1:8021\"."},
    ConfigKey{"pbx", "user", Text, "", "hareplicate", "Of AMI: who we are."},
    ConfigKey{"pbx", "secret_file", Text, "", "secrets/pbx",
              "The secret of it, one line, mode 0600; relative to node.toml's directory."},
    ConfigKey{"sensor", "name", Text, "", kRequired,
              "What people call it; one with the name of a default takes its place."},
    ConfigKey{"sensor", "kind", Text, "", "", "What it measures: \"disk.space\"; by default its name."},
    ConfigKey{"sensor", "sites", TextList, "", "", "Where it is measured; by default at every site."},
    ConfigKey{"handler", "name", Text, "", kRequired, "What people call it."},
    ConfigKey{"handler", "events", TextList, "", kRequired,
              "What it is told of: [\"role.promoted\", \"pbx.*\"]."},
    ConfigKey{"handler", "command", TextList, "", kRequired,
              "The executable and its arguments; no shell unless shell = true."},
    ConfigKey{"handler", "blocking", Boolean, "", "false",
              "Whether it is waited for, and may say no by failing."},
    ConfigKey{"handler", "timeout", Span, "100ms..1h", "10s",
              "One that takes longer is ended, and has failed."},
    ConfigKey{"handler", "shell", Boolean, "", "false", "Whether command is one text for /bin/sh."},
    ConfigKey{"handler", "user", Text, "", "", "Who it runs as; by default as the coordinator."},
    ConfigKey{"handler", "queue", Integer, "1..256", "32",
              "So many events wait while it runs; more are dropped, and counted."},
    ConfigKey{"handler", "sites", TextList, "", "", "Where it runs; by default at every site."},
    ConfigKey{"arbiter", "kind", Choice, "dns|etcd", "dns",
              "What it is: a name server that takes RFC 2136 updates, or etcd."},
    ConfigKey{"arbiter", "zone", Text, "", "",
              "Of dns: zone of the leases, a [[dns.zone]]; without it, that of each service's names."},
    ConfigKey{"arbiter", "endpoint", TextList, "", "",
              "Of etcd: members of one cluster, by preference: [\"https://192.0.2.61:2379\"]."},
    ConfigKey{"arbiter", "prefix", Text, "", "/hareplicate/",
              "Of etcd: what all keys begin with; the cluster's id and the service come after it."},
    ConfigKey{"arbiter", "ca", Text, "", "",
              "Of etcd: certificates (PEM) that its own is signed with; without it, those of the system."},
    ConfigKey{"arbiter", "cert", Text, "", "",
              "Of etcd: this site's TLS certificate (PEM), where etcd asks for one."},
    ConfigKey{"arbiter", "key_file", Text, "", "",
              "Of etcd: the key of cert (PEM), mode 0600; files are relative to node.toml's directory."},
    ConfigKey{"arbiter", "user", Text, "", "", "Of etcd: whom it knows us as, where it asks."},
    ConfigKey{"arbiter", "password_file", Text, "", "secrets/etcd",
              "Of etcd: the password of user, one line, mode 0600."},
    ConfigKey{"dns", "timeout", Span, "1s..10m", "20s",
              "How long a change is tried before it counts as unknown."},
    ConfigKey{"dns.zone", "name", Text, "", kRequired, "Name of the zone: \"voice.example.net\"."},
    ConfigKey{
        "dns.zone", "primary", TextList, "", kRequired,
        "Addresses of the one server where the zone is written: [\"192.0.2.53:53\"]; never of several."},
    ConfigKey{
        "dns.zone", "servers", TextList, "", "",
        "Addresses of those who answer callers; after a change each is asked. The primary, if left out."},
    ConfigKey{"dns.zone", "key_file", Text, "", "secrets/tsig",
              "This site's TSIG key, mode 0600, BIND's or Knot's syntax; relative to node.toml's directory."},
    ConfigKey{"dns.record", "service", Text, "", kRequired, "Service whose holder the name leads to."},
    ConfigKey{"dns.record", "name", Text, "", kRequired, "The name: \"sip.voice.example.net\"."},
    ConfigKey{"dns.record", "type", Choice, "address|SRV", "address",
              "address: A and AAAA of the holder's public_ip; SRV: towards `target`."},
    ConfigKey{"dns.record", "ttl", Span, "5s..1d", "30s", "How long resolvers may keep it."},
    ConfigKey{"dns.record", "port", Integer, "1..65535", "5060", "Of SRV."},
    ConfigKey{"dns.record", "target", Text, "", "", "Of SRV: the name of an address record of the service."},
    ConfigKey{"dns.pool", "name", Text, "", kRequired, "The name that is shared."},
    ConfigKey{"dns.pool", "services", TextList, "", kRequired,
              "Services whose holders are in the pool; [\"*\"] is all of them."},
    ConfigKey{"dns.pool", "ttl", Span, "5s..1d", "30s", "How long resolvers may keep it."},
    ConfigKey{"dns.pool", "weight", Integer, "0..65535", "10",
              "Weight of an address that comes into the pool."},
    ConfigKey{"dns.pool", "srv", Text, "", "",
              "A name whose SRV records lead to the public_name of each site in service, with its weight."},
    ConfigKey{"dns.pool", "port", Integer, "1..65535", "5060", "Of srv."},
};

constexpr std::array kSetKeys = {
    ConfigKey{"set", "name", Text, "", kRequired, "Short name of the set."},
    ConfigKey{"set", "kind", Text, "", "files", "What the set consists of; this version knows files."},
    ConfigKey{
        "set", "service", Text, "", "",
        "Service that the set belongs to; \"*\": the whole cluster; by default one set for every service."},
    ConfigKey{"set", "path", Text, "", kRequired, "Directory, absolute, the same on every site."},
    inherited("place"),
    ConfigKey{"set", "shelf", Text, "", "",
              "Directory in which shelved trees stand; on the file system of `path`, not in it."},
    ConfigKey{"set", "author", Text, "", "", "With service = \"*\": the site that sends the set."},
    ConfigKey{"set", "epoch", Integer, "1..9223372036854775807", "",
              "With service = \"*\": number of the author's turn, 1 at first; raise it with every change of "
              "author."},
    ConfigKey{
        "set", "exclude", TextList, "", "",
        "Patterns of what is left out: * ? **, a / at the end for directories: [\"*.swp\", \"keys/\"]."},
    ConfigKey{
        "set", "unit", Text, "", "",
        "Pattern of directories whose files go together, under Asterisk's lock: \"*/*/*\" for voicemail."},
    inherited("check"),
    inherited("walk"),
    inherited("settle"),
    inherited("publish"),
    inherited("max_delete"),
    inherited("min_items"),
    inherited("stranded_max"),
    inherited("stable"),
    inherited("delete"),
    ConfigKey{"set", "after", TextList, "", "",
              "Commands that run when the set has changed: [\"asterisk -rx 'core reload'\"]; no shell."},
    inherited("after_on"),
    inherited("after_timeout"),
    ConfigKey{"overlay", "site", Text, "", kRequired, "Site at which the file differs, whatever its role."},
    ConfigKey{"overlay", "set", Text, "", kRequired, "Set that the file is in."},
    ConfigKey{"overlay", "file", Text, "", kRequired,
              "Path of a regular file of at most 4 MiB, beneath the path of the set."},
    ConfigKey{"overlay.replace", "match", Text, "", kRequired,
              "Pattern (RE2) for a part of a line; ^ and $ are its ends."},
    ConfigKey{"overlay.replace", "with", Text, "", "",
              "What takes its place, or nothing without it; \\1 to \\9 are groups of the pattern, \\0 is all "
              "of it."},
};

// In this order the keys stand in what sites compare.
constexpr auto kClusterKeys = joined(kCommonKeys, kDefaultKeys, kSetKeys);

// Known from the design, read by later versions.
constexpr std::array kClusterLater = {
    ConfigLater{"site", "pbx"},          ConfigLater{"site", "priority"},
    ConfigLater{"service", "prefer"},    ConfigLater{"service", "data_only"},
    ConfigLater{"service_defaults", ""}, ConfigLater{"mysql", ""},
    ConfigLater{"set", "overlay"},       ConfigLater{"set", "into"},
    ConfigLater{"set", "server"},        ConfigLater{"set", "tables"},
    ConfigLater{"set", "exclude_keys"},
};

constexpr std::array kNodeTables = {
    ConfigTable{"", false, false, "The top of the file."},
    ConfigTable{
        "override", false, true,
        "Values of cluster.toml that differ here: \"set.NAME.path\", \"set.NAME.shelf\", \"link.bwlimit\"."},
};

constexpr std::array kNodeKeys = {
    ConfigKey{"", "site", Text, "", "", "Name of this site; by default the host's name."},
    ConfigKey{"", "secret_key_file", Text, "", "secrets/site.curve",
              "The site's CURVE secret key, mode 0600; relative to this file's directory."},
    ConfigKey{"", "state_dir", Text, "", "/var/lib/hareplicate", "Where indexes and positions are kept."},
    ConfigKey{"", "run_dir", Text, "", "/run/hareplicate", "Where the control socket is."},
    ConfigKey{"", "listen", Text, "", "*",
              "Address to listen on, for every port in this site's addresses; * is all of them."},
    ConfigKey{"", "accept_config", Boolean, "", "false",
              "Whether other sites may replace cluster.toml here: hareplicate config push."},
};

constexpr ConfigSchema kClusterSchema{kClusterTables, kClusterKeys, kClusterLater};
constexpr ConfigSchema kNodeSchema{kNodeTables, kNodeKeys, {}};

}  // namespace

const ConfigSchema& cluster_schema() noexcept {
  return kClusterSchema;
}
const ConfigSchema& node_schema() noexcept {
  return kNodeSchema;
}

}  // namespace ha
