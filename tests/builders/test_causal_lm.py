"""Language models: what is learnt, how likely texts are, and how they go on."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

pytest.importorskip("keras_hub")

import transferlearn as tl
from tests import language, texts
from tests.attacks.test_saves import rewritten
from tests.language import stories
from transferlearn.cli import main
from transferlearn.edge import Sampling


@pytest.fixture(scope="module")
def backbone():
    return language.backbone()


@pytest.fixture(scope="module")
def fitted(backbone):
    return builder(backbone).fit(stories(60), epochs=3, verbose=0)


def builder(backbone, **settings):
    return tl.CausalLMBuilder(
        backbone, **{"sequence_length": 32, "learning_rate": 1e-2, "seed": 0, **settings}
    )


def nats(model, text):
    """How unlikely each byte of a text but the first is, in windows of 32 that overlap by one."""
    ids = np.frombuffer(text.encode(), np.uint8).astype("int32")
    found = []
    for begin in range(0, len(ids) - 1, 31):
        row = ids[begin : begin + 32]
        logits = keras.ops.convert_to_numpy(model(row[None], training=False))[0].astype(float)
        logits -= np.log(np.exp(logits).sum(axis=-1, keepdims=True))
        found += [-logits[i, row[i + 1]] for i in range(len(row) - 1)]
    return np.array(found)


def test_figures_are_those_of_each_token_once(fitted):
    held_out = [*stories(8, seed=1), "é!"]
    scores = fitted.evaluate(held_out)
    expected = np.concatenate([nats(fitted.model, text) for text in held_out])
    assert scores["tokens"] == len(expected) == sum(len(text.encode()) - 1 for text in held_out)
    np.testing.assert_allclose(scores.perplexity, np.exp(expected.mean()), rtol=1e-4)
    # Of "é", the first token is half a character, which the tokenizer spells in three bytes.
    sizes = sum(len(text.encode()) - 1 for text in held_out) - 2
    np.testing.assert_allclose(scores.bits_per_byte, expected.sum() / np.log(2) / sizes, rtol=1e-4)
    low, high = scores.intervals["perplexity"]
    assert low < scores.perplexity < high
    assert 1 / scores.token_probability == pytest.approx(scores.perplexity)


def test_training_helps_and_frozen_stays(fitted, backbone):
    before, after = backbone.model, fitted.model
    frozen = {"token_embedding", "transformer_layer_0"}
    for layer in before.layers:
        if layer.weights:
            new = after.get_layer(layer.name)
            same = [
                np.array_equal(old, now)
                for old, now in zip(layer.get_weights(), new.get_weights(), strict=True)
            ]
            assert all(same) if layer.name in frozen else not any(same), layer.name
    assert fitted.history.history["val_loss"][-1] < fitted.history.history["val_loss"][0]
    assert fitted.phases[-1].stored is not None
    words = str(fitted.known_score)
    assert "perplexity" in words
    assert fitted.known_score.value == pytest.approx(
        np.exp(-fitted.history.history["val_loss"][fitted.epoch - 1]), rel=0.05
    )


@pytest.mark.parametrize("make", [language.llama, language.gpt2])
def test_stored_equals_live(make):
    backbone = language.backbone(make)
    stored, live = (
        builder(backbone, freeze=tl.freezing.TrainLastBlocks(2)).fit(
            stories(12), epochs=1, schedule="one-phase", cache=cache, verbose=0
        )
        for cache in (True, False)
    )
    for one, other in zip(stored.model.weights, live.model.weights, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_half_precision_trains_whole_weights(backbone):
    half = builder(backbone, precision="mixed_bfloat16", freeze=tl.freezing.TrainLastBlocks(2))
    stored, live = (
        half.fit(stories(30), epochs=2, schedule="one-phase", cache=cache, verbose=0)
        for cache in (True, False)
    )
    for one, other in zip(stored.model.weights, live.model.weights, strict=True):
        assert one.dtype == "float32"
        np.testing.assert_array_equal(one, other)
    losses = stored.history.history["val_loss"]
    assert losses[-1] < losses[0]
    assert stored.model.get_layer("transformer_layer_1").compute_dtype == "bfloat16"
    assert stored.generate("Anna", max_new_tokens=10).text


def likeliest(model, prompt, count):
    """Goes on greedily, by whole passes; 1 ends a text."""
    ids = list(prompt.encode())
    for _ in range(count):
        logits = keras.ops.convert_to_numpy(model(np.array([ids], "int32"), training=False))
        ids.append(int(logits[0, -1].argmax()))
        if ids[-1] == 1:
            ids.pop()
            break
    return bytes(ids).decode("utf-8", "replace")[len(prompt) :]


def test_generating_equals_whole_passes_whatever_the_batch(fitted):
    prompts = ["Anna", "Tom reads at 7. Mia", "To"]
    expected = [likeliest(fitted.model, prompt, 20) for prompt in prompts]
    assert [one.text for one in fitted.generate(prompts, max_new_tokens=20)] == expected
    assert [fitted.generate(p, max_new_tokens=20).text for p in prompts] == expected
    assert fitted.predict(prompts[0]).text.startswith(expected[0])
    pieces = list(fitted.generate(prompts[0], stream=True, max_new_tokens=20))
    assert "".join(pieces) == expected[0]
    assert len(pieces) > 5


def test_sampling(fitted):
    def drawn(**settings):
        return fitted.generate("Anna", max_new_tokens=12, temperature=2.0, **settings).text

    assert drawn(seed=1) == drawn(seed=1) != drawn(seed=2)
    assert drawn(seed=1, top_k=1) == fitted.generate("Anna", max_new_tokens=12).text
    assert drawn(top_p=1e-9) == fitted.generate("Anna", max_new_tokens=12).text
    whole = fitted.generate("Anna", max_new_tokens=12).text
    stop = whole[5:7]
    ended = whole[: whole.index(stop)]
    assert fitted.generate("Anna", max_new_tokens=12, stop=stop).text == ended
    assert "".join(fitted.generate("Anna", stream=True, max_new_tokens=12, stop=[stop])) == ended


def test_draws_are_as_likely_as_the_logits_say():
    logits, random = np.log([0.5, 0.3, 0.15, 0.05]), np.random.default_rng(0)

    def shares(**settings):
        sampling = Sampling(temperature=1.0, **settings)
        counts = np.bincount([sampling.chosen(logits, random) for _ in range(4000)], minlength=4)
        return counts / 4000

    np.testing.assert_allclose(shares(), [0.5, 0.3, 0.15, 0.05], atol=0.03)
    np.testing.assert_allclose(shares(top_k=2), [0.625, 0.375, 0, 0], atol=0.03)
    np.testing.assert_allclose(shares(top_p=0.7), [0.625, 0.375, 0, 0], atol=0.03)


def test_pieces_are_whole_characters():
    from transferlearn.edge.prompt_writer import _Text

    text, given = _Text(language.Letters(), ("END",), 1), []
    written = "aé€😀ENE END"
    for i in range(1, len(written.encode()) + 1):
        over = text.ends_with(list(written.encode()[:i]))
        given.append(text.new())
        assert "\ufffd" not in given[-1]
    assert over
    assert "".join(given) == "aé€😀ENE "


def test_save_answers_alike(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    again = tl.load(tmp_path / "model")
    assert again.predict("Anna").text == fitted.predict("Anna").text
    held_out = stories(8, seed=1)
    with pytest.warns(tl.data.DataWarning, match=r"llama3_backbone\w* cannot be loaded"):
        figures = again.evaluate(held_out).figures
    whole = fitted.evaluate(held_out).figures
    assert figures == {name: value for name, value in whole.items() if "pretrained" not in name}
    again.save(tmp_path / "again")  # what KerasHub's own layers cannot


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"num_beams": 3}, "leave num_beams out"),
        ({"max_new_tokens": 10**6}, "pass max_new_tokens="),
        ({"max_new_tokens": 10**9}, "max_new_tokens is at most"),
        ({"temperature": -1}, "temperature"),
        ({"top_k": 0}, "top_k"),
        ({"stop": [""]}, "stop is a string"),
        ({"beams": 2}, "does not say what a save says"),
    ],
)
def test_a_save_that_cannot_write_is_refused_when_it_is_read(fitted, tmp_path, changed, message):
    fitted.save(tmp_path / "model")
    rewritten(
        tmp_path / "model",
        tmp_path / "changed",
        lambda said: said["task"]["settings"]["sampling"].update(changed),
    )
    with pytest.raises(ValueError, match=message):
        tl.load(tmp_path / "changed")


@pytest.mark.full
def test_save_needs_keras_hub_only(fitted, tmp_path):
    fitted.save(tmp_path / "model")
    ids = np.arange(40, 60, dtype="int32")[None]
    code = f"""
import keras, keras_hub, sys, numpy as np
model = keras.models.load_model({str(tmp_path / "model" / "model.keras")!r})
assert "transferlearn" not in sys.modules
np.save({str(tmp_path / "logits.npy")!r}, model(np.arange(40, 60, dtype="int32")[None]))
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path)
    expected = keras.ops.convert_to_numpy(fitted.model(ids))
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), expected, atol=1e-5)


@pytest.mark.full
def test_a_run_that_is_killed_goes_on(backbone):
    tl.testing.check_resume(builder(backbone), stories(24), epochs=2, validation_split=0.25)


def test_the_chat_template_of_a_folder_is_saved(tmp_path):
    folder = language.folder_of(tmp_path / "gpt2")
    template = "{% for m in messages %}{{ m.content }}{{ eos_token }}{% endfor %}"
    words = {"chat_template": template, "eos_token": {"content": "<|endoftext|>"}}
    (tmp_path / "gpt2" / "tokenizer_config.json").write_text(json.dumps(words))
    tokenizer = tl.backbones.get_tokenizer(f"keras_hub:{folder}")
    asked = [{"role": "user", "content": "at"}]
    assert tokenizer.chat_template.prompt(asked) == "at<|endoftext|>"
    tokenizer.save(tmp_path / "saved")
    again = type(tokenizer).load(tmp_path / "saved")
    assert again == tokenizer
    assert again.chat_template.prompt(asked) == "at<|endoftext|>"
    (tmp_path / "gpt2" / "chat_template.jinja").write_text("{{ messages | length }}")
    assert tl.backbones.get_tokenizer(f"keras_hub:{folder}").chat_template.prompt(asked) == "1"


def test_sources(backbone, tmp_path):
    kind = builder(backbone).kind
    (tmp_path / "folder" / "below").mkdir(parents=True)
    (tmp_path / "folder" / "a.md").write_text("Anna sings.")
    (tmp_path / "folder" / "below" / "b.txt").write_text("Tom reads.")
    lines = tmp_path / "texts.jsonl"
    lines.write_text('{"text": "Anna sings."}\n{"text": "Tom reads."}\n')
    table = tmp_path / "texts.csv"
    table.write_text("text,other\nAnna sings.,1\nTom reads.,2\n")
    for source in (tmp_path / "folder", lines, table, ["Anna sings.", "Tom reads."]):
        data = tl.data.load(source, kind, tl.data.NextTokens())
        assert data.texts == ["Anna sings.", "Tom reads."]
    alone = tl.data.load(tmp_path / "folder" / "a.md", kind, tl.data.NextTokens())
    assert alone.texts == ["Anna sings."]
    ((x, y),) = list(data.batches(batch_size=2))
    np.testing.assert_array_equal(x[0, :12], [*b"Anna sings.", 1])
    np.testing.assert_array_equal(y[0, :12], [*b"nna sings.", 1, -1])
    assert (x[1, 11:] == -1).all()


def test_bad_input(fitted, backbone, tmp_path):
    lines = tmp_path / "bad.jsonl"
    lines.write_text('{"text": "Anna"}\n{"text" 3}\n{"prompt": 3}\n[1]\n')
    with pytest.warns(tl.data.DataWarning, match=r"line 2.*no JSON(.|\n)*line 3.*no prompt"):
        data = tl.data.load(lines, builder(backbone).kind, tl.data.NextTokens())
    assert data.texts == ["Anna"]
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate(60_000_000)
    with pytest.raises(ValueError, match="larger than 50 MB"):
        builder(backbone).fit(large)
    for options, words in (
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"temperature": -1}, "temperature"),
        ({"top_p": 1.5}, "top_p"),
        ({"stop": [""]}, "stop"),
    ):
        with pytest.raises(ValueError, match=words):
            fitted.generate("Anna", **options)
    with pytest.raises(TypeError, match="beams"):
        fitted.generate("Anna", beams=3)
    with pytest.raises(ValueError, match="empty"):
        fitted.generate("")
    with pytest.raises(ValueError, match="one prompt"):
        fitted.generate(["Anna", "Tom"], stream=True)
    with pytest.raises(ValueError, match="no causal decoder"):
        tl.backbones.from_encoder(texts.encoder(1), language.Letters(), pooling="next")
    with pytest.raises(ValueError, match="leave head out"):
        builder(backbone, head=tl.heads.PooledDense())


def test_a_prompt_that_is_too_long_is_cut(tmp_path):
    backbone = language.backbone(language.gpt2)
    fitted = builder(backbone).fit(stories(4), epochs=1, verbose=0)
    long = "Anna sings. " * 20
    with pytest.warns(tl.data.DataWarning, match="the end is read"):
        found = fitted.generate(long, max_new_tokens=8).text
    assert found == fitted.generate(long[-120:], max_new_tokens=8).text
    with pytest.raises(ValueError, match="max_new_tokens=128"):
        fitted.generate("Anna", max_new_tokens=128)


@pytest.mark.full
def test_low_rank_updates_alone_are_trained_and_saved(backbone, tmp_path):
    fitted = builder(backbone, freeze=tl.freezing.LowRank(2)).fit(stories(30), epochs=1, verbose=0)
    layers = (
        backbone.model.get_layer("token_embedding"),
        fitted.model.get_layer("token_embedding"),
    )
    np.testing.assert_array_equal(*(layer.get_weights()[0] for layer in layers))
    fitted.save(tmp_path / "model")
    held_out = stories(8, seed=1)
    with pytest.warns(tl.data.DataWarning, match=r"llama3_backbone\w* cannot be loaded"):
        again = tl.load(tmp_path / "model").evaluate(held_out)
    assert again.perplexity == pytest.approx(fitted.evaluate(held_out).perplexity, rel=1e-4)
    plain = builder(backbone).build()
    assert again.perplexity < np.exp(np.concatenate([nats(plain, x) for x in held_out]).mean())


@pytest.mark.full
def test_estimate_report_and_server(fitted, backbone, tmp_path):
    from transferlearn.exporting.in_keras import runner_of

    assert tl.estimate(builder(backbone), stories(60)).seconds > 0
    assert tl.report(fitted, tmp_path / "report.html", stories(8, seed=2))
    prompts = ["Anna", "Tom s"]
    assert runner_of(fitted).predict(prompts) == fitted.predict(prompts)
    notes = pytest.warns(tl.data.DataWarning, match="token ids")
    with notes, pytest.raises(ValueError, match="Serve the save"):
        tl.export(fitted, tmp_path / "export")


@pytest.mark.full
@pytest.mark.parametrize("make", [language.llama, language.gpt2])
def test_build_is_plain_keras(make):
    model = builder(language.backbone(make)).build()
    x = np.arange(64, dtype="int32").reshape(2, 32)
    y = np.roll(x, -1, axis=1)
    y[:, -1] = -1
    losses = model.fit(x, y, epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]


def test_the_summary_says_what_is_stored_of_each_token(backbone):
    lines = []
    builder(backbone, freeze=tl.freezing.TrainLastBlocks(1)).summary(print_fn=lines.append)
    assert "(33 values a token)" in lines[0]  # 32 of its states, and its mask


def test_command_line(tmp_path, capsys):
    folder = language.folder_of(tmp_path / "gpt2")
    texts = tmp_path / "texts.jsonl"
    texts.write_text("".join(json.dumps({"text": text}) + "\n" for text in stories(12)))
    model = str(tmp_path / "model")
    train = ["train", str(texts), "--task", "language-model", "--output", model, "--epochs", "1"]
    assert main(train) == 1
    assert "--backbone keras_hub:gpt2_base_en" in capsys.readouterr().err
    assert main([*train, "--backbone", f"keras_hub:{folder}", "--seed", "0"]) == 0
    assert "transferlearn generate" in capsys.readouterr().out
    assert main(["generate", model, "Anna", "Tom", "--max-new-tokens", "5", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    expected = tl.load(model).generate(["Anna", "Tom"], max_new_tokens=5)
    assert [one["text"] for one in found] == [one.text for one in expected]
    assert main(["generate", model, "Anna", "--max-new-tokens", "5"]) == 0
    assert capsys.readouterr().out.strip() == f"Anna{expected[0].text}".strip()


def test_the_pretrained_network_stands_beside(fitted, backbone, tmp_path):
    def before(texts):
        return np.exp(np.concatenate([nats(backbone.model, text) for text in texts]).mean())

    held_out = [*stories(8, seed=1), "é!"]
    scores = fitted.evaluate(held_out)
    assert scores.pretrained_perplexity == pytest.approx(before(held_out), rel=1e-4)
    assert scores.pretrained_bits_per_byte > scores.bits_per_byte
    assert "of the pretrained network's, beyond chance" in str(scores)
    of_training = before(fitted.held_out.texts)
    assert 1 / fitted.outline.baseline == pytest.approx(of_training, rel=1e-4)
    assert f"of the pretrained network {of_training:.4g}" in fitted.reliable_score
    fitted.save(tmp_path / "model", evaluation=scores)
    card = (tmp_path / "model" / "README.md").read_text()
    assert f"pretrained\\_perplexity | {scores.pretrained_perplexity:.4f}" in card


@pytest.mark.full
def test_it_is_compared_with_the_pretrained_network(fitted, backbone):
    held_out = stories(8, seed=1)
    scores = fitted.evaluate(held_out)
    compared = tl.compare(builder(backbone), fitted, stories(12), held_out)
    first, *_, last = compared.contenders
    assert first.name == "the pretrained network"
    assert first.evaluation.perplexity == scores.pretrained_perplexity
    assert last.evaluation.perplexity == scores.perplexity
