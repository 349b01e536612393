"""`transferlearn suggest`."""

import json

import pytest
from PIL import Image

from tests.networks import pixels
from transferlearn.cli import main, suggest
from transferlearn.cli.parser import make_parser


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("my photos")
    for i, image in enumerate(pixels(24, 64, seed=5)):
        file = folder / ("ant", "bee")[i % 2] / f"{i}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(image).save(file)
    return folder


def candidates(*arguments):
    options = make_parser().parse_args(["suggest", "photos", *arguments])
    return [(b.backbone, str(b.weights), b.image_size) for b in suggest.candidates(options)]


def test_the_command_it_ends_with_trains(photos, tmp_path, capsys):
    plot = tmp_path / "plot.png"
    arguments = ["suggest", str(photos), "--candidates", "EfficientNetLite0", "--plot", str(plot),
                 "--image-sizes", "32x32", "--depths", "0", "3"]  # fmt: skip
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert plot.is_file()
    lines = out.splitlines()
    assert len(lines) == 6
    [marked] = [line for line in lines[1:3] if line.startswith("*")]
    _, network, size, *_ = marked.split()
    assert (network, size) == ("EfficientNetLite0", "32x32")
    assert lines[-1] == (
        f"Next: transferlearn train '{photos}' --backbone EfficientNetLite0 --weights imagenet "
        "--image-size 32x32"
    )
    make_parser().parse_args(["train", "photos", *lines[-1].split("'")[-1].split()])


@pytest.mark.full
def test_json_has_a_row_for_each_candidate_and_depth(photos, capsys):
    arguments = ["suggest", str(photos), "--candidates", "EfficientNetLite0", "--image-sizes",
                 "32x32", "48x48", "--depths", "0", "--price-per-hour", "2 USD",
                 "--json"]  # fmt: skip
    assert main(arguments) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["size"] for row in rows} == {"32x32 px", "48x48 px"}
    for row in rows:
        amount = pytest.approx(row["training_seconds"] / 1800)
        assert row["cost"] == {"amount": amount, "currency": "USD"}
    assert [row["recommended"] for row in rows].count(True) == 1
    assert all(row["top1"] == 74.9 for row in rows)


def test_by_default_only_networks_that_need_no_download(tmp_path, monkeypatch):
    name = "EfficientNetLite0"
    own = [(name, "imagenet", None)]
    smaller = [(name, "imagenet", (96, 96)), (name, "imagenet", (160, 160))]
    assert candidates() == own + smaller
    (tmp_path / "VGG16.h5").touch()
    monkeypatch.setenv("TRANSFERLEARN_WEIGHTS", str(tmp_path))
    assert sorted(candidates(), key=str) == sorted(
        [*own, *smaller, ("VGG16", "imagenet", None)], key=str
    )


def test_candidates_may_have_weight_files_and_sizes(tmp_path):
    file = tmp_path / "mine.weights.h5"
    file.touch()
    found = candidates("--candidates", "VGG16", f"ResNet50={file}", "--image-sizes", "64x64")
    assert found == [("VGG16", "imagenet", (64, 64)), ("ResNet50", str(file), (64, 64))]
