#!/usr/bin/env python3
"""Each of these sensors trips when its cause is really caused, and recovers when it is gone: full disks, dead
and stopped processes, lost packets, wrong answers, a clock that is off.

    sensors_trip_and_recover.py SENSOR_WATCH CLOCK_SHIFT.so [PART...]
"""

import contextlib
import http.server
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
from dns_servers import Bind, DnsServers, Zone  # noqa: E402
from mounts import disk_that_hangs, frozen, tmpfs  # noqa: E402
from promise import FULL, Promise, end_with_us, is_sanitized, skip_unless_root  # noqa: E402
from sensing import Watch, child  # noqa: E402
from sensing_network import Network  # noqa: E402
from sensing_scarcity import Scarcity  # noqa: E402

PLUGINS = "/usr/lib/nagios/plugins"
HOUR = 3600


class Udp:
    """Answers datagrams by `answer` (bytes or None) on a thread."""

    def __init__(self, answer):
        self.answer = answer
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                data, peer = self.socket.recvfrom(65536)
                reply = self.answer(data)
                if reply is not None:
                    self.socket.sendto(reply, peer)


class Test(Network, Scarcity):
    def __init__(self, promise, program, clock_shift, folder):
        self.promise, self.program, self.clock_shift, self.folder = promise, program, clock_shift, folder

    def watch(self, kind, **options):
        return Watch(self.promise, self.program, kind, **options)

    def path(self, name):
        return os.path.join(self.folder, name)

    def put(self, name, content):
        with open(self.path(name), "wb") as out:
            out.write(content)
        return self.path(name)

    # ---------------------------------------------------------------- disks
    def disks(self):
        disk = self.path("disk")
        os.mkdir(disk)
        full = os.path.join(disk, "full")
        with tmpfs(disk, "8m,nr_inodes=100"):
            with self.watch("disk.space", path=disk) as watch, \
                    self.watch("plugin", command=f"{PLUGINS}/check_disk,-w,10%,-c,5%,-p,{disk}") as plugin:
                watch.good("% of " + disk)
                plugin.good("DISK OK")
                self.put("disk/full", b"x" * 8_100_000)
                watch.trips("are free")
                plugin.trips("DISK CRITICAL")
                os.unlink(full)
                watch.good()
                plugin.good()
            with self.watch("disk.inodes", path=disk) as watch:
                watch.good("inodes")
                for number in range(95):
                    self.put(f"disk/{number}", b"")
                watch.trips("inodes")
                for number in range(95):
                    os.unlink(self.path(f"disk/{number}"))
                watch.good()
            with self.watch("disk.readonly", path=disk) as watch:
                watch.good("can be written to")
                subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
                watch.trips("is mounted read-only")
                subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
                watch.good()
            os.chown(disk, 1, 1)
            with self.watch("voicemail.spool", path=disk, user="daemon", warn="20s", trip="30s",
                            timeout="30s") as watch:
                watch.good("writing a file to")
                os.chown(disk, 0, 0)
                watch.trips("daemon cannot write")
                os.chown(disk, 1, 1)
                watch.good()

    def hung_disk(self):
        with disk_that_hangs(self.path("hung")) as (device, below), \
                self.watch("disk.latency", device=os.path.basename(device)) as watch, \
                self.watch("disk.pressure") as pressure:
            watch.good()
            pressure.good()
            with contextlib.ExitStack() as writer, frozen(below):  # whose end is waited for after that
                writer.enter_context(subprocess.Popen(
                    ["dd", "if=/dev/zero", f"of={device}", "bs=4k", "count=1", "oflag=direct"],
                    stderr=subprocess.DEVNULL))
                watch.trips("has done none of 1")
                if FULL:  # a mean of ten seconds, and nobody else may have anything to do
                    pressure.trips("everything waited for io")
            watch.good("had nothing to do")
            pressure.good()

    def config_files(self):
        os.mkdir(self.path("etc"))
        self.put("etc/pjsip.conf", b"one")
        with self.watch("config.drift", path=self.path("etc")) as watch:
            watch.good("has not changed")
            self.put("etc/pjsip.conf", b"two")
            watch.trips("has changed")
            self.put("etc/pjsip.conf", b"one")
            watch.good()

    # ---------------------------------------------------------------- processes
    def processes(self):
        pidfile = self.path("pid")
        code = "for line in sys.stdin: print(line.strip(), flush=True)"
        with self.watch("process", process="ha-child", pidfile=pidfile, rise="1",
                        restart_for="3s") as watch, \
                self.watch("plugin", command=f"{PLUGINS}/check_procs,-C,ha-child,-c,1:1") as plugin:
            watch.trips("there is no")
            with child(code) as (process, _):
                self.put("pid", str(process.pid).encode())
                watch.good("runs")
                process.send_signal(signal.SIGSTOP)
                watch.trips("is stopped")
                process.send_signal(signal.SIGCONT)
                watch.good()
                begin = time.monotonic()
                process.kill()
                watch.trips("is dead")
                self.promise.say(f"     from SIGKILL to tripped: {(time.monotonic() - begin) * 1000:.0f} ms")
                process.wait()
                plugin.trips("PROCS CRITICAL")
            with child(code) as (process, _):
                self.put("pid", str(process.pid).encode())
                watch.warns("was restarted")
                watch.good()
                plugin.good("PROCS OK")

    def limits_of_processes(self):
        def few_files():
            end_with_us()
            resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

        code = """
held = []
for line in sys.stdin:
    count = int(line)
    while len(held) < count: held.append(open('/dev/null'))
    while len(held) > count: held.pop().close()
    print(len(held), flush=True)
"""
        with child(code, first=few_files) as (_, order), self.watch("fd.use", process="ha-child") as watch:
            order("1")
            watch.good("of 100 open files")
            order("90")
            watch.trips("of 100 open files")
            order("1")
            watch.good()

        def few_threads():
            end_with_us()
            resource.setrlimit(resource.RLIMIT_NPROC, (40, 40))

        code = """
held = []
def wait(event): event.wait()
for line in sys.stdin:
    count = int(line)
    while len(held) < count:
        event = threading.Event()
        thread = threading.Thread(target=wait, args=(event,))
        thread.start()
        held.append((event, thread))
    while len(held) > count:
        event, thread = held.pop()
        event.set()
        thread.join()
    print(len(held), flush=True)
"""
        with child(code, first=few_threads) as (_, order), \
                self.watch("thread.use", process="ha-child") as watch:
            watch.good("of 40 threads")
            order("36")
            watch.trips("37 of 40 threads")
            order("1")
            watch.good()

    def recordings(self):
        os.mkdir(self.path("monitor"))
        code = """
out = open(sys.argv[1], 'wb', buffering=0)
flowing = True
def record():
    while True:
        if flowing: out.write(b'x')
        time.sleep(0.05)
threading.Thread(target=record, daemon=True).start()
for line in sys.stdin:
    flowing = line.strip() == 'on'
    print(flowing, flush=True)
"""
        with child(code, self.path("monitor/call.wav")) as (_, order), \
                self.watch("recording.growth", process="ha-child", path=self.path("monitor"),
                           trip="2s") as watch:
            watch.good("call.wav")
            order("off")
            watch.trips("call.wav\" has not grown for 2")
            order("on")
            watch.good()

    # ---------------------------------------------------------------- ports
    def ports(self):
        def listen(port=0):
            made = socket.socket()
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(("127.0.0.1", port))
            made.listen()
            return made

        listening = listen()
        port = listening.getsockname()[1]
        with self.watch("tcp", address=f"127.0.0.1:{port}") as watch, \
                self.watch("plugin", command=f"{PLUGINS}/check_tcp,-H,127.0.0.1,-p,{port}") as plugin:
            watch.good("takes connections")
            plugin.good("TCP OK")
            listening.close()
            watch.trips("Connection refused")
            plugin.trips("refused")
            listening = listen(port)
            watch.good()
            plugin.good()
        listening.close()

    def web(self):
        status = [200]

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802 - the library's name
                self.send_response(status[0])
                self.end_headers()
                self.wfile.write(b"Reply: Success")

            def log_message(self, *_):
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            with self.watch("http", address=f"127.0.0.1:{server.server_port}", body="Success") as watch:
                watch.good("says 200")
                status[0] = 503
                watch.trips("says 503, not 200")
                status[0] = 200
                watch.good()
            server.shutdown()

    def sip(self):
        alive = [True]

        def answer(request):
            if not alive[0]:
                return None
            lines = request.decode().split("\r\n")
            kept = [line for line in lines if line.split(":")[0] in ("Via", "From", "To", "Call-ID", "CSeq")]
            return "\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""]).encode()

        server = Udp(answer)
        with self.watch("sip.options", address=server.address, timeout="300ms", trip="10s",
                        warn="10s") as watch:
            watch.good("says 200 OK")
            alive[0] = False
            watch.trips("does not answer")
            alive[0] = True
            watch.good()

    def rtp(self):
        first = 40000
        held = []
        with self.watch("rtp.ports", first=str(first), last=str(first + 19)) as watch:
            watch.good("of 20 RTP ports")
            for port in range(first, first + 18):
                made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                made.bind(("127.0.0.1", port))
                held.append(made)
            watch.trips("18 of 20 RTP ports are in use")
            for made in held:
                made.close()
            watch.good()

    # ---------------------------------------------------------------- the clock
    def clock(self):
        if is_sanitized(self.program):
            self.promise.say("     clock.offset: a library cannot be put before the sanitizer's")
            return
        ahead = [0]

        def answer(question):
            now = time.time() + 2208988800 + ahead[0]
            stamp = struct.pack("!II", int(now), int(now % 1 * (1 << 32)))
            return struct.pack("!BB", 0x24, 2) + bytes(22) + question[40:48] + stamp + stamp

        server = Udp(answer)
        shifted = dict(os.environ, LD_PRELOAD=os.path.abspath(self.clock_shift), HA_CLOCK_SHIFT=str(-HOUR))
        with self.watch("clock.offset", server=server.address, environment=shifted) as lagging, \
                self.watch("clock.offset", server=server.address) as right:
            right.good("of " + server.address)
            lagging.trips("1 h behind " + server.address)
            ahead[0] = -HOUR  # now it is the other that is off
            lagging.good()
            right.trips("1 h ahead of " + server.address)

    # ---------------------------------------------------------------- certificates
    def certificates(self):
        key, certificate = self.path("key.pem"), self.path("cert.pem")

        def make(days):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-nodes",
                            "-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=pbx.test",
                            "-keyout", key, "-out", certificate, "-days", str(days)],
                           check=True, capture_output=True)

        def serve(port):
            return subprocess.Popen(["openssl", "s_server", "-accept", str(port), "-quiet",
                                     "-cert", certificate, "-key", key], stdin=subprocess.PIPE,
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                    preexec_fn=end_with_us)

        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with self.watch("tls.cert", address=f"127.0.0.1:{port}", server_name="pbx.test") as watch:
            watch.trips("refused")
            for days, seen in ((90, watch.good), (5, watch.trips), (90, watch.good)):
                make(days)
                server = serve(port)
                seen("expires in")
                server.kill()
                server.wait()


    # ---------------------------------------------------------------- names
    def names(self):
        try:
            servers = DnsServers(self.folder)
        except SystemExit:  # it has said why
            return
        zone = Zone("voice.test", ["sip 30 A 192.0.2.10"])
        with servers.start(Bind, zone) as primary, \
                servers.make(Bind, zone, secondary_of=primary) as secondary:
            secondary.start()
            both = f"{primary.endpoint},{secondary.endpoint}"
            with self.watch("dns.resolve", query="sip.voice.test", resolvers=primary.endpoint,
                            expect="192.0.2.10") as resolve, \
                    self.watch("dns.authority", zone="voice.test", servers=both, trip="1s") as authority:
                resolve.good("found by all")
                authority.good("have the same")
                primary.update("update delete sip.voice.test A", "update add sip.voice.test 30 A 192.0.2.20")
                resolve.trips("has 192.0.2.20")
                authority.trips("has serial")  # nobody has told the secondary
                secondary.stop()
                authority.trips("refused")
                secondary.start()
                secondary.rndc("refresh", "voice.test")
                primary.update("update delete sip.voice.test A", "update add sip.voice.test 30 A 192.0.2.10")
                secondary.rndc("refresh", "voice.test")
                resolve.good()
                authority.good()


PARTS = ("disks", "hung_disk", "config_files", "processes", "limits_of_processes", "recordings", "ports",
         "web", "sip", "rtp", "cable", "short_of_memory", "short_of_processors", "killed_for_memory",
         "waits_for_memory", "clock", "certificates", "names")


def main():
    skip_unless_root()
    wanted = sys.argv[3:] or PARTS
    with Promise("every sensor here trips when its cause is caused, and recovers") as promise, \
            tempfile.TemporaryDirectory(prefix="ha-sensors-") as folder:
        test = Test(promise, os.path.abspath(sys.argv[1]), sys.argv[2], folder)
        os.chmod(folder, 0o755)
        for part in wanted:
            promise.say(f"--- {part}")
            getattr(test, part)()


if __name__ == "__main__":
    main()
