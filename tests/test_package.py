"""Importing costs nothing and reaches for nothing."""

import ast
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import transferlearn
import transferlearn as tl
from transferlearn import extras

pytestmark = pytest.mark.core
PACKAGE = Path(transferlearn.__file__).parent


def test_importing_loads_no_framework_and_opens_no_socket():
    code = (
        "import socket, sys\n"
        "def refuse(*_, **__): raise AssertionError('a socket')\n"
        "socket.socket = refuse\n"
        "import transferlearn\n"
        "assert not {'keras', 'tensorflow', 'jax', 'PIL'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_is_there():
    for name in transferlearn.__all__:
        assert getattr(transferlearn, name) is not None
    assert set(transferlearn.__all__) <= set(dir(transferlearn))
    with pytest.raises(AttributeError, match="nothing"):
        _ = transferlearn.nothing


def test_files_are_short():
    files = PACKAGE.rglob("*.py")
    long = [file.name for file in files if len(file.read_text("utf-8").splitlines()) > 300]
    assert not long


def test_tensorflow_is_imported_inside_functions_of_few_files():
    found = {}
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [getattr(node, "module", None), *(alias.name for alias in node.names)]
                if any((name or "").split(".")[0] == "tensorflow" for name in names):
                    found.setdefault(file.relative_to(PACKAGE).as_posix(), []).append(node)
    allowed = ("data/", "backbones/saved_model/", "exporting/", "generating/compiling.py")
    assert found
    assert all(name.startswith(allowed) for name in found)
    assert all(node.col_offset for nodes in found.values() for node in nodes)


def test_the_version_is_that_of_the_metadata(capsys):
    from transferlearn.cli import main

    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out == f"transferlearn {tl.__version__}\n"
    assert tl.__version__ == metadata.version("transferlearn")


def test_the_line_to_install_is_that_of_the_installation(tmp_path, monkeypatch):
    assert extras.install_line("tune") == 'pip install -e ".[tune]"'
    monkeypatch.setattr(extras, "__file__", str(tmp_path / "transferlearn" / "extras.py"))
    assert extras.install_line("tune") == 'pip install "transferlearn[tune]"'
    with pytest.raises(ImportError, match=r'A study needs optunaa: pip install "transferlearn'):
        extras.require("A study", "tune", "optunaa", "json")


def test_the_source_distribution_holds_what_the_readme_links_to():
    root = PACKAGE.parent
    rules = [line.split() for line in (root / "MANIFEST.in").read_text("utf-8").splitlines()]
    grafted = {rule[1] for rule in rules if rule[0] == "graft"}
    links = re.findall(r"\]\(([^):]+)\)", (root / "README.md").read_text("utf-8"))
    assert len(links) > 20
    for link in links:
        assert (root / link).exists()
        assert link.split("/")[0] in grafted or ("/" not in link and link.endswith(".md"))
