#!/usr/bin/env python3
"""Makes vit.json: names, shapes, outputs and gradients of timm's vision transformers in float64, and positions as the official
codes interpolate them. Needs torch, timm.  usage: vit.py (writes beside itself)"""
import json
import math
import pathlib

import numpy as np
import timm
import torch
import torch.nn.functional as F
from timm.layers import Attention, RotaryEmbeddingDinoV3, SwiGLUPacked
from timm.layers.pos_embed_sincos import apply_rot_embed_cat

HERE = pathlib.Path(__file__).resolve().parent
FEATURES, HEADS = 48, 3
TABLE = "rel_pos_bias.relative_position_bias_table"


def wave(shape, ordinal):
    """The formula that the C++ test repeats: element k of tensor `ordinal` is sin(12.9898 k + ordinal)."""
    k = np.arange(int(np.prod(shape)) if shape else 1, dtype=np.float64)
    return torch.from_numpy(np.sin(12.9898 * k + ordinal).reshape(shape))


@torch.no_grad()
def set_weights(state):
    for ordinal, (name, t) in enumerate(state.items()):
        scale = 1 / math.sqrt(t[0].numel()) if t.dim() > 1 and name.endswith("weight") else 0.5
        t.copy_(scale * wave(t.shape, ordinal) + (1 if "norm" in name and name.endswith("weight") else 0))


class TurnedAttention(Attention):
    """timm's attention with DINOv3's rotary positions, as timm's EvaAttention applies them."""
    turn, prefix = None, 1

    def forward(self, x, attn_mask=None, is_causal=False):
        n, t, c = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.num_heads, self.head_dim).permute(2, 0, 3, 1, 4).unbind(0)
        p = self.prefix
        q, k = (torch.cat([z[:, :, :p], apply_rot_embed_cat(z[:, :, p:], self.turn, half=True)], 2) for z in (q, k))
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, c))


CASES = {
    "plain": {"size": [16, 16]},
    "resized": {"size": [24, 20]},
    "registers": {"size": [20, 16], "reg_tokens": 4, "no_embed_class": True, "init_values": 0.1},
    "mean": {"size": [16, 16], "class_token": False, "global_pool": "avg", "fc_norm": False},
    "swiglu": {"size": [16, 16], "mlp_layer": SwiGLUPacked, "act_layer": torch.nn.SiLU, "mlp_ratio": 2 * 128 / FEATURES},
    "rotary": {"size": [24, 16], "pos_embed": "none", "attn_layer": TurnedAttention},
}


def network(keys):
    keys = dict(keys)
    size = keys.pop("size")
    model = timm.models.vision_transformer.VisionTransformer(
        img_size=16, patch_size=4, embed_dim=FEATURES, depth=2, num_heads=HEADS, num_classes=0, dynamic_img_size=True,
        **keys).double()
    if "attn_layer" in keys:
        TurnedAttention.turn = RotaryEmbeddingDinoV3(FEATURES // HEADS).double().get_embed([s // 4 for s in size]).double()
    set_weights(model.state_dict())
    return model, wave((2, 3, *size), 1000)


def case(name, keys):
    model, x = network(keys)
    y = model(x)
    (y * wave(y.shape, 2000)).sum().backward()
    grads = {n: {"rms": p.grad.pow(2).mean().sqrt().item(), "head": p.grad.flatten()[:4].tolist()}
             for n, p in model.named_parameters()}
    return {"name": name, "size": keys["size"], "state": {n: list(t.shape) for n, t in model.state_dict().items()},
            "features": y.flatten().tolist(), "grads": grads}


def relative():
    """The same of timm's BEiT with one bias of relative positions for all blocks. Its state is written as a vision transformer's: the
    table comes after the class token, and queries', keys' and values' biases are one. The mean of the patches tells more of the table
    than the class token."""
    keys = {"size": [16, 16], "init_values": 0.1}
    plain, x = network({**keys, "pos_embed": "none"})
    beit = timm.models.beit.Beit(
        img_size=16, patch_size=4, embed_dim=FEATURES, depth=2, num_heads=HEADS, num_classes=0, use_fc_norm=False,
        init_values=0.1, use_abs_pos_emb=False, use_shared_rel_pos_bias=True).double()
    for block in beit.blocks:
        block.attn.k_bias.requires_grad_(True)
    named = {**dict(beit.named_parameters()), **dict(beit.named_buffers())}
    parts = {}
    for name in plain.state_dict():
        inner = name.replace("ls1.gamma", "gamma_1").replace("ls2.gamma", "gamma_2")
        split = [inner.replace("qkv.bias", f"{c}_bias") for c in "qkv"] if name.endswith("qkv.bias") else [inner]
        parts[name] = [named.pop(n) for n in split]
        if name == "cls_token":
            parts[TABLE] = [named.pop(TABLE)]
    assert set(named) == {"rel_pos_bias.relative_position_index"}
    state = {n: torch.cat(list(p)) for n, p in parts.items()}
    set_weights(state)
    with torch.no_grad():
        for n, p in parts.items():
            for part, value in zip(p, state[n].chunk(len(p))):
                part.copy_(value)
    y = beit(x)
    (y * wave(y.shape, 2000)).sum().backward()
    grads = {n: torch.cat([t.grad for t in p]) for n, p in parts.items()}
    return {"name": "relative", "size": keys["size"], "state": {n: list(t.shape) for n, t in state.items()},
            "features": y.flatten().tolist(),
            "grads": {n: {"rms": g.pow(2).mean().sqrt().item(), "head": g.flatten()[:None if n == TABLE else 4].tolist()}
                      for n, g in grads.items()}}


def patches(model, x):
    return model.patch_embed(x).flatten(1, 2)


def partial():
    """What iBOT and MAE do to the plain network, out of timm's parts: mask tokens in place of patches, and a part of the patches."""
    model, x = network(CASES["plain"])
    mask = torch.arange(32).view(2, 16) % 5 == 1
    masked = torch.where(mask[..., None], wave((FEATURES,), 3000), patches(model, x))
    h = torch.cat([model.cls_token.expand(2, -1, -1), masked], 1) + model.pos_embed
    masked = model.norm(model.blocks(h))
    keep = torch.tensor([[3, 0, 9, 15], [1, 14, 2, 8]])
    part = patches(model, x) + model.pos_embed[:, 1:]
    part = part.gather(1, keep[..., None].expand(-1, -1, FEATURES))
    part = torch.cat([(model.cls_token + model.pos_embed[:, :1]).expand(2, -1, -1), part], 1)
    part = model.norm(model.blocks(part))
    return {"masked": masked[:, ::3].flatten().tolist(), "keep": keep.tolist(), "kept": part.flatten().tolist()}


def resized():
    """DINO's, MAE's and timm's interpolation of a 4 x 4 grid of positions to 6 x 3."""
    grid = wave((16, 2), 7).view(1, 4, 4, 2).permute(0, 3, 1, 2)
    flat = lambda t: t.permute(0, 2, 3, 1).flatten().tolist()
    offset = F.interpolate(grid, scale_factor=((6 + 0.1) / 4, (3 + 0.1) / 4), mode="bicubic")
    assert offset.shape[2:] == (6, 3)
    return {"offset": flat(offset), "size": flat(F.interpolate(grid, size=(6, 3), mode="bicubic", align_corners=False)),
            "antialias": flat(F.interpolate(grid, size=(6, 3), mode="bicubic", antialias=True))}


def family(name, patch):
    with torch.device("meta"):
        model = timm.create_model(f"vit_{name}_patch{patch}_224", num_classes=0)
    shapes = {n: list(t.shape) for n, t in model.state_dict().items()}
    depth = len(model.blocks)
    block = {n[len("blocks.0."):]: s for n, s in shapes.items() if n.startswith("blocks.0.")}
    for i in range(depth):
        assert {n[len(f"blocks.{i}."):]: s for n, s in shapes.items() if n.startswith(f"blocks.{i}.")} == block
    return {"name": f"vit_{name}", "patch": patch, "depth": depth, "heads": model.blocks[0].attn.num_heads,
            "parameters": sum(p.numel() for p in model.parameters()), "block": block,
            "rest": {n: s for n, s in shapes.items() if not n.startswith("blocks.")}}


def main():
    torch.set_grad_enabled(True)
    out = {"made_by": f"tests/golden/vit.py, timm {timm.__version__}, float64",
           "family": [family(n, p) for n, p in (("tiny", 16), ("small", 16), ("base", 16), ("large", 16), ("huge", 14))],
           "cases": [case(n, k) for n, k in CASES.items()] + [relative()], "partial": partial(), "resized": resized()}
    (HERE / "vit.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
