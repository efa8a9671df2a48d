#!/usr/bin/env python3
"""With [failover] the coordinator says who holds a service, and the sets follow: they flow from the holder,
only while it has been told lately that it is one; a change of holder turns the streams, the shelved tree is
put in its place, other services go on. An older epoch is refused, also after a restart. What the last holder
could not send is stranded, not lost.

    roles_are_told.py REPLICATOR
"""

import os
import signal
import sys
import time

from cluster import STAGING, toml, tree_compare
from control import encode_order
from coordinating import ToldCluster
from promise import Promise

TURNS = 6


class ThreeSites(ToldCluster):
    def configuration(self, **changes):
        text = super().configuration(**changes)
        path = toml("/nonexistent/etc") + "\n"
        text = text.replace(path, path + 'place = "shelf"\nservice = "pbx"\n')
        for name, service in (("tree", "pbx"), ("fax", "fax")):
            path = toml("/nonexistent/" + name) + "\n"
            text = text.replace(path, f'{path}service = "{service}"\n')
        return text

    def tree_of(self, name, site):
        if name == "etc" and self.roles["pbx"][0] != site.name:
            return os.path.join(site.state, "shelf", "pbx", "etc", "tree")
        return site.trees[name]

    def is_equal(self, name, holder, site):
        status = holder.status()
        states = [each["state"] for each in status["sets"]
                  if each["peer"] == site.name and each["set"] == name] if status else []
        first, second = (tree_compare.snapshot(os.fsencode(self.tree_of(name, each)), (STAGING, b"."))
                         for each in (holder, site))
        return states == ["in sync"] and not list(tree_compare.differences(first, second))

    def wait_all_equal(self, holder, names=("tree", "etc"), seconds=30):
        started = time.monotonic()
        for name in names:
            for site in self.sites.values():
                if site is not holder:
                    self.wait(f"{name} at {site.name} is equal to {holder.name}",
                              lambda: self.is_equal(name, holder, site), seconds, 0.05)
        return time.monotonic() - started


def put(site, tree, name, content):
    path = os.path.join(site.trees[tree], name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as out:
        out.write(content)


def get(site, tree, name):
    try:
        with open(os.path.join(site.trees[tree], name), encoding="ascii") as file:
            return file.read()
    except FileNotFoundError:
        return None


def problems(site):
    status = site.status()
    return [each["what"] + " | " + each["next"] for each in status["problems"]] if status else []


def nobody_is_known(promise, cluster, first, others):
    for name in ("tree", "etc", "fax"):
        put(first, name, "a", f"{name} of {first.name}\n")
    put(others[0], "etc", "own", "its own\n")
    cluster.start()
    for site in cluster.sites.values():
        cluster.wait_in_place(site, seconds=30)
    time.sleep(1)
    report = cluster.tell(first, [])["pbx"]
    promise.check(report["holder"] == "" and report["epoch"] == 0 and
                  get(others[0], "tree", "a") is None and get(others[0], "fax", "a") is None,
                  "nobody has been told: nothing is sent")
    promise.check(get(others[0], "etc", "own") == "its own\n", "and nothing has moved")


def first_holder(promise, cluster, first, others):
    put(first, "etc", "b", "etc\n")
    cluster.hold("fax", first.name, 1)
    started = time.monotonic()
    cluster.hold("pbx", first.name, 1)
    took = cluster.wait_in_place(first)
    # What had been in the way at the first holder's path has changed places with its shelf.
    cluster.wait_all_equal(first)
    cluster.wait_all_equal(first, ("fax",))
    equal = time.monotonic() - started
    promise.check(True, f"told: in place after {took:.2f} s, all are equal after {equal:.2f} s")
    for site in others:
        cluster.wait_in_place(site)
        cluster.wait(f"{site.name} reports that it is in sync",
                     lambda: cluster.tell(site, [])["pbx"]["in_sync"], 10)
    report = cluster.tell(others[0], [])["pbx"]
    promise.check(report["holder"] == first.name and report["epoch"] == 1 and
                  report["behind_ns"] < 5e9 and "behind_ns" in report["present"],
                  "replicas report lag and place")


def turns(promise, cluster, sites):
    slowest = equal = 0.0
    for turn in range(1, TURNS + 1):
        old, new = sites[(turn - 1) % 3], sites[turn % 3]
        for number in range(20):
            put(old, "tree", f"live/{turn}-{number}", f"{turn} {number}\n" * 50)
            put(old, "etc", f"rewritten/{number}", f"{turn} {number}\n")
        time.sleep(promise.random.random() * 0.3)  # some of it has gone when the holder changes
        cluster.hold("pbx", new.name, turn + 1)
        slowest = max(slowest, cluster.wait_in_place(new))
        equal = max(equal, cluster.wait_all_equal(new))
    left = [os.path.join(site.trees["tree"], f"live/{turn}-{number}")
            for turn in range(1, TURNS + 1) for number in range(20) for site in sites]
    promise.check(all(os.path.exists(path) for path in left),
                  f"{TURNS} turns: the last writes of each holder are everywhere")
    promise.check(slowest < 2, f"  in place {slowest:.2f} s after the order at the latest, all equal after "
                               f"{equal:.2f} s")
    for site in sites:
        promise.check(site.log().count(b"link.down") == 0, f"{site.name}: no link went down for it")
    fax = [each for each in sites[0].status()["sets"] if each["set"] == "fax"]
    promise.check({each["state"] for each in fax} == {"in sync"} and
                  sites[0].log().count(b"set.in_sync set=fax") == len(sites) - 1,
                  "the set of the other service has gone on")
    shelf = [site for site in sites if cluster.roles["pbx"][0] != site.name]
    promise.check(all(get(site, "etc", "rewritten/0") is None for site in shelf),
                  "the shelved set stands at the path of its holder alone")


def right_runs_out(promise, cluster, holder, others):
    cluster.untold.add(holder.name)
    cluster.wait("the holder says that it is not sure any more",
                 lambda: any("has not said for" in each and "| failover status" in each
                             for each in problems(holder)), 15)
    put(holder, "tree", "silent", "1\n")
    time.sleep(2)
    promise.check(get(others[0], "tree", "silent") is None,
                  "not told for longer than it was valid: nothing is sent")
    promise.check(cluster.tell(holder, [])["pbx"]["in_place"], "its sets are in place all the same")
    cluster.untold.clear()
    cluster.wait_all_equal(holder)
    promise.check(get(others[0], "tree", "silent") == "1\n", "told again: it goes on")
    cluster.unwell.add(holder.name)
    cluster.wait("it is silent while its health is critical",
                 lambda: any("health is critical" in each for each in problems(holder)), 10)
    put(holder, "tree", "unwell", "1\n")
    time.sleep(1)
    promise.check(get(others[0], "tree", "unwell") is None, "its health is critical: nothing is sent")
    cluster.unwell.clear()
    cluster.wait_all_equal(holder)


def older_epochs(promise, cluster, holder, others):
    epoch = cluster.roles["pbx"][1]
    for when in ("", ", also after a restart"):
        report = cluster.tell(others[0], [encode_order("pbx", others[0].name, epoch - 1)])["pbx"]
        promise.check(report["holder"] == holder.name and report["epoch"] == epoch and
                      f"epoch {epoch - 1} of pbx is over" in report["reason"],
                      f"an older epoch is refused{when}")
        report = cluster.tell(others[0], [encode_order("pbx", others[0].name, epoch)])["pbx"]
        promise.check(report["holder"] == holder.name and "it cannot be" in report["reason"],
                      f"and a second holder of one epoch{when}")
        if not when:
            cluster.untold.update((holder.name, others[0].name))
            for site in (holder, others[0]):
                site.restart()
            for site in (holder, others[0]):
                cluster.wait_in_place(site, seconds=30)
    put(holder, "tree", "restarted", "1\n")
    time.sleep(1.5)
    promise.check(get(others[0], "tree", "restarted") is None and
                  any("since this program started" in each for each in problems(holder)),
                  "a holder that was restarted sends nothing by itself")
    cluster.untold.remove(holder.name)
    cluster.wait_all_equal(holder)
    promise.check(get(others[0], "tree", "restarted") == "1\n",
                  "a replica that was restarted receives from the last known holder")
    cluster.untold.clear()


def what_was_not_sent(promise, cluster, old, new, third):
    put(old, "tree", "both", "before\n")
    cluster.wait_all_equal(old)
    cluster.untold.add(old.name)
    cluster.wait("the old holder is silent", lambda: problems(old), 15)
    put(old, "tree", "both", "of the old holder\n")
    put(old, "tree", "only", "of the old holder\n")
    cluster.hold("pbx", new.name, cluster.roles["pbx"][1] + 1)
    cluster.wait_in_place(new)
    put(new, "tree", "both", "of the new holder\n")
    cluster.wait("the third site follows the new holder",
                 lambda: get(third, "tree", "both") == "of the new holder\n", 20)
    promise.check(get(old, "tree", "both") == "of the old holder\n",
                  "a holder that has not been told keeps what it has")
    cluster.untold.clear()
    cluster.wait_all_equal(new)
    found = [item["key"].decode() for reply in old.ask("stranded", "list")
             for item in old.ask("stranded", "show", reply["incident"]["id"])[0]["incident"]["items"]]
    promise.check("both" in found and all(each == "both" or each.startswith("rewritten/") for each in found),
                  "what it had changed is stranded")
    promise.check(get(new, "tree", "only") == "of the old holder\n", "what only it had is everywhere")


def reload_keeps_the_right(promise, cluster, holder):
    before, silent = holder.log().count(b"config.loaded"), holder.log().count(b"set.silent")
    cluster.untold.add(holder.name)
    cluster.valid = 60.0
    cluster.tell(holder)
    holder.process.send_signal(signal.SIGHUP)
    cluster.wait(f"{holder.name} is reloaded", lambda: holder.log().count(b"config.loaded") > before, 20)
    put(holder, "tree", "reloaded", "1\n")
    cluster.wait_all_equal(holder)
    promise.check(holder.log().count(b"set.silent") == silent, "a reload keeps the right to send")
    cluster.valid = 2.0
    cluster.untold.clear()


def holds_outlive_turns(promise, cluster, old, new, third):
    third.ask("hold", "tree", reason="a test")
    cluster.hold("pbx", new.name, cluster.roles["pbx"][1] + 1)
    put(new, "tree", "held", "1\n")
    cluster.wait(f"{old.name} has it", lambda: get(old, "tree", "held") == "1\n", 20)
    states = [each["state"] for each in new.status()["sets"]
              if (each["set"], each["peer"]) == ("tree", third.name)]
    promise.check(states == ["HELD"] and get(third, "tree", "held") is None,
                  "what is held by hand is held towards the next holder, too")
    third.ask("release", "tree")
    cluster.wait_all_equal(new)


def nobody_holds_it(promise, cluster, holder, others):
    cluster.hold("pbx", "", cluster.roles["pbx"][1] + 1)
    cluster.wait("the status says that nobody holds it", lambda: any(
        each["name"] == "pbx" and each["holder"] == "" for each in holder.status()["services"]), 10)
    report = cluster.tell(holder, [])["pbx"]
    promise.check(report["holder"] == "" and report["in_place"] and get(holder, "etc", "b") == "etc\n",
                  "nobody holds it: nothing moves")
    promise.check(all(get(site, "etc", "b") is None for site in others), "anywhere")


class TwoServices(ToldCluster):
    """Both with the same path; the third site can stand in for either."""

    def configuration(self, **changes):
        path = toml("/nonexistent/etc") + "\n"
        return super().configuration(**changes).replace(path, path + 'place = "shelf"\n')


def one_path(promise, cluster, first, second, third):
    for number, site in enumerate((first, second), 1):
        put(site, "etc", "who", f"voice{number}\n")
    put(third, "etc", "own", "its own\n")
    cluster.start()
    for number, site in enumerate((first, second), 1):
        cluster.wait(f"{site.name} answers", site.status, 30)
        cluster.hold(f"voice{number}", site.name, 1)
    for number, site in enumerate((first, second), 1):
        shelf = os.path.join(third.state, "shelf", f"voice{number}", "etc", "tree", "who")
        cluster.wait(f"voice{number} is on the shelf", lambda: os.path.exists(shelf), 20)

    def here(service):
        return cluster.tell(third, [])[service]

    cluster.hold("voice1", third.name, 2)
    cluster.wait_in_place(third, "voice1")
    promise.check(get(third, "etc", "who") == "voice1\n", "the standby has the tree of one service in place")
    cluster.hold("voice2", third.name, 2)
    cluster.wait("the second one is not put in place",
                 lambda: "can hold one of the services only" in here("voice2")["reason"], 10)
    promise.check(here("voice1")["in_place"] and not here("voice2")["in_place"] and
                  get(third, "etc", "who") == "voice1\n",
                  "not two at one path: it is said which is not in place")
    cluster.hold("voice1", first.name, 3)
    took = cluster.wait_in_place(third, "voice2")
    promise.check(get(third, "etc", "who") == "voice2\n", f"{took:.2f} s after that one has left it is")
    cluster.roles.update({"voice1": (third.name, 4), "voice2": (second.name, 3)})
    cluster.tell_all()
    cluster.wait_in_place(third, "voice1")
    promise.check(get(third, "etc", "who") == "voice1\n", "one goes and one comes with one order")
    cluster.hold("voice1", first.name, 5)
    cluster.wait_in_place(third, "voice1")
    promise.check(get(third, "etc", "own") == "its own\n" and get(third, "etc", "who") is None,
                  "the site's own is back when neither is held there")


def two_services(promise):
    with TwoServices(promise, sys.argv[1], sites=("ams1", "bos1", "cpt1"), sets=("etc",),
                     services=("voice1", "voice2"), check="1s") as cluster:
        one_path(promise, cluster, *cluster.sites.values())


def three_sites(promise):
    with ThreeSites(promise, sys.argv[1], sites=("ams1", "bos1", "cpt1"), sets=("tree", "etc", "fax"),
                    services=("pbx", "fax"), check="1s") as cluster:
        first, second, third = sites = list(cluster.sites.values())
        nobody_is_known(promise, cluster, first, (second, third))
        first_holder(promise, cluster, first, (second, third))
        turns(promise, cluster, sites)
        right_runs_out(promise, cluster, first, (second, third))
        older_epochs(promise, cluster, first, (second, third))
        what_was_not_sent(promise, cluster, first, second, third)
        reload_keeps_the_right(promise, cluster, second)
        holds_outlive_turns(promise, cluster, second, first, third)
        nobody_holds_it(promise, cluster, first, (second, third))


def main():
    with Promise("sets follow the holder that the coordinator tells") as promise:
        three_sites(promise)
        two_services(promise)


if __name__ == "__main__":
    main()
