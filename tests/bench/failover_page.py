"""The part "Failover" of docs/benchmarks.md, from the results of failover_bench.py."""

import statistics

from failover_bench import CASES, CONTESTANTS, PATHS, all_cases
from failover_peers import packages_root, versions

NETS = {"lan": "On a LAN", "wan": "150 ms round trip between sites, 1 % loss"}
KINDS = {"pbx": "PBX dead", "site": "site dead"}

PBX_STARTS = 0.3
# What was wanted of us: (what, where, case, whose, which figure, seconds).
WANTED = (
    ("DNS changed", "lan", "pbx", ("lease", "fast", "lease-lan", "fast-lan"), "changed", 0.5),
    ("DNS changed", "wan", "pbx", ("lease", "fast"), "changed", 0.5),
    ("`fast`: DNS changed", "wan", "site", ("fast",), "changed", 1),
    ("`fast`: callers are answered", "wan", "site", ("fast",), "answered", 1),
    ("`lease`: callers are answered, L + 0.5 s and the PBX's start", "lan", "site", ("lease",), "answered",
     10 + 0.5 + PBX_STARTS),
    ("`lease`: callers are answered, L + 0.5 s and the PBX's start", "lan", "site", ("lease-lan",),
     "answered", 3 + 0.5 + PBX_STARTS),
    ("`lease`: callers are answered, L + 0.6 s and the PBX's start", "wan", "site", ("lease",), "answered",
     10 + 0.6 + PBX_STARTS),
)


def spread(rows, name):
    """Median, 95 of 100 within, worst."""
    seconds = sorted(row[name] for row in rows if name in row)
    if not seconds:
        return "–"
    within = seconds[max(0, -(-len(seconds) * 95 // 100) - 1)]
    return f"{statistics.median(seconds):.2f} / {within:.2f} / {seconds[-1]:.2f}"


def about(who, net):
    kind, settings, _ = CONTESTANTS[who]
    return kind.about(*settings) if kind.__name__ == "Hareplicate" else kind.about(PATHS[net], *settings)


def table(results, net):
    lines = ["| what | who | callers are answered | DNS changed | directly | MASTER | rounds | failed |",
             "|---|---|---|---|---|---|---|---|"]
    for case in CASES:
        for at, a_case, who in all_cases():
            rows = results.get((net, case, who), [])
            if (at, a_case) != (net, case) or not rows:
                continue
            good = [row for row in rows if "failed" not in row]
            figures = " | ".join(spread(good, name) for name in ("answered", "changed", "direct", "master"))
            lines.append(f"| {KINDS[case]} | {about(who, net)} | {figures} | {len(good)} | "
                         f"{len(rows) - len(good)} |")
    return "\n".join(lines)


def wanted(results):
    lines = ["| what | | on | wanted | so many rounds |", "|---|---|---|---|---|"]
    for what, net, case, whose, figure, limit in WANTED:
        rows = [row for who in whose for row in results.get((net, case, who), [])]
        good = sum(figure in row and row[figure] <= limit for row in rows)
        lines.append(f"| {KINDS[case]} | {what} | {'the LAN' if net == 'lan' else '150 ms'} | {limit:g} s | "
                     f"{good} of {len(rows)} |")
    return "\n".join(lines)


def reasons(results):
    lines = [f"- {'/'.join(key)}: {row['failed']}" for key, rows in results.items() for row in rows
             if "failed" in row]
    return "Rounds that failed:\n\n" + "\n".join(lines) + "\n" if lines else ""


def page(results):
    tables = "\n\n".join(f"### {title}\n\n{table(results, net)}" for net, title in NETS.items())
    return f"""{', '.join(versions(packages_root()))}, all of Debian 12; BIND is the arbiter.

Three sites, each in a network namespace of its own; callers and BIND are at a hub between them. On the LAN
a round trip takes less than a millisecond; on the other path `wanem` delays and loses packets, half of it on
each site's way to the hub: the arbiter and the callers are 75 ms away. All contestants run the same PBX of
tests, which takes {PBX_STARTS} s to start, and are asked by the same caller, SIP OPTIONS every 20 ms.
*PBX dead*: its process is killed, at a site that is well otherwise. *Site dead*: nothing of the site is heard
any more, and all of its processes are killed. Each at a random moment. Figures are seconds from there:
median / 95 of 100 within / worst. Two contestants are measured at a time, each in its own namespaces.

*Callers are answered*: by another site, those who ask DNS for the name each time (hareplicate), or call the
floating address (keepalived and Pacemaker on the LAN), or that site's own address (Pacemaker on the other
path: a floating address does not leave its segment). *DNS changed*: the authoritative server gives the new
address; what resolvers remember comes on top, for all who move a name. *Directly*: who calls the new
site's own address is answered. *MASTER*: keepalived says so; on the other path, by unicast, that is all that
it moves.

- **hareplicate**: `lease` is the default mode; L, R and the heartbeat are those that each row names (10 s,
  2 s, 100 ms are the defaults), on two paths; sensors `process` and `sip.options`; the PBX is started when it
  is needed. Lease and name are in one zone.
- **keepalived**: PBXs run on all nodes all the time, nothing is started. `tuned` hears of the PBX's end by a
  `track_file` that its supervisor writes, as `track_process` works in the host's own namespaces only.
- **Pacemaker**: the PBX is a resource of an OCF agent, on the LAN in a group with IPaddr2;
  `migration-threshold=1`, `no-quorum-policy=stop`, `stonith-enabled=false`. Without fencing neither it nor
  keepalived keeps two nodes from serving; with it the time that a fence takes comes on top. The `lease`
  rows of hareplicate need no fence.

What was wanted of hareplicate, and in how many rounds it was so:

{wanted(results)}

{tables}

{reasons(results)}"""
