#!/usr/bin/env python3
"""`hareplicate init` on realistic PBXs, with what one finds on real machines and does not expect.

    init_test.py HAREPLICATE

Each fixture is a root of its own; what init writes must pass `config check`, and must hold no secret.
"""

import os
import re
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.abspath(sys.argv[1])
SECRETS = ("s3cret-db", "s3cret-manager", "s3cret-sip", "s3cret-esl", "s3cret-register")


def run(*words, check=None):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("HAREPLICATE_")}
    done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, timeout=60, check=False,
                          env=environment, stdin=subprocess.DEVNULL)
    if check is not None and done.returncode != check:
        raise AssertionError(f"{words}: exit {done.returncode}, not {check}\n{done.stdout}\n{done.stderr}")
    return done


class Root:
    """A file system below a directory."""

    def __init__(self, test):
        self.top = tempfile.mkdtemp(prefix="ha-init-")
        test.addCleanup(shutil.rmtree, self.top)
        self.file("etc/hostname", "FRA1.voice.example.net\n")

    def path(self, name):
        return os.path.join(self.top, name)

    def folder(self, name):
        os.makedirs(self.path(name), exist_ok=True)

    def file(self, name, text=""):
        self.folder(os.path.dirname(name))
        with open(self.path(name), "wb") as out:
            out.write(text if isinstance(text, bytes) else text.encode())

    def link(self, name, target):
        self.folder(os.path.dirname(name))
        os.symlink(target, self.path(name))

    def database(self, name):
        self.folder(os.path.dirname(name))
        connection = sqlite3.connect(self.path(name))
        connection.execute("create table astdb(key text, value text)")
        connection.commit()
        connection.close()

    def snapshot(self):
        """What would change if anything here were written."""
        out = []
        for folder, names, files in os.walk(self.top):
            for name in names + files:
                facts = os.lstat(os.path.join(folder, name))
                out.append((os.path.join(folder, name), facts.st_mode, facts.st_size, facts.st_mtime_ns,
                            facts.st_ino))
        return sorted(out)


def asterisk(root, freepbx=False):
    root.file("etc/asterisk/asterisk.conf",
              "[directories](!) ; remove the (!) to enable this\r\nastspooldir => /never\r\n"
              ";-- a block comment\r\n[directories]\r\nastspooldir => /neither\r\n--;\r\n"
              "[base](!)\r\nastlogdir => /var/log/asterisk\r\n[directories](base)\r\n"
              "astetcdir => /etc/asterisk\r\n#include \"asterisk.d/paths.conf\"\r\n"
              "#tryinclude missing.conf\r\nastrundir => /run/asterisk ; per boot\r\n"
              "[options]\r\nverbose = 3\r\n")
    root.file("etc/asterisk/asterisk.d/paths.conf",
              "astspooldir => /srv/My Spool\nastdbdir = /var/lib/asterisk\nastdatadir = /var/lib/asterisk\n"
              "astagidir = agi-bin\n")
    root.file("etc/asterisk/pjsip.conf",
              b"\xef\xbb\xbf[nat](!)\r\nexternal_media_address = 203.0.113.5 ; ours\r\n"
              b"external_signaling_address=203.0.113.5\r\n[udp](nat)\r\nbind = 0.0.0.0:5060\r\n"
              b"local_net=10.1.0.0/16\r\n[udp6]\r\nbind = [2001:db8:7::5]:5060\r\n"
              b"[1001]\r\npassword = s3cret-sip\r\n")
    root.file("etc/asterisk/sip.conf",
              "externip = 203.0.113.5\nregister => user:s3cret-register@192.0.2.9/1\n"
              "#include /opt/site/trunks.conf\n#exec /usr/local/bin/make-peers --token=s3cret-sip\n")
    root.file("etc/asterisk/manager.conf",
              "[general]\nbindaddr = 127.0.0.1\n[admin]\nsecret = s3cret-manager\n")
    root.file("etc/asterisk/huge.conf", "a = " + "x" * 200_000 + "\nexternhost = pbx.example.net\n")
    root.file("etc/asterisk/latin.conf", b"name = M\xfcller\nexternaddr = 203.0.113.5\n")
    root.file("etc/asterisk/evil\n[[set]]\n.conf", "externip = 203.0.113.5\n")
    root.file("etc/asterisk/musiconhold.conf", "[default]\nmode=files\ndirectory=moh\n[jazz]\n"
              "directory = /srv/jazz music\n[gone]\ndirectory=/srv/gone\n")
    root.link("etc/asterisk/dangling.conf", "/nowhere")
    root.link("etc/asterisk/features.conf", "../../var/www/html/admin/modules/features/etc/features.conf")
    root.link("etc/asterisk/inside.conf", "sip.conf")
    os.mkfifo(root.path("etc/asterisk/fifo.conf"))
    root.folder("etc/asterisk/directory.conf")
    root.file("etc/asterisk/unreadable.conf", "externip = 198.51.100.1\n")
    os.chmod(root.path("etc/asterisk/unreadable.conf"), 0)
    for number in range(40):
        root.file(f"srv/My Spool/voicemail/default/10{number:02}/INBOX/msg0000.txt", "x" * 100)
    root.link("srv/My Spool/monitor", "/srv/big disk/monitor")
    root.file("srv/big disk/monitor/2026/a.wav", "x" * 1000)
    root.link("srv/big disk/monitor/loop", "/srv/big disk")
    root.file("srv/My Spool/outgoing/now.call")
    root.folder("srv/My Spool/tmp")
    root.database("var/lib/asterisk/astdb.sqlite3")
    root.file("var/lib/asterisk/moh/a.wav")
    root.file("srv/jazz music/take5.wav")
    root.file("var/lib/asterisk/sounds/custom/hello.gsm")
    root.file("var/lib/asterisk/keys/acme.pub")
    root.folder("var/log/asterisk")
    if freepbx:
        root.file("etc/freepbx.conf",
                  "<?php\n$amp_conf['AMPDBUSER'] = 'freepbxuser';\n$amp_conf['AMPDBPASS'] = 's3cret-db';\n"
                  "$amp_conf['AMPDBHOST'] = 'localhost';\n$amp_conf['AMPDBNAME'] = 'asterisk';\n"
                  "$amp_conf['AMPMGRPASS'] = 's3cret-manager';\n")
        root.file("var/www/html/admin/index.php")
        root.folder("srv/My Spool/backup")
        root.file("tftpboot/0004f2.cfg", "password s3cret-sip")


def freeswitch(root, conf="etc/freeswitch", var="var/lib/freeswitch"):
    root.file(conf + "/freeswitch.xml", '<document type="freeswitch/xml">\n</document>\n')
    root.file(conf + "/vars.xml",
              '<include>\r\n <!-- <X-PRE-PROCESS cmd="set" data="external_sip_ip=203.0.113.7"/> -->\r\n'
              ' <X-PRE-PROCESS cmd="set" data="default_password=s3cret-sip"/>\r\n'
              ' <X-PRE-PROCESS cmd="set" data="media=/srv/My Media"/>\r\n'
              ' <X-PRE-PROCESS cmd="set" data="recordings_dir=$${media}/recordings"/>\r\n'
              ' <X-PRE-PROCESS cmd="set" data="external_rtp_ip=stun:stun.example.net"/>\r\n'
              ' <X-PRE-PROCESS cmd="set" data="unfinished\r\n</include>\r\n')
    root.file(conf + "/sip_profiles/external.xml",
              '<profile name="external">\n<settings>\n'
              '<param name="ext-rtp-ip" value="$${external_rtp_ip}"/>\n'
              '<param name="sip-ip" value="2001:db8:9::1"/>\n'
              '<!-- <param name="rtp-ip" value="192.0.2.77"/> -->\n'
              '</settings>\n</profile>\n')
    root.file(conf + "/autoload_configs/event_socket.conf.xml",
              '<param name="listen-ip" value="::1"/>\n<param name="password" value="s3cret-esl"/>\n')
    root.file(conf + "/autoload_configs/huge.conf.xml", '<param name="' + "x" * 100_000 + '"/>\n')
    root.link(conf + "/dangling.xml", "/nowhere")
    for number in range(12):
        root.file(f"{var}/storage/voicemail/default/example.net/10{number}/msg.wav", "x" * 10)
    root.database(f"{var}/storage/voicemail/stray.db")
    root.database(f"{var}/db/core.db")
    root.database(f"{var}/db/voicemail_default.db")
    root.file("srv/My Media/recordings/a.wav", "x")


class Init(unittest.TestCase):
    def setUp(self):
        self.root = Root(self)
        self.out = tempfile.mkdtemp(prefix="ha-init-out-")
        self.addCleanup(shutil.rmtree, self.out)
        self.cluster = os.path.join(self.out, "new", "cluster.toml")

    def init(self, kind, *more, check=0):
        return run("init", f"--from-{kind}", "--root", self.root.top, "--output", self.cluster, *more,
                   check=check)

    def text(self):
        with open(self.cluster, encoding="utf-8") as file:
            return file.read()

    def flat(self):
        """The text, with sentences that go over several lines on one."""
        return re.sub(r"\n#(?: |      )(?=[^ \[#])(?!later:|[a-z_]+ +=)", " ", self.text())

    def sets(self):
        """{name: {key: value}} of the sets that count, as the program reads them."""
        shown = run("-c", self.cluster, "-o", "fields", "config", "show", check=0).stdout
        out = {}
        for line in shown.splitlines():
            found = re.match(r'key=set\.([a-z0-9-]+)\.([a-z_]+) value=(.*)$', line)
            if found:
                out.setdefault(found[1], {})[found[2]] = found[3]
        return out

    def check_written(self):
        """Accepted, complete, private, without secrets, and a second init refuses."""
        checked = run("-c", self.cluster, "config", "check")
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.assertNotIn("error:", checked.stdout)
        node = os.path.join(self.out, "new", "node.toml")
        key = os.path.join(self.out, "new", "secrets", "site.curve")
        self.assertEqual(stat.S_IMODE(os.stat(key).st_mode), 0o600)
        for file in (self.cluster, node):
            with open(file, encoding="utf-8") as text:
                content = text.read()
            for secret in SECRETS:
                self.assertNotIn(secret, content, file)
        before = self.text()
        again = self.init("asterisk", check=1)
        self.assertIn("never overwritten", again.stderr)
        self.assertIn("--output", again.stderr)
        self.assertEqual(self.text(), before)

    # ------------------------------------------------------------ the three kinds
    def test_asterisk(self):
        asterisk(self.root)
        before = self.root.snapshot()
        done = self.init("asterisk")
        self.assertEqual(self.root.snapshot(), before, "init changed the PBX")
        self.assertIn("hareplicate", done.stdout)
        self.assertIn("invite OTHER-SITE", done.stdout)
        sets, text = self.sets(), self.text()
        self.assertIn("/srv/My Spool/voicemail", sets["voicemail"]["path"])
        self.assertIn("/srv/big disk/monitor", sets["recordings"]["path"])
        self.assertIn("/srv/jazz music", sets["moh-2"]["path"])
        self.assertEqual({"etc", "voicemail", "recordings", "sounds", "moh", "moh-2", "keys"}, set(sets))
        for part in ("leads here over a symbolic link", "/srv/gone: music on hold",
                     "outgoing: call files; left out, every site would dial them",
                     "astagidir is \"agi-bin\", which is no absolute path",
                     "includes /opt/site/trunks.conf", "runs /usr/local/bin/make-peers:", "# min_items = 60 ",
                     "# later: path = \"/var/lib/asterisk/astdb.sqlite3\"", "121 items",
                     "name      = \"fra1\"",
                     "huge.conf: a line of more than 8 kB", "file    = \"huge.conf\"",
                     "2 symbolic links lead out of it, dangling.conf first"):
            self.assertIn(part, self.flat())
        for place in ("pjsip.conf:2: external_media_address = 203.0.113.5",
                      "pjsip.conf:3: external_signaling_",
                      "pjsip.conf:6: local_net = 10.1.0.0", "pjsip.conf:8: bind = 2001:db8:7::5",
                      "sip.conf:1: externip", "huge.conf:2: externhost = pbx.example.net",
                      "latin.conf:2: externaddr", "evil\\x0a[[set]]\\x0a.conf:1: externip"):
            self.assertIn(place, text)
        self.assertEqual(text.count("this differs by site"), 9 if os.geteuid() == 0 else 8)
        self.assertNotIn("192.0.2.9", text)
        self.assertNotIn("0.0.0.0", text)
        self.check_written()

    def test_freepbx(self):
        asterisk(self.root, freepbx=True)
        self.init("freepbx", "--site", "nyc1", "--address", "tcp://nyc1.example.net:7401")
        sets, text = self.sets(), self.text()
        self.assertIn("/var/lib/asterisk/sounds", sets["sounds"]["path"])
        self.assertIn("/tftpboot", sets["provisioning"]["path"])
        for part in ("/var/www/html: FreePBX's web pages and modules; left out",
                     "/srv/My Spool/backup: FreePBX's backups; left out", "(user freepbxuser at localhost)",
                     "# later: tables = [\"asterisk.*\"]", "address   = [\"tcp://nyc1.example.net:7401\"]",
                     "*_custom.conf is yours"):
            self.assertIn(part, self.flat())
        self.assertFalse(any("/var/www" in each["path"] for each in sets.values()))
        self.check_written()
        self.assertIn("next: hareplicate init --from-freepbx",
                      run("init", "--root", self.root.top, check=2).stderr)
        self.assertIn("FreePBX is here too",
                      run("init", "--from-asterisk", "--root", self.root.top, "-n").stdout)

    def test_freeswitch(self):
        freeswitch(self.root)
        self.init("freeswitch")
        sets, text = self.sets(), self.text()
        self.assertEqual({"etc", "voicemail", "recordings"}, set(sets))
        self.assertIn("/srv/My Media/recordings", sets["recordings"]["path"])
        for part in ("vars.xml:2: external_sip_ip = 203.0.113.7", "external.xml:4: sip-ip = 2001:db8:9::1",
                     "\"/stray.db-journal\"", "/var/lib/freeswitch/db: FreeSWITCH's own databases; left out",
                     "# later: kind = \"sqlite\"", "fs_cli -x reloadxml"):
            self.assertIn(part, text)
        for part in ("192.0.2.77", "listen-ip = ::1"):
            self.assertNotIn(part, text)
        self.check_written()

    def test_freeswitch_from_source(self):
        freeswitch(self.root, "usr/local/freeswitch/conf", "usr/local/freeswitch")
        self.root.file("usr/local/freeswitch/sounds/hello.wav")
        self.init("freeswitch")
        sets = self.sets()
        self.assertIn("/usr/local/freeswitch/sounds", sets["sounds"]["path"])
        self.assertFalse(any(each["path"].strip('"').endswith("/db") for each in sets.values()))
        self.check_written()

    # ------------------------------------------------------------ odd machines
    def test_defaults_when_asterisk_conf_is_missing(self):
        self.root.file("etc/asterisk/extensions.conf", "[default]\n")
        self.root.folder("var/spool/asterisk/voicemail")
        self.init("asterisk")
        self.assertEqual({"etc", "voicemail"}, set(self.sets()))
        self.assertIn("asterisk.conf does not exist; Asterisk's defaults were taken", self.text())
        self.check_written()

    def test_a_missing_include_makes_asterisk_ignore_the_file(self):
        self.root.file("etc/asterisk/asterisk.conf",
                       "[directories]\nastspooldir = /srv/spool\n#include no.conf\n")
        self.root.folder("srv/spool/voicemail")
        self.root.folder("var/spool/asterisk/voicemail")
        self.init("asterisk")
        self.assertIn("/var/spool/asterisk/voicemail", self.sets()["voicemail"]["path"])
        self.assertIn("asterisk.conf:3 includes no.conf, which cannot be read; Asterisk then ignores",
                      self.flat())

    def test_spool_inside_the_configuration(self):
        self.root.file("etc/asterisk/asterisk.conf", "[directories]\nastspooldir = /etc/asterisk/spool\n"
                       "astdbdir = /etc/asterisk/db\nastlogdir = /etc/asterisk/log\n")
        self.root.folder("etc/asterisk/spool/voicemail")
        self.root.folder("etc/asterisk/spool/outgoing")
        self.root.folder("etc/asterisk/log")
        self.root.database("etc/asterisk/db/astdb.sqlite3")
        self.init("asterisk")
        sets = self.sets()
        self.assertEqual({"etc"}, set(sets))
        for part in ("/spool/outgoing/", "/log/", "/db/astdb.sqlite3-wal", "/db/astdb.sqlite3-shm",
                     "/db/astdb.sqlite3-journal", "/db/astdb.sqlite3\""):
            self.assertIn(part, self.text())
        self.assertIn("no set of its own, it lies in that of etc", self.flat())
        self.check_written()

    def test_our_own_directory_inside_the_configuration_is_no_set(self):
        self.root.file("etc/asterisk/asterisk.conf", "[directories]\nastetcdir = /etc\n")
        self.root.folder("var/spool/asterisk/voicemail")
        self.init("asterisk")
        self.assertEqual({"voicemail"}, set(self.sets()))
        self.assertIn("a whole part of the system", self.text())

    @unittest.skipIf(os.geteuid() == 0, "root reads everything")
    def test_a_file_without_rights_is_named(self):
        asterisk(self.root)
        self.init("asterisk")
        self.assertIn("unreadable.conf", self.text())

    # ------------------------------------------------------------ nothing to find, and wrong turns
    def test_nothing_there_names_the_next_command(self):
        for kind in ("asterisk", "freeswitch", "freepbx"):
            done = self.init(kind, check=1)
            self.assertIn("is here: ", done.stderr)
            self.assertIn("next: install the PBX first", done.stderr)
            self.assertEqual(len(done.stderr.strip().splitlines()), 2)
        freeswitch(self.root)
        self.assertIn("next: hareplicate init --from-freeswitch", self.init("asterisk", check=1).stderr)
        self.assertIn("next: hareplicate init --from-freeswitch",
                      run("init", "--root", self.root.top, check=2).stderr)
        self.assertFalse(os.path.exists(os.path.dirname(self.cluster)))

    def test_an_asterisk_without_any_tree_is_an_error_and_writes_nothing(self):
        self.root.folder("etc/asterisk")
        os.rename(self.root.path("etc/asterisk"), self.root.path("etc/other"))
        self.root.link("etc/asterisk", "/etc/other")
        self.root.file("etc/other/asterisk.conf", "[directories]\nastetcdir = /nowhere\n")
        done = self.init("asterisk", check=1)
        self.assertIn("nothing of Asterisk was found to replicate", done.stderr)
        self.assertFalse(os.path.exists(os.path.dirname(self.cluster)))

    def test_dry_run_prints_what_would_be_written_and_writes_nothing(self):
        asterisk(self.root)
        before = self.root.snapshot()
        done = self.init("asterisk", "--dry-run")
        self.assertFalse(os.path.exists(os.path.dirname(self.cluster)))
        self.assertEqual(self.root.snapshot(), before)
        os.mkdir(os.path.dirname(self.cluster))
        with open(self.cluster, "w", encoding="utf-8") as out:
            out.write(done.stdout)
        self.assertIn("voicemail", run("-c", self.cluster, "completion", "names", "sets", check=0).stdout)
        self.assertIn("Nothing was written", self.init("asterisk", "-n").stderr)

    def test_a_key_that_is_there_is_kept(self):
        asterisk(self.root)
        key = os.path.join(os.path.dirname(self.cluster), "secrets", "site.curve")
        os.mkdir(os.path.dirname(self.cluster))
        public = run("keys", "new", key, check=0).stdout.split('"')[1]
        with open(key, encoding="ascii") as file:
            secret = file.read()
        self.assertIn("kept, as it was there", self.init("asterisk").stdout)
        self.assertIn(f'"{public}"', self.text())
        with open(key, encoding="ascii") as file:
            self.assertEqual(file.read(), secret)
        self.check_written()

    def test_a_key_that_others_may_read_stops_it(self):
        asterisk(self.root)
        key = os.path.join(os.path.dirname(self.cluster), "secrets", "site.curve")
        os.mkdir(os.path.dirname(self.cluster))
        run("keys", "new", key, check=0)
        os.chmod(key, 0o644)
        self.init("asterisk", check=4)
        self.assertFalse(os.path.exists(self.cluster))

    def test_a_node_toml_that_is_there_stops_it(self):
        asterisk(self.root)
        os.mkdir(os.path.dirname(self.cluster))
        with open(os.path.join(os.path.dirname(self.cluster), "node.toml"), "w", encoding="utf-8") as out:
            out.write('site = "x"\n')
        self.assertIn("node.toml is there already", self.init("asterisk", check=1).stderr)
        self.assertFalse(os.path.exists(self.cluster))

    def test_wrong_names_and_addresses_are_refused_before_anything_is_written(self):
        asterisk(self.root)
        for words in (("--site", "New York"), ("--address", "nyc1:7400"), ("--address", "tcp://x"),
                      ("--site", 'a"\n[[set]]')):
            done = self.init("asterisk", *words, check=2)
            self.assertIn("would not be right", done.stderr)
        self.init("asterisk", "--from-freepbx", check=2)
        self.assertFalse(os.path.exists(os.path.dirname(self.cluster)))
        self.assertIn("--root", run("init", "--from-asterisk", "--root", "/nonexistent", check=1).stderr)

    def test_a_cluster_of_one_site_starts(self):
        """The replicator takes what init wrote, before there is a second site."""
        asterisk(self.root)
        self.init("asterisk")
        folder = os.path.dirname(self.cluster)
        run_dir = os.path.join(self.out, "run")
        state = os.path.join(self.out, "state")
        os.mkdir(run_dir)
        os.mkdir(state)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with open(self.cluster, encoding="utf-8") as file:
            text = re.sub(r'"tcp://[^"]*"', f'"tcp://127.0.0.1:{port}"', file.read())
        with open(self.cluster, "w", encoding="utf-8") as out:
            out.write(text)
        sets = self.sets()
        with open(os.path.join(folder, "node.toml"), "w", encoding="utf-8") as out:
            out.write(f'site = "fra1"\nlisten = "127.0.0.1"\nstate_dir = "{state}"\nrun_dir = "{run_dir}"\n'
                      "[override]\n")
            for name, each in sets.items():
                path = self.root.path(each["path"].replace("\\", "").strip('"').lstrip("/"))
                out.write(f'"set.{name}.path" = "{path}"\n')
        daemon = subprocess.Popen([os.path.abspath(sys.argv[3]), "--config", self.cluster],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            for _ in range(100):
                done = run("-c", self.cluster, "status")
                if done.returncode != 3:
                    break
                try:
                    daemon.wait(0.1)
                    self.fail("it ended: " + daemon.stderr.read())
                except subprocess.TimeoutExpired:
                    pass
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("fra1", done.stdout)
        finally:
            daemon.terminate()
            daemon.communicate(timeout=30)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
