"""A Moonshine writes down what is said, untouched and trained."""

import json

import keras
import numpy as np
import pytest

pytest.importorskip("keras_hub")
pytest.importorskip("soundfile")
pytest.importorskip("soxr")
pytest.importorskip("tokenizers")

import soundfile

import transferlearn as tl
from tests import moonshines
from tests.sounds import filled_up
from tests.whispers import RATE, SAID, tone
from transferlearn.generating import reading_of

# The first logits behind the last token by transformers 5.24 with the same tensors and a mask.
WANTED = [
    [0.31989, -0.33089, -0.64614, 0.50184, -0.09567, 0.01326],
    [0.08234, 0.05768, -0.02757, 0.21871, 0.36069, -0.42831],
]


@pytest.fixture(scope="module")
def moonshine(tmp_path_factory):
    return moonshines.folder_of(tmp_path_factory.mktemp("hub") / "moonshine")


@pytest.fixture(scope="module")
def waves():
    return filled_up(RATE)


def test_logits_are_those_of_transformers(moonshine, waves):
    model = tl.SpeechRecognizerBuilder(moonshine, seconds=0.8).build()
    ids = np.array([[1, 5, 9, 20], [1, 7, 3, 11]], "int32")
    found = keras.ops.convert_to_numpy(model([waves, ids]))
    np.testing.assert_allclose(found[:, -1, :6], WANTED, atol=2e-5)
    read = reading_of(model, written=1).begin(waves)
    first = read.first(ids[:, :3], np.array([3, 2]), 4)
    np.testing.assert_allclose(first, [found[0, 2], found[1, 1]], atol=2e-5)
    np.testing.assert_allclose(read.next(ids[:, 3])[0], found[0, 3], atol=2e-5)


def test_words_are_learnt_on_stored_states_and_written_down(moonshine, tmp_path):
    files = [str(tmp_path / f"{i}.wav") for i in range(6)]
    for i, file in enumerate(files):
        soundfile.write(file, tone(SAID[i % 3], seed=i), RATE)
    words = [SAID[i % 3] for i in range(6)]
    builder = tl.SpeechRecognizerBuilder(
        moonshine, seconds=1.0, seed=0, learning_rate=1e-2, batch_size=6
    )
    fitted = builder.fit((files, words), epochs=60, validation_split=0, verbose=0)
    assert [one.text for one in fitted.transcribe(files[:3])] == SAID
    encoder = tl.backbones.get_speech(moonshine).model.get_layer("encoder_block_1")
    tuned = fitted.model.get_layer("encoder_block_1")
    for before, after in zip(encoder.weights, tuned.weights, strict=True):
        np.testing.assert_array_equal(before, after)  # frozen is frozen
    fitted.save(tmp_path / "save")
    assert tl.load(tmp_path / "save").transcribe(files[1]).text == SAID[1]
    with pytest.raises(ValueError, match="keeps no keys and values"):
        tl.export(fitted, tmp_path / "export", (files, words))


def test_what_cannot_be_is_said(moonshine, tmp_path):
    alone = moonshines.hugging_face(tmp_path / "alone", moonshines.state())
    with pytest.raises(ValueError, match="encoder of a Moonshine alone"):
        tl.backbones.get_speech(alone)
    bare = moonshines.hugging_face(tmp_path / "bare", moonshines.state(decoder=True))
    with pytest.raises(ValueError, match=r"no tokenizer\.json"):
        tl.backbones.get_speech(bare)
    with pytest.raises(ValueError, match="Moonshine knows English only"):
        tl.backbones.get_speech(moonshine, translate=True)
    for number in (1, 99):
        folder = moonshines.folder_of(tmp_path / f"ids{number}")
        file = tmp_path / f"ids{number}" / "config.json"
        ids = [2] if number == 1 else number  # a list, and one that is no token
        file.write_text(json.dumps(json.loads(file.read_text()) | {"eos_token_id": ids}))
        with pytest.raises(ValueError, match="Received: eos_token_id="):
            tl.backbones.get_speech(folder)
    other = moonshines.hugging_face(
        tmp_path / "other", moonshines.state(decoder=True), decoder_hidden_act="gelu"
    )
    with pytest.raises(ValueError, match="describes another network"):
        tl.backbones.get_speech(other)
