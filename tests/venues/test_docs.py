"""The example of the page about venues runs as it is printed."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "venues.md"


def test_the_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    example = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert example is not None
    exec(compile(example[1], str(PAGE), "exec"), {"__name__": "example"})
    told = capsys.readouterr().out
    assert "6 add_order\n7 order_executed\n" in told
