"""What a SavedModel's program is, read from its file without running it."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

FILE = "saved_model.pb"
# What can write files, open connections or run Python; readers of a module's own assets are not.
_UNSAFE = frozenset(
    [
        "CreateSummaryDbWriter",
        "CreateSummaryFileWriter",
        "DatasetToTFRecord",
        "DatasetToTFRecordV2",
        "DebugIdentity",
        "DebugIdentityV2",
        "DebugIdentityV3",
        "DistributedSave",
        "EagerPyFunc",
        "MergeV2Checkpoints",
        "PrintV2",
        "PyFunc",
        "PyFuncStateless",
        "RpcCall",
        "RpcClient",
        "RpcServer",
        "Save",
        "SaveDataset",
        "SaveDatasetV2",
        "SaveSlices",
        "SaveV2",
        "WriteFile",
    ]
)


class Program(NamedTuple):
    """What is known of a program.

    Attributes:
        sha256: Of its file.
        unsafe: The operations that it can come to which write files or worse, sorted.
        functions: Whether it holds functions that can be called as in Python (TF2), not only
            graphs to be fetched from (TF1).
        input: Shape and dtype of what its `__call__` takes, such as `((None, 224, 224, 3),
            "float32")`; `None` where it has none, or takes several things.
    """

    sha256: str
    unsafe: tuple[str, ...]
    functions: bool
    input: tuple[tuple[int | None, ...], str] | None


def read_program(folder: Path) -> Program:
    """Reads the program of a SavedModel.

    Raises:
        OSError: There is none in the folder.
        ValueError: The file is no program.
    """
    file = folder / FILE
    if not file.is_file():
        raise OSError(f"{folder} is no SavedModel: it holds no {FILE}.")
    return _read(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=8)
def _read(file: Path, changed: int) -> Program:
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    content = file.read_bytes()
    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString(content)
        graph = saved.meta_graphs[0]
    except (DecodeError, IndexError) as error:
        raise ValueError(f"{file} is no program of TensorFlow.") from error
    functions = graph.object_graph_def.concrete_functions
    return Program(
        sha256=hashlib.sha256(content).hexdigest(),
        unsafe=tuple(sorted(_reached(graph.graph_def, functions) & _UNSAFE)),
        functions=bool(functions),
        input=_input(graph.object_graph_def),
    )


def _reached(graph: Any, roots: Iterable[str]) -> set[str]:
    """The kinds of operations that a call of the functions can come to.

    What TensorFlow adds to save and restore variables is in the graph, and called by none of them.
    """
    library = {function.signature.name: function for function in graph.library.function}
    waiting, seen, kinds = list(roots), set[str](), set[str]()
    if not waiting:  # a graph of TF1
        kinds = {node.op for node in graph.node}
    while waiting:
        name = waiting.pop()
        if name in seen or name not in library:
            continue
        seen.add(name)
        for node in library[name].node_def:
            kinds.add(node.op)
            waiting += [node.op, *_named(node.attr.values())]
    return kinds


def _named(attributes: Iterable[Any]) -> list[str]:
    """Functions that an operation calls by its attributes."""
    found = []
    for value in attributes:
        found += [value.func.name, *(function.name for function in value.list.func)]
    return [name for name in found if name]


def _input(objects: Any) -> tuple[tuple[int | None, ...], str] | None:
    """Of the functions behind the root's `__call__`."""
    import tensorflow as tf

    if not objects.nodes:
        return None
    children = {child.local_name: child.node_id for child in objects.nodes[0].children}
    if "__call__" not in children:
        return None
    for name in objects.nodes[children["__call__"]].function.concrete_functions:
        given = objects.concrete_functions[name].canonicalized_input_signature
        positional, *_ = given.tuple_value.values
        tensors = positional.tuple_value.values
        if not tensors or tensors[0].WhichOneof("kind") != "tensor_spec_value":
            continue
        spec = tensors[0].tensor_spec_value
        if not spec.shape.unknown_rank:
            shape = tuple(None if dim.size < 0 else int(dim.size) for dim in spec.shape.dim)
            return shape, tf.dtypes.as_dtype(spec.dtype).name
    return None
