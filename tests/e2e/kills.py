"""The common part of the tests that kill daemons at random: load, kills, looks, and the end."""

import time

from workload import Load, look

LIFE_SECONDS = (0.02, 0.9)   # of a daemon before it is killed
SETTLE_SECONDS = 180
SHOWN = 5


class Killer:
    """`lose(site)` is called when the site's daemon has just been killed and before it starts again."""

    def __init__(self, promise, cluster, lose=None):
        self.promise, self.cluster, self.lose = promise, cluster, lose or (lambda site: None)
        self.load = Load(cluster.origin.tree, promise.seed)
        self.wrong, self.looks, self.seen = [], 0, 0
        self.kills = {site.name: 0 for site in cluster.sites.values()}

    def look(self):
        wrong, seen = look(self.cluster.replica.tree, self.load)
        self.looks, self.seen = self.looks + 1, self.seen + seen
        for path, version in wrong[:SHOWN]:
            self.promise.say(f"     after kill {sum(self.kills.values())}: {path} is {version}")
        self.wrong += wrong

    def victims(self):
        choice = self.promise.random.random()
        both = list(self.cluster.sites.values())
        return both if choice < 0.1 else [self.cluster.replica if choice < 0.6 else self.cluster.origin]

    def run(self, kills):
        cluster, promise = self.cluster, self.promise
        cluster.start()
        cluster.wait("the first file arrives", lambda: look(cluster.replica.tree, self.load)[1] > 0, 60)
        self.load.start()
        published = 0
        for _ in range(kills):
            time.sleep(promise.random.uniform(*LIFE_SECONDS))
            for site in cluster.sites.values():
                site.check_alive()
            victims = self.victims()
            for site in victims:
                site.kill()
                self.kills[site.name] += 1
                self.lose(site)
            self.look()
            for site in victims:
                site.start()
        # A little more without kills, looking all the time.
        until = time.monotonic() + 3
        while time.monotonic() < until:
            self.look()
        self.load.stop()
        took = cluster.wait_equal(SETTLE_SECONDS)
        self.look()
        published = cluster.replica.log().count(b"set.published")
        promise.check(not self.wrong,
                      f"{self.looks} looks at {self.seen} things after {self.kills} kills and "
                      f"{self.load.changes} changes: always old or new ({len(self.wrong)} were not)")
        promise.check(published > 0, f"it published {published} times in between")
        promise.check(True, f"equal {took:.1f} s after the last change")
        cluster.replica.stop()
        self.lose(cluster.replica)
        cluster.replica.start()
        cluster.wait_equal(SETTLE_SECONDS)
        cluster.replica.stop()
        cluster.check_staging()
