"""Reads texts token by token, so that a language model can go on with them."""

from transferlearn.generating.steps import Recomputed as Recomputed
from transferlearn.generating.steps import next_logits as next_logits
