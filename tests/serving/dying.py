"""A process that says that it is ready, and dies."""

import os


def say_and_die(say):
    """Stands for a process of a server."""
    say.send(["colours 1"])
    say.close()
    os._exit(7)
