#!/usr/bin/env python3
"""Makes masked.json: masks, losses and gradients of the official MAE, SimMIM and I-JEPA in float64, run on weights by a formula
and on sslrun's stream of random numbers in place of theirs. Needs torch, timm and checkouts of facebookresearch/mae (efb2a80),
microsoft/SimMIM and facebookresearch/ijepa (52c1ae9).  usage: masked.py MAE SIMMIM IJEPA (writes beside itself)"""
import functools
import importlib
import json
import math
import pathlib
import sys
from unittest import mock

import numpy as np
import timm
import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).resolve().parent
SEED, EPOCH, SAMPLES, STEP = 9, 2, [5, 1000, 7], 11
SIDE, PATCH, GRID, FEATURES, HEADS, WIDTH = 32, 4, 8, 48, 3, 24
MASK, METHOD = 8, 9  # purposes of base/philox.h
norm = functools.partial(torch.nn.LayerNorm, eps=1e-6)


class Rng:
    """Philox4x32-10 (Salmon et al. 2011) with base/philox.h's key, counter and draws."""

    def __init__(self, seed, purpose, epoch, sample, view):
        self.key, self.counter, self.words = (seed, purpose), [epoch, sample, view, 0], []

    def next(self):
        if not self.words:
            (k0, k1), c = self.key, list(self.counter)
            for _ in range(10):
                a, b = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
                c = [(b >> 32) ^ c[1] ^ k0, b & 0xFFFFFFFF, (a >> 32) ^ c[3] ^ k1, a & 0xFFFFFFFF]
                k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
            self.counter[3] += 1
            self.words = c
        return self.words.pop(0)

    def uniform(self):
        return (self.next() >> 8) * 2.0 ** -24

    def below(self, n):
        high, low = self.next(), self.next()
        return (((high << 32) | low) * n) >> 64


def order(sample, count):
    """methods/patch_masks.h random_order: Fisher and Yates."""
    rng, numbers = Rng(SEED, MASK, EPOCH, sample, 0), list(range(count))
    for j in range(count, 1, -1):
        k = rng.below(j)
        numbers[j - 1], numbers[k] = numbers[k], numbers[j - 1]
    return numbers


def wave(shape, ordinal):
    k = np.arange(int(np.prod(shape)) if shape else 1, dtype=np.float64)
    return torch.from_numpy(np.sin(12.9898 * k + ordinal).reshape(shape))


def weight(name, shape):
    """The formula that the C++ test repeats, by sslrun's name and shape."""
    ordinal = sum((i + 1) * ord(c) for i, c in enumerate(name)) % 997
    scale = 1 / math.sqrt(math.prod(shape[1:])) if len(shape) > 1 and name.endswith("weight") else 0.5
    w = scale * wave(shape, ordinal) + (1 if "norm" in name and name.endswith("weight") else 0)
    if name.endswith("qkv.bias"):  # that of keys changes nothing, and SimMIM has none
        w[shape[0] // 3:2 * shape[0] // 3] = 0
    return w


def images():
    return wave((len(SAMPLES), 3, SIDE, SIDE), 1000)


def summary(gradients):
    return {n: {"rms": g.pow(2).mean().sqrt().item(), "head": g.flatten()[:4].tolist()} for n, g in gradients.items()}


@torch.no_grad()
def fill(model, names):
    """names: official name -> sslrun's."""
    for official, t in model.named_parameters():
        if official in names:
            t.copy_(weight(names[official], list(t.shape)).view(t.shape))


def gradients(model, names):
    return {names[n]: p.grad for n, p in model.named_parameters() if n in names}


def renamed(model, prefix, inner, skip=()):
    names = {}
    for n, _ in model.named_parameters():
        if n in skip:
            continue
        for old, new in inner.items():
            if n.startswith(old):
                names[n] = new + n[len(old):]
                break
        else:
            names[n] = prefix + n
    return names


def mae(path, norm_pix):
    sys.path.insert(0, path)
    import models_mae
    with mock.patch.object(models_mae, "Block", lambda *a, qk_scale, **k: timm.models.vision_transformer.Block(*a, **k)):
        float_alias = mock.patch.object(np, "float", float, create=True)
        with float_alias:
            model = models_mae.MaskedAutoencoderViT(
                img_size=SIDE, patch_size=PATCH, embed_dim=FEATURES, depth=2, num_heads=HEADS, decoder_embed_dim=WIDTH,
                decoder_depth=2, decoder_num_heads=HEADS, norm_layer=norm, norm_pix_loss=norm_pix).double()
    names = renamed(model, "encoder.", {"mask_token": "decoder.mask_token", "decoder_embed": "decoder.embed",
                                        "decoder_blocks": "decoder.blocks", "decoder_norm": "decoder.norm",
                                        "decoder_pred": "decoder.project"}, skip=("pos_embed", "decoder_pos_embed"))
    fill(model, names)
    noise = torch.empty(len(SAMPLES), GRID * GRID)
    for i, sample in enumerate(SAMPLES):
        noise[i, order(sample, GRID * GRID)] = torch.arange(GRID * GRID) / (GRID * GRID)
    with mock.patch.object(torch, "rand", lambda *a, **k: noise):
        loss, _, mask = model(images(), mask_ratio=0.75)
    loss.backward()
    return {"loss": loss.item(), "hidden": mask.int().flatten().tolist(), "grads": summary(gradients(model, names))}


def simmim(path):
    for name in [m for m in sys.modules if m.split(".")[0] in ("models", "util", "utils", "data")]:
        del sys.modules[name]
    sys.path.insert(0, path)
    import timm.data.transforms
    import timm.layers
    sys.modules["timm.models.layers"] = timm.layers  # where an older timm had them
    timm.data.transforms._pil_interp = None
    sim = importlib.import_module("models.simmim")
    generator = importlib.import_module("data.data_simmim").MaskGenerator(SIDE, 8, PATCH, 0.6)
    encoder = sim.VisionTransformerForSimMIM(img_size=SIDE, patch_size=PATCH, num_classes=0, embed_dim=FEATURES, depth=2,
                                             num_heads=HEADS, qkv_bias=True, norm_layer=norm, use_mean_pooling=False)
    model = sim.SimMIM(encoder, encoder_stride=PATCH).double()
    special = [n for n, _ in model.named_parameters() if n.endswith(("q_bias", "v_bias")) or n.startswith("decoder.")]
    names = renamed(model, "", {"encoder.mask_token": "mask_token"}, skip=special)
    fill(model, names)
    # Our patches are [row, column, channel], those of PixelShuffle [channel, row, column].
    place = torch.arange(PATCH * PATCH * 3).view(PATCH, PATCH, 3).permute(2, 0, 1).flatten()
    with torch.no_grad():
        model.decoder[0].weight.copy_(weight("decoder.weight", [PATCH * PATCH * 3, FEATURES])[place][..., None, None])
        model.decoder[0].bias.copy_(weight("decoder.bias", [PATCH * PATCH * 3])[place])
        for i, block in enumerate(model.encoder.blocks):
            bias = weight(f"encoder.blocks.{i}.attn.qkv.bias", [3 * FEATURES])
            block.attn.q_bias.copy_(bias[:FEATURES])
            block.attn.v_bias.copy_(bias[2 * FEATURES:])
    masks = []
    for sample in SAMPLES:
        with mock.patch.object(np.random, "permutation", lambda n: np.array(order(sample, n))):
            masks.append(generator())
    mask = torch.from_numpy(np.stack(masks))
    loss = model(images(), mask)
    loss.backward()
    grads = gradients(model, names)
    back = torch.argsort(place)
    for i, block in enumerate(model.encoder.blocks):
        q, v = block.attn.q_bias.grad, block.attn.v_bias.grad
        grads[f"encoder.blocks.{i}.attn.qkv.bias"] = torch.cat([q, torch.zeros_like(q), v])
    grads["decoder.weight"] = model.decoder[0].weight.grad[:, :, 0, 0][back]
    grads["decoder.bias"] = model.decoder[0].bias.grad[back]
    return {"loss": loss.item(), "hidden": mask.flatten().tolist(), "grads": summary(grads)}


def ijepa(path):
    sys.path.insert(0, path)
    from src.masks.multiblock import MaskCollator
    from src.masks.utils import apply_masks
    from src.models import vision_transformer as vit
    from src.utils.tensors import repeat_interleave_batch
    collator = MaskCollator(input_size=(SIDE, SIDE), patch_size=PATCH, enc_mask_scale=(0.85, 1.0), pred_mask_scale=(0.15, 0.2),
                            aspect_ratio=(0.75, 1.5), nenc=1, npred=4, min_keep=6, allow_overlap=False)
    step = Rng(SEED, METHOD, 0, STEP, 0)
    streams = {"image": -1, "blocks": 0, "rng": None}

    def randint(low, high, size):
        assert low == 0 and size == (1,)
        return torch.tensor([streams["rng"].below(high)])

    sample_block = collator._sample_block_mask

    def next_block(*args, **kwargs):
        if streams["blocks"] % 5 == 0:  # four targets and a context
            streams["image"] += 1
            streams["rng"] = Rng(SEED, MASK, EPOCH, SAMPLES[streams["image"]], 0)
        streams["blocks"] += 1
        return sample_block(*args, **kwargs)

    collator._sample_block_mask = next_block
    with mock.patch.object(torch, "rand", lambda *a, **k: torch.tensor([step.uniform()], dtype=torch.float64)), \
            mock.patch.object(torch, "randint", randint):
        _, masks_enc, masks_pred = collator([torch.zeros(1) for _ in SAMPLES])
    keys = dict(img_size=[SIDE], patch_size=PATCH, embed_dim=FEATURES, depth=2, num_heads=HEADS, mlp_ratio=4, qkv_bias=True,
                norm_layer=norm)
    encoder, target = vit.VisionTransformer(**keys).double(), vit.VisionTransformer(**keys).double()
    predictor = vit.vit_predictor(num_patches=GRID * GRID, embed_dim=FEATURES, predictor_embed_dim=WIDTH, depth=2,
                                  num_heads=HEADS).double()
    of_encoder = renamed(encoder, "encoder.", {}, skip=("pos_embed",))
    of_predictor = renamed(predictor, "", {"mask_token": "predictor.mask_token", "predictor_": "predictor."},
                           skip=("predictor_pos_embed",))
    of_predictor = {n: o.replace("predictor.proj", "predictor.project") for n, o in of_predictor.items()}
    fill(encoder, of_encoder)
    fill(target, renamed(target, "target_encoder.", {}, skip=("pos_embed",)))
    fill(predictor, of_predictor)
    x = images()
    with torch.no_grad():
        h = target(x)
        h = F.layer_norm(h, (h.size(-1),))
        h = repeat_interleave_batch(apply_masks(h, masks_pred), len(h), repeat=len(masks_enc))
    z = predictor(encoder(x, masks_enc), masks_enc, masks_pred)
    loss = F.smooth_l1_loss(z, h)
    loss.backward()
    return {"loss": loss.item(), "context": masks_enc[0].tolist(), "targets": [m.tolist() for m in masks_pred],
            "grads": summary(gradients(encoder, of_encoder) | gradients(predictor, of_predictor))}


def main():
    out = {"made_by": "tests/golden/masked.py, the official code, float64", "mae": mae(sys.argv[1], False),
           "mae_norm_pix": mae(sys.argv[1], True), "simmim": simmim(sys.argv[2]), "ijepa": ijepa(sys.argv[3])}
    (HERE / "masked.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
