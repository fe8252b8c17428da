"""What kind of function is decorated, and the signature its callers see: of one item instead of a list."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def is_method(function: Callable[..., Any]) -> bool:
    """Whether the function was defined in the body of a class."""
    outer = getattr(function, "__qualname__", "").rpartition(".")[0]
    return bool(outer) and not outer.endswith("<locals>") and inspect.isfunction(function)


def is_async(function: Callable[..., Any]) -> bool:
    """Whether calls of the function are awaited."""
    call = getattr(type(function), "__call__", None)
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def check_function(function: Any) -> int:
    """Refuses what cannot be batched, with the reason; else says how many parameters come: 1, or 2 with ``self``."""
    if inspect.isclass(function) or not callable(function):
        raise TypeError(f"@batch takes a function, not {function!r}")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(f"{name_of(function)} is a generator; @batch takes a function that returns its results")
    try:
        parameters = free_parameters(function)
    except ValueError:
        return 1  # a function in C that does not tell
    return checked_parameters(function, parameters)


def checked_parameters(function: Callable[..., Any], parameters: list[inspect.Parameter]) -> int:
    """One list of items, and ``self`` before it in a method."""
    wanted = 1
    if is_method(function):
        # A static method has the list alone; in a class, two are self (or cls) and the list.
        wanted = 2 if len(parameters) >= 2 else 1
    first = parameters[:wanted]
    if len(parameters) == wanted and all(parameter.kind in _POSITIONAL for parameter in first):
        return wanted
    shown = ", ".join(str(parameter) for parameter in parameters)
    raise TypeError(
        f"{name_of(function)}({shown}) cannot be batched: @batch takes a function of one list of items and nothing "
        "else, since the callers of one batch could ask for different things; put the rest into the items, or use "
        "functools.partial"
    )


def free_parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The parameters that a call is to fill: not those which a ``functools.partial`` has filled by name."""
    filled = function.keywords if isinstance(function, functools.partial) else {}
    return [each for each in inspect.signature(function).parameters.values() if each.name not in filled]


def name_of(function: Any) -> str:
    """The function's name with its module, for logs and metrics."""
    while isinstance(function, functools.partial):
        function = function.func
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return f"{getattr(function, '__module__', None) or '?'}.{name}"


def item_signature(function: Callable[..., Any]) -> inspect.Signature:
    """The signature for one item: ``(texts: list[str]) -> list[Vec]`` becomes ``(texts: str) -> Vec``."""
    signature = inspect.signature(function)
    try:
        hints = typing.get_type_hints(inspect.unwrap(getattr(function, "func", function)))
    except Exception:  # an annotation may name anything; then the signature goes without
        hints = {}
    parameters = [each.replace(kind=inspect.Parameter.POSITIONAL_ONLY) for each in free_parameters(function)]
    parameters[-1] = parameters[-1].replace(annotation=element_of(hints.get(parameters[-1].name)))
    return signature.replace(parameters=parameters, return_annotation=element_of(hints.get("return")))


def element_of(annotation: Any) -> Any:
    """The element's type of ``list[X]`` and the like; ``empty`` for what has none."""
    arguments = typing.get_args(annotation)
    return arguments[0] if len(arguments) == 1 else inspect.Parameter.empty
