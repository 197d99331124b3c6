"""Peer: a population of small transformers trained side by side in JAX (jit, vmap over models, scan over steps).

    [JAX_PLATFORMS=cuda] python3 train_jax.py --config seed --models 1,8,32 [--seconds 3]

The same work as `palimpsest bench train`: forward, cross-entropy, backward and Adam in float32 on random tokens, a batch
of its own for every model. One JSON line a population size. The processors are those the process may use, unless
JAX_PLATFORMS names a card.
"""
import argparse
import json
import os
import time

os.environ.setdefault("JAX_PLATFORMS", "cpu")
import jax
import jax.numpy as jnp

# dVocab, dModel, nHeads, nLayers, dMlp, nCtx, batch
CONFIGS = {
    "seed": (10, 16, 2, 2, 64, 8, 32),
    "small": (64, 64, 4, 2, 256, 32, 32),
    "char": (96, 128, 4, 4, 512, 128, 16),
}
# steps in one compiled scan: enough to hide the call, few enough to finish a round in a second
SCAN = {"seed": 50, "small": 5, "char": 1}

parser = argparse.ArgumentParser()
parser.add_argument("--config", choices=CONFIGS, default="seed")
parser.add_argument("--models", default="1,8,32")
parser.add_argument("--seconds", type=float, default=3.0)
options = parser.parse_args()
D_VOCAB, D_MODEL, N_HEADS, N_LAYERS, D_MLP, N_CTX, BATCH = CONFIGS[options.config]
D_HEAD = D_MODEL // N_HEADS
STEPS = SCAN[options.config]


def initial(key):
    keys = iter(jax.random.split(key, 6 * N_LAYERS + 3))
    weights = {"W_E": jax.random.normal(next(keys), (D_VOCAB, D_MODEL)), "W_pos": jax.random.normal(next(keys), (N_CTX, D_MODEL))}

    def linear(name, fan_in, fan_out):
        bound = fan_in**-0.5
        weights["W_" + name] = jax.random.uniform(next(keys), (fan_in, fan_out), minval=-bound, maxval=bound)
        weights["b_" + name] = jnp.zeros(fan_out)

    for layer in range(N_LAYERS):
        for part in ("Q", "K", "V", "O"):
            linear(f"{part}{layer}", D_MODEL, D_MODEL)
        linear(f"in{layer}", D_MODEL, D_MLP)
        linear(f"out{layer}", D_MLP, D_MODEL)
        for norm in ("1", "2"):
            weights[f"w{norm}{layer}"], weights[f"b{norm}{layer}"] = jnp.ones(D_MODEL), jnp.zeros(D_MODEL)
    linear("U", D_MODEL, D_VOCAB)
    return weights


def norm(x, w, b):
    centred = x - x.mean(-1, keepdims=True)
    return centred / jnp.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * w + b


def loss_of(p, tokens, targets):
    stream = p["W_E"][tokens] + p["W_pos"]
    for layer in range(N_LAYERS):
        project = lambda part: stream @ p[f"W_{part}{layer}"] + p[f"b_{part}{layer}"]
        q, k, v = (project(part).reshape(BATCH, N_CTX, N_HEADS, D_HEAD) for part in ("Q", "K", "V"))
        pattern = jax.nn.softmax(jnp.einsum("bqhe,bkhe->bhqk", q, k) / D_HEAD**0.5, -1)
        z = jnp.einsum("bhqk,bkhe->bqhe", pattern, v).reshape(BATCH, N_CTX, D_MODEL)
        out = z @ p[f"W_O{layer}"] + p[f"b_O{layer}"]
        stream = norm(stream + out, p[f"w1{layer}"], p[f"b1{layer}"])
        post = jax.nn.relu(stream @ p[f"W_in{layer}"] + p[f"b_in{layer}"])
        stream = norm(stream + post @ p[f"W_out{layer}"] + p[f"b_out{layer}"], p[f"w2{layer}"], p[f"b2{layer}"])
    log_probs = jax.nn.log_softmax(stream @ p["W_U"] + p["b_U"])
    return -jnp.take_along_axis(log_probs, targets[..., None], -1).mean()


def step(state, batch):
    p, m, v, t = state
    t = t + 1
    value, g = jax.value_and_grad(loss_of)(p, *batch)
    m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
    v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
    update = lambda p, m, v: p - 1e-3 * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return (jax.tree.map(update, p, m, v), m, v, t), value


train = jax.jit(jax.vmap(lambda state, tokens, targets: jax.lax.scan(step, state, (tokens, targets))))
for models in map(int, options.models.split(",")):
    weights = jax.vmap(initial)(jax.random.split(jax.random.key(0), models))
    zeros = jax.tree.map(jnp.zeros_like, weights)
    draw = lambda key: jax.random.randint(jax.random.key(key), (models, STEPS, BATCH, N_CTX), 0, D_VOCAB)
    tokens, targets = draw(1), draw(2)
    state = (weights, zeros, zeros, jnp.zeros(models))
    state, _ = jax.block_until_ready(train(state, tokens, targets))
    rounds, end = [], time.perf_counter() + options.seconds
    while len(rounds) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        state, _ = jax.block_until_ready(train(state, tokens, targets))
        rounds.append((time.perf_counter() - start) / STEPS)
    median = sorted(rounds)[len(rounds) // 2]
    line = {"peer": f"jax {jax.__version__}", "config": options.config, "models": models}
    line["processors"] = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    line["device"] = jax.devices()[0].device_kind
    print(json.dumps({**line, "modelStepsPerSecond": models / median}), flush=True)
