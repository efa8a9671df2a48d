"""What tests/models/run searches: each case a model, its flags, and what has to come of it.

Safe: the whole of what the flags span has been searched, and every statement of the model was reached.
Error: an assertion fails, or with `ends` that property: the model was broken on purpose.
Partly: no error within the bounds, which do not suffice for all.
"""

import dataclasses

ENDS = {"fast": "ends", "nplusx": "live"}  # what comes to pass in the end, by model


@dataclasses.dataclass(frozen=True)
class Case:
    model: str
    flags: str                  # of spin, without -D
    result: str = "safe"
    quick: bool = False
    ends: str = ""              # the property that is searched instead of the assertions
    seconds: int = 20           # of CPU; over 20: compiled with optimization
    megabytes: int = 4000
    depth: int = 1_000_000      # of the search; 54 bytes of memory for each


def safe(model, flags, quick=False, **bounds):
    return Case(model, flags, "safe", quick, **bounds)


def error(model, flags, quick=False, **bounds):
    return Case(model, flags, "error", quick, **bounds)


def partly(model, flags, **bounds):
    return Case(model, flags, "partly", **bounds)


def in_the_end(made, model, flags, quick=False, **bounds):
    return made(model, flags, quick, ends=ENDS[model], **bounds)


LONG = {"seconds": 600, "depth": 15_000_000}
PART = {"seconds": 90, "depth": 15_000_000}
PROMISES = "FAILSAFE ONEASKS DR=0"
FAST = "FAILSAFE FAST ONEASKS DR=0"

LEASE = [
    safe("lease", "", quick=True),
    safe("lease", "PAUSE FREEZE KILL OFF", quick=True),
    safe("lease", "L=3 PAUSE FREEZE KILL OFF", seconds=60),
    safe("lease", "L=4 DR=2 PAUSE FREEZE KILL OFF", **LONG),
    safe("lease", "N=3", depth=2_000_000, seconds=60),
    safe("lease", "N=3 PAUSE", **LONG),
    safe("lease", "N=3 FREEZE", **LONG),
    safe("lease", "N=3 KILL", **LONG),
    safe("lease", "N=3 OFF", **LONG),
    error("lease", "W=4", quick=True),
    error("lease", "L=3 W=5"),
    error("lease", "N=3 W=4", depth=2_000_000),
    error("lease", "PAUSE NOGUARD", quick=True),
    error("lease", "KILL NOGUARD"),
    error("lease", "FREEZE NORESUMECHECK", quick=True),
    error("lease", "FROMREPLY", quick=True),
    error("lease", "NOSEQ", quick=True),
    error("lease", "KILL NOADOPT"),
    error("lease", "OFF KILL NOADOPT"),
    error("lease", "OFF OFFSTALE", quick=True),
]

FAILSAFE = [
    safe("lease", PROMISES, quick=True),
    safe("lease", "FAILSAFE", **LONG),
    safe("lease", "FAILSAFE PAUSE", **LONG),
    safe("lease", "FAILSAFE KILL OFF", **LONG),
    safe("lease", "FAILSAFE FREEZE", **LONG),
    safe("lease", "FAILSAFE JOURNAL", **LONG),
    safe("lease", "FAILSAFE ELIGIBLE", **LONG),
    safe("lease", "N=3 " + PROMISES, **LONG),
    safe("lease", "N=3 ELIGIBLE NOTRANSFER L=1 " + PROMISES, **LONG),
    partly("lease", "N=3 ELIGIBLE " + PROMISES, **PART),
    safe("lease", "UNRESOLVED " + PROMISES),
    safe("lease", "N=3 UNRESOLVED " + PROMISES, **LONG),
    error("lease", "FAILSAFE TP=4", quick=True),
    error("lease", "TP=2 " + PROMISES),
    error("lease", "FAILSAFE ONESHORT", quick=True),
    error("lease", "N=3 ONESHORT " + PROMISES, seconds=60),
    error("lease", "OLDANSWER " + PROMISES),
    error("lease", "REACTIVATE " + PROMISES, quick=True),
    error("lease", "ELIGIBLE DROPEARLY " + PROMISES, quick=True),
    error("lease", "ELIGIBLE ADDOTHERS " + PROMISES),
]

FAST_MODE = [
    safe("lease", "FAST", quick=True),
    safe("lease", "FAST PAUSE FREEZE KILL OFF", seconds=60),
    safe("lease", FAST, quick=True),
    safe("lease", "FAILSAFE FAST DR=0", seconds=60),
    safe("lease", "FAILSAFE FAST ONEASKS", **LONG),
    partly("lease", "FAILSAFE FAST", **PART),
    safe("lease", "PAUSE FREEZE KILL " + FAST, **LONG),
    safe("lease", "JOURNAL " + FAST, seconds=60),
    safe("lease", "ELIGIBLE " + FAST, **LONG),
    safe("lease", "NOEPOCH " + FAST),
    partly("lease", "N=3 " + FAST, **PART),
    error("lease", "FAST OVERLAP", quick=True),
    error("lease", "FAST FROMREPLY"),
    error("lease", "FAST PAUSE NOGUARD"),
    error("lease", "FAST FREEZE NORESUMECHECK"),
    error("lease", "TP=2 " + FAST, quick=True),
    error("lease", "UNBOUND " + FAST, quick=True),
    error("lease", "FORGETFUL " + FAST, quick=True),
    error("lease", "UNRESOLVED " + FAST, quick=True),
    error("lease", "STALEASK " + FAST),
    error("lease", "JOURNAL NOEPOCH " + FAST),
    error("lease", "ELIGIBLE ADDANYTIME " + FAST),
    error("lease", "ONESHORT " + FAST),
    safe("fast", "N=2 E=3", quick=True),
    safe("fast", "N=2 E=6", **LONG),
    safe("fast", "E=3", **LONG),
    partly("fast", "", **PART),
    in_the_end(safe, "fast", "N=2 E=3", quick=True),
    in_the_end(safe, "fast", "E=3", **LONG),
    error("fast", "BLIND", quick=True),
    error("fast", "UNCHECKED", quick=True),
    error("fast", "AMNESIA"),
    error("fast", "EARLY"),
    error("fast", "DEAF"),
    error("fast", "BACKWARDS"),
    error("fast", "OVERLAP"),
    in_the_end(error, "fast", "N=2 E=3 DEAF", quick=True),
]

N_PLUS_X = [
    safe("nplusx", "MAXCRASH=1", quick=True),
    safe("nplusx", "", **LONG),
    in_the_end(safe, "nplusx", "MAXCRASH=0", quick=True),
    in_the_end(safe, "nplusx", "MAXCRASH=1", **LONG),
    in_the_end(safe, "nplusx", "", **LONG),
    safe("nplusx", "NOHANDBACK", **LONG),
    in_the_end(safe, "nplusx", "NOHANDBACK MAXCRASH=1", **LONG),
    error("nplusx", "TRUSTING", quick=True),
    in_the_end(error, "nplusx", "SLOWSTART", quick=True),
]

CASES = LEASE + FAILSAFE + FAST_MODE + N_PLUS_X
