"""The docstrings run, and the stubs say what there is."""

from __future__ import annotations

import ast
import doctest
import inspect
import logging
from collections.abc import Iterator
from pathlib import Path

import batchline
import batchline._core as core
import pytest

CLASSES = [thing for thing in vars(core).values() if isinstance(thing, type) and thing.__module__ == "batchline"]
#: What Python gives every class, or what is not for users.
NOT_IN_STUBS = {
    "__new__", "__repr__", "__doc__", "__module__", "__weakref__", "__dict__", "__class_getitem__", "__text_signature__"
}


def documented() -> Iterator[tuple[str, str]]:
    yield "batchline", batchline.__doc__ or ""
    for module in (batchline.errors, batchline.options):
        for name, thing in vars(module).items():
            if isinstance(thing, type) and thing.__module__ == module.__name__:
                yield f"{module.__name__}.{name}", thing.__doc__ or ""
    for cls in CLASSES:
        yield cls.__name__, cls.__doc__ or ""
        for name, member in vars(cls).items():
            if not name.startswith("_") and not inspect.isdatadescriptor(member):
                yield f"{cls.__name__}.{name}", member.__doc__ or ""


@pytest.mark.parametrize(("name", "text"), list(documented()), ids=lambda value: value if "\n" not in value else "")
def test_the_examples_run(name: str, text: str, caplog: pytest.LogCaptureFixture) -> None:
    assert text.strip(), f"{name} has no docstring"
    example = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    with caplog.at_level(logging.CRITICAL):
        runner.run(example)
    assert runner.failures == 0


def test_every_method_of_the_main_classes_has_an_example() -> None:
    for cls in (batchline.Batcher, batchline.Dedup):
        for name, member in vars(cls).items():
            if not name.startswith("_") and callable(member):
                assert ">>>" in member.__doc__, f"{cls.__name__}.{name}"


def stubbed() -> dict[str, dict[str, list[str]]]:
    """Classes of the stub: members, and the names of their arguments."""
    tree = ast.parse((Path(batchline.__file__).parent / "_core.pyi").read_text())
    classes: dict[str, dict[str, list[str]]] = {}
    for cls in tree.body:
        if isinstance(cls, ast.ClassDef):
            members = classes[cls.name] = {}
            for member in cls.body:
                if isinstance(member, ast.FunctionDef):
                    arguments = member.args
                    everything = arguments.posonlyargs + arguments.args + arguments.kwonlyargs
                    everything += [arguments.vararg] if arguments.vararg else []
                    members[member.name] = [argument.arg for argument in everything][1:]
    return classes


def test_the_stubs_have_every_class_and_member() -> None:
    stubs = stubbed()
    assert set(stubs) == {cls.__name__ for cls in CLASSES}
    for cls in CLASSES:
        there = {name for name in vars(cls) if not name.startswith("_")}
        there |= {"__enter__", "__exit__", "__len__", "__contains__", "__iter__"} & set(vars(cls))
        missing = there - set(stubs[cls.__name__])
        assert not missing, f"{cls.__name__} has more than its stub: {missing}"
        extra = {name for name in stubs[cls.__name__] if not hasattr(cls, name)}
        assert not extra, f"{cls.__name__} has less than its stub: {extra}"


def test_the_stubs_have_the_arguments_that_there_are() -> None:
    for cls in CLASSES:
        for name, arguments in stubbed()[cls.__name__].items():
            member = vars(cls).get(name)
            if name.startswith("__") or not callable(member):
                continue
            there = list(inspect.signature(member).parameters)[1:]
            assert there == arguments, f"{cls.__name__}.{name}"
    parameters = list(inspect.signature(batchline.Batcher).parameters)
    assert parameters == stubbed()["Batcher"]["__new__"]


def test_the_extension_exports_the_exceptions() -> None:
    for name in vars(batchline.errors):
        thing = getattr(batchline.errors, name)
        if isinstance(thing, type) and issubclass(thing, batchline.BatchlineError):
            assert getattr(core, name) is thing and getattr(batchline, name) is thing


def test_help_reads_well() -> None:
    import pydoc

    text = pydoc.plain(pydoc.render_doc(batchline.Batcher))
    assert "put(self, item, /)" in text and "batch_items_max=1000" in text and "Collects items" in text
