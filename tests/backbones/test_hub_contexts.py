"""How many tokens a network of a Hugging Face folder reads."""

import json

import pytest

pytest.importorskip("keras_hub")

from transferlearn.backbones.hub_presets import most_tokens


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"model_type": "llama"}, 64),
        ({"model_type": "qwen2", "rope_theta": 1e4}, 64),
        ({"model_type": "qwen3", "rope_parameters": {"rope_theta": 1e4}}, 64),
        ({"model_type": "roberta"}, None),  # it counts two places that no token has
    ],
)
def test_the_context_of_rotary_networks_is_known(config, expected, tmp_path):
    written = json.dumps({**config, "max_position_embeddings": 64})
    (tmp_path / "config.json").write_text(written)
    assert most_tokens(f"keras_hub:{tmp_path}") == expected
