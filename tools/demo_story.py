"""What the demo does and says, in order."""

import contextlib
import subprocess
import sys
import time

import cluster
import contestants
import demo_failover
import demo_stage

COLUMNS = (("", 38), ("replicator", 12), ("MB", 10), ("rsync -z", 12), ("MB", 10))
KILL_PAUSE_SECONDS = 2


class Story:
    def __init__(self, seconds_max):
        self.began = time.monotonic()
        self.ends = self.began + seconds_max
        self.rows = []  # (what, seconds, bytes, rsync's seconds, rsync's bytes)

    def say(self, text):
        print(f"{time.monotonic() - self.began:7.1f} s  {text}", flush=True)

    def left(self):
        """Seconds until it has to end; raises when there are none."""
        left = self.ends - time.monotonic()
        if left <= 0:
            raise cluster.Deadline("the show would take more than three minutes on this machine")
        return left

    def table(self):
        print()
        print("".join(title.ljust(width) if not title else title.rjust(width) for title, width in COLUMNS))
        for what, *figures in self.rows:
            line = what.ljust(COLUMNS[0][1])
            for number, figure in enumerate(figures):
                line += shown(figure, number % 2 == 0).rjust(COLUMNS[number + 1][1])
            print(line)
        print("Time until the last changed file is in place; bytes on the link, both ways, headers and all.",
              flush=True)


def shown(figure, is_time):
    if figure is None:
        return "-"
    return f"{figure:.1f} s" if is_time else f"{figure / 1e6:.2f}"


def tell(build, seconds_max, stay):
    """Returns the exit code."""
    story = Story(seconds_max)
    interrupted = False
    try:
        with demo_stage.Stage(build) as stage:
            try:
                stage.open()
                show(story, stage)
                if stay:
                    look_around(stage)
            except KeyboardInterrupt:
                interrupted = not stay
                print()
        bad = list(stage.promise.bad)
        if not interrupted and not stay:
            bad += demo_failover.tell(story, build)
    except (cluster.Deadline, cluster.Died, demo_failover.Deadline, RuntimeError, OSError,
            subprocess.SubprocessError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    for what in bad:
        print(f"demo: not as it should be: {what}", file=sys.stderr)
    print("Stopped; nothing is left behind." if not bad else "Stopped.")
    return 1 if bad else 130 if interrupted else 0


def show(story, stage):
    introduce(story, stage)
    first_load(story, stage)
    edits(story, stage)
    large_file(story, stage)
    killed_replica(story, stage)
    story.say("what the operator sees: hareplicate status")
    print(stage.hareplicate("status"))
    story.table()


def introduce(story, stage):
    if stage.path:
        link = demo_stage.PATH
        story.say(f"Two sites, fra1 and nyc1, with an ocean between them: {link['--rtt']} round trip, "
                  f"{link['--rate']}, {link['--loss']} loss, {stage.congestion}.")
    else:
        story.say("Left out: the emulated ocean and rsync over it; they need "
                  f"{' and '.join(demo_stage.has_ocean())}. Both sites run on the loopback.")
    things, size = stage.fill()
    story.say(f"At fra1 there are {things:,} files and directories, {size / 1e6:.0f} MB: telephone sounds, "
              f"a copy of /etc, one file of {demo_stage.LARGE_BYTES >> 20} MiB.")


def arrive(story, stage, files, started):
    """Until these files are at nyc1 as they are at fra1; returns the seconds since `started`."""
    contestants.wait_for(stage.target, contestants.facts_of(stage.source, files), story.left())
    took = time.monotonic() - started
    stage.sites.wait("fra1 says in sync", stage.in_sync, story.left())
    return took


def settle(story, stage, what):
    """In sync and equal; says so."""
    deadline = time.monotonic() + min(15, story.left())
    while True:
        try:
            story.say(f"{what} Compared: {stage.equal_things():,} things are equal.")
            return
        except cluster.Deadline:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


def by_rsync(story, stage):
    """(seconds, bytes) that rsync needs to do the same, or nothing when it is left out."""
    if not stage.rsync:
        return None, None
    before = stage.bytes()
    took = stage.rsync.run(*demo_stage.RSYNC_OPTIONS, limit_s=story.left())
    return took, stage.bytes() - before


def row(story, stage, what, took, before):
    sent = stage.bytes() - before
    settle(story, stage, f"Done in {took:.1f} s with {sent / 1e6:.2f} MB.")
    theirs = by_rsync(story, stage)
    if theirs[0] is not None:
        story.say(f"The same by rsync: {theirs[0]:.1f} s, {theirs[1] / 1e6:.2f} MB.")
    story.rows.append((what, took, sent, *theirs))


def first_load(story, stage):
    story.say("First load: both replicators start; nyc1 is empty.")
    files, before, started = stage.all_files(), stage.bytes() if stage.path else 0, time.monotonic()
    stage.sites.start()
    took = arrive(story, stage, files, started)
    row(story, stage, f"first load, {len(files):,} files", took, before)


def edits(story, stage):
    before, started = stage.bytes(), time.monotonic()
    files = stage.edit_configuration()
    story.say(f"Edits: {len(files)} configuration files get a line more.")
    row(story, stage, f"{len(files)} small files edited", arrive(story, stage, files, started), before)


def large_file(story, stage):
    before = stage.bytes()
    files = stage.edit_large()
    started = time.monotonic()
    story.say("A large file changes in the middle: 64 KiB are new, 100 bytes are inserted before the rest.")
    row(story, stage, f"{demo_stage.LARGE_BYTES >> 20} MiB file changed in the middle",
        arrive(story, stage, files, started), before)


def killed_replica(story, stage):
    before, started = stage.bytes(), time.monotonic()
    files = stage.add_recordings()
    total = demo_stage.RECORDINGS * demo_stage.RECORDING_BYTES
    story.say(f"{len(files)} recordings appear, {total / 1e6:.0f} MB. "
              "Half way nyc1's replicator gets a kill -9.")
    stage.sites.wait("half of the recordings are sent", lambda: stage.bytes() - before > total / 2,
                     story.left(), 0.05)
    stage.replica.kill()
    killed_after = time.monotonic() - started
    time.sleep(KILL_PAUSE_SECONDS)
    story.say(f"Killed after {killed_after:.1f} s; started again {KILL_PAUSE_SECONDS} s later.")
    stage.replica.start()
    took = arrive(story, stage, files, started)
    sent = stage.bytes() - before
    settle(story, stage, f"Resumed; complete {took:.1f} s after the recordings appeared, "
                         f"with {sent / 1e6:.2f} MB in all.")
    theirs = rsync_killed(story, stage, killed_after)
    story.rows.append((f"{total / 1e6:.0f} MB, receiver killed half way", took, sent, *theirs))


def rsync_killed(story, stage, killed_after):
    if not stage.rsync:
        return None, None
    before, started = stage.bytes(), time.monotonic()
    with contextlib.suppress(subprocess.TimeoutExpired):
        stage.rsync.run(*demo_stage.RSYNC_OPTIONS, limit_s=killed_after)
    time.sleep(KILL_PAUSE_SECONDS)
    stage.rsync.run(*demo_stage.RSYNC_OPTIONS, limit_s=story.left())
    took, sent = time.monotonic() - started, stage.bytes() - before
    story.say("The same by rsync, killed at the same moment and run again: "
              f"{took:.1f} s, {sent / 1e6:.2f} MB.")
    return took, sent


def look_around(stage):
    program = f"{stage.build}/tools/hareplicate/hareplicate"
    print(f"""
Both sites keep running. Try, in another terminal:
  {program} -c {stage.origin.folder}/cluster.toml status
  {program} -c {stage.replica.folder}/cluster.toml history
  date > {stage.source}/hello; sleep 1; cat {stage.target}/hello
  tail -f {stage.replica.log_path}""")
    if stage.path:
        print(f"  {stage.build}/tools/wanem ctl {stage.path.control} set both partition on    (and off)")
    print("Press Enter or Ctrl-C to end.", flush=True)
    sys.stdin.readline()
