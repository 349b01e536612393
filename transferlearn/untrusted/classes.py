"""Decides which classes and functions the config of a model may name.

Whatever a config names is made with the arguments that the config gives, and called. So all that
is allowed must be harmless with any arguments: it computes, and neither runs code nor reads files.
What is registered with Keras is not harmless for that: installed packages register layers that open
files and download networks by the names that a config gives them.
"""

import contextlib
import importlib
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import keras

Named = Mapping[str, Any]  # names in saves: the classes and functions of the user's own

# Values that Keras writes in the place of a class, without an object of a class behind them.
_VALUES = {"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__"}
_NUMBERS = {"bool", "float16", "bfloat16", "float32", "float64", "complex64", "complex128"} | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
# These operations call functions that the config names: a loop of them need not end.
_CALLERS = {
    "AssociativeScan",
    "Cond",
    "ForiLoop",
    "JVP",
    "Map",
    "Scan",
    "Switch",
    "VectorizedMap",
    "WhileLoop",
}
_OPERATIONS = {
    f"keras.src.ops.{part}" for part in ("core", "einops", "image", "linalg", "math", "nn", "numpy")
}
_HARM = "which is none of the layers and functions of Keras's that only compute"
_UNKNOWN = (
    "which is not known here. A layer of your own must be known before: import the module that has "
    "it, with @keras.saving.register_keras_serializable(), or pass custom_objects={...}"
)
_INSTALLED = (
    "which an installed package has registered, and which may open files or download with the "
    "arguments of the file. If you know that it only computes, pass custom_objects={...}"
)
_SITES = {"site-packages", "dist-packages"}  # folders of installed packages
_PACKAGE = __name__.partition(".")[0]
SAVED_MODEL = "transferlearn>SavedModelLayer"
# Our own classes that a config may name, and what each reads besides the config. All others that
# we register are losses and metrics, which no network needs that is read without its training.
OURS = {SAVED_MODEL: "the SavedModel with the hash `program`, in the save that is being read"}
_HUB = ("keras_hub", "keras_nlp")  # the second is its earlier name, which old saves have


def refusal(entry: Mapping[str, Any], own: Named) -> str:
    """Explains why an entry of a config with a `class_name` is refused; `""` if it is allowed.

    Args:
        entry: The entry, with `class_name`, `module`, `registered_name` and `config`.
        own: The classes and functions that the user allows, by the name that is in the config.
    """
    name, module = entry["class_name"], entry.get("module")
    registered = entry.get("registered_name", name)
    if not all(isinstance(part, (str, type(None))) for part in (name, module, registered)):
        return "its class has no name"
    if name in _VALUES:
        return _refusal_of_value(entry)
    if name == "function":
        return _refusal_of_function(entry.get("config"), module, registered, own)
    if registered in own:
        return ""
    found = _registered(registered)
    if found is not None:
        of_users = not _is_of_keras(found) and not _is_ours(found)
        home = _home(module) in (_HUB if _is_of_keras(found) else (_PACKAGE,))
        same = of_users or (name == found.__name__ and home)
        allowed = registered in OURS if _is_ours(found) else is_allowed(found)
        return "" if same and allowed else _named(module, name, registered, found)
    # What Keras itself has is not registered; another name there is a forgery.
    if registered in (None, name) and is_allowed(_class_at(module, name)):
        return ""
    return _named(module, name, registered)


def refusal_of_text(text: str, own: Named) -> str:
    """Explains why a string is refused: Keras replaces a registered name by its object."""
    found = None if text in own else _registered(text)
    if found is None or is_allowed(found):
        return ""
    return f"it names {text}, {_INSTALLED if _is_installed(found) else _HARM}"


def is_own(name: object, own: Named) -> bool:
    """Returns whether a name in a config stands for a class or function that is not Keras's."""
    if not isinstance(name, str):
        return False
    found = own.get(name) or _registered(name)
    return found is not None and not _is_of_keras(found)


def is_allowed(found: object) -> bool:
    """Returns whether a config may name this class or function, in any place; `None` is none."""
    if found is None or _is_ours(found):
        return False
    if not _is_of_keras(found):
        return not _is_installed(found)  # registered by the user's own code
    if not isinstance(found, type):
        return _is_activation(found)
    if _home(found.__module__) in _HUB:
        return _is_hub_layer(found)
    # Layers of one network only, such as ConvNeXt's, are beside it and have no public name.
    of_network = found.__module__.startswith("keras.src.applications.")
    return found in _of_keras() or _is_operation(found) or (of_network and _only_computes(found))


@cache
def _of_keras() -> frozenset[type]:
    """Returns Keras's own classes that may be named, except operations.

    A rule and no list of names, since the layers that run code differ from others by more than
    their names: those that wrap programs of other frameworks (`TFSMLayer`, `JaxLayer`,
    `TorchModuleWrapper`) are defined outside `keras.src.layers`, and those that read files (such as
    `StringLookup`) have assets. `tests/attacks` has the list that was looked through, and fails
    where another Keras has more.
    """
    families = (keras.initializers, keras.regularizers, keras.constraints, keras.dtype_policies)
    parts = {x for family in families for x in vars(family).values() if isinstance(x, type)}
    layers = {x for x in vars(keras.layers).values() if _only_computes(x)}
    x = keras.Input((1,))
    functional = type(keras.Model(x, keras.layers.Identity()(x)))  # its class has no public name
    return frozenset(parts | layers | {functional, keras.Model, keras.Sequential})


def _only_computes(found: object) -> bool:
    """Returns whether this is a layer of Keras's that neither runs code nor reads files."""
    return (
        isinstance(found, type)
        and issubclass(found, keras.Layer)
        and found.__module__.startswith(("keras.src.layers.", "keras.src.applications."))
        and found is not keras.layers.Lambda
        and not hasattr(found, "load_assets")
    )


def _is_operation(found: type) -> bool:
    """Returns whether this is an operation of `keras.ops` that calls no functions."""
    return (
        issubclass(found, keras.Operation)
        and found.__module__ in _OPERATIONS
        and found.__name__ not in _CALLERS
    )


def _is_hub_layer(found: type) -> bool:
    """Returns whether this is a layer or backbone of KerasHub's, and nothing that reads files."""
    networks = tuple(
        f"{home}.src.{part}." for home in _HUB for part in ("models", "layers.modeling")
    )
    return (
        found.__module__.startswith(networks)
        and issubclass(found, (keras.Layer, keras.Initializer))
        and (_is_hub_backbone(found) or not hasattr(found, "from_preset"))
        and (_is_hub_backbone(found) or not issubclass(found, keras.Model))
        and not hasattr(found, "load_assets")
    )


def _is_hub_backbone(found: type) -> bool:
    """Returns whether this is a backbone of KerasHub's, which is made of numbers and of layers."""
    hub = sys.modules.get("keras_hub")
    return hub is not None and issubclass(found, hub.models.Backbone)


def _is_activation(found: Any) -> bool:
    """Returns whether this is an activation of Keras or KerasHub, or one of its ops."""
    if _home(found.__module__) in _HUB:
        return found.__name__ == "gelu_approximate"
    name = getattr(found, "__name__", "")
    if name in ("deserialize", "get", "serialize"):
        return False
    return found in (getattr(keras.activations, name, None), getattr(keras.ops, name, None))


def _class_at(module: str | None, name: str) -> object:
    """Finds what Keras would find under this module and name; imports nothing but KerasHub."""
    if module is None:
        return None
    if _home(module) in _HUB:
        _know_hub()
    elif _home(module) != "keras":
        return None
    return vars(sys.modules[module]).get(name) if module in sys.modules else None


def _registered(name: str | None) -> Any:
    """Returns what is registered with Keras under this name; `None` if nothing is."""
    if name is not None and name.partition(">")[0] in _HUB:
        _know_hub()
    return keras.saving.get_registered_object(name)


def _know_hub() -> None:
    """Imports KerasHub, if it is installed, which registers its layers."""
    with contextlib.suppress(ImportError):
        importlib.import_module("keras_hub")


def _refusal_of_function(name: object, module: Any, registered: str | None, own: Named) -> str:
    """Explains why an entry of a function is refused; `""` if it is allowed."""
    if not isinstance(name, str):
        return "its function has no name"
    if name in own:
        return ""
    found = _registered(name)
    if found is None and registered in (None, "function", name):
        # Keras looks for functions of "builtins" among its activations, and elsewhere in vain.
        homes = {"builtins": keras.activations, "keras.activations": keras.activations}
        found = getattr({**homes, "keras.ops": keras.ops}.get(module), name, None)
    # A class may be found here too, which would be made with any arguments, past its `from_config`.
    is_class = isinstance(found, type)
    return "" if is_allowed(found) and not is_class else _named(module, name, registered, found)


def _refusal_of_value(entry: Mapping[str, object]) -> str:
    """Explains why a value is refused; `""` if it is allowed."""
    config = entry.get("config")
    # Of one letter with the dtype `S1000000000`, NumPy makes a gigabyte.
    is_array = entry["class_name"] in ("__numpy__", "__tensor__")
    if is_array and not (isinstance(config, dict) and config.get("dtype") in _NUMBERS):
        return "it holds an array that is not of numbers"
    return ""


def _named(module: str | None, name: str, registered: str | None, found: object = None) -> str:
    """Explains that an entry names something refused, and what to do if it is one's own."""
    other = f" (registered as {registered})" if registered not in (None, name) else ""
    of_keras = _home(module) in ("keras", "builtins", _PACKAGE, *_HUB)
    of_others = _INSTALLED if found is not None and _is_installed(found) else _UNKNOWN
    return f"it names {module}.{name}{other}, {_HARM if of_keras else of_others}"


def _is_of_keras(found: object) -> bool:
    """Returns whether a class or function comes with Keras or KerasHub."""
    return _home(found.__module__) in ("keras", *_HUB)


def _is_ours(found: object) -> bool:
    """Returns whether a class or function comes with this package."""
    return _home(found.__module__) == _PACKAGE


def _is_installed(found: object) -> bool:
    """Returns whether a class or function comes with an installed package, as `tensorflow_text`."""
    file = getattr(sys.modules.get(found.__module__), "__file__", None)
    of_others = not _is_of_keras(found) and not _is_ours(found)
    return of_others and file is not None and not _SITES.isdisjoint(Path(file).parts)


def _home(module: str | None) -> str:
    """Returns the package that a module is in."""
    return (module or "").partition(".")[0]
