"""Embeds texts with sentence-transformers and prints the median rate in texts a second: FILE MODELS RUNS."""
import json
import statistics
import sys
import time

import torch
from sentence_transformers import SentenceTransformer, models

texts = json.load(open(sys.argv[1]))
folder = sys.argv[2] + "/all-MiniLM-L6-v2"
word = models.Transformer(folder, max_seq_length=256)
model = SentenceTransformer(modules=[word, models.Pooling(word.get_word_embedding_dimension()), models.Normalize()], device="cpu")
torch.set_grad_enabled(False)
model.encode(texts[:32])
rates = []
for _ in range(int(sys.argv[3])):
    begin = time.perf_counter()
    model.encode(texts, batch_size=32, show_progress_bar=False)
    rates.append(len(texts) / (time.perf_counter() - begin))
print(statistics.median(rates))
