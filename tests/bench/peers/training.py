"""A LoRA step of PEFT on a model of SmolLM2-135M's shape: prints tokens a second in f32 and bf16, and the peak in MiB.

PyTorch gains from tcmalloc, so the script starts itself again with it preloaded where it is installed.
"""
import glob
import json
import os
import resource
import statistics
import sys
import time

if "CUBELOG_PRELOADED" not in os.environ:
    found = glob.glob("/usr/lib/*/libtcmalloc*.so*")
    environment = dict(os.environ, CUBELOG_PRELOADED="1")
    if found:
        environment["LD_PRELOAD"] = sorted(found)[0]
    # The script came as an argument, so it is passed on as one.
    os.execve(sys.executable, [sys.executable, "-c", open("/proc/self/cmdline").read().split("\0")[2], *sys.argv[1:]], environment)

try:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM
except ImportError as missing:
    print(missing, file=sys.stderr)
    sys.exit(77)

SEQUENCES, TOKENS, STEPS = 8, 256, 3
torch.manual_seed(1)


def rate(dtype):
    config = LlamaConfig(
        vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
        num_key_value_heads=3, max_position_embeddings=8192, rms_norm_eps=1e-5, rope_theta=100000.0, tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config).to(dtype)
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    model = get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules=targets, task_type="CAUSAL_LM"))
    model.train()
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-4)
    ids = torch.randint(0, 49152, (SEQUENCES, TOKENS))
    rates = []
    for step in range(STEPS + 1):
        begun = time.perf_counter()
        model(input_ids=ids, labels=ids).loss.backward()
        torch.nn.utils.clip_grad_norm_([p for p in model.parameters() if p.requires_grad], 1.0)
        optimiser.step()
        optimiser.zero_grad()
        if step:
            rates.append(SEQUENCES * TOKENS / (time.perf_counter() - begun))
    return statistics.median(rates)


measured = {"f32": rate(torch.float32), "bf16": rate(torch.bfloat16)}
measured["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(measured))
