#!/usr/bin/env python3
"""A rank of `sslrun pretrain` that is stopped: the others name it and end; one that goes on in time is waited for; a holder that wakes too late
writes nothing.
usage: peers_test.py SSLRUN SOURCE_DIR"""
import os, re, signal, socket, tempfile, time

from tiny_run import RECIPE, STEPS, ends, expect, ranks_of, result, start, start_ranks, wait_for_steps, write_data, write_recipe

QUICK = RECIPE.replace("workers: 2}", "workers: 1, precision: fp32}")
LONG = QUICK.replace("epochs: 6, warmup_epochs: 1", "epochs: 5000, warmup_epochs: 1").replace("every_minutes: 0.0005, ", "").replace(
    "batch_size: 16", "batch_size: 18")
TIMEOUT_MIN = 0.15  # long enough for a step beside other tests
LEASE_OVERDUE_S = 31  # three renewals of a folder's lock


def stop_rank(work, rank):
    """Starts three ranks and stops one of them for good."""
    out = f"{work}/stopped-{rank}"
    launcher = start_ranks(f"{work}/long.yaml", out, "--peer-timeout", str(TIMEOUT_MIN), devices="cpu:3")
    wait_for_steps(launcher, out, 3)
    os.kill(ranks_of(launcher)[rank], signal.SIGSTOP)
    return launcher, time.monotonic()


def check_named(rank, launcher, since):
    """In words: who, where, at which step, doing what."""
    words = ends(launcher, 9, f"no sign of life from rank {rank} on '{socket.gethostname()}'")
    named = re.search(r"no sign of life from rank (\d+) on '[^']+' \(step (\d+), ([a-z ]+) for \d+ s\)", words)
    expect(named and int(named[2]) >= 3 and words.count("no sign of life from rank") == words.count(f"no sign of life from rank {rank} "),
           f"machine, step and phase of rank {rank} alone must be named:\n{words}")
    print(f"rank {rank} stopped at step {named[2]} ({named[3]}): all ended after {time.monotonic() - since:.1f} s, time-out {60 * TIMEOUT_MIN:.0f} s")


def check_pause(work):
    """A rank that stands still for less than the time-out costs nothing but time."""
    undisturbed = start_ranks(f"{work}/recipe.yaml", f"{work}/undisturbed")
    ends(undisturbed, 0)
    out = f"{work}/paused"
    launcher = start_ranks(f"{work}/recipe.yaml", out)
    wait_for_steps(launcher, out, 2)
    paused = ranks_of(launcher)[1]
    for _ in range(5):
        os.kill(paused, signal.SIGSTOP)
        while open(f"/proc/{paused}/stat").read().rsplit(")", 1)[1].split()[0] != "T":
            pass
        os.kill(paused, signal.SIGCONT)
    ends(launcher, 0, "done")
    expect(result(out, STEPS) == result(f"{work}/undisturbed", STEPS), "a pause must not change a bit")


def stop_holder(work):
    """Stops a run, and takes its folder over as a process of another host would."""
    out = f"{work}/stale"
    holder = start(f"{work}/long.yaml", out)
    wait_for_steps(holder, out, 3)
    holder.send_signal(signal.SIGSTOP)
    return holder, out


def check_stale_holder(holder, out):
    """Once it goes on it writes no line and no status: the folder is another's."""
    while time.time() - os.stat(f"{out}/LOCK").st_mtime < LEASE_OVERDUE_S:
        time.sleep(0.1)
    with open(f"{out}/LOCK", "w") as f:
        f.write("process 1 on elsewhere since 2026-01-01T00:00:00Z\nelsewhere 1 1 another\n")
    with open(f"{out}/status.json", "w") as f:
        f.write("another's")
    with open(f"{out}/metrics.jsonl") as f:
        lines = f.read()
    holder.send_signal(signal.SIGCONT)
    ends(holder, 9, "was taken over by another process (process 1 on elsewhere")
    with open(f"{out}/status.json") as status, open(f"{out}/metrics.jsonl") as metrics:
        expect(status.read() == "another's" and metrics.read() == lines, "a process whose folder was taken over must write nothing there")


def main():
    with tempfile.TemporaryDirectory() as work:
        write_data(f"{work}/data")
        write_recipe(f"{work}/recipe.yaml", f"{work}/data", QUICK)
        write_recipe(f"{work}/long.yaml", f"{work}/data", LONG)
        check_pause(work)
        stale = stop_holder(work)
        stopped = {rank: stop_rank(work, rank) for rank in (0, 1)}
        for rank, (launcher, since) in stopped.items():
            check_named(rank, launcher, since)
        check_stale_holder(*stale)


main()
