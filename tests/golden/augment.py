"""Writes augment.json: pixels of small pictures as torchvision computes them
(torch 2.11.0, torchvision 0.26.0, CPU) and OpenCV (5.0.0, CLAHE); whole
crops of bytes by torchvision on Pillow's (13.0.0) images.

python3 tests/golden/augment.py > tests/golden/augment.json

Crop and resize run in float64 after conversion to [0, 1]; colour runs in float32 tensors, as torchvision does it
(its clamps and HSV included); blur runs in float64. Pixels of a float picture are planar: channel, row, column.
"""

import itertools
import json
import sys

import cv2
import numpy as np
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as F


def numbers(tensor):
    return [float(f"{v:.8g}") for v in tensor.flatten().tolist()]


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
    for (top, left, height, width, out_h, out_w), flip, mode in itertools.product(
            crops, (False, True), ("bilinear", "bicubic")):
        if flip and mode == "bicubic":
            continue
        part = picture[:, top:top + height, left:left + width].double()[None] / 255
        out = torch.nn.functional.interpolate(
            part, (out_h, out_w), mode=mode, align_corners=False, antialias=True)[0].clamp(0, 1)
        if flip:
            out = F.horizontal_flip(out)
        yield dict(top=top, left=left, height=height, width=width, out_height=out_h, out_width=out_w,
                   flip=flip, mode=mode, pixels=numbers(out))


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


def clahe(picture, clip, tiles):
    """The luma equalised by OpenCV; every channel moves with it."""
    luma = (.299 * picture[0] + .587 * picture[1] + .114 * picture[2])
    level = (luma * 255 + .5).floor().to(torch.uint8).numpy()
    moved = cv2.createCLAHE(clipLimit=clip, tileGridSize=(tiles, tiles)).apply(level)
    move = torch.from_numpy(moved).double() / 255 - torch.from_numpy(level).double() / 255
    return (picture.double() + move).clamp(0, 1)


def filled(warp, x, fill):
    """What lies outside holds `fill`: torchvision's own fill darkens the edge pixels by the mask a second time."""
    return warp(x - fill) + fill


def op_cases(picture):
    """picture: bytes. Operations of a recipe whose ranges leave nothing to chance."""
    bilinear = F.InterpolationMode.BILINEAR
    x = picture.double() / 255
    single = picture.float() / 255
    yield "solarize: {p: 1}", F.solarize(single, .5)
    yield "solarize: {p: 1, threshold: 0.3}", F.solarize(single, .3)
    yield "posterize: {p: 1, bits: 1}", F.posterize(picture, 1).double() / 255
    yield "posterize: {p: 1, bits: 3}", F.posterize(picture, 3).double() / 255
    yield "equalize: {p: 1}", F.equalize(picture).double() / 255
    yield "sharpness: {p: 1, factor: [0.3, 0.3]}", F.adjust_sharpness(x, .3)
    yield "sharpness: {p: 1, factor: [1.9, 1.9]}", F.adjust_sharpness(x, 1.9)
    yield "rotate: {p: 1, degrees: [30, 30], fill: 0.25}", filled(lambda v: F.rotate(v, 30, bilinear), x, .25)
    yield "rotate: {p: 1, degrees: [-111, -111]}", F.rotate(x, -111, bilinear)
    yield ("affine: {p: 1, degrees: [20, 20], translate: 0, scale: [1.3, 1.3], shear: [-15, -15], fill: 0.25}",
           filled(lambda v: F.affine(v, 20, [0, 0], 1.3, [-15, 0], bilinear), x, .25))
    yield "clahe: {p: 1, clip: [2, 2], tiles: 2}", clahe(single, 2, 2)
    yield "clahe: {p: 1, clip: [40, 40], tiles: 4}", clahe(single, 40, 4)
    yield "clahe: {p: 1, clip: [1.5, 1.5], tiles: 5}", clahe(single, 1.5, 5)


def affine_cases(x):
    bilinear = F.InterpolationMode.BILINEAR
    for degrees, shift_x, shift_y, zoom, slant, fill in [(0, 3, -2, 1, 0, .25), (-33, 2, 1, .8, 12, .5), (7, 0, 0, 1.5, 0, 0)]:
        yield dict(degrees=degrees, shift_x=shift_x, shift_y=shift_y, zoom=zoom, slant=slant, fill=fill,
                   pixels=numbers(filled(
                       lambda v: F.affine(v, degrees, [shift_x, shift_y], zoom, [slant, 0], bilinear), x, fill)))


def perspective_cases(x):
    """corners: top left, top right, bottom right, bottom left, each (x, y)."""
    h, w = x.shape[1:]
    start = [[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1]]
    for end, fill in [([[2, 3], [w - 5, 1], [w - 2, h - 4], [3, h - 2]], .25), (start, 0.),
                      ([[0, 4], [w - 1, 0], [w - 9, h - 1], [0, h - 6]], 0.)]:
        yield dict(corners=end, fill=fill,
                   pixels=numbers(filled(
                       lambda v: F.perspective(v, start, end, F.InterpolationMode.BILINEAR), x, fill)))


def crop_op_cases(picture):
    """Bytes, as torchvision makes them of Pillow's images: channel, row, column."""
    F_B, F_C = F.InterpolationMode.BILINEAR, F.InterpolationMode.BICUBIC
    x = Image.fromarray(picture.permute(1, 2, 0).numpy())
    for text, out in [
            ("center_crop: {size: 10, resize: 14}", F.center_crop(F.resize(x, [14], F_B), [10, 10])),
            ("center_crop: {size: 9, resize: 9, interpolation: bicubic}",
             F.center_crop(F.resize(x, [9], F_C), [9, 9])),
            ("resize: {size: 13}", F.resize(x, [13, 13], F_B)),
            ("resize: {size: 8, interpolation: bicubic}", F.resize(x, [8, 8], F_C))]:
        yield dict(op=text, bytes=np.asarray(out).transpose(2, 0, 1).flatten().tolist())


def main():
    picture = source(29, 37, seed=1)
    small = (source(12, 16, seed=2).float() / 255)
    small[:, 0, 0] = 1.
    blurred = source(13, 17, seed=3).float() / 255
    bytes_ = source(26, 31, seed=4)
    mean, std = [.485, .456, .406], [.229, .224, .225]
    json.dump(dict(
        source=dict(height=29, width=37, pixels_hwc=picture.permute(1, 2, 0).flatten().tolist()),
        crop_resize=list(crop_resize_cases(picture)),
        crop_ops=list(crop_op_cases(picture)),
        op_input=dict(height=26, width=31, pixels=bytes_.flatten().tolist()),
        ops=[dict(op=op, pixels=numbers(out)) for op, out in op_cases(bytes_)],
        affine=list(affine_cases(bytes_.double() / 255)),
        perspective=list(perspective_cases(bytes_.double() / 255)),
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
