"""mypy --strict and pyright read the package, the examples and the ``typing_*.py`` samples as users' code is read."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PACKAGE = HERE.parent
RIGHT = sorted(HERE.glob("typing_[!w]*.py")) + sorted((PACKAGE / "examples").glob("*.py"))
WRONG = HERE / "typing_wrong.py"

needs_mypy = pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="mypy is not installed")
needs_pyright = pytest.mark.skipif(importlib.util.find_spec("pyright") is None, reason="pyright is not installed")


def mypy(*arguments: str | Path, cache: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", f"--cache-dir={cache}", *arguments]
    return subprocess.run(
        list(map(str, command)), env=environment("MYPYPATH"), capture_output=True, text=True, check=False, cwd=HERE
    )


def environment(variable: str) -> dict[str, str]:
    """The package's own folder first, as if it were installed."""
    return {**os.environ, variable: str(PACKAGE)}


def pyright(project: Path, mode: str, *paths: Path) -> list[tuple[str, int, str]]:
    """The errors that it finds: file, line, message. At least one file must be read."""
    relative = [os.path.relpath(path, project) for path in paths]  # it ignores absolute ones
    settings = {"typeCheckingMode": mode, "extraPaths": [os.path.relpath(PACKAGE, project)], "include": relative}
    (project / "pyrightconfig.json").write_text(json.dumps(settings))
    command = [sys.executable, "-m", "pyright", "--project", str(project), "--pythonpath", sys.executable]
    done = subprocess.run([*command, "--outputjson"], capture_output=True, text=True, check=False)
    if not done.stdout.startswith("{"):
        assert os.environ.get("CI") != "true", done.stderr
        pytest.skip(f"pyright does not run here: {done.stderr[-300:]}")
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] >= len(paths), report["summary"]
    return [
        (Path(each["file"]).name, each["range"]["start"]["line"] + 1, each["message"])
        for each in report["generalDiagnostics"]
        if each["severity"] == "error"
    ]


def wrong_lines() -> list[int]:
    lines = WRONG.read_text().splitlines()
    return [number for number, line in enumerate(lines, 1) if line.endswith("# wrong")]


@needs_mypy
@pytest.mark.parametrize("version", ["3.10", "3.14"])
def test_mypy_finds_the_package_right(version: str, tmp_path: Path) -> None:
    done = mypy(f"--python-version={version}", PACKAGE / "batchline", cache=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_mypy
def test_mypy_infers_what_the_samples_say(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    for file in RIGHT:
        done = mypy(file, cache=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr


@needs_mypy
def test_mypy_refuses_what_is_wrong_and_nothing_else(tmp_path: Path) -> None:
    done = mypy(WRONG, cache=tmp_path)
    errors = [line.split(":") for line in done.stdout.splitlines() if ": error:" in line]
    assert sorted({int(parts[1]) for parts in errors}) == wrong_lines(), done.stdout


@needs_pyright
def test_pyright_infers_what_the_samples_say(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    assert pyright(tmp_path, "strict", *RIGHT) == []


@needs_pyright
def test_pyright_refuses_what_is_wrong_and_nothing_else(tmp_path: Path) -> None:
    found = pyright(tmp_path, "strict", WRONG)
    assert sorted({line for _, line, _ in found}) == wrong_lines(), found


@needs_pyright
def test_pyright_finds_the_package_right(tmp_path: Path) -> None:
    """In pyright's standard mode, which users run on what they import."""
    assert pyright(tmp_path, "standard", PACKAGE / "batchline") == []
