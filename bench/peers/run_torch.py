"""Peer: a pretrained model loaded by transformers and run as often as it is asked to.

    python3 run_torch.py FOLDER [--positions 1024] [--threads 2] [--clock wall|processor]

Prints a JSON line with milliseconds to load; then, for every line of the input, runs one forward pass and prints a JSON
line with its milliseconds and the peak memory of the process in bytes. A line says what is kept: `kept` is the output of
every block by forward hooks, `plain` is nothing. The logits of every position are computed by both. `products` is the
matrix products of a pass alone, as ../products.mjs has them.
"""
import argparse
import json
import resource
import sys
import time

import torch
import transformers

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--positions", type=int, default=1024)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--clock", choices=["wall", "processor"], default="wall")
options = parser.parse_args()
now = time.perf_counter if options.clock == "wall" else time.process_time
torch.set_num_threads(options.threads)
transformers.utils.logging.disable_progress_bar()
start = time.perf_counter()
model = transformers.AutoModelForCausalLM.from_pretrained(options.folder, dtype=torch.float32).eval()
load = time.perf_counter() - start
print(json.dumps({"version": torch.__version__.split("+")[0], "loadMs": 1000 * load}), flush=True)
tokens = torch.tensor([[i * 7919 % model.config.vocab_size for i in range(options.positions)]])
blocks = model.transformer.h


QUERIES = 128
hidden = torch.rand(1, options.positions, model.config.n_embd) * 2 - 1


def products():
    width, heads = model.config.n_embd, model.config.n_head
    outputs = []
    for block in blocks:
        read = (hidden @ block.attn.c_attn.weight).view(1, options.positions, 3, heads, width // heads)
        query, key, value = read.permute(2, 0, 3, 1, 4)  # each [1, heads, positions, width / heads]
        parts = []
        for start in range(0, options.positions, QUERIES):
            end = min(start + QUERIES, options.positions)
            scores = query[:, :, start:end] @ key[:, :, :end].transpose(2, 3)
            parts.append(scores @ value[:, :, :end])
        mixed = torch.cat(parts, 2).transpose(1, 2).reshape(1, options.positions, width)
        written = mixed @ block.attn.c_proj.weight
        outputs.append(written @ block.mlp.c_fc.weight @ block.mlp.c_proj.weight)
    return hidden @ model.transformer.wte.weight.T, outputs


def run(kind):
    if kind == "products":
        return products()
    kept = {}
    hooks = []
    if kind == "kept":
        for layer, block in enumerate(blocks):

            def keep(module, inputs, output, layer=layer):
                kept[layer] = output[0] if isinstance(output, tuple) else output

            hooks.append(block.register_forward_hook(keep))
    logits = model(tokens, use_cache=False).logits
    for hook in hooks:
        hook.remove()
    assert len(kept) == len(hooks)
    return logits, kept


with torch.no_grad():
    for line in sys.stdin:
        start = now()
        result = run(line.strip())
        milliseconds = 1000 * (now() - start)
        del result
        peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(json.dumps({"ms": milliseconds, "peakBytes": peak}), flush=True)
