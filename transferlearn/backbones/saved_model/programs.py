"""Reads from a SavedModel's file what its program can do, without running it."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from transferlearn.backbones.saved_model.operations import COMPUTING, SAVING
from transferlearn.json_fields import Json

FILE = "saved_model.pb"
# Other forms of a program, which some versions of TensorFlow would read in place of that file.
_OTHER_FORMS = ("saved_model.pbtxt", "saved_model.cpb")


class Program(NamedTuple):
    """Describes the program of a SavedModel: its hash, its unsafe operations, its input.

    Attributes:
        sha256: SHA-256 of the file `saved_model.pb`.
        unsafe: The operations that do more than compute, sorted, or are not known to do no more.
        functions: Whether it holds functions that can be called as in Python (TF2), and not only a
            graph (TF1).
        input: Shape and dtype of the first tensor that its `__call__` takes, such as
            `((None, 224, 224, 3), "float32")`; `None` where the file does not tell.
    """

    sha256: str
    unsafe: tuple[str, ...]
    functions: bool
    input: tuple[tuple[int | None, ...], str] | None


def read_program(folder: Path) -> Program:
    """Reads what the file of a SavedModel tells of its program, which is not run.

    Raises:
        OSError: There is no `saved_model.pb` in the folder.
        ValueError: The file is not a program of TensorFlow, or there are two programs.
    """
    file = folder / FILE
    if not file.is_file():
        raise OSError(f"{folder} is no SavedModel: it holds no {FILE}.")
    if others := [name for name in _OTHER_FORMS if (folder / name).exists()]:
        raise ValueError(
            f"{folder} holds a second program, {others[0]}, beside {FILE}. Remove one of them."
        )
    return _read(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _read(file: Path, changed: int) -> Program:
    """Reads a program from its file, or gives what was read from it before."""
    # `changed`, the file's time of change, keeps the cache from giving an older file's program.
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    content = file.read_bytes()
    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString(content)
        # Of several graphs TensorFlow would choose another one, and load it as one of TF1.
        (graph,) = saved.meta_graphs
    except (DecodeError, ValueError) as error:
        raise ValueError(f"{file} is no program of TensorFlow with one graph.") from error
    return Program(
        sha256=hashlib.sha256(content).hexdigest(),
        unsafe=tuple(sorted(_unsafe(graph.graph_def, graph.object_graph_def))),
        functions=bool(graph.object_graph_def.concrete_functions),
        input=_input(graph.object_graph_def),
    )


def _unsafe(graph: Any, objects: Any) -> set[str]:
    """Returns the operations of a program that are not known to compute only.

    All of it is looked through: the graph, the functions that a call can reach, those that run when
    it is loaded (tables are filled then) or trained (gradients), and even those that nothing calls.
    The last may hold what TensorFlow adds to save variables; it runs neither these nor the graph.
    """
    import tensorflow as tf

    library = {function.signature.name: function for function in graph.library.function}
    callable_ = _callable(library, _roots(graph.library, objects))
    found = {node.op for node in graph.node} - SAVING
    for name, function in library.items():
        operations = {node.op for node in function.node_def}
        found |= operations if name in callable_ else operations - SAVING
    # A function is called by a node of its name, but none may hide behind that of an operation.
    functions = {name for name in library if not hasattr(tf.raw_ops, name)}
    return found - functions - COMPUTING


def _roots(library: Any, objects: Any) -> set[str]:
    """Returns the names of the functions that a program's objects hold, or that are gradients."""
    found = set(objects.concrete_functions)
    for node in objects.nodes:
        found |= {*node.function.concrete_functions}
        found.add(node.bare_concrete_function.concrete_function_name)
    for gradient in (*library.gradient, *library.registered_gradients):
        found.add(gradient.gradient_func)
    # TensorFlow may call such a function in place of another one that implements the same.
    return found | {x.signature.name for x in library.function if "api_implements" in x.attr}


def _callable(library: Json, roots: Iterable[str]) -> set[str]:
    """Returns the names of the functions that calls of the functions in `roots` can reach."""
    waiting, seen = list(roots), set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name not in library:
            continue
        seen.add(name)
        for node in library[name].node_def:
            waiting += [node.op, *_named(node.attr.values())]
    return seen


def _named(attributes: Iterable[Any]) -> list[str]:
    """Returns the names of the functions that an operation's attributes hold."""
    found = []
    for value in attributes:
        found += [value.func.name, *(function.name for function in value.list.func)]
    return [name for name in found if name]


def _input(objects: Any) -> tuple[tuple[int | None, ...], str] | None:
    """Returns shape and dtype of the first tensor that the root object's `__call__` takes."""
    import tensorflow as tf

    if not objects.nodes:
        return None
    children = {child.local_name: child.node_id for child in objects.nodes[0].children}
    if "__call__" not in children:
        return None
    for name in objects.nodes[children["__call__"]].function.concrete_functions:
        signature = objects.concrete_functions[name].canonicalized_input_signature
        positional, *_ = signature.tuple_value.values
        tensors = positional.tuple_value.values
        if not tensors or tensors[0].WhichOneof("kind") != "tensor_spec_value":
            continue
        spec = tensors[0].tensor_spec_value
        if not spec.shape.unknown_rank:
            shape = tuple(None if dim.size < 0 else int(dim.size) for dim in spec.shape.dim)
            return shape, tf.dtypes.as_dtype(spec.dtype).name
    return None
