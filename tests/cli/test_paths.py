"""Every form in which a user can write a path leads to his model and his photos."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import transferlearn as tl
from tests import made
from transferlearn.atomic_files import ASIDE, new_draft
from transferlearn.cli import main
from transferlearn.cli.serve import _named
from transferlearn.edge import PictureReader, Seen
from transferlearn.edge.description import FILE, Description
from transferlearn.fitted.places import DESCRIPTION
from transferlearn.serving.opening import holds_save, place_of

RED_OR_BLUE = [[4.0, -4.0], [0, 0], [-4, 4]]
FORMS = {
    "relative": "saves/größe 7",
    "through the folder above": "../home/saves/größe 7",
    "up and down": "saves/../../home/./saves/größe 7",
    "with a slash at its end": "saves/größe 7/",
    "doubled slashes": "saves//größe 7//",
    "absolute": "{home}/saves/größe 7",
    "absolute, through the folder above": "{home}/../home/saves/größe 7",
    "link to the folder": "link",
    "link to the folder above": "above/größe 7",
    "through a link and back": "above/../saves/größe 7",
    "link with a slash": "link/",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A folder with a save, photos and a table of them, and links to both."""
    home = tmp_path_factory.mktemp("all") / "home"
    place = home / "saves" / "größe 7"
    made.of_colours(RED_OR_BLUE).save(place)
    rows = ["path,label"]
    for i, (name, colour) in enumerate([("red", "#f00"), ("blue", "#00f")] * 2):
        file = place / "photos" / name / f"{i}.png"  # beside the model: all forms lead there
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), colour).save(file)
        rows.append(f"photos/{name}/{i}.png,{name}")
    (place / "table.csv").write_text("\n".join(rows))
    (home / "link").symlink_to(place)
    (home / "above").symlink_to(place.parent)
    return home


@pytest.fixture(params=FORMS.values(), ids=FORMS.keys())
def place(request, home, monkeypatch):
    monkeypatch.chdir(home)
    return request.param.format(home=home)


def test_models_and_photos_are_found(place):
    assert tl.load(place).encoding.class_names == ("red", "blue")
    assert place_of(Path(place)).name == DESCRIPTION
    assert holds_save(Path(place))
    assert list(_named([place])) == ["größe 7"]
    for data in ("photos", "table.csv"):
        assert tl.data.load(f"{place}/{data}").size == 4


@pytest.mark.parametrize("form", ["through the folder above", "through a link and back"])
def test_commands_find_them(form, home, monkeypatch, capsys):
    monkeypatch.chdir(home)
    assert main(["predict", FORMS[form], f"{FORMS[form]}/photos/red/0.png"]) == 0
    assert "\tred\t" in capsys.readouterr().out
    assert main(["evaluate", FORMS[form], f"{FORMS[form]}/photos"]) == 0


def test_models_are_written(place):
    new = place.replace("größe 7", "new").replace("link", "saves/new")
    made.of_colours(RED_OR_BLUE).save(new)
    assert Path("saves/new", DESCRIPTION).is_file()


def test_a_link_leads_to_a_model_that_is_being_replaced(home, monkeypatch):
    monkeypatch.chdir(home)
    place = home / "saves" / "größe 7"
    aside = new_draft(place.parent, f".{place.name}.", ASIDE)
    place.rename(aside)  # what a save does before it moves the new one in
    try:
        assert tl.load("link").encoding.class_names == ("red", "blue")
        assert place_of(Path("link")).parent == aside
    finally:
        aside.rename(place)


def test_exports_are_found(place):
    folder = Path(place) / "export"
    folder.mkdir(exist_ok=True)
    (folder / "model").write_bytes(b"weights")
    Description(
        format="onnx", model="model", quantize=None, inputs={}, outputs={}, item_reader={},
        output_reader={}, model_hash="abc", made_by={},
        files={"model": "9a5d9fbd7a4b09a1f0b8d3c9d4c4d0a8"},
    ).write(folder)  # fmt: skip
    assert place_of(folder).name == FILE
    with pytest.raises(ValueError, match="its SHA-256 differs"):  # and no outside of the export
        Description.read(folder)


def test_pictures_of_photos_from_two_places_stay_in_the_folder(home, tmp_path, monkeypatch):
    monkeypatch.chdir(home)
    photos = ["../home/saves/größe 7/photos/red/0.png", str(home / "saves/größe 7/table.png"),
              "saves/../../home/x.png"]  # fmt: skip
    values = np.zeros((3, 8, 8, 3), "float32")
    pictures = PictureReader().read({"pictures": values}, [Seen(p, (8, 8)) for p in photos])
    PictureReader().write_predictions(pictures, tmp_path / "out")
    written = [os.path.relpath(file, tmp_path) for file in sorted(tmp_path.rglob("*.png"))]
    assert written == ["out/saves/größe 7/photos/red/0.png", "out/saves/größe 7/table.png",
                       "out/x.png"]  # fmt: skip


def test_lines_to_paste_are_commands_whose_paths_are_quoted(home, monkeypatch, capsys):
    monkeypatch.chdir(home)
    assert main(["export", "saves/größe 7", "a b"]) == 1
    said = capsys.readouterr().err
    assert "transferlearn export 'saves/größe 7' 'a b' photos/validation" in said
    assert main(["generate", "saves/größe 7", "Hello"]) == 1
    assert "writes no texts: transferlearn predict answers items" in capsys.readouterr().err
