"""Says how to install the optional packages that a feature needs."""


def install_line(extra: str) -> str:
    """Gives the `pip` command that, in the source folder, installs this package with an extra."""
    return f'pip install -e ".[{extra}]"'
