"""Peer: activation patching the way most people do it, one forward pass with hooks for every patch.

    python3 patch_torch.py --config small [--threads 2] [--rounds 5]

The same model sizes and patches as bench/patching.mjs, random weights, one pair of inputs. One JSON line: milliseconds
of a whole sweep, the least over rounds.
"""
import argparse
import json
import time

import torch
from torch import nn

CONFIGS = {"seed": (10, 16, 2, 64, 8), "small": (64, 64, 4, 256, 32)}
N_LAYERS = 6
parser = argparse.ArgumentParser()
parser.add_argument("--config", choices=CONFIGS, default="small")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--rounds", type=int, default=5)
options = parser.parse_args()
torch.set_num_threads(options.threads)
D_VOCAB, D_MODEL, N_HEADS, D_MLP, N_CTX = CONFIGS[options.config]
D_HEAD = D_MODEL // N_HEADS


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.W_Q, self.W_K, self.W_V, self.W_O = (nn.Linear(D_MODEL, D_MODEL) for _ in range(4))
        self.ln1, self.ln2 = nn.LayerNorm(D_MODEL), nn.LayerNorm(D_MODEL)
        self.mlp = nn.Sequential(nn.Linear(D_MODEL, D_MLP), nn.GELU(), nn.Linear(D_MLP, D_MODEL))
        self.hook_resid_pre, self.hook_pattern, self.hook_z = nn.Identity(), nn.Identity(), nn.Identity()
        self.register_buffer("mask", torch.full((N_CTX, N_CTX), float("-inf")).triu(1))

    def forward(self, x):
        x = self.hook_resid_pre(x)
        y = self.ln1(x)
        heads = lambda project: project(y).view(1, N_CTX, N_HEADS, D_HEAD).transpose(1, 2)
        scores = heads(self.W_Q) @ heads(self.W_K).transpose(2, 3) / D_HEAD**0.5 + self.mask
        pattern = self.hook_pattern(torch.softmax(scores, -1))
        z = self.hook_z((pattern @ heads(self.W_V)).transpose(1, 2))
        x = x + self.W_O(z.reshape(1, N_CTX, D_MODEL))
        return x + self.mlp(self.ln2(x))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.W_E, self.W_pos = nn.Embedding(D_VOCAB, D_MODEL), nn.Embedding(N_CTX, D_MODEL)
        self.blocks = nn.Sequential(*(Block() for _ in range(N_LAYERS)))
        self.ln_final, self.W_U = nn.LayerNorm(D_MODEL), nn.Linear(D_MODEL, D_VOCAB)

    def forward(self, tokens):
        return self.W_U(self.ln_final(self.blocks(self.W_E(tokens) + self.W_pos.weight)))


model = Transformer()
clean = torch.arange(N_CTX)[None] % D_VOCAB
corrupt = clean.clone()
corrupt[0, 0] = 1
layers, positions, heads = range(N_LAYERS), range(N_CTX), range(N_HEADS)
SWEEPS = {
    "resid_pre": ("hook_resid_pre", [(l, (slice(None), p)) for l in layers for p in positions]),
    "z": ("hook_z", [(l, (slice(None), p, h)) for l in layers for h in heads for p in positions]),
    "pattern": ("hook_pattern", [(l, (slice(None), h)) for l in layers for h in heads]),
}


def cached(name):
    kept = {}
    handles = [
        getattr(block, name).register_forward_hook(lambda _, __, out, layer=layer: kept.update({layer: out.clone()}))
        for layer, block in enumerate(model.blocks)
    ]
    model(clean)
    for handle in handles:
        handle.remove()
    return kept


def sweep(name, patches):
    kept, results = cached(name), []
    for layer, region in patches:

        def put(_, __, out):
            out = out.clone()
            out[region] = kept[layer][region]
            return out

        handle = getattr(model.blocks[layer], name).register_forward_hook(put)
        logits = model(corrupt)[0, -1]
        results.append((logits[1] - logits[2]).item())
        handle.remove()
    return results


milliseconds = {}
with torch.inference_mode():
    for sweep_name, (name, patches) in SWEEPS.items():
        times = []
        for _ in range(options.rounds + 1):
            start = time.perf_counter()
            sweep(name, patches)
            times.append(time.perf_counter() - start)
        milliseconds[sweep_name] = 1000 * min(times[1:])
line = {"peer": f"torch {torch.__version__.split('+')[0]}", "config": options.config, "threads": options.threads}
print(json.dumps({**line, "milliseconds": milliseconds}))
