"""Peer: a pretrained model loaded by transformers and run once, the hidden state of every layer kept.

    python3 run_torch.py FOLDER [--positions 1024] [--threads 2]

One JSON line: milliseconds to load, of the first pass and of the fastest of three more, and the peak memory of the
process in bytes after one pass and after all.
"""
import argparse
import json
import resource
import time

import torch
import transformers

PASSES = 3
parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--positions", type=int, default=1024)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
torch.set_num_threads(options.threads)
transformers.utils.logging.disable_progress_bar()
start = time.perf_counter()
model = transformers.AutoModelForCausalLM.from_pretrained(options.folder, dtype=torch.float32).eval()
load = time.perf_counter() - start
tokens = torch.tensor([[i * 7919 % model.config.vocab_size for i in range(options.positions)]])
times, peaks = [], []
with torch.no_grad():
    for _ in range(PASSES + 1):
        start = time.perf_counter()
        model(tokens, output_hidden_states=True, use_cache=False)
        times.append(time.perf_counter() - start)
        peaks.append(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(
    json.dumps(
        {
            "version": torch.__version__.split("+")[0],
            "loadMs": 1000 * load,
            "firstMs": 1000 * times[0],
            "forwardMs": 1000 * min(times[1:]),
            "peakBytes": peaks[0],
            "laterPeakBytes": peaks[-1],
        }
    )
)
