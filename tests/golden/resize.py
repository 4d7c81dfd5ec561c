"""Writes resize.json: what Pillow (13.0.0) makes of crops of a picture that the test makes too.

python3 tests/golden/resize.py > tests/golden/resize.json

Each case gives the 64-bit FNV-1a hash of the resized bytes, planar: channel, row, column; small ones the bytes as well.
"""

import json
import sys

import numpy as np
from PIL import Image

FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def picture(height, width, channels):
    """Edges that wrap round and some noise: cubics overshoot at both ends."""
    y, x, c = np.meshgrid(*(np.arange(n, dtype=np.uint32) for n in (height, width, channels)), indexing="ij")
    noise = ((x * np.uint32(2654435761)) ^ (y * np.uint32(40503) * (c + np.uint32(1)))) >> np.uint32(7) & np.uint32(31)
    return (((x * x * np.uint32(3) + y * y * np.uint32(5)) >> np.uint32(6)) + c * np.uint32(71) + noise).astype(np.uint8)


def fnv(data):
    value = 0xcbf29ce484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001b3 & 0xffffffffffffffff
    return f"{value:016x}"


def cases():
    whole = [(1, 1), (1, 7), (7, 1), (2, 3), (13, 11), (31, 17), (64, 64), (97, 101)]  # height, width
    sizes = [(1, 1), (5, 3), (17, 17), (16, 32), (97, 101), (31, 130)]
    for h, w in whole:
        for out in sizes:
            yield h, w, (0, 0, h, w), out
    # Crops of 500 x 375 as SimCLR (area .08 to 1) and DINO (.05 to .4) draw them, and a large picture.
    for crop in [(0, 0, 375, 500), (11, 37, 107, 141), (100, 3, 131, 114), (5, 250, 370, 250), (60, 60, 224, 224)]:
        yield 375, 500, crop, (224, 224)
    for crop in [(0, 100, 200, 300), (300, 400, 75, 100), (150, 200, 97, 96), (17, 3, 96, 128)]:
        yield 375, 500, crop, (96, 96)
    yield 1203, 1607, (3, 2, 1199, 1601), (224, 224)
    yield 1203, 1607, (0, 0, 1203, 1607), (32, 32)


def main():
    rows = []
    for h, w, (top, left, height, width), (out_h, out_w) in cases():
        for channels in (1, 3):
            for mode, resample in FILTERS.items():
                pixels = picture(h, w, channels)[top:top + height, left:left + width]
                image = Image.fromarray(pixels[..., 0] if channels == 1 else pixels)
                out = np.asarray(image.resize((out_w, out_h), resample)).reshape(out_h, out_w, channels)
                planar = out.transpose(2, 0, 1).tobytes()
                row = dict(rows=h, columns=w, top=top, left=left, height=height, width=width, out_height=out_h,
                           out_width=out_w, channels=channels, mode=mode, hash=fnv(planar))
                if len(planar) <= 60:
                    row["bytes"] = list(planar)
                rows.append(row)
    json.dump(rows, sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
