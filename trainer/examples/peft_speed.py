"""Tokens per second of the same training by PEFT: what `speed.rs` beside it is measured against.

    OMP_NUM_THREADS=2 LD_PRELOAD=.../libtcmalloc_minimal.so.4 python peft_speed.py [f32|bf16] [sequences] [tokens] [steps]

A Llama of SmolLM2-135M's shape and random weights, LoRA of rank 16 on all linear layers, a loss on every token but the first,
gradients, clipping and AdamW's step included. Needs torch, transformers and peft.
"""

import os
import sys
import time

import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM


def main():
    kind = sys.argv[1] if len(sys.argv) > 1 else "f32"
    sequences, tokens, steps = (int(sys.argv[n]) if len(sys.argv) > n else default for n, default in ((2, 8), (3, 256), (4, 5)))
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", os.cpu_count())))
    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=49152,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        max_position_embeddings=8192,
        rms_norm_eps=1e-5,
        rope_theta=100000.0,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(shape).to({"f32": torch.float32, "bf16": torch.bfloat16}[kind])
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    model = get_peft_model(model, LoraConfig(r=16, lora_alpha=32, target_modules=targets, task_type="CAUSAL_LM"))
    model.train()
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=1e-4, weight_decay=0.0)
    ids = torch.randint(0, 49152, (sequences, tokens))
    best = float("inf")
    for step in range(steps):
        begun = time.perf_counter()
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimiser.step()
        optimiser.zero_grad()
        spent = time.perf_counter() - begun
        best = min(best, spent)
        print(f"step {step}: loss {loss.item():.4f}, {spent:.2f} s, {sequences * tokens / spent:.0f} tokens/s", flush=True)
    print(f"best: {sequences * tokens / best:.0f} tokens/s at {sequences} x {tokens}, {kind}")


main()
