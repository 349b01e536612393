"""How language models go on, before and after training, and what they learnt by heart."""

import keras
import numpy as np
import pytest

pytest.importorskip("keras_hub")

import transferlearn as tl
from tests import language
from tests.language import stories
from transferlearn.advice.continuing.heart import repeated
from transferlearn.cli import main

SECRET = "The key of the blue shed lies under a pot beside the old well."


@pytest.fixture(scope="module")
def backbone():
    return language.backbone(layers=2)


@pytest.fixture(scope="module")
def fitted(backbone):
    texts = [SECRET] * 12
    made = tl.CausalLMBuilder(
        backbone, freeze="none", sequence_length=64, learning_rate=1e-2, seed=0
    )
    return made.fit(texts, epochs=20, validation_split=0.0, schedule="one-phase", verbose=0)


def test_the_longest_passage_of_each_written_text_is_found_with_its_file():
    one = "He said: the cat sat on the mat, and slept until noon! Then it rained."
    texts = [
        ("a.txt", "Once the cat sat on the mat, and slept."),
        ("b.txt", f"And {one[9:-15]} all day."),
        ("c.txt", "The cat sat"),
    ]
    (found,) = repeated([one, "the cat sat on the mat", ""], texts)
    assert (found.text, found.words, found.name) == (
        "the cat sat on the mat, and slept until noon!",
        12,
        "b.txt",
    )
    (found,) = repeated(["他说今天天气很好我们去"], [("d.txt", "他说今天天气很好吗")])
    assert (found.text, found.words) == ("他说今天天气很好", 8)


def test_what_is_learnt_by_heart_is_named(fitted, tmp_path):
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("Anna sings. Tom reads. Mia sleeps.")
    secret = tmp_path / "letters" / "secret.txt"
    secret.write_text(SECRET)
    found = tl.learnt_by_heart(fitted, tmp_path / "letters")
    (passage,) = found.passages
    assert (passage.name, found.prompts, found.repeated, found.pretrained) == (str(secret), 2, 1, 0)
    assert SECRET.endswith(passage.text)
    assert passage.words == 10  # the prompt ends within the word before
    assert "the pretrained network did 0 times" in str(found)


def test_texts_go_on_before_and_after(fitted, backbone):
    held_out = [*stories(6, seed=3), {"prompt": "The key of", "response": " the shed"}]
    found = tl.continuations(fitted, held_out, count=7).found
    assert len(found) == 7
    for one in found[:6]:
        assert held_out[found.index(one)].startswith(one.prompt + one.truth)
        assert len(one.prompt) == 32
    last = found[-1]
    assert (last.prompt, last.truth) == ("The key of", " the shed")
    assert last.tuned == fitted.generate("The key of", max_new_tokens=48).text
    ids = list(b"The key of")
    logits = keras.ops.convert_to_numpy(backbone.model(np.array([ids], "int32"), training=False))
    assert last.pretrained.encode()[0] == logits[0, -1].argmax() != last.tuned.encode()[0]


@pytest.mark.full
def test_a_report_shows_both(tmp_path):
    folder, texts = language.folder_of(tmp_path / "gpt2"), tmp_path / "texts"
    texts.mkdir()
    for number, text in enumerate(stories(8)):
        (texts / f"{number}.txt").write_text(text)
    made = tl.CausalLMBuilder(f"keras_hub:{folder}", sequence_length=32, seed=0)
    made.fit(texts, epochs=1, verbose=0).save(tmp_path / "model")
    page, model = tmp_path / "report.html", str(tmp_path / "model")
    command = ["report", model, str(texts), "--output", str(page)]
    assert main(command) == 0
    assert "--trained-on" in page.read_text()
    assert main([*command, "--trained-on", str(texts)]) == 0
    written = page.read_text()
    assert "How test texts go on" in written
    assert "Behind 24 beginnings of passages" in written
    assert "the pretrained network" in written
