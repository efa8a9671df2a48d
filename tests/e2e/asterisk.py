"""A real Asterisk for tests, made by tests/support/asterisk_root, whose voicemail is in a folder of the test.

    with Asterisk(root, folder, voicemail, "lockfile") as pbx:
        pbx.start()
        pbx.leave(17)             # a call that leaves a message: its sound is the sample 17 again and again
        pbx.listen("1w7")         # a call to the mailbox that presses these keys
        pbx.wait_calls(20)
        pbx.count("INBOX")

Each has mounts and a network of its own, which end with it; `folder` is /lab there. Calls need no phone: one
leg of a Local channel is the voicemail, the other plays or presses keys. A message is known by its number as
caller, in its text, and by the same number in its sound, so that a mixed one is seen.
"""

import collections
import os
import re
import signal
import struct
import subprocess
import time

from promise import PR_SET_PDEATHSIG, libc

MESSAGE = re.compile(r"^msg(\d{4})\.(txt|wav)$")
MAILBOX = "default/1001"
RATE = 8000  # samples a second
WAV_HEADER = 44
START_SECONDS = 30
MODULES = ("res_adsi res_smdi res_timing_timerfd res_clioriginate app_voicemail app_playback app_senddtmf "
           "format_sln format_wav format_gsm codec_gsm func_callerid func_global pbx_config").split()
CONFIGURATION = {
    "asterisk.conf": """[directories]
astcachedir => /lab/run
astetcdir => /lab/etc
astvarlibdir => /lab/lib
astdbdir => /lab/lib
astkeydir => /lab/lib
astdatadir => /usr/share/asterisk
astagidir => /lab/lib
astspooldir => /lab/spool
astrundir => /lab/run
astlogdir => /lab/log
[options]
lockmode = {lockmode}
verbose = 3
transmit_silence = yes
entityid = 02:00:00:00:00:01
""",
    "modules.conf": "[modules]\nautoload = no\n" + "".join(f"load = {name}.so\n" for name in MODULES),
    "logger.conf": "[general]\n[logfiles]\nmessages = notice,warning,error,verbose\n",
    "voicemail.conf": """[general]
format = wav
minsecs = 0
maxsilence = 0
maxmsg = 9999
envelope = no
pollmailboxes = no
[default]
1001 => 1,One
""",
    "extensions.conf": """[lab]
exten => _L.,1,Set(CALLERID(all)="lab" <${EXTEN:1}>)
 same => n,VoiceMail(1001@default,s)
exten => main,1,Answer()
 same => n,VoiceMailMain(1001@default,s)
exten => count,1,Set(INBOX=${VM_INFO(1001@default,count,INBOX)})
 same => n,Set(GLOBAL(COUNTED)=${INBOX}-${VM_INFO(1001@default,count,Old)})
""",
}


def die_with_us():
    """For preexec_fn: unshare blocks SIGTERM while it waits; killed, it takes what it started with it."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def root_of(suite):
    """The folder that tests/support/asterisk_root has made; None when it has not."""
    root = os.path.join(os.environ.get("HA_CACHE", "/var/cache/hareplicate-tests"), "asterisk-" + suite)
    return root if os.path.exists(root + "/usr/sbin/asterisk") else None


def read_message(stem):
    """Its number; or None and what is wrong with it."""
    try:
        with open(stem + ".txt", encoding="utf-8") as text:
            caller = re.search(r"^callerid=.*<(\d+)>$", text.read(), re.M)
        with open(stem + ".wav", "rb") as sound:
            data = sound.read()[WAV_HEADER:]
    except FileNotFoundError as error:
        return None, str(error)
    values = struct.iter_unpack("<h", data[:len(data) // 2 * 2])
    samples = collections.Counter(each for each, in values if each)
    heard = samples.most_common(1)[0][0] if samples else None
    if caller is None or int(caller[1]) != heard:
        return None, f"{stem}: the text of {caller and caller[1]}, the sound of {heard}"
    return heard, None


def read_folder(folder):
    """The messages in it by their place, and what is wrong."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    numbers, wrong = [], []
    for place in sorted({found[1] for found in map(MESSAGE.match, names) if found}):
        number, bad = read_message(os.path.join(folder, "msg" + place))
        (numbers if bad is None else wrong).append(number if bad is None else bad)
    return numbers, wrong


class Asterisk:
    def __init__(self, root, folder, voicemail, lockmode="lockfile", configuration=None):
        """`configuration`: files beside CONFIGURATION, or instead of its."""
        self.root, self.folder, self.voicemail = root, folder, voicemail
        self.process = self.pid = None
        os.makedirs(root + "/lab", exist_ok=True)
        for name in ("etc", "lib", "run", "log", "sounds", "spool/voicemail"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        for name, text in (CONFIGURATION | (configuration or {})).items():
            with open(os.path.join(folder, "etc", name), "w", encoding="utf-8") as out:
                out.write(text.replace("{lockmode}", lockmode))

    # ------------------------------------------------------------ its life
    def start(self):
        self.launch()
        deadline = time.monotonic() + START_SECONDS
        while not self.is_booted():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("Asterisk does not start: " + self.log()[-2000:])
            time.sleep(0.1)

    def launch(self):
        """Starts it and does not wait."""
        mounts = ('mount --bind "$1" "$0/lab" && mount --bind "$2" "$0/lab/spool/voicemail" &&'
                  ' mount -t proc proc "$0/proc" && ip link set lo up &&'
                  ' exec chroot "$0" /usr/sbin/asterisk -f -n -C /lab/etc/asterisk.conf')
        with open(os.path.join(self.folder, "console"), "ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--propagation", "private", "--net", "--pid", "--fork", "--kill-child",
                 "sh", "-c", mounts, self.root, self.folder, self.voicemail],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_us)
        self.pid = None

    def is_there(self):
        """Its process; what it does yet is another matter."""
        try:
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
                self.pid = int(file.read().split()[0])
        except (OSError, IndexError):
            return False
        return True

    def is_booted(self):
        return self.is_there() and os.path.exists(self.folder + "/run/asterisk.ctl") and \
            "fully booted" in self.cli("core waitfullybooted")

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process is not None:
            self.process.kill()  # and with it all that is in there
            self.process.wait()

    def log(self):
        text = ""
        for name in ("console", "log/messages"):
            path = os.path.join(self.folder, name)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    text += file.read()
        return text

    def cli(self, command):
        done = subprocess.run(
            ["nsenter", f"--target={self.pid}", "--mount", "--net", "chroot", self.root,
             "/usr/sbin/asterisk", "-C", "/lab/etc/asterisk.conf", "-rx", command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False)
        return done.stdout

    # ------------------------------------------------------------ calls
    def leave(self, number, seconds=0.8):
        """A call that leaves message `number` (below 30000)."""
        sound = os.path.join(self.folder, "sounds", str(number))
        with open(sound + ".sln", "wb") as out:
            out.write(struct.pack("<h", number) * int(RATE * seconds))
        self.cli(f"channel originate Local/L{number}@lab application Playback /lab/sounds/{number}")

    def listen(self, keys):
        """A call to the mailbox; "w" in `keys` waits for half a second."""
        self.cli(f"channel originate Local/main@lab application SendDTMF w{keys}")

    def calls(self, to=""):
        """How many calls there are; `to` an extension only."""
        return len(re.findall(rf"^Local/{to}[^ ]*;2", self.cli("core show channels concise"), re.M))

    def wait_calls(self, seconds, to=""):
        deadline = time.monotonic() + seconds
        while self.calls(to) != 0:
            if time.monotonic() > deadline:
                raise RuntimeError("calls do not end: " + self.cli("core show channels"))
            time.sleep(0.1)

    def count(self):
        """How many messages Asterisk itself counts in INBOX and Old."""
        self.cli("channel originate Local/count@lab application Wait 0")
        self.wait_calls(10, "count")
        found = re.search(r"COUNTED=(\d+)-(\d+)", self.cli("dialplan show globals"))
        return tuple(map(int, found.groups())) if found else None
