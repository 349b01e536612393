"""Names of files and texts that steer terminals, forge lines or begin formulas."""

import json
from types import SimpleNamespace

import pytest

import transferlearn as tl
from transferlearn.cli import predict
from transferlearn.cli.main import as_json, main
from transferlearn.cli.messages import as_cell
from transferlearn.edge.predictions import ClassReader
from transferlearn.tables import visible


@pytest.mark.parametrize("name", ["=1+1", "+1+cmd", "-1+cmd", "@SUM(A1)", '=HYPERLINK("http://x")'])
def test_formulas_become_texts(name):
    assert as_cell(name) == f"'{name}"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("-1.5", "-1.5"),
        ("-", "-"),
        ("a.jpg\ncat.jpg\tcat 1.00", r"a.jpg\ncat.jpg\tcat 1.00"),
        ("\x1b[2Jgone", r"\x1b[2Jgone"),
        ("photo\u202egpj.exe", r"photo\u202egpj.exe"),
        ("a\u2028b\x85c\rd", r"a\u2028b\x85c\rd"),
        ("häßliches 猫.jpg", "häßliches 猫.jpg"),
    ],
)
def test_what_steers_is_written_out(name, shown):
    assert visible(name) == as_cell(name) == shown


@pytest.fixture
def model(monkeypatch):
    """A model that predicts nothing but gives back the paths."""

    def guess(dataset, tile):
        known = {"probability": 1.0, "probabilities": {"cat": 1.0}, "labels": ("cat",)}
        return [
            tl.tasks.ClassPrediction(class_name="cat", path=str(x), **known) for x in dataset.items
        ]

    kind = SimpleNamespace(
        in_cells=False, unlabelled=lambda items: SimpleNamespace(items=items, skipped=())
    )
    reader = ClassReader(("cat",), several=False)
    encoding = SimpleNamespace(output_reader=lambda: reader)
    fitted = SimpleNamespace(kind=kind, encoding=encoding, predict=guess)
    monkeypatch.setattr(tl, "load", lambda path, trusted: fitted)
    for check in ("check_save", "check_items"):
        monkeypatch.setattr(predict, check, lambda _: None)


def test_predict_prints_a_line_for_each_item_whatever_it_is_called(model, capsys):
    names = ["=cmd.jpg", "a.jpg\n=b.jpg\tdog", "\x1b]0;title\x07.jpg"]
    assert main(["predict", "model", *names]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("\t") for line in lines] == [
        ["'=cmd.jpg", "cat", "1.0000"],
        [r"a.jpg\n=b.jpg\tdog", "cat", "1.0000"],
        [r"\x1b]0;title\x07.jpg", "cat", "1.0000"],
    ]


def test_json_gives_names_as_they_are_in_one_line(model):
    names = ["=cmd.jpg", "a.jpg\nb.jpg", "\x1b.jpg", "caf\udce9.jpg"]
    settings = dict.fromkeys(("output", "tile", "windows", "hop"))
    options = SimpleNamespace(model="model", items=names, trusted=False, **settings)
    text = as_json(predict.run(options).data)
    assert "\n" not in text
    assert "\x1b" not in text
    assert [item["path"] for item in json.loads(text)] == names


def test_errors_and_warnings_steer_nothing(capsys):
    assert main(["predict", "no\x1b[2Jmodel", "a.jpg"]) == 1
    said = capsys.readouterr().err
    assert r"no\x1b[2Jmodel" in said
    assert "\x1b" not in said
