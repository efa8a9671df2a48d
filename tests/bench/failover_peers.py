"""keepalived and Pacemaker with corosync, as Debian has them, in the nodes of failover_nodes.py.

Each is a contestant of failover_bench.py: start(), settle(), loser(), outcome(), revive(), close().
"""

import os
import shutil
import signal
import subprocess
import threading
import time

from failover_nodes import FLOATING, HERE, Nodes, end_at_once

PACKAGES = ["keepalived", "corosync", "pacemaker", "pacemaker-cli-utils", "resource-agents"]
PBX = os.path.abspath(os.path.join(HERE, "..", "support", "fake_pbx.py"))
START_SECONDS = 90


def packages_root():
    """The folder that has them, or what is in the way of it."""
    program = os.path.join(HERE, "..", "support", "package_root")
    made = subprocess.run([program, "cluster-managers", *PACKAGES], capture_output=True, text=True,
                          check=False)
    if made.returncode != 0:
        raise RuntimeError(f"the peers' packages cannot be had: {made.stderr.strip()[-300:]}")
    return made.stdout.strip()


def versions(root):
    """What was measured, in their own words."""
    libraries = os.path.join(root, "usr/lib")
    environment = dict(os.environ, LD_LIBRARY_PATH=f"{libraries}/{os.uname().machine}-linux-gnu:{libraries}")

    def first_line(*words):
        done = subprocess.run([os.path.join(root, "usr/sbin", words[0]), *words[1:]], env=environment,
                              capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).split("\n")[0].split(" (")[0].replace("Corosync Cluster Engine,",
                                                                                 "corosync")
    return [first_line("keepalived", "--version"), first_line("pacemakerd", "--version"),
            first_line("corosync", "-v")]


class Peer:
    """`tuned`: the other set of settings. `path`: as Nodes has it."""

    def __init__(self, folder, options, path, tuned):
        self.options, self.path, self.tuned = options, path, tuned
        self.nodes = Nodes(folder, packages_root(), path=path, wanem=options.wanem)

    def wait(self, what, seconds, condition):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = condition()
            if found:
                return found
            time.sleep(0.05)
        raise RuntimeError(f"not within {seconds} s: {what}")

    def start(self):
        self.nodes.caller.start()
        for node in self.nodes.all.values():
            self.configure(node)
            node.boot(self.script(node))

    def fail(self, case, loser):
        node = self.nodes.all[loser]
        if case == "pbx":
            process = node.pbx_pid()
            if not process:
                raise RuntimeError(f"the PBX of {loser} does not run")
            os.kill(process, signal.SIGKILL)
            return
        node.reach(False)
        node.kill()

    def answered(self, loser, since):
        """When a caller was answered by another one, of those who asked after that."""
        found = [self.nodes.caller.first_after(name, since) for name in self.nodes.all if name != loser]
        return min((each for each in found if each), default=None)

    def outcome(self, loser, since):
        answered = self.wait("another node answers", 60, lambda: self.answered(loser, since))
        return {"answered": answered - since}

    def close(self):
        if self.nodes.caller.is_alive():
            self.nodes.caller.end()
        self.nodes.remove()

    def log(self):
        text = ""
        for node in self.nodes.all.values():
            with open(os.path.join(node.folder, "log"), encoding="utf-8", errors="replace") as file:
                text += f"---- log of {node.name}\n{file.read()[-4000:]}"
        return text


# ---------------------------------------------------------------- keepalived
# The PBX runs on every node, all the time, and what sees it end says so in a file: keepalived's own
# track_process hears of processes of the first network namespace alone.
KEEPALIVED_BOOT = """
mkdir -p /run/keepalived
echo 1 >/run/pbx-is-dead
while :; do
  rm -f "$here/pbx/ready" "$here/pbx/again"
  "@PBX@" serve "$here/pbx" &
  echo $! >"$here/pbx/pbx.pid"
  until [ -e "$here/pbx/ready" ]; do sleep 0.05; done
  echo 0 >/run/pbx-is-dead
  wait $! || true
  echo 1 >/run/pbx-is-dead
  until [ -e "$here/pbx/again" ]; do sleep 0.05; done
done &
exec keepalived --dont-fork --log-console --vrrp --use-file /etc/keepalived/keepalived.conf
"""
KEEPALIVED_CONF = """global_defs {
  router_id @NAME@
  script_user root
  enable_script_security
  vrrp_version 3
}
vrrp_script pbx {
  script "/etc/keepalived/pbx-runs"
}
track_file pbx {
  file "/run/pbx-is-dead"
  weight 0
}
vrrp_instance pbx {
  state BACKUP
  nopreempt
  interface @DEVICE@
  virtual_router_id 51
  priority @PRIORITY@
  advert_int @ADVERT@
  @UNICAST@
  virtual_ipaddress {
    @FLOATING@
  }
  @TRACK@
}
"""
CHECK = '#!/bin/sh\nkill -0 "$(cat "@HERE@/pbx/pbx.pid")"\n'


class AddressWatch(threading.Thread):
    """When the floating address was added to or taken from a node, as the kernel says."""

    def __init__(self, node):
        super().__init__(daemon=True)
        self.has, self.added = False, []
        self.process = subprocess.Popen(["ip", "-o", "-n", node.namespace.name, "monitor", "address"],
                                        stdout=subprocess.PIPE, text=True, preexec_fn=end_at_once)
        self.start()

    def run(self):
        for line in self.process.stdout:
            if f" {FLOATING}/" in line:
                self.has = not line.startswith("Deleted")
                if self.has:
                    self.added.append(time.monotonic())

    def end(self):
        self.process.kill()
        self.process.wait()


class Keepalived(Peer):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.watches = {name: AddressWatch(node) for name, node in self.nodes.all.items()}
        self.advert = (0.3 if self.path else 0.1) if self.tuned else 1
        self.phase = 1.0

    @staticmethod
    def about(path, tuned):
        advert = f"advert_int {(0.3 if path else 0.1) if tuned else 1} s"
        seen = "track_file from the PBX's supervisor" if tuned else "vrrp_script every 1 s"
        return f"keepalived, {'tuned' if tuned else 'default'}: {advert}, {seen}"

    def script(self, _node):
        return KEEPALIVED_BOOT.replace("@PBX@", PBX)

    def configure(self, node):
        others = [each.address for each in self.nodes.all.values() if each is not node]
        unicast = (f"unicast_src_ip {node.address}\n  unicast_peer {{\n    " + "\n    ".join(others) + "\n  }"
                   if self.path else "")
        values = {"NAME": node.name, "DEVICE": node.device, "PRIORITY": str(250 - 50 * node.number),
                  "ADVERT": str(self.advert), "UNICAST": unicast,
                  "FLOATING": FLOATING + ("/32" if self.path else "/16"),
                  "TRACK": f"track_{'file' if self.tuned else 'script'} {{\n    pbx\n  }}"}
        text = KEEPALIVED_CONF
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        os.makedirs(os.path.join(node.folder, "etc/keepalived"), exist_ok=True)
        node.put("etc/keepalived/keepalived.conf", text, 0o644)
        node.put("etc/keepalived/pbx-runs", CHECK.replace("@HERE@", self.nodes.here), 0o755)

    def masters(self):
        return [name for name, watch in self.watches.items()
                if watch.has and self.nodes.all[name].process.poll() is None]

    def settle(self):
        self.wait("there is one master", START_SECONDS, lambda: len(self.masters()) == 1)
        time.sleep(4 * self.advert + 1)
        self.wait("there is one master still", START_SECONDS, lambda: len(self.masters()) == 1)

    def loser(self):
        return self.masters()[0]

    def outcome(self, loser, since):
        def master():
            found = [at for name, watch in self.watches.items() if name != loser for at in watch.added
                     if at >= since]
            return min(found, default=None)
        seconds = {"master": self.wait("another one is master", 60, master) - since}
        return seconds if self.path else {**seconds, **super().outcome(loser, since)}

    def revive(self, loser):
        node = self.nodes.all[loser]
        if node.process.poll() is not None:
            # A machine that was off does not have it.
            mask = "32" if self.path else "16"
            subprocess.run(["ip", "-n", node.namespace.name, "addr", "del", f"{FLOATING}/{mask}", "dev",
                            node.device], check=False, stderr=subprocess.DEVNULL)
            self.watches[loser].has = False
            node.reach(True)
            node.boot(self.script(node))
        else:
            node.put("pbx/again", "")

    def close(self):
        for watch in self.watches.values():
            watch.end()
        super().close()


# ---------------------------------------------------------------- Pacemaker
PACEMAKER_BOOT = """
for each in cib pengine blackbox cores; do mkdir -p /var/lib/pacemaker/$each; done
mkdir -p /var/lib/corosync /var/log/corosync /var/log/pacemaker
chown -R hacluster:haclient /var/lib/pacemaker /var/log/pacemaker
corosync -f &
until corosync-cfgtool -s >/dev/null 2>&1; do sleep 0.1; done
pacemakerd &
wait
"""
COROSYNC_CONF = """totem {
  version: 2
  cluster_name: bench
  transport: knet
  @TOKEN@
}
quorum {
  provider: corosync_votequorum
}
nodelist {
@NODES@
}
logging {
  to_stderr: yes
  to_syslog: no
}
"""
IPADDR2 = """<primitive class="ocf" id="floating" provider="heartbeat" type="IPaddr2">
  <instance_attributes id="floating-a"><nvpair id="floating-ip" name="ip" value="@FLOATING@"/>
    <nvpair id="floating-mask" name="cidr_netmask" value="16"/></instance_attributes>
  <operations><op id="floating-m" name="monitor" interval="@MONITOR@" timeout="20s"/></operations>
</primitive>"""
PBX_RESOURCE = """<primitive class="ocf" id="pbx" provider="bench" type="pbx">
  <instance_attributes id="pbx-a"><nvpair id="pbx-program" name="program" value="@PBX@"/>
    <nvpair id="pbx-folder" name="folder" value="@HERE@/pbx"/></instance_attributes>
  <operations><op id="pbx-m" name="monitor" interval="@MONITOR@" timeout="20s"/></operations>
</primitive>"""
OPTIONS = {"crm_config": {"stonith-enabled": "false", "no-quorum-policy": "stop"},
           "rsc_defaults": {"migration-threshold": "1", "resource-stickiness": "100"}}


class Pacemaker(Peer):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.monitor_s = 1 if self.tuned else 10
        self.phase = self.monitor_s

    @staticmethod
    def about(_path, tuned):
        return ("Pacemaker, tuned: token 1 s, monitor every 1 s" if tuned else
                "Pacemaker, default: token 3 s (3.65 s for three nodes), monitor every 10 s")

    def script(self, _node):
        return PACEMAKER_BOOT

    def configure(self, node):
        for each in ("etc/corosync", "usr/lib/ocf/resource.d/bench"):
            os.makedirs(os.path.join(node.folder, each), exist_ok=True)
        for name, line in (("passwd", "hacluster:x:989:989::/var/lib/pacemaker:/usr/sbin/nologin\n"),
                           ("group", "haclient:x:989:\n")):
            with open("/etc/" + name, encoding="utf-8") as file:
                node.put("etc/" + name, file.read() + line, 0o644)
        nodes = "\n".join(f"  node {{\n    name: {each.name}\n    nodeid: {each.number + 1}\n"
                          f"    ring0_addr: {each.address}\n  }}" for each in self.nodes.all.values())
        token = "token: 1000\n  token_coefficient: 0" if self.tuned else ""
        node.put("etc/corosync/corosync.conf",
                 COROSYNC_CONF.replace("@NODES@", nodes).replace("@TOKEN@", token), 0o644)
        shutil.copy(os.path.join(HERE, "ocf_pbx"),
                    os.path.join(node.folder, "usr/lib/ocf/resource.d/bench/pbx"))

    def start(self):
        super().start()
        self.wait_online()
        node = self.nodes.all["s0"]
        for scope, options in OPTIONS.items():
            for name, value in options.items():
                node.run("crm_attribute", "--type", scope, "--name", name, "--update", value)
        resources = PBX_RESOURCE if self.path else f'<group id="phones">{IPADDR2}{PBX_RESOURCE}</group>'
        for key, value in (("FLOATING", FLOATING), ("MONITOR", f"{self.monitor_s}s"), ("PBX", PBX),
                           ("HERE", self.nodes.here)):
            resources = resources.replace(f"@{key}@", value)
        node.run("cibadmin", "--create", "--scope", "resources", "--xml-pipe", text=resources)

    def seen(self):
        """(online nodes, where the PBX runs) as each running node says, if all say the same."""
        views = set()
        for node in self.nodes.all.values():
            if node.process.poll() is None:
                done = node.run("crm_mon", "--one-shot", "--output-as=text", "--inactive", check=False)
                online = [line for line in done.stdout.splitlines() if "Online:" in line]
                runs = [line.split()[-1] for line in done.stdout.splitlines() if "(ocf:bench:pbx)" in line]
                views.add((online[0] if online else "", runs[0] if runs else "", "Failed" in done.stdout))
        return views

    def wait_online(self):
        names = " ".join(self.nodes.all)
        self.wait("all nodes are online", START_SECONDS, lambda: (
            lambda views: len(views) == 1 and f"[ {names} ]" in next(iter(views))[0])(self.seen()))

    def settle(self):
        self.wait_online()

        def whole():
            views = self.seen()
            return len(views) == 1 and next(iter(views))[1] in self.nodes.all and not next(iter(views))[2]
        self.wait("the PBX runs on one node", START_SECONDS, whole)
        since = time.monotonic()
        self.wait("a caller is answered", 30, lambda: self.answered("", since))
        time.sleep(2)

    def loser(self):
        return next(iter(self.seen()))[1]

    def revive(self, loser):
        node = self.nodes.all[loser]
        if node.process.poll() is not None:
            node.reach(True)
            node.boot(self.script(node))
            return
        time.sleep(1)
        node.run("crm_resource", "--cleanup")
