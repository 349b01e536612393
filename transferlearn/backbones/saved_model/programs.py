"""Reads from a SavedModel's file what its program can do, without running it."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

FILE = "saved_model.pb"
# Operations that write files, open connections or run Python. Those that read files are allowed,
# since modules read their own assets.
_UNSAFE = frozenset(
    [
        "CacheDataset",
        "CacheDatasetV2",
        "CreateSummaryDbWriter",
        "CreateSummaryFileWriter",
        "DataServiceDataset",
        "DataServiceDatasetV2",
        "DataServiceDatasetV3",
        "DataServiceDatasetV4",
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
        "RegisterDataset",
        "RegisterDatasetV2",
        "RpcCall",
        "RpcClient",
        "RpcServer",
        "Save",
        "SaveDataset",
        "SaveDatasetV2",
        "SaveSlices",
        "SaveV2",
        "SnapshotDataset",
        "SnapshotDatasetV2",
        "WriteFile",
    ]
)


class Program(NamedTuple):
    """Describes the program of a SavedModel: its hash, its unsafe operations, its input.

    Attributes:
        sha256: SHA-256 of the file `saved_model.pb`.
        unsafe: The operations that a call can reach and that do more than compute, sorted.
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
        ValueError: The file is not a program of TensorFlow.
    """
    file = folder / FILE
    if not file.is_file():
        raise OSError(f"{folder} is no SavedModel: it holds no {FILE}.")
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
    """Gives the types of the operations that a call of the functions in `roots` can reach.

    Whatever else is in the graph, such as what TensorFlow adds to save variables, is left out.
    Without roots, as in TF1, all operations of the graph are given.
    """
    library = {function.signature.name: function for function in graph.library.function}
    waiting, seen, reached = list(roots), set[str](), set[str]()
    if not waiting:  # a graph of TF1
        reached = {node.op for node in graph.node}
    while waiting:
        name = waiting.pop()
        if name in seen or name not in library:
            continue
        seen.add(name)
        for node in library[name].node_def:
            reached.add(node.op)
            waiting += [node.op, *_named(node.attr.values())]
    return reached


def _named(attributes: Iterable[Any]) -> list[str]:
    """Gives the names of the functions that an operation's attributes hold."""
    found = []
    for value in attributes:
        found += [value.func.name, *(function.name for function in value.list.func)]
    return [name for name in found if name]


def _input(objects: Any) -> tuple[tuple[int | None, ...], str] | None:
    """Gives shape and dtype of the first tensor that the root object's `__call__` takes."""
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
