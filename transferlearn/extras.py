"""What to install for what is not there, as the README says it."""


def install_line(extra: str) -> str:
    """Gives the line that installs this package, in the folder of its source, with an extra."""
    return f'pip install -e ".[{extra}]"'
