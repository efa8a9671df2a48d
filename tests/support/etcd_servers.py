"""etcd for tests: one member, or several that are one cluster, on ports of their own on loopback, in a folder
of its own, without any rights, ended with the test.

    with Etcd(folder) as server:                  # skips the test where Debian's etcd-server is not installed
        server.get("/hareplicate/5b1f/pbx")
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
from dns_servers import free_port  # noqa: E402
from promise import end_with_us, skip  # noqa: E402

START_SECONDS = 30
NAME = "one"


class EtcdError(Exception):
    pass


def need_etcd():
    for program, package in (("etcd", "etcd-server"), ("etcdctl", "etcd-client")):
        if shutil.which(program) is None:
            skip(f"there is no {program}: apt-get install {package}")


class Etcd:
    """A cluster of one. `tls`: a folder with ca.pem, server.pem and server.key; `client_certs`: it asks for
    such of its clients. Ports stay the same over restarts."""

    address = "127.0.0.1"

    def __init__(self, folder, tls=None, client_certs=False, name=NAME, cluster=None, peer_port=None):
        need_etcd()
        self.folder, self.tls, self.client_certs, self.name = folder, tls, client_certs, name
        self.port, self.peer_port = free_port(), peer_port or free_port()
        self.cluster = cluster or f"{name}=http://127.0.0.1:{self.peer_port}"
        self.process = None
        os.makedirs(folder)

    def __enter__(self):
        if self.process is None:
            self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def endpoint(self):
        return f"{self.address}:{self.port}"

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.endpoint}"

    @property
    def data(self):
        return os.path.join(self.folder, "data")

    def command(self):
        peers = f"http://127.0.0.1:{self.peer_port}"
        flags = [f"--name={self.name}", f"--data-dir={self.data}", f"--listen-client-urls={self.url}",
                 f"--advertise-client-urls={self.url}", f"--listen-peer-urls={peers}", "--logger=zap",
                 f"--initial-advertise-peer-urls={peers}", f"--initial-cluster={self.cluster}"]
        if self.tls:
            flags += [f"--cert-file={self.tls}/server.pem", f"--key-file={self.tls}/server.key",
                      f"--trusted-ca-file={self.tls}/ca.pem"]
        if self.client_certs:
            flags.append("--client-cert-auth")
        return ["etcd", *flags]

    def spawn(self):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(self.command(), cwd=self.folder, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, preexec_fn=end_with_us)

    def start(self):
        self.spawn()
        self.wait()

    def wait(self):
        until = time.monotonic() + START_SECONDS
        while not self.leader():
            if self.process.poll() is not None or time.monotonic() > until:
                self.kill()
                with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as log:
                    raise EtcdError(f"etcd does not answer:\n{log.read()[-3000:]}")
            time.sleep(0.1)

    def leader(self):
        """Its number, and whether this is the one; None while there is none, or no answer."""
        fields = self.ctl("endpoint", "status", "-w", "fields", check=False).stdout
        leader, member = (re.search(rf'"{name}" : (\d+)', fields) for name in ("Leader", "MemberID"))
        return None if leader is None or leader.group(1) == "0" else (leader.group(1),
                                                                      leader.group(1) == member.group(1))

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
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

    # ---- with the field's own tool
    def ctl(self, *words, user="", check=True):
        flags = ["--endpoints", self.url, "--dial-timeout=2s", "--command-timeout=5s"]
        if self.tls:
            flags += ["--cacert", f"{self.tls}/ca.pem"]
        if self.client_certs:
            flags += ["--cert", f"{self.tls}/client.pem", "--key", f"{self.tls}/client.key"]
        if user:
            flags += ["--user", user]
        environment = dict(os.environ, ETCDCTL_API="3")
        environment.pop("LD_PRELOAD", None)
        done = subprocess.run(["etcdctl", *flags, *words], env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30, check=False)
        if check and done.returncode != 0:
            raise EtcdError(f"etcdctl {' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def get(self, key, **options):
        """The value; "" if there is none."""
        return self.ctl("get", key, "--print-value-only", **options).stdout.strip()

    # ---- a backup, and back to it
    def save(self):
        path = os.path.join(self.folder, "snapshot")
        if os.path.exists(path):
            os.unlink(path)
        self.ctl("snapshot", "save", path)

    def restore(self):
        """While it is stopped."""
        shutil.rmtree(self.data)
        self.ctl("snapshot", "restore", os.path.join(self.folder, "snapshot"), "--data-dir", self.data,
                 "--name", self.name, "--initial-cluster", self.cluster, "--initial-advertise-peer-urls",
                 f"http://127.0.0.1:{self.peer_port}")


def etcd_cluster(folder, count=3, **options):
    """So many members of one cluster, started."""
    need_etcd()
    ports = [free_port() for _ in range(count)]
    names = [f"m{number}" for number in range(count)]
    cluster = ",".join(f"{name}=http://127.0.0.1:{port}" for name, port in zip(names, ports))
    members = [Etcd(os.path.join(folder, name), name=name, cluster=cluster, peer_port=port, **options)
               for name, port in zip(names, ports)]
    for member in members:
        member.spawn()
    for member in members:
        member.wait()
    return members


def make_certificates(folder):
    """ca.pem, and server and client certificates signed with it (server.pem, server.key, …); another
    authority's in other.pem. The server's is good for 127.0.0.1 only."""
    if shutil.which("openssl") is None:
        skip("there is no openssl: apt-get install openssl")

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=60)

    for name in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.pem")
    for name, use in (("server", "serverAuth,clientAuth"), ("client", "clientAuth")):
        with open(os.path.join(folder, "extensions"), "w", encoding="utf-8") as out:
            out.write(f"subjectAltName=IP:127.0.0.1\nextendedKeyUsage={use}\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/O=test", "-keyout", f"{name}.key", "-out",
                f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                "-days", "2", "-extfile", "extensions", "-out", f"{name}.pem")
    for name in os.listdir(folder):
        if name.endswith(".key"):
            os.chmod(os.path.join(folder, name), 0o600)
