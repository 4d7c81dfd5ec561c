#!/usr/bin/env python3
"""Kill runs of several methods, in one process and in two, with SIGKILL at random moments, half of them while a checkpoint is being written, and resume them: the weights
must end with the bytes, and metrics.jsonl with the lines, of a run that was never stopped.  SSLRUN_TEST_KILLS: how many kills (default 10);
SSLRUN_TEST_SEED: of the moments.  usage: resume_test.py SSLRUN SOURCE_DIR"""
import itertools, os, random, signal, subprocess, tempfile, time

from tiny_run import RECIPE, STEPS, end, expect, fail, ranks_of, result, start_ranks, write_data, write_recipe

KILLS = int(os.environ.get("SSLRUN_TEST_KILLS", 10))
SEED = int(os.environ.get("SSLRUN_TEST_SEED", time.time_ns()))
SIMCLR, LARS = "{name: simclr, temperature: 0.5, projector: {hidden_dim: 16, output_dim: 8}}", "{name: lars, lr: 0.3, weight_decay: 1.0e-4}"
SGD, ADAMW = "{name: sgd, lr: 0.05, momentum: 0.9, weight_decay: 5.0e-4}", "{name: adamw, lr: 1.0e-3, weight_decay: 0.04}"
METHODS = {  # gradients that are accumulated in two passes, a queue, a moving average, prototypes; three optimizers
    "simclr": (SIMCLR, LARS, "2, accumulate_negatives: full"),
    "moco": ("{name: moco, momentum: 0.9, queue: 64}", SGD, 1),
    "byol": ("{name: byol, momentum: 0.9, projector: {hidden_dim: 16, output_dim: 8}, predictor_hidden_dim: 16}", ADAMW, 1),
    "swav": ("{name: swav, prototypes: 12, projector: {hidden_dim: 16, output_dim: 8}, queue: 32, queue_from_epoch: 1}", SGD, 1),
    "vicreg": ("{name: vicreg, projector: {hidden_dim: 16, output_dim: 16}}", LARS, 1),
}


def recipe_text(method, optimizer, accumulate):
    text = RECIPE
    for old, new in ((SIMCLR, method), (LARS, optimizer), ("accumulate: 2", f"accumulate: {accumulate}")):
        expect(old in text, f"tiny_run.RECIPE must hold '{old}'")
        text = text.replace(old, new)
    return text


def temporary(out):
    try:
        return any(".tmp-" in name for name in os.listdir(f"{out}/checkpoints"))
    except FileNotFoundError:
        return False


def kill(process, draw):
    """Kills the process, or one of those that it has started: the others end with it."""
    try:
        os.kill(draw.choice([process.pid, *ranks_of(process)]), signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        pass
    process.communicate()


def kill_while_saving(process, out, draw):
    """Kills while the n-th checkpoint is being written. True when a half-written one is left."""
    for _ in range(draw.randrange(1, 12)):
        while temporary(out) and process.poll() is None:
            time.sleep(0.0005)
        while not temporary(out) and process.poll() is None:
            time.sleep(0.0005)
    kill(process, draw)
    return temporary(out)


def kill_sometime(process, out, draw, seconds):
    """Kills at a random moment between the first step and the end."""
    while not os.path.exists(f"{out}/metrics.jsonl") and process.poll() is None:
        time.sleep(0.001)
    try:
        process.wait(draw.random() * seconds)
    except subprocess.TimeoutExpired:
        pass
    kill(process, draw)
    return process.returncode != 0


class Undisturbed:
    """A whole run of a method, what it ends with and how long it takes."""

    def __init__(self, folder, name, ranks):
        self.name, self.recipe, self.devices = f"{name} in {ranks} processes", f"{folder}/{name}.yaml", f"cpu:{ranks}"
        out = f"{folder}/{name}-{ranks}"
        write_recipe(self.recipe, f"{folder}/data", recipe_text(*METHODS[name]))
        begun = time.monotonic()
        end(self.start(out))
        self.seconds = time.monotonic() - begun
        self.expected = result(out)
        evaluated = [r["step"] for r in self.expected[1] if "knn_top1" in r]
        expect(evaluated == [STEPS // 3, 2 * STEPS // 3, STEPS], f"k-NN was not evaluated where it should be: {self.expected[1]}")

    def start(self, out):
        return start_ranks(self.recipe, out, devices=self.devices)


def main():
    print(f"seed {SEED}")
    draw = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        write_data(f"{folder}/data")
        whole, hits = {}, {True: 0, False: 0}
        names = list(METHODS)  # an odd number: each meets one process and two
        for number in itertools.count():
            if sum(hits.values()) >= KILLS:
                break
            if number > 2 * KILLS + len(names):
                fail(f"only {hits} of {KILLS} kills met their moment")
            place = names[number % len(names)], 1 + number % 2
            run = whole.get(place) or whole.setdefault(place, Undisturbed(folder, *place))
            out = f"{folder}/run{number}"
            for saving in (True, False):  # killed twice, then left alone
                process = run.start(out)
                hits[saving] += kill_while_saving(process, out, draw) if saving else kill_sometime(process, out, draw, 0.5 * run.seconds)
            end(run.start(out))
            expect(result(out) == run.expected, f"a run of {run.name} killed twice and resumed differs (seed {SEED}, run {number})")
        print(f"resumed bit-equal after {sum(hits.values())} kills over {len(whole)} pairs of a method and a number of processes, {hits[True]} of them while a checkpoint was being written")


main()
