"""The training steps that eager_steps.py times: the method of each configs/METHOD.yaml in eager PyTorch, batched and computed
as its official code does it, which each names. What that code leaves to its data loader (views, masks) is drawn beforehand.
N images, M patches."""
import dataclasses
import itertools
import math
import random
import typing

import torch
import torch.nn.functional as F
from eager_networks import (FEATURES, GRID, PATCH, SIDE, WIDTH, DinoHead, Lars, Predictor, ResNet18, Restorer, SplitBatchNorm,
                            Vit, adamw, follow, mlp, momentum_copy, multi_crop, pick, plain_norm, sgd)
from torch import nn

BATCH = 64
DRAWS = 8  # of masks, which the steps take in turn


def nothing():
    pass


@dataclasses.dataclass
class Training:
    """A step: before(), forward() under autocast, criterion(*its outputs, in float32), backward, optimizer, after()."""
    encoder: nn.Module
    optimizer: torch.optim.Optimizer
    forward: typing.Callable
    criterion: typing.Callable
    views: int = 2 * BATCH
    before: typing.Callable = nothing
    after: typing.Callable = nothing


def pictures(batch=BATCH, side=SIDE, layout=torch.channels_last):
    return torch.randn(batch, 3, side, side).contiguous(memory_format=layout)


def crops(local_views=4, layout=torch.channels_last):
    return [pictures(BATCH, SIDE, layout) for _ in range(2)] + [pictures(BATCH, SIDE // 2, layout) for _ in range(local_views)]


def drawn(draw):
    return itertools.cycle([draw() for _ in range(DRAWS)])


# Contrast

def both_views(net, criterion):
    """Two views in one pass."""
    views = pictures(), pictures()
    return Training(net[0], sgd(net), lambda: (net(torch.cat(views)),), criterion)


def contrast(q, k, temperature):
    return F.cross_entropy(F.normalize(q, dim=1) @ F.normalize(k, dim=1).T / temperature, torch.arange(len(q)))


class Queue:
    def __init__(self):
        self.keys, self.rows, self.next = F.normalize(torch.randn(4096, 128), dim=1), None, 0

    def push(self):
        self.keys[self.next:self.next + BATCH] = self.rows
        self.next = (self.next + BATCH) % len(self.keys)


def simclr():
    """google-research/simclr objective.py add_contrastive_loss."""
    scale = nn.BatchNorm1d(64)
    scale.bias.requires_grad_(False)
    own, target = torch.eye(BATCH) * 1e9, torch.arange(BATCH)

    def criterion(z):
        a, b = F.normalize(z, dim=1).chunk(2)
        ab, aa, bb = a @ b.T / 0.2, a @ a.T / 0.2 - own, b @ b.T / 0.2 - own
        return (F.cross_entropy(torch.cat([ab, aa], 1), target) + F.cross_entropy(torch.cat([ab.T, bb], 1), target)) / 2
    return both_views(nn.Sequential(ResNet18(), mlp(FEATURES, 128, 64, tail=scale)), criterion)


def supcon():
    """HobbitLong/SupContrast losses.py, main_supcon.py."""
    labels = torch.randint(10, (BATCH, 1))

    def criterion(z):
        z = F.normalize(z, dim=1)
        logits = z @ z.T / 0.2
        logits = logits - logits.max(1, keepdim=True)[0].detach()
        others = torch.scatter(torch.ones_like(logits), 1, torch.arange(2 * BATCH).view(-1, 1), 0)
        same = torch.eq(labels, labels.T).float().repeat(2, 2) * others
        log_p = logits - torch.log((torch.exp(logits) * others).sum(1, keepdim=True))
        return -((same * log_p).sum(1) / same.sum(1)).mean()
    return both_views(nn.Sequential(ResNet18(), mlp(FEATURES, 128, 64, norm=False, bias=True, out_bias=True)), criterion)


def moco():
    """facebookresearch/moco moco/builder.py; keys are shuffled among groups of batch norm as in its branch colab-notebook."""
    x1, x2, queue = pictures(), pictures(), Queue()
    net = nn.Sequential(ResNet18(SplitBatchNorm), mlp(FEATURES, 128, 128, norm=False, bias=True, out_bias=True))
    key_net, labels = momentum_copy(net), torch.zeros(BATCH, dtype=torch.long)

    def forward():
        with torch.no_grad():
            order = torch.randperm(BATCH)
            k = key_net(x2[order])[order.argsort()]
        return net(x1), k

    def criterion(q, k):
        q, queue.rows = F.normalize(q, dim=1), F.normalize(k, dim=1)
        logits = torch.cat([(q * queue.rows).sum(1, keepdim=True), q @ queue.keys.T], 1)
        return F.cross_entropy(logits / 0.1, labels)
    return Training(net[0], sgd(net), forward, criterion, before=follow(key_net, net, 0.99), after=queue.push)


def nnclr():
    """vturrisi/solo-learn solo/methods/nnclr.py, solo/losses/nnclr.py: view by view."""
    views, queue = (pictures(), pictures()), Queue()
    base = nn.Sequential(ResNet18(), mlp(FEATURES, 256, 256, 128, bias=True, out_bias=True, tail=nn.BatchNorm1d(128)))
    net = nn.Sequential(base, mlp(128, 256, 128, bias=True, out_bias=True))

    def forward():
        z = [base(x) for x in views]
        return *z, *[net[1](of_view) for of_view in z]

    def nearest(z):
        with torch.no_grad():
            return queue.keys[(z @ queue.keys.T).max(1)[1]]

    def criterion(z1, z2, p1, p2):
        z1, z2 = F.normalize(z1, dim=1), F.normalize(z2, dim=1)
        queue.rows = z1.detach()
        return contrast(nearest(z1), p2, 0.2) / 2 + contrast(nearest(z2), p1, 0.2) / 2
    return Training(base[0], sgd(net), forward, criterion, after=queue.push)


def against_target(base, predictor, loss, when):
    """View by view, the prediction of one against what a moving average makes of the other."""
    views, net, target = (pictures(), pictures()), nn.Sequential(base, predictor), momentum_copy(base)

    def forward():
        p = [net(x) for x in views]
        with torch.no_grad():
            return *p, *[target(x) for x in views]
    return Training(base[0], sgd(net), forward, lambda p1, p2, t1, t2: loss(p1, t2) + loss(p2, t1),
                    **{when: follow(target, base, 0.99)})


def mocov3():
    """facebookresearch/moco-v3 moco/builder.py."""
    base = nn.Sequential(ResNet18(), mlp(FEATURES, 256, 128, tail=plain_norm(128)))
    return against_target(base, mlp(128, 256, 128), lambda q, k: contrast(q, k, 0.2) * (2 * 0.2), "before")


# Two views without negatives

def byol():
    """google-deepmind/deepmind-research byol/byol_experiment.py."""
    base = nn.Sequential(ResNet18(), mlp(FEATURES, 256, 128, bias=True))
    return against_target(base, mlp(128, 256, 128, bias=True),
                          lambda p, t: (F.normalize(p, dim=1) - F.normalize(t, dim=1)).square().sum(1).mean(), "after")


def simsiam():
    """facebookresearch/simsiam simsiam/builder.py: view by view."""
    views, cosine = (pictures(), pictures()), nn.CosineSimilarity(dim=1)
    base = nn.Sequential(ResNet18(), mlp(FEATURES, 256, 256, tail=plain_norm(256)))
    net = nn.Sequential(base, mlp(256, 64, 256, out_bias=True))

    def forward():
        z = [base(x) for x in views]
        return *[net[1](of_view) for of_view in z], *[of_view.detach() for of_view in z]
    return Training(base[0], sgd(net), forward, lambda p1, p2, z1, z2: -(cosine(p1, z2).mean() + cosine(p2, z1).mean()) / 2)


def by_view(net, criterion):
    views = pictures(), pictures()
    return Training(net[0], Lars(net), lambda: [net(x) for x in views], criterion)


def off_diagonal(x):
    return x.flatten()[:-1].view(len(x) - 1, len(x) + 1)[:, 1:].flatten()


def barlow_twins():
    """facebookresearch/barlowtwins main.py."""
    norm = plain_norm(256)

    def criterion(z1, z2):
        c = norm(z1).T @ norm(z2) / BATCH
        return 0.1 * ((torch.diagonal(c) - 1).square().sum() + 0.0051 * off_diagonal(c).square().sum())
    return by_view(nn.Sequential(ResNet18(), mlp(FEATURES, 256, 256, 256)), criterion)


def vicreg():
    """facebookresearch/vicreg main_vicreg.py."""
    def criterion(x, y):
        loss = 25 * F.mse_loss(x, y)
        for z in (x - x.mean(0), y - y.mean(0)):
            covariance = off_diagonal(z.T @ z / (BATCH - 1)).square().sum() / z.shape[1]
            loss = loss + 25 * F.relu(1 - torch.sqrt(z.var(0) + 1e-4)).mean() / 2 + covariance
        return loss
    return by_view(nn.Sequential(ResNet18(), mlp(FEATURES, 256, 256, 256, bias=True)), criterion)


def by_size(net, criterion, optimizer, views, **hooks):
    return Training(net[0], optimizer, lambda: (net[1](multi_crop(net[0], views)),), criterion, len(views) * BATCH, **hooks)


def lejepa():
    """rbalestr-lab/lejepa MINIMAL.md, one pass for each size of views."""
    views, t = crops(local_views=2), torch.linspace(0, 3, 17)
    phi, weights = torch.exp(-t.square() / 2), torch.full((17,), 2 * 3 / 16)
    weights[[0, -1]] = 3 / 16
    weights = weights * phi

    def criterion(z):
        z = z.view(len(views), BATCH, -1)
        invariance, slices = (z[:2].mean(0) - z).square().mean(), torch.randn(z.shape[-1], 64)
        x = (z @ (slices / slices.norm(p=2, dim=0))).unsqueeze(-1) * t
        error = (x.cos().mean(-3) - phi).square() + x.sin().mean(-3).square()
        return 0.95 * invariance + 0.05 * (error @ weights * BATCH).mean()
    net = nn.Sequential(ResNet18(), mlp(FEATURES, 128, 128, 16, bias=True, out_bias=True))
    return by_size(net, criterion, adamw(net, 2e-3, 5e-4), views)


# Clusters

@torch.no_grad()
def sinkhorn(scores, eps, iterations=3):
    """facebookresearch/swav main_swav.py distributed_sinkhorn."""
    q = torch.exp(scores / eps).T
    q /= q.sum()
    for _ in range(iterations):
        q /= q.sum(1, keepdim=True)
        q /= q.shape[0]
        q /= q.sum(0, keepdim=True)
        q /= q.shape[1]
    return (q * q.shape[1]).T


def swav():
    """facebookresearch/swav main_swav.py, with a queue that is full."""
    views, queue = crops(), F.normalize(torch.randn(2, 128, 64), dim=-1)
    net, prototypes = nn.Sequential(ResNet18(), mlp(FEATURES, 256, 64, bias=True, out_bias=True)), nn.Linear(64, 64, bias=False)

    @torch.no_grad()
    def before():
        prototypes.weight.copy_(F.normalize(prototypes.weight, dim=1))

    def criterion(z):
        z = F.normalize(z, dim=1)
        scores, embeddings, loss = prototypes(z).chunk(len(views)), z.detach().chunk(len(views)), 0
        for i in range(2):
            with torch.no_grad():
                q = sinkhorn(torch.cat([queue[i] @ prototypes.weight.T, scores[i]]), 0.05)[-BATCH:]
                queue[i, BATCH:] = queue[i, :-BATCH].clone()
                queue[i, :BATCH] = embeddings[i]
            for v in set(range(len(views))) - {i}:
                loss = loss - (q * F.log_softmax(scores[v] / 0.1, dim=1)).sum(1).mean()
        return loss / (2 * (len(views) - 1))
    return by_size(net, criterion, sgd(nn.ModuleList([net, prototypes])), views, before=before)


def deepcluster_v2():
    """facebookresearch/swav main_deepclusterv2.py, within an epoch: three sets of 16 clusters."""
    views, index, state, bank = crops(), torch.arange(BATCH), {}, torch.zeros(2, 2 * BATCH, 64)
    prototypes, labels = F.normalize(torch.randn(3, 16, 64), dim=-1), torch.randint(16, (3, 2 * BATCH))

    def criterion(z):
        z = F.normalize(z, dim=1)
        state["embeddings"] = z.detach().chunk(len(views))
        return sum(F.cross_entropy(z @ prototypes[h].T / 0.1, labels[h][index].repeat(len(views))) for h in range(3)) / 3

    def after():
        for v in range(2):
            bank[v, :BATCH] = state["embeddings"][v]
    net = nn.Sequential(ResNet18(), mlp(FEATURES, 256, 64, bias=True, out_bias=True))
    return by_size(net, criterion, sgd(net), views, after=after)


# Self-distillation

def distillation(student, teacher):
    """Every view's logits / temperature against the teacher's other views; facebookresearch/dino main_dino.py DINOLoss."""
    terms = [(-q * F.log_softmax(s, dim=-1)).sum(-1).mean()
             for (i, q), (v, s) in itertools.product(enumerate(teacher), enumerate(student)) if i != v]
    return sum(terms) / len(terms)


class Center:
    def __init__(self, *shape):
        self.value, self.mean = torch.zeros(shape), None

    def sharpened(self, logits):
        self.mean = logits.flatten(0, -2).mean(0)
        return F.softmax((logits - self.value) / 0.04, dim=-1)

    def update(self):
        self.value.mul_(0.9).add_(self.mean, alpha=0.1)


def dino():
    """facebookresearch/dino main_dino.py."""
    views, center, net = crops(), Center(1, 128), nn.Sequential(ResNet18(), DinoHead(FEATURES))
    teacher = momentum_copy(net)
    ema = follow(teacher, net, 0.99)

    def forward():
        with torch.no_grad():
            target = teacher[1](multi_crop(teacher[0], views[:2]))
        return net[1](multi_crop(net[0], views)), target

    def criterion(student, target):
        return distillation((student / 0.1).chunk(len(views)), center.sharpened(target).chunk(2))
    return Training(net[0], adamw(net), forward, criterion, len(views) * BATCH, after=lambda: (ema(), center.update()))


def hide(shares):
    """[N, M] bool: shares[i] of the patches of row i. Where they lie changes nothing about the work."""
    return torch.rand(len(shares), GRID * GRID).argsort(1) < (torch.tensor(shares) * GRID * GRID).int().unsqueeze(1)


def ibot_masks():
    """Half of the global views, by chance; bytedance/ibot loader.py."""
    return hide([random.uniform(0.1, 0.5) if random.random() < 0.5 else 0.0 for _ in range(2 * BATCH)])


def dinov2_masks():
    """Exactly half of the global views, with shares that are spread evenly; facebookresearch/dinov2 dinov2/data/collate.py."""
    bounds = torch.linspace(0.1, 0.5, BATCH + 1).tolist()
    return hide(random.sample([random.uniform(*pair) for pair in itertools.pairwise(bounds)] + [0.0] * BATCH, 2 * BATCH))


def student_and_teacher(vit, **heads):
    student = nn.ModuleDict({"vit": vit, **heads})
    student.mask_token = nn.Parameter(torch.zeros(1, WIDTH))
    return student, momentum_copy(student).eval()  # no branch of the teacher is dropped


def ibot():
    """bytedance/ibot main_ibot.py, models/head.py: the head sees every token, the loss the hidden ones."""
    views, masks, state = crops(layout=torch.contiguous_format), drawn(ibot_masks), {}
    student, teacher = student_and_teacher(Vit(2, drop_path_rate=0.1), head=DinoHead(WIDTH))
    center, patch_center, ema = Center(1, 128), Center(1, 1, 128), follow(teacher, student, 0.99)

    def outputs(net, images, **hidden):
        out = net["head"](net["vit"].tokens(torch.cat(images), **hidden))
        return out[:, 0], out[:, 1:]

    def forward():
        state["mask"] = next(masks)
        with torch.no_grad():
            target = outputs(teacher, views[:2])
        seen, patches = outputs(student, views[:2], hidden=state["mask"], mask_token=student.mask_token)
        return torch.cat([seen, outputs(student, views[2:])[0]]), patches, *target

    def criterion(student_cls, student_patch, teacher_cls, teacher_patch):
        mask = state["mask"].float()
        loss = distillation((student_cls / 0.1).chunk(len(views)), center.sharpened(teacher_cls).chunk(2))
        patch = (-patch_center.sharpened(teacher_patch) * F.log_softmax(student_patch / 0.1, dim=-1)).sum(-1)
        return loss + ((patch * mask).sum(-1) / mask.sum(-1).clamp(min=1.0)).mean()
    return Training(student["vit"], adamw(student), forward, criterion, len(views) * BATCH,
                    after=lambda: (ema(), center.update(), patch_center.update()))


def koleo(x):
    x = F.normalize(x, eps=1e-8, dim=-1)
    with torch.no_grad():
        nearest = (x @ x.T).fill_diagonal_(-1).max(1)[1]
    return -torch.log(F.pairwise_distance(x, x[nearest], eps=1e-8) + 1e-8).mean()


def dinov2():
    """facebookresearch/dinov2 dinov2/train/ssl_meta_arch.py with Sinkhorn and a head for patches."""
    views, masks, state = crops(layout=torch.contiguous_format), drawn(dinov2_masks), {}
    student, teacher = student_and_teacher(Vit(2, drop_path_rate=0.1, reg_tokens=2, no_embed_class=True),
                                           head=DinoHead(WIDTH, True), patch_head=DinoHead(WIDTH, True))

    def forward():
        mask = state["mask"] = next(masks)
        whole, places = torch.cat(views[:2]), mask.flatten().nonzero().flatten()
        with torch.no_grad():
            seen = teacher["vit"].tokens(whole)
            hidden = teacher["patch_head"](seen[:, 3:].flatten(0, 1)[places])
            target = teacher["head"](torch.cat(seen[:, 0].chunk(2)[::-1])), hidden
        seen = student["vit"].tokens(whole, hidden=mask, mask_token=student.mask_token)
        cls = student["head"](torch.cat([student["vit"].tokens(torch.cat(views[2:]))[:, 0], seen[:, 0]]))
        return cls, student["patch_head"](seen[:, 3:].flatten(0, 1)[places]), *target, seen[:, 0]

    def criterion(cls, patches, teacher_cls, teacher_patches, features):
        mask, q, terms, loss = state["mask"], sinkhorn(teacher_cls, 0.07), 2 + 2 * (len(views) - 2), 0
        *of_locals, whole = (cls / 0.1).split([BATCH] * (len(views) - 2) + [2 * BATCH])
        for s in of_locals:
            log_p = F.log_softmax(s, dim=-1)
            loss = loss - sum((t * log_p).sum(-1).mean() for t in q.chunk(2)) / terms
        loss = loss - (q * F.log_softmax(whole, dim=-1)).sum(-1).mean() * 2 / terms
        loss = loss + 0.1 * sum(koleo(x) for x in features.chunk(2))
        weights = (1 / mask.sum(-1).clamp(min=1.0)).unsqueeze(-1).expand_as(mask)[mask]
        patch = (sinkhorn(teacher_patches, 0.07) * F.log_softmax(patches / 0.1, dim=-1)).sum(-1)
        return loss - (patch * weights).sum() / len(mask)
    return Training(student["vit"], adamw(student), forward, criterion, len(views) * BATCH,
                    after=follow(teacher, student, 0.992))


# Hidden parts

def mae():
    """facebookresearch/mae models_mae.py."""
    x, vit, decoder = pictures(layout=torch.contiguous_format), Vit(12, sincos=True), Predictor(128, 2, 4, 3 * PATCH * PATCH)
    patches, kept = GRID * GRID, GRID * GRID // 4

    def forward():
        shuffle = torch.rand(BATCH, patches).argsort(1)
        restore, hidden = shuffle.argsort(1), torch.ones(BATCH, patches)
        hidden[:, :kept] = 0
        y = decoder.embed(vit.tokens(x, keep=shuffle[:, :kept]))
        whole = torch.cat([y[:, 1:], decoder.mask_token.repeat(BATCH, patches - kept, 1)], 1)
        y = torch.cat([y[:, :1], pick(whole, restore) + decoder.positions], 1)
        return decoder.project(decoder.norm(decoder.blocks(y)))[:, 1:], hidden.gather(1, restore)

    def criterion(predicted, hidden):
        target = x.reshape(BATCH, 3, GRID, PATCH, GRID, PATCH).permute(0, 2, 4, 3, 5, 1).reshape(BATCH, patches, -1)
        target = (target - target.mean(-1, keepdim=True)) / (target.var(-1, keepdim=True) + 1e-6) ** 0.5
        return ((predicted - target).square().mean(-1) * hidden).sum() / hidden.sum()
    return Training(vit, adamw(nn.ModuleList([vit, decoder]), weight_decay=0.05, beta2=0.95), forward, criterion, BATCH)


def simmim_masks():
    """Six in ten squares of two patches a side; microsoft/SimMIM data/data_simmim.py MaskGenerator."""
    cells = torch.rand(BATCH, 16).argsort(1) < math.ceil(0.6 * 16)
    return cells.view(BATCH, 4, 4).repeat_interleave(2, 1).repeat_interleave(2, 2).flatten(1)


def simmim():
    """microsoft/SimMIM models/simmim.py."""
    x, masks, vit, state = pictures(layout=torch.contiguous_format), drawn(simmim_masks), Vit(6), {}
    net = nn.ModuleList([vit, nn.Sequential(nn.Conv2d(WIDTH, 3 * PATCH * PATCH, 1), nn.PixelShuffle(PATCH))])
    net.mask_token = nn.Parameter(torch.randn(1, 1, WIDTH) * 0.02)

    def forward():
        state["mask"] = next(masks)
        z = vit.tokens(x, hidden=state["mask"], mask_token=net.mask_token)[:, 1:]
        return (net[1](z.permute(0, 2, 1).reshape(BATCH, WIDTH, GRID, GRID)),)

    def criterion(restored):
        mask = state["mask"].view(BATCH, GRID, GRID).repeat_interleave(PATCH, 1).repeat_interleave(PATCH, 2).unsqueeze(1)
        return (F.l1_loss(x, restored, reduction="none") * mask).sum() / (mask.sum() + 1e-5) / 3
    return Training(vit, adamw(net, weight_decay=0.05), forward, criterion, BATCH)


def block(rows, columns):
    out = torch.zeros(GRID, GRID, dtype=torch.bool)
    top, left = random.randrange(GRID - rows), random.randrange(GRID - columns)
    out[top:top + rows, left:left + columns] = True
    return out


def ijepa_masks(min_keep=6):
    """The context's patches [N, K], those of four targets [N, T] each; facebookresearch/ijepa src/masks/multiblock.py."""
    def size(scale, aspect):
        u = random.random()
        area, ratio = int(GRID * GRID * (scale[0] + u * (scale[1] - scale[0]))), aspect[0] + u * (aspect[1] - aspect[0])
        return [min(GRID - 1, round(math.sqrt(side))) for side in (area * ratio, area / ratio)]

    target, context, contexts, targets = size((0.15, 0.2), (0.75, 1.5)), size((0.85, 1.0), (1, 1)), [], [[], [], [], []]
    for _ in range(BATCH):
        seen = block(*context)
        for of_block in targets:
            own = block(*target)
            of_block.append(own.flatten().nonzero().flatten())
            seen = seen & ~own if (seen & ~own).sum() > min_keep else seen
        contexts.append(seen.flatten().nonzero().flatten())
    shortest = min(map(len, contexts))
    return torch.stack([c[:shortest] for c in contexts]), [torch.stack(t) for t in targets]


def ijepa():
    """facebookresearch/ijepa src/train.py, src/models/vision_transformer.py."""
    x, masks, predictor = pictures(layout=torch.contiguous_format), drawn(ijepa_masks), Predictor(96, 2, 3, WIDTH)
    vit = Vit(6, sincos=True, class_token=False)
    target_vit, net = momentum_copy(vit), nn.ModuleList([vit, predictor])

    def forward():
        context, targets = next(masks)
        with torch.no_grad():
            h = F.layer_norm(target_vit.tokens(x), (WIDTH,))
            h = torch.cat([pick(h, target) for target in targets])
        positions = predictor.positions.repeat(BATCH, 1, 1)
        z = predictor.embed(vit.tokens(x, keep=context)) + pick(positions, context)
        queries = predictor.mask_token + torch.cat([pick(positions, target) for target in targets])
        z = predictor.norm(predictor.blocks(torch.cat([z.repeat(len(targets), 1, 1), queries], 1)))
        return predictor.project(z[:, context.shape[1]:]), h
    return Training(vit, adamw(net), forward, F.smooth_l1_loss, BATCH, after=follow(target_vit, vit, 0.996))


def denoising():
    """Vincent et al. 2008, Pathak et al. 2016: there is no official code of this form."""
    x, hidden = pictures(), drawn(lambda: (torch.rand(BATCH, 1, SIDE, SIDE) < 0.25).float())
    net = nn.Sequential(ResNet18(), Restorer())
    return Training(net[0], adamw(net, weight_decay=0.05), lambda: (net(x * (1 - next(hidden))),),
                    lambda restored: F.mse_loss(restored, x), BATCH)


# Classes

def classified(net, optimizer, x, labels):
    return Training(net[0], optimizer, lambda: (net(x),), lambda logits: F.cross_entropy(logits, labels), 32)


def rotnet():
    """gidariss/FeatureLearningRotNet: the four turns of each of 32 images in one batch."""
    net = nn.Sequential(ResNet18(), nn.Linear(FEATURES, 4))
    return classified(net, sgd(net, 0.05, nesterov=True), pictures(32 * 4), torch.arange(4).repeat(32))


def jigsaw():
    """facebookresearch/vissl configs/config/pretrain/jigsaw: the nine tiles of each of 32 images in one batch."""
    net = nn.Sequential(ResNet18(), nn.Linear(FEATURES, 64), nn.BatchNorm1d(64), nn.ReLU(inplace=True),
                        nn.Unflatten(0, (32, 9)), nn.Flatten(), nn.Linear(9 * 64, 20))
    return classified(net, sgd(net, 0.05, 1e-4), pictures(32 * 9, 14), torch.randint(20, (32,)))


METHODS = {make.__name__: make for make in (
    barlow_twins, byol, deepcluster_v2, denoising, dino, dinov2, ibot, ijepa, jigsaw, lejepa, mae, moco, mocov3, nnclr, rotnet,
    simclr, simmim, simsiam, supcon, swav, vicreg)}
