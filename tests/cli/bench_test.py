"""sslrun bench as a script meets it: one JSON object a line, exit codes.  usage: bench_test.py SSLRUN SOURCE_DIR"""
import json
import subprocess
import sys
import tempfile

sslrun = sys.argv[1]


def run(*arguments):
    return subprocess.run([sslrun, "bench", *arguments], capture_output=True, text=True, check=False)


names = [case["name"] for case in json.loads(run("list", "--json").stdout)]
assert {"decode_imagenet256", "views_simclr", "ntxent_8192x128", "simclr_rn18_32_b256", "startup_first_step"} <= set(names), names
wrong = run("views_simclrr")
assert wrong.returncode == 2 and "did you mean 'views_simclr'" in wrong.stderr, wrong
with tempfile.TemporaryDirectory() as empty:
    none = run("loader", "--data", empty)
    assert none.returncode == 4 and none.stdout == "" and empty in none.stderr, none
step = run("step", "--method", "simsiam", "--reps", "1", "--threads", "1", "--json")
assert step.returncode == 0, step
assert json.loads(step.stdout)["case"] == "step_simsiam" and json.loads(step.stdout)["unit"] == "views/s", step
done = run("startup", "decode_imagenet256", "--reps", "2", "--threads", "1", "--json")
assert done.returncode == 0, done
lines = [json.loads(line) for line in done.stdout.splitlines()]
assert [line["case"] for line in lines] == ["startup_first_step", "decode_imagenet256"], lines
for line in lines:
    assert line["tool"] == "sslrun" and line["reps"] == 2 == len(line["samples"]) and line["rss_mb"] > 1, line
    assert 0 < line["min"] <= line["median"] <= line["max"], line
two = run("processes", "--reps", "1", "--threads", "2", "--json")
assert two.returncode == 0, two
rates = [json.loads(line) for line in two.stdout.splitlines()]
assert [line["unit"] for line in rates] == ["images/s", "images/s", "x"] and all(line["median"] > 0 for line in rates), rates
assert lines[0]["unit"] == "s" and lines[1]["unit"] == "images/s", lines
