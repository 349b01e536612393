"""Searches in storages that Optuna brings, which several processes share."""

import os
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend

import transferlearn as tl
from tests.networks import small_backbone
from tests.searching.test_searching import Curve, labelled

SPACE = {"height": tl.Range(0.1, 0.9)}
ROOT = Path(__file__).parents[2]


def journal(path):
    return optuna.storages.JournalStorage(JournalFileBackend(str(path)))


def test_a_search_goes_on_in_a_journal(tmp_path):
    builder = Curve(small_backbone())
    options = {"validation_split": 0.2, "verbose": 0}
    first = tl.search(
        builder, SPACE, labelled(), trials=2, storage=journal(tmp_path / "a"), **options
    )
    whole = tl.search(
        builder, SPACE, labelled(), trials=4, storage=journal(tmp_path / "a"), **options
    )
    assert len(whole.trials) == 4
    known = [trial.parameters for trial in whole.trials]
    assert all(trial.parameters in known for trial in first.trials)
    with pytest.raises(ValueError, match="JournalStorage holds the results of another search"):
        tl.search(
            builder, {"height": [0.5]}, labelled(), storage=journal(tmp_path / "a"), **options
        )


def test_what_is_no_storage_is_refused():
    with pytest.raises(TypeError, match=r"postgresql\+psycopg2://user@host/name"):
        tl.search(Curve(small_backbone()), SPACE, labelled(), storage=5, validation_split=0.2)


SEARCH = """
import sys
import transferlearn as tl
from tests.networks import small_backbone
from tests.searching.test_searching import Curve, labelled
from tests.searching.test_storages import SPACE, journal

storage = sys.argv[1] if "://" in sys.argv[1] else journal(sys.argv[1])
mine = []
tl.search(Curve(small_backbone()), SPACE, labelled(), trials=20, storage=storage, verbose=0,
          validation_split=0.2, optuna_callbacks=[lambda study, trial: mine.append(trial.number)])
print("MINE", *mine)
"""


@pytest.mark.full
@pytest.mark.parametrize("place", ["journal", "postgresql"])
def test_two_processes_lose_no_trial_and_run_none_twice(tmp_path, place):
    """The database is one that $TRANSFERLEARN_POSTGRESQL names, and that holds no study yet."""
    address = str(tmp_path / "study.log")
    if place == "postgresql":
        address = os.environ.get("TRANSFERLEARN_POSTGRESQL", "")
        if not address:
            pytest.skip("TRANSFERLEARN_POSTGRESQL names no database")
    command = [sys.executable, "-c", SEARCH, address]
    both = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [process.communicate(timeout=300)[0] for process in both]
    ran = [[int(n) for n in line.split()[1:]] for out in said for line in out.splitlines()
           if line.startswith("MINE")]  # fmt: skip
    numbers = sorted(number for part in ran for number in part)
    storage = address if place == "postgresql" else journal(address)
    (name,) = optuna.get_all_study_names(storage)
    trials = optuna.load_study(study_name=name, storage=storage).trials
    assert numbers == [trial.number for trial in trials]
    assert 20 <= len(numbers) <= 21  # both may begin the last one
    assert all(trial.state.is_finished() for trial in trials)
