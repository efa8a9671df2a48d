#!/usr/bin/env python3
"""A file that differs at each site: delivered altered, compared as it was sent, and never sent back altered,
whatever turns, is edited, is killed or is configured anew.

    overlays.py REPLICATOR HAREPLICATE
"""

import json
import os
import re
import subprocess
import sys
import time

from promise import FULL, Promise
from turns import TurningCluster

FILE, LARGE = "pjsip.transports.conf", "deep/large.conf"
ADDRESS = {"fra1": b"192.0.2.10", "nyc1": b"198.51.100.20"}
TRAVELS = b"203.0.113.1"  # nobody's own
PATTERN = r"^external_(media|signaling)_address\s*=.*$"
TURNS = 6
KILLS = 40 if FULL else 8


def rule(site, file=FILE, address=None, pattern=PATTERN):
    value = (address or ADDRESS[site]).decode()
    return (f"[[overlay]]\nsite = \"{site}\"\nset = \"tree\"\nfile = \"{file}\"\n"
            f"replace = [ {{ match = '{pattern}', with = 'external_\\1_address={value}' }} ]\n")


class OverlaidCluster(TurningCluster):
    overlays = ""

    def configuration(self, **changes):
        return super().configuration(**changes) + self.overlays

    def set_overlays(self, text):
        self.overlays = text
        for site in self.sites.values():
            site.configure()

    def altered(self, site, content):
        return re.sub(rb"(?m)^external_(media|signaling)_address\s*=.*$",
                      rb"external_\1_address=" + ADDRESS[site.name], content)

    def settled(self, what, contents, seconds=30):
        """Every site has each file as its overlay makes it of what travels, and sums are equal."""
        def reached():
            status = self.origin.status()
            states = {each["state"] for each in status["sets"]} if status else set()
            return states == {"in sync"} and all(
                site.read(name) == self.altered(site, content) if os.path.exists(site.path(name)) else False
                for site in self.sites.values() for name, content in contents.items())
        self.wait(what, reached, seconds)

    def pristine(self, site, name=FILE):
        """The copy's content; its last line says how long that is."""
        with open(site.path(".hareplicate/pristine/" + name), "rb") as file:
            data = file.read()
        last = data[data.rindex(b"hareplicate-overlay-1 "):].split()
        return data[:int(last[1], 16)]

    def edit(self, site, change, name=FILE):
        content = change(site.read(name))
        site.write(name, content)


def transports(number, address=TRAVELS):
    return (b"; version %d\n[udp]\ntype=transport\nexternal_media_address = %s\n"
            b"external_signaling_address=%s\nbind=0.0.0.0\n" % (number, address, address))


def hareplicate(site, *arguments):
    command = [sys.argv[2], "--config", os.path.join(site.folder, "cluster.toml"), *arguments, "-o", "json"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def delivered(promise, cluster):
    cluster.origin.write(FILE, transports(0))
    noise = [promise.random.randbytes(24).hex().encode() for _ in range(30_000)]
    large = b"".join(b"line %d %s\n" % (number, each) for number, each in enumerate(noise))
    large = b"external_media_address=%s\n" % TRAVELS + large
    cluster.origin.write(LARGE, large)
    os.chmod(cluster.origin.path(FILE), 0o640)
    os.utime(cluster.origin.path(FILE), (1_600_000_000, 1_600_000_000))
    cluster.start()
    cluster.settled("files are delivered altered", {FILE: transports(0), LARGE: large})
    stat = os.stat(cluster.replica.path(FILE))
    promise.check((stat.st_mode & 0o777, stat.st_mtime) == (0o640, 1_600_000_000), "mode and time as sent")
    promise.check(cluster.pristine(cluster.replica) == transports(0), "the pristine copy is what was sent")
    before = cluster.origin.traffic()
    edited = large.replace(b"line 20000 ", b"line twenty thousand ")
    cluster.origin.write(LARGE, edited)
    cluster.settled("the large file's edit arrives", {LARGE: edited})
    used = cluster.origin.traffic() - before
    promise.check(used < 60_000, f"{len(large)} B, one line edited: {used} B over the link")
    os.chmod(cluster.origin.path(FILE), 0o600)
    cluster.wait("the mode alone arrives",
                 lambda: os.stat(cluster.replica.path(FILE)).st_mode & 0o777 == 0o600, 20)
    cluster.settled("and the content stays altered", {FILE: transports(0)})
    return edited


def compared(promise, cluster):
    for verb in (["verify", "tree", "--deep"], ["diff", "tree"]):
        ran = hareplicate(cluster.origin, *verb)
        said = (ran.stdout + ran.stderr)[-300:] if ran.returncode else ""
        promise.check(ran.returncode == 0, f"{' '.join(verb)} finds no difference {said}")


def drift(promise, cluster):
    cluster.edit(cluster.replica, lambda content: content + b"; drift\n")
    cluster.settled("drift of an altered file is put right", {FILE: transports(0)}, 60)
    cluster.replica.write(FILE, transports(0))
    cluster.settled("the pristine content put back by hand is altered again", {FILE: transports(0)}, 60)
    promise.check(True, "drift is repaired")


def turns(promise, cluster):
    sites = list(cluster.sites.values())
    content = transports(0)
    for turn in range(1, TURNS + 1):
        cluster.turn(sites[turn % 2].name, sites)
        cluster.settled(f"turn {turn}", {FILE: content})
        status = [each for each in cluster.origin.status()["sets"]][0]
        promise.check(status["sent_bytes"] == 0, f"turn {turn}: nothing is sent ({status['sent_bytes']} B)")
        line = b"; edited at %s, turn %d\n" % (cluster.origin.name.encode(), turn)
        content = line + content
        cluster.edit(cluster.origin, lambda live, line=line: line + live)
        cluster.settled(f"the edit of turn {turn}", {FILE: content})
        for site in sites:
            promise.check(not any(address in cluster.pristine(site) for address in ADDRESS.values()),
                          f"turn {turn}: no site's address in what travels, at {site.name}")
        if turn % 2 == 0:  # while nothing runs
            for site in sites:
                site.stop()
            line = b"; offline, turn %d\n" % turn
            content += line
            cluster.edit(cluster.origin, lambda live, line=line: live + line)
            for site in sites:
                site.start()
            cluster.settled(f"the offline edit of turn {turn}", {FILE: content})
    return content


def killed(promise, cluster, content):
    """Kills of the replica and of the holder in turn while versions come."""
    for number in range(KILLS):
        cluster.edit(cluster.origin, lambda live, number=number: b"; k%d\n" % number + live)
        content = b"; k%d\n" % number + content
        victim = cluster.replica if number % 2 else cluster.origin
        time.sleep(promise.random.random() * 0.6)
        victim.kill()
        cluster.edit(cluster.origin, lambda live, number=number: b"; after %d\n" % number + live)
        content = b"; after %d\n" % number + content
        victim.start()
    cluster.settled(f"after {KILLS} kills", {FILE: content}, 60)
    promise.check(not any(address in cluster.pristine(site) for site in cluster.sites.values()
                          for address in ADDRESS.values()), f"{KILLS} kills: nothing has leaked")
    return content


def hunks_broken(promise, cluster, content):
    live = cluster.origin.read(FILE)
    own = ADDRESS[cluster.origin.name]
    broken = live.replace(b"external_media_address=" + own, b"external_media_address=192.0.2.99")
    cluster.origin.write(FILE, broken)
    cluster.origin.write("other", b"goes on")
    cluster.wait("the rest goes on", lambda: os.path.exists(cluster.replica.path("other")), 20)
    cluster.wait("the event is there",
                 lambda: b"overlay.failed" in cluster.origin.log().rsplit(b"---- start", 1)[-1], 20)
    promise.check(cluster.replica.read(FILE) == cluster.altered(cluster.replica, content),
                  "the broken file is not sent")
    promise.check(cluster.origin.read(FILE) == broken, "and stays as it is")
    status = hareplicate(cluster.origin, "status", "tree", "--problems").stdout
    promise.check("can no longer be undone" in json.dumps(json.loads(status)),
                  "status names it with the reason")
    cluster.origin.write(FILE, b"; mended\n" + live)
    cluster.settled("the lines are back", {FILE: b"; mended\n" + content})
    return b"; mended\n" + content


def made_anew(promise, cluster):
    """A program at the holder that knows nothing of overlays writes its file; another deletes it first."""
    content = transports(7)
    cluster.origin.write(FILE, content)
    cluster.settled("a file made anew is altered again", {FILE: content})
    live = cluster.origin.read(FILE)
    os.unlink(cluster.origin.path(FILE))
    cluster.wait("the deletion arrives", lambda: not os.path.exists(cluster.replica.path(FILE)), 20)
    cluster.origin.write(FILE, b"; back again\n" + live)
    content = b"; back again\n" + content
    cluster.settled("a file that was deleted comes back", {FILE: content})
    promise.check(cluster.pristine(cluster.origin) == content, "and only its own lines travel")
    return content


def lost_indexes(promise, cluster, content, large):
    for site in cluster.sites.values():
        site.stop()
        os.unlink(site.index())
        for end in ("-wal", "-shm"):
            if os.path.exists(site.index() + end):
                os.unlink(site.index() + end)
        cluster.edit(site, lambda live: b"; offline\n" + live)
    content = b"; offline\n" + content
    cluster.start()
    cluster.settled("after both indexes were lost", {FILE: content, LARGE: large}, 60)
    promise.check(cluster.pristine(cluster.origin) == content, "indexes lost: no leak")
    return content


def rules_change(promise, cluster, content, large):
    ADDRESS["fra1"], ADDRESS["nyc1"] = b"192.0.2.77", b"198.51.100.77"
    for site in cluster.sites.values():
        site.stop()
    cluster.set_overlays("".join(rule(site, file) for site in ADDRESS for file in (FILE, LARGE)))
    cluster.start()
    cluster.settled("other rules: altered anew", {FILE: content, LARGE: large})
    sent = cluster.origin.status()["sets"][0]["sent_bytes"]
    promise.check(sent == 0, f"with nothing sent ({sent} B)")
    for site in cluster.sites.values():
        site.stop()
    cluster.set_overlays("")
    cluster.start()
    cluster.altered = lambda site, content: content
    cluster.settled("no rules any more: pristine again", {FILE: content, LARGE: large})
    left = [site.name for site in cluster.sites.values()
            if os.path.exists(site.path(".hareplicate/pristine"))]
    promise.check(not left, f"and no copies left {left or ''}")
    cluster.check_staging()


def deposed(promise):
    """What a holder that is gone had not delivered is taken over or stranded, pristine where it travels."""
    with OverlaidCluster(promise, sys.argv[1], check="1s", walk="10s") as cluster:
        cluster.set_overlays("".join(rule(site, file) for site in ADDRESS for file in (FILE, "only-there")))
        cluster.origin.write(FILE, transports(0))
        cluster.start()
        cluster.settled("before the turn", {FILE: transports(0)})
        new, old = cluster.replica, cluster.origin
        new.stop()
        cluster.edit(old, lambda live: b"; undelivered\n" + live)
        old.write("only-there", transports(1))
        cluster.wait("the old holder has taken it in",
                     lambda: ADDRESS[old.name] in old.read("only-there"), 20)
        cluster.edit(old, lambda live: b"; edited\n" + live, "only-there")
        time.sleep(1)
        old.kill()
        cluster.turn(new.name, [new])
        cluster.edit(new, lambda live: b"; by the new one\n" + live)
        time.sleep(1)
        cluster.replica = old
        cluster.join([old])
        cluster.settled("the old holder is back", {FILE: b"; by the new one\n" + transports(0),
                                                   "only-there": b"; edited\n" + transports(1)}, 60)
        promise.check(cluster.pristine(new, "only-there") == b"; edited\n" + transports(1),
                      "what only the old one had was taken over pristine")
        put_aside = [os.path.join(folder, name) for folder, _, names in
                     os.walk(old.path(".hareplicate/stranded")) for name in names if name == FILE]
        contents = []
        for path in put_aside:
            with open(path, "rb") as file:
                contents.append(file.read())
        wanted = b"; undelivered\n" + cluster.altered(old, transports(0))
        promise.check(contents == [wanted], "and what was overwritten is stranded, as it stood there")


def published_as_a_set(promise):
    with OverlaidCluster(promise, sys.argv[1], check="1s", walk="10s",
                         guards='max_delete = "100%"\npublish = "set"\n') as cluster:
        cluster.set_overlays("".join(rule(site) for site in ADDRESS))
        cluster.origin.write(FILE, transports(0))
        cluster.start()
        cluster.settled("a set is published altered", {FILE: transports(0)})
        content = killed(promise, cluster, transports(0))
        sites = list(cluster.sites.values())
        cluster.turn(sites[1].name, sites)
        cluster.settled("and its role turned", {FILE: content})
        cluster.check_staging()


def main():
    with Promise("an overlay is no difference, and never travels") as promise:
        published_as_a_set(promise)
        deposed(promise)
        with OverlaidCluster(promise, sys.argv[1], check="1s", walk="10s") as cluster:
            cluster.set_overlays("".join(rule(site, file) for site in ADDRESS for file in (FILE, LARGE)) +
                                 rule("nyc1", "nothing-matches"))
            cluster.origin.write("nothing-matches", b"nothing\n")
            large = delivered(promise, cluster)
            promise.check(b"overlay.no_match" in cluster.replica.log(), "what matches nothing is warned of")
            compared(promise, cluster)
            drift(promise, cluster)
            content = turns(promise, cluster)
            compared(promise, cluster)
            content = killed(promise, cluster, content)
            content = hunks_broken(promise, cluster, content)
            content = made_anew(promise, cluster)
            content = lost_indexes(promise, cluster, content, large)
            os.unlink(cluster.origin.path("nothing-matches"))
            cluster.wait("a deletion arrives",
                         lambda: not os.path.exists(cluster.replica.path("nothing-matches")), 20)
            rules_change(promise, cluster, content, large)


if __name__ == "__main__":
    main()
