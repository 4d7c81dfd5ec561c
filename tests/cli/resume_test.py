#!/usr/bin/env python3
"""Kill a run with SIGKILL at 30 moments, half of them while a checkpoint is being written, and resume it: the weights must end with
the bytes, and metrics.jsonl with the lines, of a run that was never stopped.  usage: resume_test.py SSLRUN SOURCE_DIR"""
import os, random, signal, subprocess, sys, tempfile, time

from tiny_run import STEPS, fail, finish, result, start, write_data, write_recipe

KILLS = 30


def temporary(out):
    try:
        return any(".tmp-" in name for name in os.listdir(f"{out}/checkpoints"))
    except FileNotFoundError:
        return False


def kill_while_saving(process, out, draw):
    """Kills while the n-th checkpoint is being written. True when a half-written one is left."""
    for _ in range(draw.randrange(1, 12)):
        while temporary(out) and process.poll() is None:
            pass
        while not temporary(out) and process.poll() is None:
            pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return temporary(out)


def kill_sometime(process, out, draw, seconds):
    """Kills at a random moment between the first step and the end."""
    while not os.path.exists(f"{out}/metrics.jsonl") and process.poll() is None:
        pass
    try:
        process.wait(draw.random() * seconds)
    except subprocess.TimeoutExpired:
        pass
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def main():
    draw = random.Random(time.time_ns() if "SSLRUN_TEST_SEED" not in os.environ else int(os.environ["SSLRUN_TEST_SEED"]))
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "data")
        write_data(data)
        recipe = os.path.join(folder, "recipe.yaml")
        write_recipe(recipe, data)
        whole = os.path.join(folder, "whole")
        finish(recipe, whole)
        begun = time.monotonic()
        again = os.path.join(folder, "again")
        finish(recipe, again)
        seconds = time.monotonic() - begun
        expected = result(whole)
        if result(again) != expected:
            sys.exit("FAILED: two runs that nobody stopped differ")
        if [r["step"] for r in expected[1] if "knn_top1" in r] != [STEPS // 3, 2 * STEPS // 3, STEPS]:
            sys.exit(f"FAILED: k-NN was not evaluated where it should be: {expected[1]}")
        hits = {True: 0, False: 0}
        tries = 0
        while sum(hits.values()) < KILLS:
            tries += 1
            if tries > 4 * KILLS:
                sys.exit(f"FAILED: only {hits} of {KILLS} kills met their moment")
            saving = hits[True] < KILLS // 2 and (hits[False] >= KILLS - KILLS // 2 or tries % 2 == 0)
            out = os.path.join(folder, f"run{tries}")
            process = start(recipe, out)
            met = kill_while_saving(process, out, draw) if saving else kill_sometime(process, out, draw, 0.7 * seconds)
            finish(recipe, out)
            if result(out) != expected:
                sys.exit(f"FAILED: a run killed {'while saving' if saving else 'in training'} and resumed differs (try {tries})")
            hits[saving] += met
        print(f"resumed bit-equal after {KILLS} kills, {hits[True]} of them while a checkpoint was being written ({tries} tries)")


main()
