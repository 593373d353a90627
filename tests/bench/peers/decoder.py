"""llama.cpp on the same GGUF file and cores: GGUF PROMPT ANSWER RUNS; prints tokens a second read and written, and the peak in MiB."""
import json
import os
import resource
import statistics
import sys
import time

try:
    from llama_cpp import Llama
except ImportError as missing:
    print(missing, file=sys.stderr)
    sys.exit(77)

path, prompt, answer, runs = sys.argv[1], *map(int, sys.argv[2:5])
cores = len(os.sched_getaffinity(0))
model = Llama(path, n_ctx=prompt + answer + 8, n_batch=prompt, n_threads=cores, n_threads_batch=cores, logits_all=False, verbose=False)
vocabulary = model.n_vocab()
ids = [n * 7919 % vocabulary for n in range(prompt)]
reads, writes = [], []
for run in range(runs + 1):
    model.reset()
    begun = time.perf_counter()
    model.eval(ids)
    token = model.sample(temp=0.0)
    read = prompt / (time.perf_counter() - begun)
    begun = time.perf_counter()
    for _ in range(answer):
        model.eval([token])
        token = model.sample(temp=0.0)
    if run:
        reads.append(read)
        writes.append(answer / (time.perf_counter() - begun))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"prefill": statistics.median(reads), "decode": statistics.median(writes), "peak_mib": peak}))
