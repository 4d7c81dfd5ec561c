"""A run of a second or two for the command's tests: recipe, data, and what to do with the process."""
import gzip, json, os, random, struct, subprocess, sys, time, zlib

SSLRUN = sys.argv[1]
os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # tests share the machine: a thread that waits must not keep a processor
TIMED = ("images_per_s", "data_wait", "read_ms", "decode_ms", "augment_ms", "loader_idle", "time_s")  # what a clock says differs from run to run
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
TRAIN_IMAGES, VAL_IMAGES = 168, 40
STEPS = 6 * (TRAIN_IMAGES // 16)
PLAIN = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SSLRUN_", "OMPI_", "PMI"))}


def write_idx(folder, stem, count, draw):
    with gzip.open(os.path.join(folder, stem + "-images-idx3-ubyte.gz"), "wb") as f:
        f.write(struct.pack(">IIII", 2051, count, 12, 12) + draw.randbytes(count * 144))
    with gzip.open(os.path.join(folder, stem + "-labels-idx1-ubyte.gz"), "wb") as f:
        f.write(struct.pack(">II", 2049, count) + bytes(i % 3 for i in range(count)))


def write_data(folder):
    os.makedirs(folder)
    write_idx(folder, "train", TRAIN_IMAGES, random.Random(1))
    write_idx(folder, "t10k", VAL_IMAGES, random.Random(2))


def write_recipe(path, data, text=RECIPE):
    with open(path, "w") as f:
        f.write(text % (data, data))


def fail(words):
    sys.exit(f"FAILED: {words}")


def start(recipe, out, *more, **options):
    """The process of a run on the CPU; its words wait in stderr."""
    return subprocess.Popen([SSLRUN, "pretrain", recipe, "--out", out, "--devices", "cpu", *more],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)


def start_ranks(recipe, out, *more, devices="cpu:2", **variables):
    """The launcher of a run in several processes."""
    return subprocess.Popen([SSLRUN, "pretrain", recipe, "--out", out, "--devices", devices, *more], stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, env={**PLAIN, **variables})


def ranks_of(launcher):
    """The processes of the ranks in the order of their start."""
    with open(f"/proc/{launcher.pid}/task/{launcher.pid}/children") as f:
        return [int(pid) for pid in f.read().split()]


def end(process):
    """The words of a started run, which must end well."""
    words = process.communicate()[1].decode()
    if process.returncode != 0:
        fail(f"a run that nobody stopped ended with status {process.returncode}:\n{words}")
    return words


def finish(recipe, out, *more):
    """Runs to the end; the words."""
    return end(start(recipe, out, *more))


def metrics(out):
    """The lines of metrics.jsonl without what a clock says."""
    with open(f"{out}/metrics.jsonl") as f:
        return [{k: v for k, v in json.loads(line).items() if k not in TIMED} for line in f]


def result(out, steps=STEPS):
    """What a run ends with: the bytes of its model, and its metrics."""
    with open(f"{out}/checkpoints/step-{steps:08d}/model.safetensors", "rb") as f:
        return f.read(), metrics(out)


def expect(holds, words):
    if not holds:
        fail(words)


def ends(process, status, *phrases):
    """Waits for the process, which must end with this status and say each phrase; its words."""
    words = process.communicate()[1].decode()
    expect(process.returncode == status, f"expected exit status {status}, got {process.returncode}:\n{words}")
    for phrase in phrases:
        expect(phrase in words, f"expected the words '{phrase}' in:\n{words}")
    return words


def wait_for_steps(process, out, count):
    """Until metrics.jsonl has so many lines; the condition every signal waits for."""
    path = f"{out}/metrics.jsonl"
    while process.poll() is None:
        if os.path.exists(path):
            with open(path) as f:
                if len(f.readlines()) >= count:
                    return
        time.sleep(0.01)
    fail("the run ended before it was to be stopped:\n" + process.communicate()[1].decode())


def png(draw, side=12):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = b"".join(b"\0" + draw.randbytes(3 * side) for _ in range(side))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) +
            chunk(b"IEND", b""))
