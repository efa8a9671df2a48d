"""The rules of docs/architecture.md, "Floors". Each takes what Tree holds and yields "path:line: what"."""

import fnmatch
import os
import re

import layers_source

FILE_LINES_MAX, FUNCTION_LINES_MAX, COLUMNS_MAX = 500, 70, 110
TABLE_HEAD = "| stage | may also use | why |"
STAGE = ("common/base", "common/sys", "replicator/model")
# What every folder may include beside itself; docs/architecture.md grants the rest by name.
FLOORS = {
    "schemas": ("common/base",),
    "common/base": (),
    "common/sys": ("common/base",),
    "common/pbx": ("common/base", "common/sys"),
    "common/wire": ("common/base", "schemas"),
    "replicator/model": ("common/base", "common/sys"),
    **{"replicator/" + stage: STAGE for stage in ("index", "delta", "session", "source", "apply")},
    "replicator": ("common/base", "common/sys", "common/wire", "schemas", "version.h", "replicator/model",
                   *("replicator/" + stage for stage in ("index", "delta", "session", "source", "apply"))),
    "dnsupdater": ("common/base", "common/sys", "schemas", "version.h"),
    "failover/model": ("common/base",),
    "failover/lease": ("common/base", "common/sys", "failover/model"),
    "failover/sensors": ("common/base", "common/sys", "failover/model"),
    "failover/action": ("common/base", "common/sys", "failover/model"),
    "failover": ("common/base", "common/sys", "common/wire", "schemas", "version.h", "failover/model",
                 "failover/lease", "failover/sensors", "failover/action"),
    "tools/hareplicate": ("common/base", "common/sys", "version.h"),
    "tools/init": ("common/base", "common/sys"),
    "tools": ("common/base",),
}
PURE = {"replicator/model", "replicator/delta", "replicator/session", "failover/model"}
# The same for single modules of a folder that is not pure as a whole.
PURE_MODULES = {"dnsupdater/" + module
                for module in ("check_records", "check_zone", "doctor", "doctor_judge", "endpoint", "lease",
                               "mark", "operation", "plan", "policy", "pool", "pool_wish", "probe",
                               "rdata_text", "record", "rrset", "service", "swap", "wire", "wish")}
PURE_MODULES |= {"common/base/http", "common/base/json", "replicator/role_book"}
PURE_MODULES |= {"common/pbx/" + module
                 for module in ("ami", "ami_session", "ari", "asterisk", "esl", "esl_session", "event_queue",
                                "fields", "freeswitch", "input_buffer")}
PURE_MODULES |= {"failover/lease/" + module
                 for module in ("arbiter_check", "etcd_message", "etcd_swap", "lease_record")}
PURE_MODULES |= {"failover/sensors/" + module
                 for module in ("icmp_message", "pbx_text", "plugin_output", "proc_text", "sip_message",
                                "sntp_message")}
PURE_MODULES |= {"failover/action/events", "failover/action/guard_rules"}
# What a pure folder may use of common/sys: bytes in, bytes out.
PURE_SYS = {"common/sys/digest.h", "common/sys/unique.h", "common/sys/zstd.h"}
# Beside these, what has no dot and is not listed in IMPURE is the C++ library.
SYSTEM_FOLDERS = ("sys/", "linux/", "netinet/", "arpa/", "net/", "asm/", "bits/")
SYSTEM_HEADERS = {"dirent.h", "dlfcn.h", "endian.h", "errno.h", "fcntl.h", "fnmatch.h", "getopt.h", "grp.h",
                  "limits.h", "netdb.h", "poll.h", "pthread.h", "pwd.h", "sched.h", "signal.h", "spawn.h",
                  "stdbool.h", "stdint.h", "stdio.h", "stdlib.h", "string.h", "syslog.h", "termios.h",
                  "time.h", "ucontext.h", "unistd.h"}
PURE_STD = set("""algorithm array bit bitset cassert cctype cerrno charconv chrono climits cmath compare
    concepts cstddef cstdint cstdlib cstring deque exception functional initializer_list iterator limits list
    map memory new
    numeric optional queue random set span stack stdexcept string string_view tuple type_traits typeinfo
    unordered_map unordered_set utility variant vector""".split())
CLOCK = re.compile(r"_clock::now\b|\bclock_gettime\s*\(|\bgettimeofday\s*\("
                   r"|(?<![\w.>])time\s*\(\s*(?:0|nullptr|NULL|&)")
SLEEP = re.compile(r"\bsleep_for\b|\bsleep_until\b|(?<![\w.>])u?sleep\s*\(|\bnanosleep\s*\(")
ENTROPY = re.compile(r"\brandom_device\b|\bgetrandom\s*\(|\bgetenv\s*\(")
# Folders in which every header is a library of its own.
SEVERAL_IN_ONE = {"boost", "openssl", "systemd"}
CLOCK_HEADER = "common/base/clock.h"
# Test code that runs real processes; everything else in tests/ has no clock and does not sleep.
TESTS_IN_REAL_TIME = ("tests/support", "tests/e2e", "tests/bench", "tests/fuzz")


class Tree:
    """The sources below a root, and what docs/architecture.md grants."""

    def __init__(self, root):
        self.root = root
        self.sources = layers_source.read_tree(root)
        self.code = [source for source in self.sources if source.is_code]
        self.paths = {source.path for source in self.sources}
        self.grants = {folder: list(patterns) for folder, patterns in FLOORS.items()}
        for folder, patterns in read_grants(os.path.join(root, "docs", "architecture.md")):
            if folder not in self.grants:
                raise ValueError(f"docs/architecture.md grants something to {folder}, which is on no floor")
            self.grants[folder] += patterns

    def exists(self, name):
        """In the tree, or generated from something in the tree."""
        generated = re.sub(r"\.pb\.h$", ".proto", name)
        return name in self.paths or generated in self.paths or \
            os.path.exists(os.path.join(self.root, name + ".in")) or \
            os.path.exists(os.path.join(self.root, "cmake", name + ".in"))


def read_grants(path):
    """(folder, patterns of what it may include too) for each row of the table below TABLE_HEAD."""
    with open(path, encoding="utf-8") as file:
        lines = iter(file.read().splitlines())
    if TABLE_HEAD not in lines:  # reads up to there
        raise ValueError(f"{path} has no table that begins with: {TABLE_HEAD}")
    next(lines, None)
    for line in lines:
        if not line.startswith("|"):
            break
        stage, granted = (cell.strip(" `") for cell in line.strip("|").split("|")[:2])
        yield folder_of(stage), [folder_of(name.strip(" `")) for name in granted.split(",")]


def folder_of(word):
    """The folder, or for the configuration the headers, that a word of the table means."""
    if word in ("replicator/config", "dnsupdater/config"):
        return word + "*.h"
    return "replicator/" + word if "replicator/" + word in FLOORS else word


def allowed(name, patterns):
    return any(fnmatch.fnmatch(name, pattern) if "." in pattern else os.path.dirname(name) == pattern
               for pattern in patterns)


def includes(tree):
    """Upward includes, folders on no floor, and includes that do not start at the root."""
    for source in tree.code:
        if source.path.startswith("tests/"):
            row = None
        elif source.folder in tree.grants:
            row = tree.grants[source.folder]
        else:
            yield f"{source.path}:1: {source.folder} is on no floor: see FLOORS in layers_rules.py"
            continue
        for line, name, quoted in source.includes:
            if not quoted:
                continue
            if not tree.exists(name):
                yield f"{source.path}:{line}: \"{name}\" is not a path from the root"
            elif row is not None and os.path.dirname(name) != source.folder and not allowed(name, row):
                yield f"{source.path}:{line}: {source.folder} may not include {name}"


def cycles(tree):
    """Include cycles of files, and of the folders by what they are granted."""
    graph = {source.path: [name for _, name, quoted in source.includes if quoted] for source in tree.code}
    yield from (f"{found[0]}:1: include cycle: {' -> '.join(found)}" for found in find_cycles(graph))
    folders = {folder: [pattern for pattern in patterns if pattern in tree.grants]
               for folder, patterns in tree.grants.items()}
    yield from (f"docs/architecture.md:1: the grants make a cycle: {' -> '.join(found)}"
                for found in find_cycles(folders))


def find_cycles(graph):
    done, path = set(), []

    def visit(node):
        if node in path:
            yield path[path.index(node):] + [node]
        elif node not in done and node in graph:
            path.append(node)
            for below in graph[node]:
                yield from visit(below)
            path.pop()
            done.add(node)

    for node in sorted(graph):
        yield from visit(node)


def sizes(tree):
    """Files, functions and lines that are too long."""
    for source in tree.sources:
        if len(source.lines) > FILE_LINES_MAX:
            yield f"{source.path}:1: {len(source.lines)} lines, at most {FILE_LINES_MAX}"
        for line, lines in source.functions():
            if lines > FUNCTION_LINES_MAX:
                yield f"{source.path}:{line}: function of {lines} lines, at most {FUNCTION_LINES_MAX}"
        for number, text in enumerate(source.lines, 1):
            if len(text) > COLUMNS_MAX:
                yield f"{source.path}:{number}: {len(text)} columns, at most {COLUMNS_MAX}"


def purity(tree):
    """I/O, threads and clocks where they do not belong."""
    for source in tree.code:
        pure = source.folder in PURE or os.path.splitext(source.path)[0] in PURE_MODULES
        if pure:
            for line, name, quoted in source.includes:
                if not quoted and name not in PURE_STD and not is_third_party(name):
                    yield f"{source.path}:{line}: <{name}> in the pure folder {source.folder}"
                if name.startswith("common/sys/") and name not in PURE_SYS:
                    yield f"{source.path}:{line}: {name} in the pure folder {source.folder}"
            yield from calls(source, ENTROPY, f"in the pure folder {source.folder}")
        if source.path == CLOCK_HEADER or source.path.startswith(TESTS_IN_REAL_TIME):
            continue
        yield from calls(source, CLOCK, f"outside {CLOCK_HEADER}")
        if source.path.startswith("tests/") or pure:
            yield from calls(source, SLEEP, "where time is passed in")


def calls(source, pattern, where):
    for found in pattern.finditer(source.blank):
        yield f"{source.path}:{source.line_of(found.start())}: {found.group().strip()} {where}"


def is_third_party(name):
    return name not in SYSTEM_HEADERS and not name.startswith(SYSTEM_FOLDERS) and \
        (name.endswith((".h", ".hpp")) or "/" in name)


def third_party(tree):
    """A library's headers are included in one .cpp; generated protobuf headers in .cpp files only."""
    homes = {}
    for source in tree.code:
        for line, name, quoted in source.includes:
            # The command line is the control protocol's other end; nothing else includes its headers.
            own = source.path.startswith("tools/hareplicate/")
            if name.endswith(".pb.h") and source.path.endswith(".h") and not own:
                yield f"{source.path}:{line}: {name} in a header"
            if quoted or not is_third_party(name) or name.startswith("boost/test/"):
                continue
            parts = name.split("/")
            library = "/".join(parts[:2]) if parts[0] in SEVERAL_IN_ONE else parts[0]
            first = homes.setdefault(library, source.path)
            if source.path.endswith(".h"):
                yield f"{source.path}:{line}: <{name}> in a header"
            elif first != source.path:
                yield f"{source.path}:{line}: <{name}> is wrapped by {first}"


RULES = {"includes": includes, "cycles": cycles, "sizes": sizes, "purity": purity, "third_party": third_party}
