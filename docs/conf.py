"""Settings of the docs site: `sphinx-build -W docs build/docs` (`pip install -e ".[docs]"`)."""

import shutil
import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import api_pages  # noqa: E402

project = "transferlearn"
release = metadata.version(project)
extensions = ["myst_nb"]
html_theme = "furo"
html_title = "transferlearn"
exclude_patterns = ["_build"]
myst_heading_anchors = 3
nb_execution_mode = "force"
# The stored notebooks are run by the tests.
nb_execution_excludepatterns = ["notebooks/*"]
nb_execution_timeout = 900
nb_execution_raise_on_error = True
nb_merge_streams = True
# TensorFlow writes about the machine when it is imported.
nb_output_stderr = "remove"

shutil.copytree(HERE.parent / "notebooks", HERE / "notebooks", dirs_exist_ok=True)
api_pages.write(HERE / "api")


def setup(app):
    """Lets links from and to the notebooks lead to pages: the site has them in a folder of its."""

    def within_the_site(_, __, source):
        source[0] = (
            source[0].replace("](../notebooks/", "](notebooks/").replace("](../docs/", "](../")
        )

    app.connect("source-read", within_the_site)
