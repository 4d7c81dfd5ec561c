#!/usr/bin/env python3
"""What `sslrun pretrain` leaves in its folder, and what it says and with which status it ends where something is wrong.
usage: pretrain_test.py SSLRUN SOURCE_DIR"""
import glob, json, os, random, resource, shutil, signal, subprocess, tempfile

from tiny_run import RECIPE, SSLRUN, STEPS, ends, expect, finish, metrics, png, result, start, wait_for_steps, write_data, write_recipe

LONG = RECIPE.replace("epochs: 6, warmup_epochs: 1", "epochs: 5000, warmup_epochs: 1").replace("every_minutes: 0.0005, ", "")


def listing(folder):
    return {os.path.relpath(os.path.join(d, f), folder) for d, _, files in os.walk(folder) for f in files}


def checkpoints(out):
    return sorted(glob.glob(f"{out}/checkpoints/step-????????"))


def check_finished_run(work, recipe):
    out = f"{work}/finished"
    words = finish(recipe, out)
    expect("\r" not in words and "\x1b" not in words, f"a pipe must get plain lines, got:\n{words!r}")
    have = listing(out)
    for name in ("recipe.yaml", "recipe.resolved.yaml", "data.manifest", "env.json", "metrics.jsonl", "log/rank0.jsonl", "status.json",
                 f"checkpoints/step-{STEPS:08d}/model.safetensors"):
        expect(name in have, f"the run folder must hold {name}, and holds {sorted(have)}")
    expect(any(n.startswith("tensorboard/events.out.tfevents.") for n in have), f"no TensorBoard events in {sorted(have)}")
    expect(any(n.endswith(".png") for n in have), f"no picture of the views in {sorted(have)}")
    for name in have:
        if name.endswith(".jsonl"):
            with open(f"{out}/{name}") as f:
                for line in f:
                    json.loads(line)
    lines = [r for r in metrics(out) if "loss" in r]
    expect(all(r["weight_decay"] == 1.0e-4 and r["momentum"] == 0.9 and 0 <= r["lr"] <= 0.3 for r in lines), f"the rates of every step, got {lines[-1]}")
    steps = [r["step"] for r in lines]
    expect(steps == sorted(set(steps)) and steps[-1] == STEPS, f"every step once and in order, got {steps}")
    with open(f"{out}/status.json") as f:
        expect(json.load(f)["state"] == "done", "status.json must say done")
    before = result(out)
    words = finish(recipe, out)
    expect("finished" in words and "--overwrite" in words, f"the same command again must say that the run is finished:\n{words}")
    expect(result(out) == before, "the same command again must change nothing")
    finish(recipe, out, "--overwrite")
    expect(result(out) == before, "--overwrite must train the same run afresh")
    return out


def check_probes(out, data):
    for command in ("knn", "linear-probe"):
        done = subprocess.run([SSLRUN, command, out, "--json"], capture_output=True, text=True)
        expect(done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stderr}")
        found = json.loads(done.stdout)
        expect(any("top1" in key for key in found), f"{command} --json must give a top-1 accuracy, got {found}")
        done = subprocess.run([SSLRUN, command, data, "--json"], capture_output=True, text=True)
        expect(done.returncode in (2, 5) and data in done.stderr,
               f"{command} of a folder without a run: status {done.returncode}:\n{done.stderr}")


def check_refusals(work, recipe, data, finished):
    before = result(finished)
    ends(start(recipe, finished, "--set", "optimizer.lr=0.1", "--set", "method.temperature=0.2"), 3,
         "optimizer.lr: 0.3 -> 0.1", "method.temperature: 0.5 -> 0.2", "--overwrite")
    other = f"{work}/other-data"
    shutil.copytree(data, other)
    shutil.copy(f"{other}/t10k-images-idx3-ubyte.gz", f"{other}/train-images-idx3-ubyte.gz")
    shutil.copy(f"{other}/t10k-labels-idx1-ubyte.gz", f"{other}/train-labels-idx1-ubyte.gz")
    ends(start(recipe, finished, "--set", f"data.train={other}"), 4, "--overwrite")
    expect(result(finished) == before, "a refused command must change nothing")

    foreign = f"{work}/foreign"
    os.mkdir(foreign)
    with open(f"{foreign}/thesis.tex", "w") as f:
        f.write("five years")
    ends(start(recipe, foreign), 2, foreign, "--out")
    ends(start(recipe, foreign, "--overwrite"), 2, foreign)
    expect(listing(foreign) == {"thesis.tex"}, "a folder of somebody else's files must stay as it was")

    none = f"{work}/none"
    for device, status in (("banana", 2), ("cuda:99", 10)):
        process = subprocess.Popen([SSLRUN, "pretrain", recipe, "--out", none, "--devices", device], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        ends(process, status, device.split(":")[0])
    ends(start(recipe, none, "--dry-run"), 0, "nothing was written")
    ends(start(f"{work}/absent.yaml", none), 3, "absent.yaml")
    expect(not os.path.exists(none), "a dry run and a refused command must write nothing")


def check_signals(work, recipe):
    long = f"{work}/long.yaml"
    write_recipe(long, f"{work}/data", LONG)
    plain = {k: v for k, v in os.environ.items() if not k.startswith("SLURM_")}
    batch = {**plain, "SLURM_JOB_ID": "7"}
    held = None
    for name, number, environment, status in (("int", signal.SIGINT, plain, 130), ("term", signal.SIGTERM, plain, 143),
                                              ("usr1", signal.SIGUSR1, plain, 75), ("slurm", signal.SIGTERM, batch, 75)):
        out = f"{work}/signal-{name}"
        process = start(long, out, env=environment)
        wait_for_steps(process, out, 3)
        if held is None:
            held = ends(start(long, out), 8, f"process {process.pid} on", "--out")
        process.send_signal(number)
        words = ends(process, status, "saved at step", f"sslrun pretrain {long} --out {out}")
        step = int(words.split("saved at step ")[1].split()[0])
        expect(checkpoints(out)[-1].endswith(f"step-{step:08d}"), f"the words say step {step}, and there are {checkpoints(out)}")
        with open(f"{out}/status.json") as f:
            expect(json.load(f)["state"] == "stopped", "status.json must say stopped")


def check_damaged_checkpoints(work, recipe, finished):
    want = result(finished)
    newest = os.path.basename(checkpoints(finished)[-1])

    def truncate(path):
        os.truncate(path, os.path.getsize(path) // 2)

    def turn_bit(path):
        with open(path, "r+b") as f:
            f.seek(os.path.getsize(path) * 2 // 3)
            byte = f.read(1)[0]
            f.seek(-1, os.SEEK_CUR)
            f.write(bytes([byte ^ 4]))

    for damage in (truncate, turn_bit, os.remove):
        for name in sorted(os.listdir(f"{finished}/checkpoints/{newest}")):
            out = f"{work}/damaged"
            shutil.copytree(finished, out)
            damage(f"{out}/checkpoints/{newest}/{name}")
            words = finish(recipe, out)
            expect(newest in words and "going on from step" in words, f"{damage.__name__} {name} must be said, got:\n{words}")
            expect(result(out) == want, f"after {damage.__name__} {name} the older checkpoint must lead to the same end")
            shutil.rmtree(out)
    shutil.copytree(finished, f"{work}/all-damaged")
    for folder in checkpoints(f"{work}/all-damaged"):
        truncate(f"{folder}/model.safetensors")
    ends(start(recipe, f"{work}/all-damaged"), 5, newest, "--overwrite")


def check_cache(work, recipe):
    want = result(f"{work}/finished")
    for cache in ("packed", "ram"):
        out = f"{work}/{cache}"
        words = finish(recipe, out, "--set", f"data.cache={cache}")
        expect(f"data.cache: {cache}, in up to" in words, f"the cache must say how much memory it takes:\n{words}")
        expect(result(out) == want, f"data.cache: {cache} must not change what is computed")
    with open(f"{work}/ram/metrics.jsonl") as f:
        last = [json.loads(line) for line in f if "loss" in line][-1]
    expect(all(last[key] >= 0 for key in ("read_ms", "decode_ms", "augment_ms")) and 0 <= last["loader_idle"] <= 1,
           f"metrics.jsonl must hold the loader's stages, got {last}")


def check_full_disk(work, recipe, data):
    want = result(f"{work}/finished")
    out = f"{work}/full"
    limit = 60_000  # bytes of one file: less than the weights need

    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    ends(start(recipe, out, preexec_fn=limited), 8, "cannot write", out, "ulimit -f")
    finish(recipe, out)
    expect(result(out) == want, "with the limit gone the same command must end as if nothing had been")


def check_damaged_images(work):
    draw = random.Random(3)
    for i in range(36):
        folder = f"{work}/photos/{'ab'[i % 2]}"
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/{i}.png", "wb") as f:
            f.write(png(draw))
    whole = f"{work}/photos/a/0.png"
    os.truncate(whole, os.path.getsize(whole) // 2)
    with open(f"{work}/photos/b/letter.jpg", "w") as f:
        f.write("not a picture, only named like one")
    recipe, out = f"{work}/photos.yaml", f"{work}/photos-run"
    write_recipe(recipe, f"{work}/photos")
    words = finish(recipe, out)
    expect("2 images could not be used" in words and "bad_images.jsonl" in words, f"damaged images must be counted in the words:\n{words}")
    with open(f"{out}/bad_images.jsonl") as f:
        bad = {line["path"]: line for line in map(json.loads, f)}
    expect(set(bad) == {"a/0.png", "b/letter.jpg"}, f"bad_images.jsonl must list the two damaged files once, and lists {bad}")


def check_not_finite(work, recipe):
    out = f"{work}/nonfinite"
    keys = ("--set", "optimizer.name=sgd", "--set", "optimizer.lr=1.0e38", "--set", "checkpoint.every_minutes=15")
    ends(start(recipe, out, *keys), 6, "nonfinite.json")
    have = [n for n in listing(out) if n.endswith("nonfinite.json")]
    expect(have, f"nonfinite.json must be in {sorted(listing(out))}")
    with open(f"{out}/{have[0]}") as f:
        broken = json.load(f)
    with open(f"{out}/status.json") as f:
        expect(json.load(f)["state"] == "failed", "status.json must say failed")
    again = subprocess.run([SSLRUN, "replay", out, "--step", str(broken["step"]), "--devices", "cpu", "--json"], capture_output=True, text=True)
    expect(again.returncode == 0, again.stderr)
    replayed = json.loads(again.stdout)
    expect(None in (replayed["loss"], replayed["grad_norm"]) and replayed["samples"] == broken["samples"], f"replay must show the broken step: {replayed}")
    # The weights are at fault, and no batch: nothing helps.
    ends(start(recipe, out, *keys, "--set", "train.on_nonfinite=skip"), 6, "train.on_nonfinite: skip", "as 9 before it")
    ends(start(recipe, f"{work}/rollback", *keys, "--set", "train.on_nonfinite=rollback"), 6, "checkpoint to go back to")


def check_clip(work, recipe):
    def weights(name, *keys):
        sets = ("optimizer.name=sgd", "optimizer.weight_decay=0", "schedule.epochs=1", "schedule.warmup_epochs=0", *keys)
        finish(recipe, f"{work}/{name}", *(part for key in sets for part in ("--set", key)))
        return result(f"{work}/{name}", STEPS // 6)[0]

    still = weights("still", "optimizer.lr=1.0e-300")
    expect(weights("clipped", "optimizer.clip.norm=1.0e-300") == still, "gradients cut to nothing must leave the weights as they are")
    expect(weights("free") != still, "gradients that are not cut must move the weights")


def main():
    with tempfile.TemporaryDirectory() as work:
        data, recipe = f"{work}/data", f"{work}/recipe.yaml"
        write_data(data)
        write_recipe(recipe, data)
        finished = check_finished_run(work, recipe)
        check_probes(finished, data)
        check_cache(work, recipe)
        check_refusals(work, recipe, data, finished)
        check_signals(work, recipe)
        check_damaged_checkpoints(work, recipe, finished)
        check_full_disk(work, recipe, data)
        check_damaged_images(work)
        check_not_finite(work, recipe)
        check_clip(work, recipe)
    print("pretrain: files, refusals, signals, damaged checkpoints, full disk, damaged images, a loss that is not finite and gradients that are cut as they should be")


main()
