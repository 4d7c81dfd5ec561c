#!/usr/bin/env python3
"""Bad files while `sslrun pretrain` runs: too many stop it and it can go on, what was bad before a stop stays replaced, and a tenth of the
files deleted or replaced meanwhile are counted.  usage: faults_test.py SSLRUN SOURCE_DIR"""
import json, os, random, shutil, signal, tempfile

from tiny_run import RECIPE, end, ends, expect, fail, finish, png, result, start, wait_for_steps, write_recipe

IMAGES = 64  # four whole batches: an epoch sees each


def write_photos(folder):
    draw = random.Random(3)
    for i in range(IMAGES):
        os.makedirs(f"{folder}/{'ab'[i % 2]}", exist_ok=True)
        with open(f"{folder}/{'ab'[i % 2]}/{i}.png", "wb") as f:
            f.write(png(draw))
    return sorted(os.path.join(d, f) for d, _, files in os.walk(folder) for f in files)


def recipe_of(path, photos, epochs):
    text = RECIPE.replace("epochs: 6,", f"epochs: {epochs},").replace("data: {train: %s, val: %s}", "data: {train: %s}  # %s")
    text = text.replace("every_epochs: 1, every_minutes: 0.0005", "every_epochs: 2")
    write_recipe(path, photos, text)
    return path


def bad_of(out):
    with open(f"{out}/bad_images.jsonl") as f:
        lines = [json.loads(line) for line in f]
    expect(len({line["path"] for line in lines}) == len(lines), f"each bad image must be listed once, got {lines}")
    return {line["path"]: line["reason"].split(":")[0] for line in lines}


def check_too_many(work):
    photos, out = f"{work}/many", f"{work}/many-run"
    files = write_photos(photos)
    recipe = recipe_of(f"{work}/many.yaml", photos, 2)
    for file in files[:3]:
        os.truncate(file, 40)
    for file in files[3:6]:
        os.remove(file)
        os.symlink("nowhere", file)
    words = ends(start(recipe, out), 4, "at most 4 of 64 images may be unusable (data.max_bad_fraction: 0.05)", "truncated", "cannot be read",
                 f"{out}/bad_images.jsonl", "raise data.max_bad_fraction")
    expect(len(bad_of(out)) >= 5, f"the images that stopped the run must be listed:\n{words}")
    with open(f"{out}/status.json") as f:
        expect(json.load(f)["state"] == "failed", "status.json must say failed")
    ends(start(recipe, out, "--set", "data.max_bad_fraction=0"), 4, "at most 0 of 64")
    ends(start(recipe, f"{out}-fail", "--set", "data.truncated=fail", "--set", "data.max_bad_fraction=1"), 4, "no image may be cut", "truncated")
    words = finish(recipe, out, "--set", "data.max_bad_fraction=0.1")
    expect("6 images could not be used" in words and len(bad_of(out)) == 6, f"with a higher limit the same run goes on:\n{words}")


def check_stays_replaced(work):
    photos, epochs = f"{work}/stays", 10
    files = write_photos(photos)
    recipe = recipe_of(f"{work}/stays.yaml", photos, epochs)
    with open(files[5], "rb") as f:
        whole_file = f.read()
    os.truncate(files[5], 40)
    finish(recipe, f"{work}/whole")
    process = start(recipe, f"{work}/again")
    wait_for_steps(process, f"{work}/again", 3)
    process.send_signal(signal.SIGTERM)
    ends(process, 143, "saved at step")
    with open(files[5], "wb") as f:
        f.write(whole_file)
    finish(recipe, f"{work}/again")
    steps = epochs * IMAGES // 16
    expect(result(f"{work}/again", steps) == result(f"{work}/whole", steps), "an image that was bad before the stop must stay replaced")


def check_changing_folder(work):
    """A tenth of the files goes while the run reads them: half deleted, half replaced by another picture."""
    for epochs in (12, 120, 1200):  # enough that the run still reads when the last one has gone
        photos, out = f"{work}/changing", f"{work}/changing-run"
        shutil.rmtree(photos, ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)
        files = write_photos(photos)
        recipe = recipe_of(f"{work}/changing.yaml", photos, epochs)
        process = start(recipe, out, "--set", "data.max_bad_fraction=0.1")
        wait_for_steps(process, out, 2)  # an epoch is over: every file was read
        want = {}
        for i, file in enumerate(files[: len(files) // 10]):
            name = os.path.relpath(file, photos)
            if i % 2:
                os.remove(file)
                want[name] = "cannot be read"
            else:
                with open(f"{work}/new.png", "wb") as f:
                    f.write(png(random.Random(100 + i)))
                os.replace(f"{work}/new.png", file)
                want[name] = "changed"
        with open(f"{out}/metrics.jsonl") as f:
            reached = json.loads(f.readlines()[-1])["epoch"]
        words = end(process)
        if reached > epochs - 3:
            continue
        expect(bad_of(out) == want, f"expected the bad images {want}, got {bad_of(out)}")
        expect(f"{len(want)} images could not be used" in words, f"they must be counted at the end:\n{words}")
        return
    fail("the run was always over before its files had changed")


def main():
    with tempfile.TemporaryDirectory() as work:
        check_too_many(work)
        check_stays_replaced(work)
        check_changing_folder(work)
    print("faults: too many bad images, one repaired meanwhile and a folder that changes as they should be")


main()
