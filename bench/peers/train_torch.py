"""Peer: one small transformer in eager PyTorch with fused Adam, the way most people train one.

    python3 train_torch.py --config seed [--threads 1] [--seconds 3]

The same work as `palimpsest bench train`, one model. One JSON line.
"""
import argparse
import json
import time

import torch
from torch import nn

CONFIGS = {
    "seed": (10, 16, 2, 2, 64, 8, 32),
    "small": (64, 64, 4, 2, 256, 32, 32),
    "char": (96, 128, 4, 4, 512, 128, 16),
}
parser = argparse.ArgumentParser()
parser.add_argument("--config", choices=CONFIGS, default="seed")
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--seconds", type=float, default=3.0)
options = parser.parse_args()
torch.set_num_threads(options.threads)
D_VOCAB, D_MODEL, N_HEADS, N_LAYERS, D_MLP, N_CTX, BATCH = CONFIGS[options.config]


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.W_Q, self.W_K, self.W_V, self.W_O = (nn.Linear(D_MODEL, D_MODEL) for _ in range(4))
        self.ln1, self.ln2 = nn.LayerNorm(D_MODEL), nn.LayerNorm(D_MODEL)
        self.mlp = nn.Sequential(nn.Linear(D_MODEL, D_MLP), nn.ReLU(), nn.Linear(D_MLP, D_MODEL))

    def forward(self, x):
        heads = lambda project: project(x).view(BATCH, N_CTX, N_HEADS, -1).transpose(1, 2)
        q, k, v = heads(self.W_Q), heads(self.W_K), heads(self.W_V)
        pattern = torch.softmax(q @ k.transpose(2, 3) / (D_MODEL // N_HEADS) ** 0.5, -1)
        x = self.ln1(x + self.W_O((pattern @ v).transpose(1, 2).reshape(BATCH, N_CTX, D_MODEL)))
        return self.ln2(x + self.mlp(x))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.W_E, self.W_pos = nn.Embedding(D_VOCAB, D_MODEL), nn.Embedding(N_CTX, D_MODEL)
        self.blocks = nn.Sequential(*(Block() for _ in range(N_LAYERS)))
        self.W_U = nn.Linear(D_MODEL, D_VOCAB)

    def forward(self, tokens):
        return self.W_U(self.blocks(self.W_E(tokens) + self.W_pos.weight))


model = Transformer()
adam = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
tokens, targets = (torch.randint(0, D_VOCAB, (BATCH, N_CTX)) for _ in range(2))


def step():
    adam.zero_grad()
    nn.functional.cross_entropy(model(tokens).flatten(0, 1), targets.flatten()).backward()
    adam.step()


per_round = {"seed": 20, "small": 3, "char": 1}[options.config]
for _ in range(per_round):
    step()
rounds, end = [], time.perf_counter() + options.seconds
while len(rounds) < 5 or time.perf_counter() < end:
    start = time.perf_counter()
    for _ in range(per_round):
        step()
    rounds.append((time.perf_counter() - start) / per_round)
median = sorted(rounds)[len(rounds) // 2]
line = {"peer": f"torch {torch.__version__.split('+')[0]}", "config": options.config, "models": 1, "threads": options.threads}
print(json.dumps({**line, "modelStepsPerSecond": 1 / median}))
