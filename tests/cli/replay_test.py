#!/usr/bin/env python3
"""`sslrun replay` runs a logged step again to the bit, from a checkpoint or from the start, says so, and leaves the run folder as it was.
usage: replay_test.py SSLRUN SOURCE_DIR"""
import json, os, subprocess, tempfile

from tiny_run import SSLRUN, STEPS, expect, finish, metrics, write_data, write_recipe


def replay(out, step, *more):
    return subprocess.run([SSLRUN, "replay", out, "--step", str(step), "--devices", "cpu", *more], capture_output=True, text=True)


def files(folder):
    return {os.path.join(d, f): os.stat(os.path.join(d, f)).st_mtime_ns for d, _, names in os.walk(folder) for f in names}


def main():
    with tempfile.TemporaryDirectory() as work:
        write_data(f"{work}/data")
        recipe, out = f"{work}/recipe.yaml", f"{work}/run"
        write_recipe(recipe, f"{work}/data")
        finish(recipe, out)
        before = files(out)
        recorded = {line["step"]: line for line in metrics(out) if "loss" in line}
        for step, source in ((1, "the start"), (30, "the start"), (STEPS, "step-000000")):
            done = replay(out, step, "--json")
            expect(done.returncode == 0, done.stderr)
            got = json.loads(done.stdout)
            expect(got["equal"] is True and got["loss"] == recorded[step]["loss"] and got["from"].startswith(source), f"step {step}: {got}")
            expect(len(got["samples"]) == 16 == len(set(got["samples"])), f"step {step} must name its images: {got}")
        words = replay(out, 7).stdout
        expect("has no line of this step" in words and "samples" in words, words)
        expect(files(out) == before, "replay must leave the run folder as it was")
        refused = replay(out, STEPS + 1)
        expect(refused.returncode == 2 and f"1 to {STEPS}" in refused.stderr, refused.stderr)
        with open(f"{out}/metrics.jsonl") as f:
            text = f.read()
        with open(f"{out}/metrics.jsonl", "w") as f:
            f.write(text.replace(str(recorded[30]["loss"]), "1.5"))
        words = replay(out, 30).stdout
        expect("differs: loss 1.5" in words, words)
    print("replay: logged steps come out to the bit, and nothing in the folder changes")


main()
