"""Real name servers for tests: BIND, Knot, PowerDNS and NSD as primaries, BIND as a secondary, Unbound as a
resolver; each on a port of its own on loopback, in a folder of its own, ended with the test.

    servers = DnsServers(folder)                     # skips the test where they cannot be had
    with servers.start(Bind, Zone("voice.test")) as server:
        server.update("update add a.voice.test 0 A 192.0.2.1")

Every server that takes updates takes them with the TSIG key KEY.
"""

import os
import random
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from promise import end_with_us, skip  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
START_SECONDS = 20
PORTS = (20000, 32000)  # below those that the kernel gives out by itself


class DnsError(Exception):
    pass


class Key:
    """A TSIG key: name, algorithm, secret in base64."""

    def __init__(self, name="ha-test", secret="c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTMyLWI=",
                 algorithm="hmac-sha256"):
        self.name, self.secret, self.algorithm = name, secret, algorithm

    def bind(self):
        return f'key "{self.name}" {{ algorithm {self.algorithm}; secret "{self.secret}"; }};\n'

    def knot(self):
        return f'key:\n  - id: {self.name}\n    algorithm: {self.algorithm}\n    secret: "{self.secret}"\n'

    def write(self, path):
        """As a file that only we may read."""
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(self.bind())

    def flag(self):
        """As dig and nsupdate take it."""
        return f"{self.algorithm}:{self.name}:{self.secret}"


KEY = Key()


class Zone:
    """What a primary starts with; `options` are lines for this zone in the server's own syntax."""

    def __init__(self, name, records=(), options="", servers=("ns1", "ns2")):
        self.name, self.records, self.options, self.servers = name, list(records), options, servers

    def text(self):
        lines = [f"$ORIGIN {self.name}.", "$TTL 30",
                 f"@ 3600 SOA ns1.{self.name}. hostmaster.{self.name}. 1 3600 600 86400 5"]
        lines += [f"@ 3600 NS {server}.{self.name}." for server in self.servers]
        lines += [f"{server} 3600 A 127.0.0.1" for server in self.servers]
        return "\n".join(lines + self.records) + "\n"


def free_port(address="127.0.0.1"):
    """One that is free for UDP and for TCP."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for _ in range(200):
        port = random.SystemRandom().randrange(*PORTS)
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as udp, \
                    socket.socket(family, socket.SOCK_STREAM) as tcp:
                udp.bind((address, port))
                tcp.bind((address, port))
                return port
        except OSError:
            continue
    raise DnsError(f"no free port on {address}")


class DnsServers:
    """The folder with the programs, and where each server gets its own."""

    def __init__(self, folder):
        made = subprocess.run([os.path.join(HERE, "dns_root")], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            skip(f"there are no name servers: {made.stderr.strip()[-200:]}")
        self.root = made.stdout.strip()
        self.folder = folder
        self.count = 0
        libraries = os.path.join(self.root, "usr/lib", os.uname().machine + "-linux-gnu")
        self.libraries = libraries
        self.environment = dict(os.environ, LC_ALL="C", LD_LIBRARY_PATH=libraries)
        # A server that has nothing to do with sanitizers must not load theirs.
        self.environment.pop("LD_PRELOAD", None)

    def program(self, name):
        for part in ("usr/sbin", "usr/bin"):
            path = os.path.join(self.root, part, name)
            if os.path.exists(path):
                return path
        raise DnsError(f"{name} is not among the programs of {self.root}")

    def run(self, name, *arguments, text="", seconds=20, check=True):
        done = subprocess.run([self.program(name), *arguments], input=text, env=self.environment,
                              capture_output=True, text=True, timeout=seconds, check=False)
        if check and done.returncode != 0:
            raise DnsError(f"{name} {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def start(self, kind, *zones, **options):
        server = self.make(kind, *zones, **options)
        server.start()
        return server

    def make(self, kind, *zones, **options):
        """Configured, not started."""
        self.count += 1
        folder = os.path.join(self.folder, f"{kind.__name__.lower()}-{self.count}")
        os.makedirs(folder)
        return kind(self, folder, zones, **options)


class Server:
    """One process. `port` stays the same over restarts."""

    takes_updates = True

    def __init__(self, servers, folder, zones, address="127.0.0.1", key=KEY, options="", environment=None):
        self.servers, self.folder, self.zones = servers, folder, list(zones)
        self.environment = environment or {}  # beside that of all
        self.address, self.key, self.options = address, key, options
        self.port = free_port(address)
        self.process = None
        for zone in self.zones:
            self.put(zone.name + ".zone", zone.text())
        self.configure()

    def path(self, name):
        return os.path.join(self.folder, name)

    def put(self, name, text, mode=0o600):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(self.path(name), mode)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def endpoint(self):
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    # ---- to be said by each kind
    def configure(self):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def before_start(self):
        pass

    # ---- life
    def start(self):
        self.before_start()
        environment = dict(self.servers.environment, **self.environment)
        with open(self.path("log"), "ab") as log:
            self.process = subprocess.Popen(self.command(), cwd=self.folder, env=environment,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=end_with_us)
        until = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > until:
                self.kill()
                raise DnsError(f"{type(self).__name__} does not answer:\n{self.log()[-3000:]}")
            time.sleep(0.05)

    def log(self):
        with open(self.path("log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def answers(self):
        name = self.zones[0].name if self.zones else "."
        done = self.servers.run("dig", *self.dig_flags(), "+time=1", "+tries=1", name, "SOA", check=False)
        return "status: NOERROR" in done.stdout or "status: REFUSED" in done.stdout

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    # ---- to look and to change, with the field's own tools
    def dig_flags(self):
        return ["@" + self.address, "-p", str(self.port), "+noedns"]

    def query(self, name, kind, *flags):
        """The answer section: a sorted list of (name, ttl, type, data)."""
        done = self.servers.run("dig", *self.dig_flags(), "+noall", "+answer", *flags, name, kind)
        rows = [re.split(r"\s+", line, maxsplit=4) for line in done.stdout.splitlines()
                if line and not line.startswith(";")]
        return sorted((row[0], int(row[1]), row[3], row[4]) for row in rows)

    def data(self, name, kind):
        return [row[3] for row in self.query(name, kind)]

    def transfer(self, zone):
        """All records of a zone, by AXFR."""
        done = self.servers.run("dig", *self.dig_flags(), "+tcp", "+noall", "+answer", "-y", self.key.flag(),
                                zone, "AXFR")
        rows = [re.split(r"\s+", line, maxsplit=4) for line in done.stdout.splitlines()
                if line and not line.startswith(";")]
        return sorted((row[0], int(row[1]), row[3], row[4]) for row in rows)

    def update(self, *lines, key=None, check=True):
        """By nsupdate; the finished process."""
        server = f"server {self.address} {self.port}\n"
        return self.servers.run("nsupdate", "-y", (key or self.key).flag(),
                                text=server + "\n".join(lines) + "\nsend\n", check=check)


class Bind(Server):
    """`secondary_of`: a Server; its zones come from there, and updates are forwarded to it if `forward`."""

    def __init__(self, *arguments, secondary_of=None, forward=False, **options):
        self.secondary_of, self.forward = secondary_of, forward
        self.control_port = free_port()
        super().__init__(*arguments, **options)

    def zone_text(self, zone):
        if self.secondary_of is None:
            rule = "" if "update" in zone.options else f"allow-update {{ key {self.key.name}; }};"
            return (f'zone "{zone.name}" {{ type primary; file "{zone.name}.zone"; '
                    f"{rule} {zone.options} }};\n")
        other = self.secondary_of
        forward = "allow-update-forwarding { any; };" if self.forward else ""
        return (f'zone "{zone.name}" {{ type secondary; file "{zone.name}.copy"; {forward} '
                f"primaries {{ {other.address} port {other.port}; }}; {zone.options} }};\n")

    def configure(self):
        v6 = ":" in self.address
        listen = (f"listen-on {{ none; }}; listen-on-v6 port {self.port} {{ {self.address}; }};" if v6 else
                  f"listen-on port {self.port} {{ {self.address}; }}; listen-on-v6 {{ none; }};")
        rndc = Key("rndc")
        text = self.key.bind() + rndc.bind() + f"""
options {{
  directory "{self.folder}"; pid-file none; session-keyfile none; managed-keys-directory "{self.folder}";
  {listen}
  recursion no; dnssec-validation no; allow-transfer {{ any; }}; notify explicit; querylog no;
  key-directory "{self.folder}"; empty-zones-enable no; minimal-responses yes;
  {self.options}
}};
controls {{ inet 127.0.0.1 port {self.control_port} allow {{ 127.0.0.1; }} keys {{ rndc; }}; }};
"""
        text += "".join(self.zone_text(zone) for zone in self.zones)
        self.put("named.conf", text)
        self.put("rndc.conf", rndc.bind() + 'options { default-key "rndc"; default-server 127.0.0.1; '
                 f"default-port {self.control_port}; }};\n")

    def command(self):
        return [self.servers.program("named"), "-f", "-c", self.path("named.conf"), "-L",
                self.path("named.log"), "-n", "1", "-U", "1"]

    def rndc(self, *words):
        return self.servers.run("rndc", "-c", self.path("rndc.conf"), *words)


class Knot(Server):
    """`zone_options` of all zones: lines of YAML, each indented by four blanks."""

    def configure(self):
        text = f"""server:
    rundir: "{self.folder}"
    listen: {self.address}@{self.port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: "{self.path('knot.sock')}"
database:
    storage: "{self.folder}"
log:
  - target: stderr
    any: info
{self.key.knot()}acl:
  - id: update
    key: {self.key.name}
    action: [update, transfer]
  - id: transfer
    address: [127.0.0.0/8, "::1"]
    action: transfer
zone:
"""
        for zone in self.zones:
            text += (f'  - domain: {zone.name}\n    storage: "{self.folder}"\n    file: "{zone.name}.zone"\n'
                     f"    acl: [update, transfer]\n{zone.options}")
        self.put("knotd.conf", text + self.options)

    def before_start(self):  # what a kill -9 leaves
        for name in ("knot.pid", "knot.sock"):
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))

    def command(self):
        return [self.servers.program("knotd"), "-c", self.path("knotd.conf")]

    def knotc(self, *words):
        return self.servers.run("knotc", "-c", self.path("knotd.conf"), *words)


class PowerDns(Server):
    """On SQLite; `database`: that of another one, for two servers on one database."""

    def __init__(self, *arguments, database=None, **options):
        self.database = database
        super().__init__(*arguments, **options)

    def configure(self):
        own = self.database is None
        self.database = self.database or self.make_database()
        self.put("pdns.conf", f"""{self.backend()}module-dir={self.servers.libraries}/pdns
socket-dir={self.folder}
local-address={self.address}
local-port={self.port}
daemon=no
guardian=no
dnsupdate=yes
allow-dnsupdate-from=127.0.0.0/8,::1
allow-axfr-ips=127.0.0.0/8,::1
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
zone-cache-refresh-interval=0
xfr-cycle-interval=60
disable-axfr=no
loglevel=4
{self.options}
""")
        if not own:
            return
        self.pdnsutil("import-tsig-key", self.key.name, self.key.algorithm, self.key.secret)
        for zone in self.zones:
            self.pdnsutil("load-zone", zone.name, self.path(zone.name + ".zone"))
            for right in ("TSIG-ALLOW-DNSUPDATE", "TSIG-ALLOW-AXFR"):
                self.pdnsutil("set-meta", zone.name, right, self.key.name)

    def make_database(self):
        schema = os.path.join(self.servers.root, "usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
        import sqlite3  # here, as only this server needs it
        with open(schema, encoding="utf-8") as sql, sqlite3.connect(self.path("pdns.sqlite")) as database:
            database.executescript(sql.read())
        database.close()
        return self.path("pdns.sqlite")

    def backend(self):
        return f"launch=gsqlite3\ngsqlite3-database={self.database}\ngsqlite3-pragma-synchronous=1\n"

    def pdnsutil(self, *words):
        return self.servers.run("pdnsutil", "--config-dir", self.folder, *words)

    def command(self):
        return [self.servers.program("pdns_server"), "--config-dir=" + self.folder]


class Nsd(Server):
    """Takes no updates: says NOTIMP."""

    takes_updates = False

    def configure(self):
        text = f"""server:
    ip-address: {self.address}@{self.port}
    zonesdir: "{self.folder}"
    database: ""
    pidfile: ""
    xfrdfile: "{self.path('xfrd.state')}"
    xfrdir: "{self.folder}"
    zonelistfile: "{self.path('zones.list')}"
    username: ""
    chroot: ""
    server-count: 1
remote-control:
    control-enable: no
"""
        for zone in self.zones:
            text += f'zone:\n    name: "{zone.name}"\n    zonefile: "{zone.name}.zone"\n{zone.options}'
        self.put("nsd.conf", text)

    def command(self):
        return [self.servers.program("nsd"), "-d", "-c", self.path("nsd.conf")]


class Unbound(Server):
    """A resolver that asks `upstream` for its zones; `options` are lines of the server section."""

    takes_updates = False

    def __init__(self, servers, folder, zones, upstream=None, **options):
        self.upstream = upstream
        super().__init__(servers, folder, (), **options)

    def configure(self):
        text = f"""server:
    interface: {self.address}@{self.port}
    do-daemonize: no
    chroot: ""
    username: ""
    directory: "{self.folder}"
    pidfile: ""
    use-syslog: no
    logfile: ""
    do-not-query-localhost: no
    module-config: "iterator"
    access-control: 127.0.0.0/8 allow
    num-threads: 1
    local-zone: "test." nodefault
{self.options}
remote-control:
    control-enable: no
"""
        for zone in self.upstream.zones:
            text += (f'stub-zone:\n    name: "{zone.name}"\n'
                     f"    stub-addr: {self.upstream.address}@{self.upstream.port}\n")
        self.put("unbound.conf", text)

    def answers(self):
        name = self.upstream.zones[0].name
        done = self.servers.run("dig", *self.dig_flags(), "+time=1", "+tries=1", name, "SOA", check=False)
        return "status: NOERROR" in done.stdout

    def command(self):
        return [self.servers.program("unbound"), "-d", "-c", self.path("unbound.conf")]
