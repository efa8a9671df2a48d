#!/usr/bin/env python3
"""A pushed cluster.toml is in force on three sites, or on none. Confirmed it stays, over restarts; a change
that cuts a site off, that nobody confirms, or whose time ends while a daemon is dead goes back on every site
by itself; one that a site cannot take is applied nowhere.

    config_push_undoes_itself.py REPLICATOR HAREPLICATE
"""

import os
import sys
import threading
import time

from promise import Promise
from pushing import PushingCluster

SHORT = "6s"
SHORT_SECONDS = 6


def is_back(cluster, before, what):
    """Every site has the file that it had, and all are linked."""
    cluster.wait("the old one is in force on every site", lambda: cluster.in_force(before), 30)
    cluster.wait_linked()
    cluster.promise.check(not cluster.trials(), "nothing is on trial")
    cluster.promise.check(cluster.files() == {before}, f"{what}: every site has its old cluster.toml again")


def replicates(cluster, what):
    name = f"after-{what.replace(' ', '-')}"
    cluster.origin.write(name, what.encode())
    for site in list(cluster.sites.values())[1:]:
        cluster.wait(f"{name} at {site.name}", lambda site=site: os.path.exists(site.path(name)), 30)
    cluster.promise.check(True, f"{what}: a change reaches every site")


def confirmed(cluster):
    """(a): and that nothing is left of it that could go back later."""
    first, second, third = cluster.sites.values()
    new = cluster.changed(('check = "1s"', 'check = "2s"'))
    cluster.expect(first, 0, "sgp1: would take it", "config", "push", new, "--dry-run")
    cluster.expect(first, 0, "hareplicate config confirm", "config", "push", new, "--confirm", "40s")
    cluster.promise.check(len(cluster.trials()) == 3, "on trial everywhere")
    code, said = cluster.run(second, "config", "push", new, "--confirm", "40s")
    cluster.promise.check(code in (0, 4), f"a second push while it is on trial: exit {code}: {said.strip()}")
    other = cluster.changed(('check = "1s"' if code == 0 else 'check = "2s"', 'check = "3s"'))
    cluster.expect(second, 4, "at fra1 is on trial", "config", "push", other, "--confirm", "40s")
    cluster.expect(second, 1, "is on trial", "status")
    cluster.expect(first, 0, "it stays on", "config", "confirm")
    cluster.promise.check(not cluster.trials(), "and not any more")
    for site in (first, second, third):
        site.kill()
        site.start()
    cluster.wait_linked()
    cluster.promise.check(len(cluster.files()) == 1 and 'check = "2s"' in cluster.text(third),
                          "killed and started, every site still has the new one")
    replicates(cluster, "confirmed")


def cut_off(cluster):
    """(b): the others cannot reach nyc1 by what the new one says."""
    first, second, _ = cluster.sites.values()
    before = cluster.text(first)
    port = second.address.rsplit(":", 1)[1]
    new = cluster.changed((second.address, f"tcp://127.0.0.2:{port}"))  # it listens on 127.0.0.1 only
    started = time.monotonic()
    cluster.expect(first, 4, "goes back", "config", "push", new, "--confirm", SHORT)
    is_back(cluster, before, f"cut off, {time.monotonic() - started:.0f} s after the push began")
    cluster.promise.check(b"config.undone" in second.log(), "nyc1 did so by itself")
    cluster.promise.check("127.0.0.2" in cluster.text(second, "cluster.toml.undone"),
                          "and kept what was pushed aside")
    replicates(cluster, "cut off")


def forgotten(cluster):
    """(c) and an undo by hand."""
    first, second, _ = cluster.sites.values()
    before = cluster.text(first)
    new = cluster.changed(('settle = "100ms"', 'settle = "200ms"'))
    cluster.expect(first, 0, "unless you type", "config", "push", new, "--confirm", SHORT)
    time.sleep(SHORT_SECONDS)
    is_back(cluster, before, "nobody confirmed")
    cluster.expect(first, 1, "no configuration is on trial", "config", "confirm")
    cluster.expect(second, 0, "unless you type", "config", "push", new, "--confirm", "60s")
    cluster.expect(second, 0, "in force again on", "config", "undo")
    is_back(cluster, before, "undone by hand")
    cluster.expect(second, 2, "must be from 5s to 24h", "config", "push", new, "--confirm", "1s")
    replicates(cluster, "undone")


def undone_where_it_was_in_force_before(cluster):
    """At fra1 the old one and the new one are the same, as after `invite` and a reload."""
    first = cluster.origin
    before = cluster.text(first)
    path = os.path.join(first.folder, "cluster.toml")
    for text in (before.replace('settle = "100ms"', 'settle = "250ms"'), before):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        first.restart()
        if text != before:
            cluster.wait("fra1 differs", lambda: cluster.run(first, "config", "diff")[0] == 1, 30)
            cluster.expect(first, 0, "unless you type", "config", "push", "--confirm", "60s")
            cluster.expect(first, 0, "in force again on fra1, nyc1, sgp1", "config", "undo")
    is_back(cluster, before, "undone where it was in force before")


def killed(cluster):
    """(d): killed before the time is over; one is started after it, one before."""
    first, second, third = cluster.sites.values()
    before = cluster.text(first)
    new = cluster.changed(('settle = "100ms"', 'settle = "300ms"'))
    cluster.expect(first, 0, "unless you type", "config", "push", new, "--confirm", SHORT)
    second.kill()
    third.kill()
    cluster.promise.check('settle = "300ms"' in cluster.text(second), "killed while it is on trial")
    third.start()
    time.sleep(SHORT_SECONDS + 1)
    cluster.promise.check('settle = "300ms"' in cluster.text(second), "its time is over, and nobody is there")
    second.start()
    is_back(cluster, before, "killed")
    cluster.promise.check(b"config.undone" in third.log().rsplit(b"---- start", 1)[-1],
                          "the one that was started at once waited for the end of the time")
    replicates(cluster, "killed")


def not_confirmed_while_one_is_away(cluster):
    first, second, _ = cluster.sites.values()
    before = cluster.text(first)
    new = cluster.changed(('settle = "100ms"', 'settle = "400ms"'))
    cluster.expect(first, 0, "unless you type", "config", "push", new, "--confirm", "20s")
    second.kill()
    cluster.expect(first, 4, "nothing was confirmed, because of nyc1", "config", "confirm")
    second.start()
    is_back(cluster, before, "not confirmed while nyc1 is away")


def refused(cluster):
    """(e): nothing is applied anywhere when one site cannot take it, or is not there."""
    first, second, third = cluster.sites.values()
    before = cluster.text(first)
    paths = os.path.join(third.folder, "node.toml")
    good = cluster.text(third, "node.toml")
    with open(paths, "a", encoding="utf-8") as file:
        file.write('"set.other.path" = "/srv/other"\n')  # fits only a cluster.toml with such a set
    new = cluster.changed(('settle = "100ms"', 'settle = "500ms"'))
    cluster.expect(first, 4, "sgp1: refuses", "config", "push", new, "--confirm", "60s")
    cluster.promise.check(cluster.files() == {before} and cluster.linked(), "nothing was applied anywhere")
    with open(paths, "w", encoding="utf-8") as file:
        file.write(good)
    third.kill()
    cluster.expect(first, 3, "sgp1: cannot be asked", "config", "push", new, "--confirm", "60s")
    cluster.promise.check(cluster.files() == {before}, "nor when one is down")
    third.start()
    cluster.wait_linked()
    cluster.accept(second, False)
    second.restart()
    cluster.wait_linked()
    said = cluster.expect(first, 4, "nyc1: refuses", "config", "push", new, "--confirm", "60s")
    cluster.promise.check("accept_config = true" in said and cluster.files() == {before},
                          "nor when one takes none from others; it says what to do")
    cluster.expect(second, 0, "unless you type", "config", "push", new, "--confirm", "60s")
    cluster.expect(second, 0, "in force again on", "config", "undo")
    is_back(cluster, before, "pushed from there all the same")
    cluster.expect(second, 0, "unless you type", "config", "push", new, "--confirm", "60s")
    cluster.expect(first, 0, "it stays on nyc1, sgp1, fra1", "config", "confirm")
    cluster.accept(second, True)
    second.restart()
    cluster.wait_linked()
    cluster.expect(first, 0, "it stays on", "config", "push", cluster.changed(("500ms", "100ms")), "--yes")
    cluster.wait_linked()


def confirmed_in_parts(cluster):
    first = cluster.origin
    new = cluster.changed(('settle = "100ms"', 'settle = "800ms"'))
    cluster.expect(first, 0, "unless you type", "config", "push", new, "--confirm", "60s")
    cluster.expect(first, 0, "it stays on nyc1, fra1", "config", "confirm", "--without", "sgp1")
    cluster.expect(first, 0, "it stays on", "config", "confirm")
    cluster.promise.check(not cluster.trials(), "what was left out is confirmed later")
    cluster.wait_linked()
    cluster.expect(first, 0, "it stays on", "config", "push", cluster.changed(("800ms", "100ms")), "--yes")
    cluster.wait_linked()


def asked_on_a_terminal(cluster):
    first = cluster.origin
    before = cluster.text(first)
    for answer, words in ((b"n\n", "in force again on"), (b"y\n", "it stays on")):
        new = cluster.changed(('settle = "100ms"', 'settle = "650ms"'))
        code, said = cluster.run_on_terminal(first, answer, "config", "push", new, "--confirm", "30s")
        cluster.promise.check(code == 0 and words in said, f"answered {answer}: exit {code}, {words}")
        cluster.promise.check((cluster.files() == {before}) == (answer == b"n\n"), "and so it is")
    cluster.wait_linked()
    cluster.expect(first, 0, "it stays on", "config", "push", cluster.changed(("650ms", "100ms")), "--yes")
    cluster.wait_linked()


def left_out(cluster):
    """A site that is away for long does not stop the others, and is mended by the next push."""
    first, _, third = cluster.sites.values()
    before = cluster.text(first)
    third.kill()
    new = cluster.changed(('settle = "100ms"', 'settle = "700ms"'))
    cluster.expect(first, 0, "it stays on", "config", "push", new, "--without", "sgp1", "--yes")
    cluster.promise.check(cluster.text(third) == before, "sgp1 was left out")
    third.start()
    cluster.wait("sgp1 is linked", lambda: cluster.run(first, "config", "diff", "sgp1")[0] == 1, 30)
    cluster.expect(first, 0, "it stays on", "config", "push", "--yes")
    cluster.promise.check(len(cluster.files()) == 1 and 'settle = "700ms"' in cluster.text(third),
                          "a push of what is in place at fra1 gives it to sgp1")
    cluster.expect(first, 0, "every site has it in force already", "config", "push")
    cluster.wait_linked()
    cluster.expect(first, 0, "it stays on", "config", "push", cluster.changed(("700ms", "100ms")), "--yes")
    cluster.wait_linked()
    replicates(cluster, "left out")


def two_at_once(cluster):
    """At most one of them gets through, and the other one is told who pushes."""
    first, second, _ = cluster.sites.values()
    before = cluster.text(first)
    new = cluster.changed(('settle = "100ms"', 'settle = "600ms"'))
    results = {}

    def push(site):
        results[site.name] = cluster.run(site, "config", "push", new, "--confirm", "30s")

    threads = [threading.Thread(target=push, args=(site,)) for site in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    codes = sorted(code for code, _ in results.values())
    words = [said for code, said in results.values() if code == 4]
    cluster.promise.check(codes.count(0) <= 1 and 4 in codes, f"two at once: exit codes {codes}")
    cluster.promise.check(all(" at fra1 " in said or " at nyc1 " in said for said in words), f"who: {words}")
    if 0 in codes:
        cluster.expect(first, 0, "in force again on", "config", "undo")
    is_back(cluster, before, "two at once")


def main():
    with Promise("a pushed configuration undoes itself") as promise, \
            PushingCluster(promise, *sys.argv[1:3]) as cluster:
        cluster.listen_on(list(cluster.sites.values())[1], "127.0.0.1")
        cluster.start()
        cluster.wait_linked()
        cluster.expect(cluster.origin, 0, "equal", "config", "diff")
        for part in (confirmed, cut_off, forgotten, undone_where_it_was_in_force_before, killed,
                     not_confirmed_while_one_is_away, refused, confirmed_in_parts, asked_on_a_terminal,
                     left_out, two_at_once):
            promise.say(f"---- {part.__name__}")
            part(cluster)
        cluster.expect(cluster.replica, 0, "equal", "config", "diff", "fra1")
        cluster.check_staging()


if __name__ == "__main__":
    main()
