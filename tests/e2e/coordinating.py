"""A cluster with [failover] whose coordinator is the test: it tells real replicators who holds a service.

    with ToldCluster(promise, replicator, sites=("a1", "b1", "c1")) as cluster:
        cluster.start()
        cluster.hold("pbx", "a1", 1)
"""

import contextlib
import re
import threading
import time

from cluster import Cluster
from control import ControlError, ask, encode_order

EVERY = 0.25


class ToldCluster(Cluster):
    """Services have no holder in cluster.toml. What hold() says is repeated to every site that is not in
    `untold`, as the coordinator does."""

    def __init__(self, *arguments, services=("pbx",), valid=2.0, **options):
        self.services, self.valid = services, valid
        self.roles, self.untold, self.unwell = {}, set(), set()
        self.reports = {}
        self.ended = threading.Event()
        super().__init__(*arguments, **options)
        self.thread = threading.Thread(target=self.repeat, daemon=True)
        self.thread.start()

    def configuration(self, **changes):
        text = super().configuration(**changes)
        text = re.sub(r"^(holder|epoch) = .*\n", "", text, flags=re.M)
        head, service, rest = re.match(r"(.*)(\[\[service\]\]\n.*?)(\n\[.*)", text, re.S).groups()
        return (head + "".join(service.replace('"pbx"', f'"{each}"', 1) + "\n" for each in self.services) +
                "[failover]\n" + rest.lstrip("\n"))

    # ------------------------------------------------------------ the coordinator
    def orders(self, site):
        return [encode_order(service, holder, epoch, self.valid, site.name not in self.unwell)
                for service, (holder, epoch) in self.roles.items()]

    def tell(self, site, orders=None):
        """service -> its report, or None while the daemon does not answer."""
        try:
            replies = ask(site.socket_path, "roles", roles=self.orders(site) if orders is None else orders,
                          timeout=5)
        except (OSError, ControlError):
            return None
        return {reply["role"]["service"]: reply["role"] for reply in replies}

    def tell_all(self):
        for site in self.sites.values():
            if site.name not in self.untold and site.is_running():
                report = self.tell(site)
                if report is not None:
                    self.reports[site.name] = report

    def repeat(self):
        while not self.ended.wait(EVERY):
            with contextlib.suppress(RuntimeError):  # a role changed in the middle
                self.tell_all()

    def hold(self, service, name, epoch):
        self.roles[service] = (name, epoch)
        self.tell_all()

    def wait_in_place(self, site, service="pbx", seconds=20):
        """Seconds from now until the site says so."""
        started = time.monotonic()
        self.wait(f"{service} is in place at {site.name}",
                  lambda: (self.tell(site, []) or {}).get(service, {}).get("in_place"), seconds, 0.01)
        return time.monotonic() - started

    def __exit__(self, kind, error, trace):
        self.ended.set()
        self.thread.join()
        super().__exit__(kind, error, trace)
