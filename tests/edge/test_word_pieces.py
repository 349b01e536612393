"""Word pieces without KerasHub are those of KerasHub."""

import numpy as np
import pytest

from tests.texts import tokenizer

pytest.importorskip("keras_hub")
pytest.importorskip("tensorflow")

TEXTS = [
    "The film WAS not very good!",
    "caf\u00e9 na\u00efve \u00c5ngstr\u00f6m \ufb01ne",
    "\u4e2d\u6587\u3042 a\u00a0b \u2014 \u201cquoted\u201d $5^2`",
    "soft\u00adhyphen zero\u200bwidth tab\tnew\nline",
    "",
    "x" * 101,
    "\u0130stanbul stra\u00dfe \u1e9e",
]


def test_every_text_has_the_ids_that_keras_hub_gives():
    from transferlearn.backbones.keras_hub import HubTokenizer

    random = np.random.default_rng(0)
    blocks = [(0x20, 0x7F), (0xA0, 0x250), (0x2000, 0x2070), (0x300, 0x370), (0x4E00, 0x4E20)]
    drawn = [
        "".join(chr(random.integers(*blocks[random.integers(len(blocks))])) for _ in range(30))
        for _ in range(300)
    ]
    hub = HubTokenizer(tokenizer())
    ours = hub.for_edge()
    for text, ids in zip(TEXTS + drawn, hub.tokenize(TEXTS + drawn), strict=True):
        assert ours.tokenize(text) == ids.tolist(), repr(text)
