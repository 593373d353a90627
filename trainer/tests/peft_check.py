"""Loads an adapter that Cubelog wrote in PEFT and says what it computes, or has PEFT write one.

    python peft_check.py read DIR OUT     logits of the last token, and greedy answers, with DIR worn over a model in DIR/base
    python peft_check.py write DIR OUT    an adapter of random numbers, written by PEFT into DIR, and the same of it
    python peft_check.py answers MODEL DIR OUT   greedy answers of a real model (GGUF file) wearing DIR, to DIR's held-out questions

The tiny base is a transformers Llama whose weights the test wrote into DIR/base.
"""

import json
import os
import sys

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer

IDS = [[1, 5, 9, 200, 17, 3, 42], [7, 7, 100, 30]]


def logits(model):
    rows = []
    with torch.no_grad():
        for ids in IDS:
            rows.append(model(torch.tensor([ids])).logits[0, -1].tolist())
    return rows


def main():
    torch.manual_seed(1)
    verb = sys.argv[1]
    if verb == "answers":
        path, adapter, out = sys.argv[2:5]
        folder, file = os.path.split(path)
        tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=file)
        model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file, dtype=torch.float32)
        model = PeftModel.from_pretrained(model, adapter).eval()
        with open(os.path.join(adapter, "manifest.json")) as manifest:
            asked = json.load(manifest)["evaluation"]["held_out"]
        with open(out, "w") as said:
            for one in asked:
                text = tokenizer.apply_chat_template(
                    [{"role": "user", "content": one["question"]}], add_generation_prompt=True, tokenize=False
                )
                ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids
                with torch.no_grad():
                    answer = model.generate(input_ids=ids, max_new_tokens=40, do_sample=False, pad_token_id=2, eos_token_id=2)
                words = tokenizer.decode(answer[0][ids.shape[1] :], skip_special_tokens=True).strip()
                same = words == one["answer"]
                said.write(json.dumps({"question": one["question"], "ours": one["answer"], "peft": words, "same": same}) + "\n")
                said.flush()
        return
    folder, out = sys.argv[2:4]
    base = AutoModelForCausalLM.from_pretrained(os.path.join(folder, "base"), dtype=torch.float32).eval()
    if verb == "write":
        config = LoraConfig(
            r=5,
            lora_alpha=7,
            use_rslora=True,
            target_modules=["q_proj", "v_proj", "o_proj", "gate_proj", "down_proj"],
            init_lora_weights=False,
            task_type="CAUSAL_LM",
        )
        model = get_peft_model(base, config).eval()
        model.save_pretrained(folder)
    else:
        model = PeftModel.from_pretrained(base, folder).eval()
    with open(out, "w") as file:
        json.dump(logits(model), file)


main()
