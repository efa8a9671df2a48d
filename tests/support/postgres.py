"""A PostgreSQL of a test's own, on a socket in its folder, and PowerDNS on it: two of these on one database
are what no arbiter may be.

    with Postgres(servers) as database, servers.start(PowerDnsPostgres, zone, database=database) as one, \\
            servers.start(PowerDnsPostgres, zone, database=database) as other:
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

from dns_servers import DnsError, PowerDns, START_SECONDS, end_with_us

VERSION = "15"


class Postgres:
    """It does not run as root: then it is nobody's."""

    def __init__(self, servers):
        self.servers, self.prepared = servers, False
        self.folder = tempfile.mkdtemp(prefix="ha-postgres-")  # one that others may enter
        self.data = os.path.join(self.folder, "data")
        self.process = None
        self.user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        if self.user is not None:
            os.chown(self.folder, self.user.pw_uid, self.user.pw_gid)
        os.chmod(self.folder, 0o711)

    def program(self, name):
        return os.path.join(self.servers.root, "usr/lib/postgresql", VERSION, "bin", name)

    def drop(self):
        """In the child."""
        if self.user is not None:
            os.setgroups([])
            os.setgid(self.user.pw_gid)
            os.setuid(self.user.pw_uid)
        end_with_us()

    def run(self, name, *arguments, text=None):
        done = subprocess.run([self.program(name), *arguments], input=text, env=self.servers.environment,
                              cwd=self.folder, capture_output=True, text=True, timeout=120, check=False,
                              preexec_fn=self.drop)
        if done.returncode != 0:
            raise DnsError(f"{name}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def sql(self, text):
        return self.run("psql", "-h", self.folder, "-U", "pdns", "-d", "postgres", "-q",
                        "-v", "ON_ERROR_STOP=1", text=text)

    def __enter__(self):
        self.run("initdb", "-D", self.data, "-U", "pdns", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = subprocess.Popen(
                [self.program("postgres"), "-D", self.data, "-k", self.folder, "-c", "listen_addresses=",
                 "-c", "fsync=off", "-c", "dynamic_shared_memory_type=mmap"],
                cwd=self.folder, env=self.servers.environment, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, preexec_fn=self.drop)
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                self.sql("select 1;")
                return self
            except DnsError:
                if self.process.poll() is not None or time.monotonic() > until:
                    self.__exit__()
                    raise
                time.sleep(0.1)

    def __exit__(self, *_):
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)  # does not wait for who is connected
            self.process.wait(20)
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)


class PowerDnsPostgres(PowerDns):
    """The first one on a database makes its tables and zones."""

    def configure(self):
        shared, self.database = self.database, None if not self.database.prepared else self.database
        self.postgres = shared
        super().configure()

    def make_database(self):
        schema = os.path.join(self.servers.root, "usr/share/pdns-backend-pgsql/schema/schema.pgsql.sql")
        with open(schema, encoding="utf-8") as sql:
            self.postgres.sql(sql.read())
        self.postgres.prepared = True
        return self.postgres

    def backend(self):
        return (f"launch=gpgsql\ngpgsql-host={self.postgres.folder}\ngpgsql-user=pdns\n"
                "gpgsql-dbname=postgres\n")
