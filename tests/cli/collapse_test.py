#!/usr/bin/env python3
"""What `sslrun pretrain` does when training fails: warns once and goes on, or ends (diagnostics.on_collapse).
usage: collapse_test.py SSLRUN SOURCE_DIR"""
import glob, json, os, tempfile

from tiny_run import RECIPE, STEPS, end, ends, expect, metrics, start, write_data, write_recipe

# VICReg without its variance term: nothing holds the embeddings apart.
COLLAPSING = RECIPE.replace("{name: simclr, temperature: 0.5, projector: {hidden_dim: 16, output_dim: 8}}",
                            "{name: vicreg, invariance: 25, variance: 0, covariance: 1, projector: {hidden_dim: 16, output_dim: 8}}"
                            ).replace("name: lars, lr: 0.3, weight_decay: 1.0e-4", "name: sgd, lr: 0.02")
HEALTHY = COLLAPSING.replace("variance: 0", "variance: 25")
VERDICT = "the embeddings have collapsed"
SAID = (VERDICT, "standard deviation", "below 0.05 for 20 steps", "healthy is 1", "optimizer.lr")  # figure, threshold, cause, key


def verdicts(words):
    return [line for line in words.splitlines() if VERDICT in line]


def main():
    with tempfile.TemporaryDirectory() as work:
        data, recipe = f"{work}/data", f"{work}/recipe.yaml"
        write_data(data)
        write_recipe(recipe, data, COLLAPSING)

        warned = end(start(recipe, f"{work}/warn"))
        expect(len(verdicts(warned)) == 1, f"one line must tell of the collapse:\n{warned}")
        expect(all(phrase in verdicts(warned)[0] for phrase in SAID), f"{SAID} must be in:\n{warned}")
        expect(metrics(f"{work}/warn")[-1]["step"] == STEPS, "a warning must not end the run")

        out = f"{work}/stop"
        command = (recipe, out, "--set", "diagnostics.on_collapse=stop", "--set", "schedule.epochs=12")  # long enough to collapse twice
        ends(start(*command), 6, *SAID, "diagnostics.on_collapse: stop")
        with open(f"{out}/status.json") as f:
            status = json.load(f)
        expect(status["state"] == "failed" and VERDICT in json.dumps(status), f"status.json must say why it ended: {status}")
        saved = sorted(glob.glob(f"{out}/checkpoints/step-????????/MANIFEST.json"))
        step = int(os.path.basename(os.path.dirname(saved[-1]))[5:])
        expect(0 < step < 2 * STEPS, f"a checkpoint from before the end must stand, got step {step}")
        words = ends(start(*command), 6, VERDICT)
        expect(f"going on from step {step}" in words, f"the checkpoint must be what the same command goes on from:\n{words}")

        write_recipe(recipe, data, HEALTHY)
        words = end(start(recipe, f"{work}/healthy", "--set", "diagnostics.on_collapse=stop"))
        expect(not verdicts(words), f"a healthy run must not be told of a collapse:\n{words}")
    print("collapse: one warning and the run goes on, or status 6 with figure, threshold, cause and key and the checkpoint that stands")


main()
