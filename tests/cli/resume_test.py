#!/usr/bin/env python3
"""Kill a run with SIGKILL at 30 moments, half of them while a checkpoint is being written, and resume it: the weights must end with
the bytes, and metrics.jsonl with the lines, of a run that was never stopped.  usage: resume_test.py SSLRUN SOURCE_DIR"""
import gzip, json, os, random, signal, struct, subprocess, sys, tempfile, time

SSLRUN = sys.argv[1]
KILLS = 30
TIMED = ("images_per_s", "data_wait", "time_s")  # what a clock says differs from run to run
RECIPE = """
method: {name: simclr, temperature: 0.5, projector: {hidden_dim: 16, output_dim: 8}}
encoder: {name: resnet18, stem: cifar, width: 4}
data: {train: %s, val: %s}
augmentations:
  - views: 2
    ops:
      - random_resized_crop: {size: 12}
      - horizontal_flip: {p: 0.5}
      - color_jitter: {p: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1}
      - normalize: {mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25]}
optimizer: {name: lars, lr: 0.3, weight_decay: 1.0e-4}
schedule: {epochs: 6, warmup_epochs: 1}
train: {batch_size: 16, accumulate: 2, seed: 7, workers: 2}
eval: {knn: {every_epochs: 2, k: 5}}
checkpoint: {every_epochs: 1, every_minutes: 0.0005, keep_last: 2}
"""
STEPS = 6 * (168 // 16)


def write_idx(folder, stem, count, draw):
    with gzip.open(os.path.join(folder, stem + "-images-idx3-ubyte.gz"), "wb") as f:
        f.write(struct.pack(">IIII", 2051, count, 12, 12) + draw.randbytes(count * 144))
    with gzip.open(os.path.join(folder, stem + "-labels-idx1-ubyte.gz"), "wb") as f:
        f.write(struct.pack(">II", 2049, count) + bytes(i % 3 for i in range(count)))


def start(recipe, out):
    return subprocess.Popen([SSLRUN, "pretrain", recipe, "--out", out, "--devices", "cpu"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(recipe, out):
    process = start(recipe, out)
    words = process.communicate()[1].decode()
    if process.returncode != 0:
        sys.exit(f"FAILED: a run that nobody stopped ended with status {process.returncode}:\n{words}")


def result(out):
    with open(f"{out}/checkpoints/step-{STEPS:08d}/model.safetensors", "rb") as f:
        weights = f.read()
    lines = []
    with open(f"{out}/metrics.jsonl") as f:
        for line in f:
            record = json.loads(line)
            lines.append({k: v for k, v in record.items() if k not in TIMED})
    return weights, lines


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
        os.mkdir(data)
        write_idx(data, "train", 168, random.Random(1))
        write_idx(data, "t10k", 40, random.Random(2))
        recipe = os.path.join(folder, "recipe.yaml")
        with open(recipe, "w") as f:
            f.write(RECIPE % (data, data))
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
