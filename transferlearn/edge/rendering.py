"""Renders templates of strangers in a process of its own: a line of JSON in, a line of JSON out.

It is run as a file, not imported: so it needs nothing but jinja2, and whatever a template does ends
with the process.
"""

import contextlib
import json
import sys
from datetime import datetime
from functools import cache
from typing import NoReturn

_MOST = 2**30  # bytes of memory, Python's own included


def main() -> None:
    """Answers lines until there are no more; the first holds the paths of packages."""
    sys.path[:] = json.loads(sys.stdin.readline())
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows knows no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MOST, _MOST))
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.filters["tojson"] = _as_json
    environment.globals |= {
        "raise_exception": _refuse,
        "strftime_now": lambda form: datetime.now().strftime(form),
    }
    compiled = cache(environment.from_string)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        given = json.loads(line)
        try:
            text = compiled(given["template"]).render(**given["words"])
            text.encode()  # no half character, which no tokenizer reads
            answer = {"text": text}
        except UnicodeEncodeError as error:
            answer = {"error": f"it writes half a character at {error.start}"}
        except (MemoryError, RecursionError, OverflowError) as error:
            answer = {"error": f"it computes without end ({type(error).__name__})"}
        except Exception as error:  # a template may raise whatever it likes
            answer = {"error": f"{error!s:.300}" or type(error).__name__}
        print(json.dumps(answer), flush=True)


def _as_json(value: object, indent: int | None = None, **_: object) -> str:
    """Writes a value as JSON, without the signs by which jinja2 protects pages."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(why: str) -> NoReturn:
    """Raises what a template says."""
    raise ValueError(why)


if __name__ == "__main__":
    main()
