"""The guide: each of its Python blocks is a program that runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import batchline
import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guide" / "python.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.S | re.M) if GUIDE.exists() else []


def test_the_guide_has_programs() -> None:
    if not GUIDE.exists():
        pytest.skip("the guide is not in this tree")
    assert len(BLOCKS) >= 8


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.strip().splitlines()[-1][:40])
def test_it_runs(block: str, tmp_path: Path) -> None:
    if "prometheus_client" in block:
        pytest.importorskip("prometheus_client")
    program = tmp_path / "block.py"
    program.write_text(block)
    command = [sys.executable, "-W", "error", str(program)]
    environment = {"PYTHONPATH": str(Path(batchline.__file__).parents[1]), "PATH": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
