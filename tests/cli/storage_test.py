#!/usr/bin/env python3
"""A run whose storage refuses writes, by the shim tests/support/fault_shim.c: training goes on without a record, with one warning; the last
checkpoint stays whole; a last save that cannot be made ends the command with status 8; and the time limit of a job ends it, saved, with 75.
usage: storage_test.py SSLRUN SOURCE_DIR"""
import errno, os, tempfile, time

from tiny_run import SSLRUN, end, ends, expect, finish, result, start, write_data, write_recipe

SHIM = os.path.join(os.path.dirname(os.path.abspath(SSLRUN)), "tests/libsslrun_fault_shim.so")
ALL = -1


def faulty(recipe, out, path, first, count, kind):
    """A run in which the calls first .. first + count - 1 that change a path with this text are refused with errno `kind`."""
    fault = f"{path} {first} {count} {kind}"
    return start(recipe, out, env=os.environ | {"LD_PRELOAD": SHIM, "SSLRUN_FAULT": fault})


def warnings(words):
    return [line for line in words.splitlines() if line.startswith("warning:")]


def check_records(recipe, work, whole):
    out = f"{work}/metrics"
    words = end(faulty(recipe, out, "write:metrics.jsonl", 2, 3, errno.ENOSPC))
    expect(result(out) == whole, f"lines that a full disk refused must be written when it is not full any more:\n{words}")
    told = warnings(words)
    expect(len(told) == 1 and "metrics.jsonl is not written" in told[0] and "free some space" in told[0], f"one warning must tell it:\n{words}")
    expect("metrics.jsonl is written again" in words, f"and the end of the trouble too:\n{words}")
    for name, kind, what in (("tfevents", errno.EIO, "the TensorBoard record is not written"), ("status.json", errno.EROFS, "status.json is not written"),
                             ("previews", errno.EDQUOT, "a file beside the checkpoints is not written")):
        out = f"{work}/run{kind}"  # its own name must not hold that of the file
        words = end(faulty(recipe, out, name, 3 if name == "tfevents" else 1, ALL, kind))
        if name == "tfevents":
            expect(len(warnings(words)) == 1, f"one warning, not one a step:\n{words}")
        expect(what in words and result(out) == whole, f"training must go on without {name}:\n{words}")


def check_checkpoints(recipe, work, whole):
    out = f"{work}/once"
    words = end(faulty(recipe, out, "write:checkpoints/step-", 2, 1, errno.ENOSPC))
    told = warnings(words)
    expect(len(told) == 1 and "no checkpoint can be written" in told[0] and "free some space" in told[0], f"one warning must tell it:\n{words}")
    expect(result(out) == whole and not any(".tmp-" in name for name in os.listdir(f"{out}/checkpoints")), "and the run ends as ever")

    out = f"{work}/always"
    words = ends(faulty(recipe, out, f"{out}/", 150, ALL, errno.EDQUOT), 8, "could not be saved", "is the newest checkpoint", "quota",
                 "give the same command again")
    expect(len(warnings(words)) <= 6, f"trouble is told once for each of six kinds of file:\n{words}")
    finish(recipe, out)
    expect(result(out)[0] == whole[0], "the run goes on from the last whole checkpoint and ends with the same bits")


def check_time_limit(recipe, work, whole):
    out = f"{work}/limit"
    environment = os.environ | {"SLURM_JOB_ID": "1", "SLURM_JOB_END_TIME": str(int(time.time()) + 30)}
    ends(start(recipe, out, env=environment), 75, "the job's time ends in", "saved at step 1 of")
    finish(recipe, out)
    expect(result(out) == whole, "a run that its job's limit ended goes on to the same end")


def main():
    with tempfile.TemporaryDirectory() as work:
        write_data(f"{work}/data")
        recipe = f"{work}/recipe.yaml"
        write_recipe(recipe, f"{work}/data")
        finish(recipe, f"{work}/whole")
        whole = result(f"{work}/whole")
        check_records(recipe, work, whole)
        check_checkpoints(recipe, work, whole)
        check_time_limit(recipe, work, whole)
    print("storage: refused writes cost a warning, no step and no checkpoint; a job's limit ends in a save")


main()
