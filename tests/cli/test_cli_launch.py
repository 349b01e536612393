"""`transferlearn launch`, which starts one program in several processes."""

import json
import signal

import pytest

from transferlearn.cli import main

pytestmark = pytest.mark.core

WRITES = """
import json, os, sys
from pathlib import Path
names = "RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "KERAS_BACKEND"
place = Path(sys.argv[1]) / (os.environ["RANK"] + ".json")
place.write_text(json.dumps({name: os.environ[name] for name in names} | {"rest": sys.argv[2:]}))
"""
FAILS = """
import os, sys, time
if os.environ["RANK"] == "1":
    sys.exit(7)
time.sleep(600)
"""


def started(tmp_path, text, *arguments):
    program = tmp_path / "program.py"
    program.write_text(text, "utf-8")
    return main(["launch", "--processes", "3", str(program), *map(str, arguments)])


def test_each_process_knows_its_number_and_the_place_where_all_meet(tmp_path, capsys):
    assert started(tmp_path, WRITES, tmp_path, "--epochs", 2) == 0
    assert "All processes are done." in capsys.readouterr().out
    found = [json.loads((tmp_path / f"{number}.json").read_text()) for number in range(3)]
    assert [each.pop("RANK") for each in found] == ["0", "1", "2"]
    assert [each.pop("LOCAL_RANK") for each in found] == ["0", "1", "2"]
    assert found[0] == found[1] == found[2]
    assert int(found[0].pop("MASTER_PORT")) > 1023
    assert found[0] == {
        "WORLD_SIZE": "3",
        "MASTER_ADDR": "127.0.0.1",
        "KERAS_BACKEND": "jax",
        "rest": ["--epochs", "2"],
    }


def test_where_one_process_fails_the_others_are_ended(tmp_path, capsys):
    assert started(tmp_path, FAILS) == 1
    assert "Process 1 ended with exit code 7" in capsys.readouterr().err


def test_a_process_that_is_killed_is_named_with_the_signal(tmp_path, capsys):
    kill = f"import os; os.kill(os.getpid(), {int(signal.SIGKILL)})"
    assert started(tmp_path, kill) == 1
    assert "by SIGKILL" in capsys.readouterr().err


def test_a_program_that_is_not_there_starts_nothing(tmp_path, capsys):
    assert main(["launch", "--processes", "2", str(tmp_path / "no.py")]) == 1
    assert "There is no file" in capsys.readouterr().err
