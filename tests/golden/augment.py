"""Writes augment.json: pixels of small pictures as torchvision computes them
(torch 2.11.0, torchvision 0.26.0, CPU).

python3 tests/golden/augment.py > tests/golden/augment.json

Crop and resize run in float64 after conversion to [0, 1]; colour runs in float32 tensors, as torchvision does it
(its clamps and HSV included); blur runs in float64. Pixels of a float picture are planar: channel, row, column.
"""

import itertools
import json
import sys

import torch
from torchvision.transforms.v2 import functional as F


def numbers(tensor):
    return [float(f"{v:.9g}") for v in tensor.flatten().tolist()]


def source(height, width, seed):
    """A smooth picture with noise, saturated corners, a grey square and a black one: all branches of HSV."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.linspace(0, 3, height).view(1, -1, 1)
    x = torch.linspace(0, 4, width).view(1, 1, -1)
    phase = torch.tensor([0.0, 2.1, 4.2]).view(3, 1, 1)
    picture = 127 + 150 * torch.sin(x + phase) * torch.cos(y - phase) + 30 * torch.randn(
        3, height, width, generator=generator)
    picture = picture.clamp(0, 255).to(torch.uint8)
    picture[:, 3:8, 4:10] = 99
    picture[:, 10:14, 12:20] = 0
    return picture


def crop_resize_cases(picture):
    crops = [(0, 0, 29, 37, 12, 16), (3, 5, 20, 24, 12, 16), (2, 7, 5, 6, 12, 16), (28, 36, 1, 1, 3, 5),
             (0, 0, 29, 37, 29, 37), (1, 0, 28, 9, 4, 30), (0, 2, 3, 35, 30, 4), (4, 4, 24, 32, 1, 1)]
    for (top, left, height, width, out_h, out_w), flip in itertools.product(crops, (False, True)):
        part = picture[:, top:top + height, left:left + width].double()[None] / 255
        out = torch.nn.functional.interpolate(
            part, (out_h, out_w), mode="bilinear", align_corners=False, antialias=True)[0]
        if flip:
            out = F.horizontal_flip(out)
        yield dict(top=top, left=left, height=height, width=width, out_height=out_h, out_width=out_w,
                   flip=flip, pixels=numbers(out))


def jitter(picture, steps, gray):
    ops = dict(brightness=F.adjust_brightness, contrast=F.adjust_contrast, saturation=F.adjust_saturation,
               hue=F.adjust_hue)
    for name, factor in steps:
        picture = ops[name](picture, factor)
    return F.rgb_to_grayscale(picture, num_output_channels=3) if gray else picture


def color_jitter_cases(picture):
    single = [[("brightness", .3)], [("brightness", 1.7)], [("contrast", .25)], [("contrast", 1.75)],
              [("saturation", 0.)], [("saturation", 1.8)], [("hue", -.2)], [("hue", .5)], [("hue", -.5)],
              [("hue", 0.)], []]
    factors = dict(brightness=1.3, contrast=.6, saturation=1.5, hue=-.13)
    orders = [[(name, factors[name]) for name in order]
              for order in list(itertools.permutations(factors))[::5]]
    for steps, gray in [(s, False) for s in single + orders] + [([], True), (orders[1], True)]:
        yield dict(steps=[[n, f] for n, f in steps], grayscale=gray,
                   pixels=numbers(jitter(picture.clone(), steps, gray)))


def gaussian_blur_cases(picture):
    for radius, sigma in [(0, 1.), (1, .1), (1, .8), (3, 1.), (5, 2.), (11, 2.), (11, .4), (11, 40.)]:
        size = 2 * radius + 1
        yield dict(radius=radius, sigma=sigma,
                   pixels=numbers(F.gaussian_blur(picture.double(), [size, size], [sigma, sigma])))


def main():
    picture = source(29, 37, seed=1)
    small = (source(12, 16, seed=2).float() / 255)
    small[:, 0, 0] = 1.
    blurred = source(13, 17, seed=3).float() / 255
    mean, std = [.485, .456, .406], [.229, .224, .225]
    json.dump(dict(
        source=dict(height=29, width=37, pixels_hwc=picture.permute(1, 2, 0).flatten().tolist()),
        crop_resize=list(crop_resize_cases(picture)),
        color_input=dict(height=12, width=16, pixels=numbers(small)),
        color_jitter=list(color_jitter_cases(small)),
        blur_input=dict(height=13, width=17, pixels=numbers(blurred)),
        gaussian_blur=list(gaussian_blur_cases(blurred)),
        normalize=dict(mean=mean, std=std,
                       pixels_hwc=numbers(F.normalize(small.double(), mean, std).permute(1, 2, 0))),
    ), sys.stdout, separators=(",", ":"))
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
