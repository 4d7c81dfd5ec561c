"""What the methods of eager_methods.py are made of, at the sizes of configs/METHOD.yaml: a ResNet-18 of width 16 for views of
32 and 16 pixels, a ViT-Ti of patches of 4 pixels, heads, optimizers. N images, D features, M patches."""
import copy
import functools
import itertools
import math

import torch
import torch.nn.functional as F
from timm.layers import build_sincos2d_pos_embed
from timm.models.vision_transformer import Block, VisionTransformer
from torch import nn
from torch.nn.utils.parametrizations import weight_norm
from torchvision.models.resnet import BasicBlock

SIDE, PATCH, GRID, WIDTH = 32, 4, 8, 192  # pixels, pixels, patches, features of the ViT
FEATURES = 128  # of the ResNet


class SplitBatchNorm(nn.BatchNorm2d):
    """Statistics of each fourth of the batch, as on four devices: facebookresearch/moco, branch colab-notebook."""

    def forward(self, x):
        return torch.cat([super(SplitBatchNorm, self).forward(part) for part in x.chunk(4)])


class ResNet18(nn.Module):
    """Of torchvision's blocks, with a 3x3 stem, without max pool and classifier."""

    def __init__(self, norm=nn.BatchNorm2d, width=16):
        super().__init__()
        self.conv1, self.bn1, stages = nn.Conv2d(3, width, 3, padding=1, bias=False), norm(width), []
        for inputs, outputs in itertools.pairwise([width, width, 2 * width, 4 * width, 8 * width]):
            stride, shrink = outputs // inputs, None
            if stride > 1:
                shrink = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm(outputs))
            stages += [BasicBlock(inputs, outputs, stride, shrink, norm_layer=norm),
                       BasicBlock(outputs, outputs, norm_layer=norm)]
        self.stages = nn.Sequential(*stages)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, BasicBlock):
                nn.init.zeros_(m.bn2.weight)
        self.to(memory_format=torch.channels_last)

    def forward(self, x):
        x = self.stages(F.relu(self.bn1(self.conv1(x)), inplace=True))
        return torch.flatten(F.adaptive_avg_pool2d(x, 1), 1)


def pick(x, index):
    return x.gather(1, index.unsqueeze(-1).expand(-1, -1, x.shape[-1]))


class Vit(VisionTransformer):
    """timm's, whose patches can be hidden or left out."""

    def __init__(self, depth, sincos=False, class_token=True, **keys):
        super().__init__(img_size=SIDE, patch_size=PATCH, embed_dim=WIDTH, depth=depth, num_heads=3, num_classes=0,
                         fc_norm=False, class_token=class_token, global_pool="token" if class_token else "avg", **keys)
        self.slots = self.pos_embed.shape[1] - GRID * GRID  # tokens before the patches that have a position
        if sincos:
            self.pos_embed.requires_grad_(False)[0, self.slots:] = build_sincos2d_pos_embed([GRID, GRID], WIDTH)

    def positions(self, patches):
        """For smaller views as facebookresearch/dino vision_transformer.py interpolate_pos_encoding makes them."""
        pos = self.pos_embed[:, self.slots:]
        if patches == GRID * GRID:
            return pos
        scale = (math.sqrt(patches) + 0.1) / GRID
        pos = pos.reshape(1, GRID, GRID, WIDTH).permute(0, 3, 1, 2)
        return F.interpolate(pos, scale_factor=(scale, scale), mode="bicubic").permute(0, 2, 3, 1).flatten(1, 2)

    def tokens(self, images, hidden=None, mask_token=None, keep=None):
        """[N, 3, H, W] -> [N, prefix + M, D]. hidden [N, M]: patches that are mask tokens; keep [N, K]: those that go in."""
        x = self.patch_embed.proj(images).flatten(2).transpose(1, 2)
        if hidden is not None:
            x = torch.where(hidden.unsqueeze(-1), mask_token.to(x.dtype), x)
        x = x + self.positions(x.shape[1])
        if keep is not None:
            x = pick(x, keep)
        if self.cls_token is not None:
            cls = self.cls_token + self.pos_embed[:, :1] if self.slots else self.cls_token
            first = [cls] if self.reg_token is None else [cls, self.reg_token]
            x = torch.cat([*[token.expand(len(x), -1, -1) for token in first], x], 1)
        return self.norm(self.blocks(x))


class Predictor(nn.Module):
    """The decoder of MAE, the predictor of I-JEPA."""

    def __init__(self, width, depth, heads, outputs):
        super().__init__()
        norm = functools.partial(nn.LayerNorm, eps=1e-6)
        self.embed, self.norm, self.project = nn.Linear(WIDTH, width), norm(width), nn.Linear(width, outputs)
        self.mask_token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.blocks = nn.Sequential(*[Block(width, heads, qkv_bias=True, norm_layer=norm) for _ in range(depth)])
        self.register_buffer("positions", build_sincos2d_pos_embed([GRID, GRID], width).unsqueeze(0))


class DinoHead(nn.Module):
    """facebookresearch/dino vision_transformer.py DINOHead: 256, 256 and 64 wide, 128 outputs."""

    def __init__(self, features, train_length=False):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(features, 256), nn.GELU(), nn.Linear(256, 256), nn.GELU(), nn.Linear(256, 64))
        for linear in self.mlp[::2]:
            nn.init.trunc_normal_(linear.weight, std=0.02)
            nn.init.zeros_(linear.bias)
        self.last_layer = weight_norm(nn.Linear(64, 128, bias=False))
        length = self.last_layer.parametrizations.weight.original0
        nn.init.ones_(length).requires_grad_(train_length)

    def forward(self, x):
        return self.last_layer(F.normalize(self.mlp(x), dim=-1))


class Restorer(nn.Module):
    """The decoder of configs/denoising.yaml: a map of 4 x 4, doubled three times."""

    def __init__(self, width=32):
        super().__init__()
        self.width, self.input = width, nn.Linear(FEATURES, width * 16)
        blocks = [(nn.Upsample(scale_factor=2), nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width),
                   nn.ReLU(inplace=True)) for _ in range(3)]
        self.blocks = nn.Sequential(*itertools.chain(*blocks), nn.Conv2d(width, 3, 3, padding=1, bias=False))
        self.to(memory_format=torch.channels_last)

    def forward(self, features):
        y = F.relu(self.input(features)).view(-1, self.width, 4, 4)
        return self.blocks(y.contiguous(memory_format=torch.channels_last))


def mlp(*widths, norm=True, bias=False, out_bias=False, tail=None):
    """Linear, batch norm, ReLU, ..., Linear, tail."""
    layers = []
    for inputs, outputs in itertools.pairwise(widths[:-1]):
        layers += [nn.Linear(inputs, outputs, bias), *([nn.BatchNorm1d(outputs)] if norm else []), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, nn.Linear(*widths[-2:], out_bias), *([tail] if tail else []))


def plain_norm(features):
    return nn.BatchNorm1d(features, affine=False)


def momentum_copy(net):
    return copy.deepcopy(net).requires_grad_(False)


def follow(target, online, momentum):
    targets, leaders = list(target.parameters()), list(online.parameters())

    @torch.no_grad()
    def update():
        torch._foreach_lerp_(targets, leaders, 1 - momentum)
    return update


def multi_crop(encoder, views):
    """One pass for each size of views: facebookresearch/swav src/resnet50.py, facebookresearch/dino utils.py."""
    return torch.cat([encoder(torch.cat(list(same))) for _, same in itertools.groupby(views, lambda v: v.shape[-1])])


def sgd(net, lr=0.03, weight_decay=5e-4, nesterov=False):
    return torch.optim.SGD(net.parameters(), lr, momentum=0.9, weight_decay=weight_decay, nesterov=nesterov, fused=True)


def adamw(net, lr=1e-3, weight_decay=0.04, beta2=0.999):
    trained = [p for p in net.parameters() if p.requires_grad]
    groups = [{"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
              {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr, betas=(0.9, beta2), fused=True)


class Lars(torch.optim.Optimizer):
    """facebookresearch/barlowtwins main.py LARS, which facebookresearch/vicreg shares: tensor by tensor."""

    def __init__(self, net, lr=0.3 * 64 / 256, momentum=0.9, trust=0.02, weight_decay=1e-4):
        super().__init__(net.parameters(), dict(lr=lr, momentum=momentum, trust=trust, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                d = p.grad
                if p.ndim > 1:
                    d = d.add(p, alpha=group["weight_decay"])
                    length, update, one = p.norm(), d.norm(), torch.ones(())
                    d = d * torch.where(length > 0, torch.where(update > 0, group["trust"] * length / update, one), one)
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p)
                p.add_(state["momentum"].mul_(group["momentum"]).add_(d), alpha=-group["lr"])
