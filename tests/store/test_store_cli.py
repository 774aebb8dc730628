"""``omni store ls|query|verify`` on a lake with ticks in it."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from omni_lab.cli import app
from omni_lab.config import HOME_VARIABLE, Settings
from omni_lab.store import DuckDBTickStore


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    store = DuckDBTickStore()
    store.append(
        "trade",
        {
            "ts": np.arange(3, dtype=np.int64) + 19_000 * 86_400 * 10**9,
            "price": np.array([100_000, 100_100, 100_200]),
            "qty": np.array([10, 20, 30]),
        },
        symbol="ABC",
        tick_size=0.0001,
    )
    return Settings.from_env().lake_dir


def omni(*words: object) -> Result:
    return CliRunner().invoke(app, ["store", *map(str, words)])


def test_ls_names_the_tables_and_their_symbols(lake: Path) -> None:
    assert "trade" in omni("ls").stdout
    assert "ABC" in omni("ls", "trade").stdout


def test_query_answers_in_sql(lake: Path) -> None:
    result = omni("query", "SELECT symbol, sum(qty) AS total FROM trade GROUP BY symbol", "--format", "json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)[0]["total"] == 60
    assert omni("query", "SELECT nonsense FROM trade").exit_code == 2


def test_verify_finds_a_damaged_file(lake: Path) -> None:
    assert omni("verify").exit_code == 0
    (file,) = (lake / "ticks").rglob("*.parquet")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert omni("verify").exit_code == 1


def test_unknown_tables_are_refused(lake: Path) -> None:
    result = omni("ls", "nosuch")
    assert result.exit_code == 2
    assert "nosuch" in result.stderr
