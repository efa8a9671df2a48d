"""Roles that turn, for end-to-end tests: a cluster whose holder is changed by hand, as an operator does it:
in cluster.toml, with a higher epoch, and a restart."""

from cluster import Cluster


class TurningCluster(Cluster):
    """`holder` and `epoch` are what a site is configured with at its next start, see turn()."""

    def __init__(self, *arguments, **options):
        self.holder, self.epoch = None, 1
        super().__init__(*arguments, **options)

    def configuration(self, **changes):
        text = super().configuration(epoch=self.epoch, **changes)
        first = next(iter(self.sites))
        return text.replace(f'holder = "{first}"', f'holder = "{self.holder or first}"')

    def turn(self, name, running):
        """`name` holds the service at the next epoch, as far as the sites in `running` know."""
        self.holder, self.epoch = name, self.epoch + 1
        self.origin = self.sites[name]
        self.replica = next(site for site in running if site.name != name) if len(running) > 1 else None
        for site in running:
            if site.is_running():
                site.stop()
        self.join(running)

    def join(self, sites):
        """These learn who is the holder now, and start."""
        for site in sites:
            site.configure()
        for site in sites:
            site.start()

    def all_equal(self, sites, seconds):
        for site in sites:
            if site is not self.origin:
                self.replica = site
                self.wait_equal_with(site, seconds)

    def wait_equal_with(self, site, seconds):
        def equal():
            status = self.origin.status()
            states = [each["state"] for each in status["sets"] if each["peer"] == site.name] if status else []
            return set(states) == {"in sync"} and not self.differences()
        self.wait(f"{site.name} is equal to {self.origin.name}", equal, seconds, 0.2)
