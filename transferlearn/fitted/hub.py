"""Uploads saves to the Hugging Face Hub, and downloads them from there."""

import re
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from transferlearn.extras import install_line
from transferlearn.fitted.saving import write_save
from transferlearn.fitted.signing import PrivateKey
from transferlearn.fitted.trained import Trained
from transferlearn.tasks import Evaluation

ADDRESS = "hf://"
_NAME = re.compile(r"[\w.-]+/[\w.-]+", re.ASCII)
_HUBS_OWN = ".gitattributes"  # the Hub adds it to every repository


class Downloaded(NamedTuple):
    """Holds the folder of a save that was downloaded, and the folder that its files really are in.

    Attributes:
        folder: The folder of the save, whose files are links.
        within: The folder of all that was downloaded of the repository.
    """

    folder: Path
    within: Path


def push(
    fitted: Trained,
    name: str,
    *,
    token: str | None,
    private: bool | None,
    evaluation: Evaluation | None,
    sign: "PrivateKey | None",
) -> str:
    """Saves a model, uploads all files as one commit, and gives the address of that commit."""
    hub = _hub()
    _check_name(name, name)
    with tempfile.TemporaryDirectory() as folder:
        save = Path(folder, "save")
        write_save(fitted, save, evaluation, sign)
        api = hub.HfApi(token=token)
        try:
            api.create_repo(name, private=private, exist_ok=True)
            commit = api.upload_folder(
                repo_id=name,
                folder_path=save,
                commit_message="Save of transferlearn",
                delete_patterns="*",  # files of an earlier save
            )
        except (OSError, hub.errors.HTTPError) as error:
            raise OSError(f"{name} could not be uploaded: {_reason(error)}") from error
    return str(commit.commit_url)


def download(address: str) -> Downloaded:
    """Downloads the save at `hf://user/name` or `hf://user/name@revision`, or finds it downloaded.

    Raises:
        ImportError: `huggingface_hub` is not installed.
        ValueError: The address has another form.
        OSError: There is no such repository or revision, or it cannot be reached.
    """
    hub = _hub()
    name, _, revision = address.removeprefix(ADDRESS).partition("@")
    _check_name(name, address)
    try:
        folder = hub.snapshot_download(name, revision=revision or None, ignore_patterns=[_HUBS_OWN])
    except (OSError, hub.errors.HTTPError) as error:
        raise OSError(f"{address} could not be downloaded: {_reason(error)}") from error
    return Downloaded(Path(folder), Path(folder).parents[1])


def _check_name(name: str, received: str) -> None:
    """Raises `ValueError` unless a name is of the form `user/name`."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            'A model on the Hugging Face Hub is named "user/name"; to load one, write '
            f'"hf://user/name" or "hf://user/name@revision". Received: {received!r}'
        )


def _hub() -> Any:
    """Imports `huggingface_hub`, or says how to install it."""
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError as error:
        raise ImportError(
            f"The Hugging Face Hub needs another package: {install_line('hf')}"
        ) from error
    return huggingface_hub


def _reason(error: Exception) -> str:
    """Returns an error's message in one line."""
    return " ".join(str(error).split())
