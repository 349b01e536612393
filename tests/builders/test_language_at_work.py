"""What is asked of language models besides training: monitoring, advice, and what is not there."""

import json

import numpy as np
import pytest

pytest.importorskip("keras_hub")

import transferlearn as tl
from tests import language
from tests.language import stories
from transferlearn.cli import main
from transferlearn.edge.written import as_bytes
from transferlearn.exporting.in_keras import runner_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return language.folder_of(tmp_path_factory.mktemp("hub") / "gpt2")


@pytest.fixture(scope="module")
def builder(folder):
    return tl.CausalLMBuilder(
        f"keras_hub:{folder}", sequence_length=64, learning_rate=1e-2, batch_size=8, seed=0
    )


@pytest.fixture(scope="module")
def fitted(builder):
    return builder.fit(stories(50), epochs=1, verbose=0)


def digits(count):
    return [f"{i} {i * i} {i * 7} " * 5 for i in range(count)]


def lines(path, texts):
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return str(path)


def test_other_texts_and_their_perplexity_are_noticed(fitted, tmp_path, capsys):
    pytest.importorskip("scipy")
    model = str(tmp_path / "model")
    fitted.save(model)
    later, today = (lines(tmp_path / f"{i}.jsonl", stories(60, seed=i)) for i in (1, 2))
    assert main(["monitor", model, later, "--make-reference"]) == 0
    assert "answers" in capsys.readouterr().out
    again = tl.load(model)
    assert not tl.monitor(again, today).alarm
    found = tl.monitor(again, digits(60))
    assert found.alarm
    (test,) = (one for one in found.tests if one.name == "output bits a token")
    scores = again.evaluate(lines(tmp_path / "digits.jsonl", digits(60)))
    assert test.now == pytest.approx(np.log2(scores.perplexity), rel=0.1)
    assert main(["monitor", model, str(tmp_path / "digits.jsonl")]) == 3
    assert "bits a token" in capsys.readouterr().out


def test_what_a_server_has_written_is_not_taken_for_a_perplexity(fitted):
    runner = runner_of(fitted)
    numbers = runner.output_reader.numbers({"text": as_bytes(["Anna", "To"])})
    assert numbers.shape == (2, 0)
    assert fitted.encoding.scoring.signals.watched(numbers) == {}


@pytest.mark.full
def test_the_rate_is_found_on_the_layers_that_the_recipe_trains(builder):
    found = tl.find_learning_rate(builder, stories(30), steps=20, verbose=0)
    assert 1e-5 < found.suggestion < 10


def test_diagnosis_advises_nothing_of_a_head(fitted):
    assert "solve the head" not in str(tl.diagnose(fitted))


def test_a_batch_is_drawn(builder):
    pytest.importorskip("matplotlib")
    figure = tl.plotting.show_batch(builder.prepare(["Anna", "Anna sings at 7."]))
    assert "padding" in "".join(text.get_text() for ax in figure.axes for text in ax.texts)


def test_the_card_is_of_a_text_generator(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    assert "pipeline_tag: text-generation" in (tmp_path / "model" / "README.md").read_text()


def test_64_prompts_at_once_have_the_texts_that_each_has_alone(fitted):
    prompts = [text[: 3 + i] for i, text in enumerate(stories(64, seed=4))]
    together = fitted.generate(prompts, max_new_tokens=6)
    alone = [fitted.generate(prompt, max_new_tokens=6) for prompt in prompts]
    assert [one.text for one in together] == [one.text for one in alone]
    assert len({one.text for one in alone}) > 3


@pytest.mark.full
def test_search(builder):
    pytest.importorskip("optuna")
    rates = {"learning_rate": tl.Range(1e-4, 1e-2, log=True)}
    found = tl.search(builder, rates, stories(30), trials=2, verbose=0)
    assert len(found.trials) == 2
