"""Reads hostile files in a process of its own, and records what it opens and whom it asks.

`python -m tests.attacks.watched FOLDER` takes a JSON list of `[way, path]`, and prints one.
For each it has the error, then the uses of files in FOLDER, of names of sources and of the network.
"""

import json
import sys
import warnings

_NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request")
_FILES = ("open", "os.listdir", "os.scandir")


def main(folder):
    import keras_hub  # noqa: F401  it registers classes that open files
    import tensorflow as tf
    import tensorflow_text  # noqa: F401  and so does this

    import transferlearn as tl
    from transferlearn.backbones import registry

    warnings.simplefilter("ignore")
    events = []

    def watch(event, arguments):
        place = arguments[0] if arguments and isinstance(arguments[0], str) else ""
        if event in _NETWORK or (event in _FILES and place.startswith(folder)):
            events.append(f"{event} {arguments[:2]}")

    sys.addaudithook(watch)
    # TensorFlow reads files without Python's knowledge.
    tf.saved_model.load = lambda path, *rest: events.append(f"load {path}") or 1 / 0
    source = registry._source

    def watched_source(name):
        if name != path:  # or else the user has named it himself
            events.append(f"source {name}")
        return source(name)

    registry._source = watched_source
    ways = {
        "read_model": tl.read_model,
        "load": tl.load,
        "get_text": tl.backbones.get_text,
        "trusted": lambda path: tl.read_model(path, trusted=True),
    }
    found = []
    for way, path in json.load(sys.stdin):
        events.clear()
        error = ""
        try:
            ways[way](path)
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
        found.append([error, *events])
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
