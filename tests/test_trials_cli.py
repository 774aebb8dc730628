"""``omni trials``: what was tried, in a terminal."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from omni_lab.cli import app
from omni_lab.cli.app import BAD_INPUT
from omni_lab.config import HOME_VARIABLE
from omni_lab.store import Trial, TrialLedger


def omni(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["trials", *arguments])


@pytest.fixture
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrialLedger:
    monkeypatch.setenv(HOME_VARIABLE, str(tmp_path))
    return TrialLedger()


def made(n: int, family: str = "my.rules.Rule", data: str = "abcdef0123456789") -> Trial:
    return Trial(
        data=data,
        family=family,
        parameters=f'{{"n":{n}}}',
        settings="s",
        source="run",
        sharpe=0.01 * n if n else float("nan"),
        n_obs=1250,
        skew=-3.0,
        kurtosis=10.0,
        time_ns=(1_700_000_000 + n) * 10**9,
    )


def test_an_empty_ledger_says_how_to_begin(ledger: TrialLedger) -> None:
    assert "omni run backtest" in omni("ls").output
    failed = omni("show", "Rule")
    assert failed.exit_code == BAD_INPUT
    assert "no trial has been counted yet" in failed.output


def test_families_are_listed_with_their_number_of_trials(ledger: TrialLedger) -> None:
    ledger.record([made(1), made(2), made(3, "coin"), made(4, data="ffff")])
    lines = omni("ls").output.splitlines()
    assert lines[0].split() == ["FAMILY", "DATA", "TRIALS", "BEST", "PER", "STEP", "LAST", "(UTC)"]
    assert [line.split()[:4] for line in lines[1:]] == [
        ["my.rules.Rule", "ffff", "1", "+0.0400"],
        ["coin", "abcdef012345", "1", "+0.0300"],
        ["my.rules.Rule", "abcdef012345", "2", "+0.0200"],
    ]
    assert omni("ls", "--data", "ff").output.count("\n") == 2
    assert "No trial was made on data 12" in omni("ls", "--data", "12").output


def test_the_best_trials_are_shown_with_what_luck_would_bring(ledger: TrialLedger) -> None:
    ledger.record(made(n) for n in range(12))
    shown = omni("show", "Rule", "-n", "3").output
    assert "11 trials, and 1 without a Sharpe ratio" in shown
    assert [line.split()[0] for line in shown.splitlines()[-3:]] == ["+0.1100", "+0.1000", "+0.0900"]
    # The variance of 1 to 11 is 11; the largest of eleven standard normals is 1.586 on average.
    luck = re.search(r"of as many without merit \+([0-9.]+) is expected", shown)
    assert luck is not None
    assert float(luck[1]) == pytest.approx(1.586 * 0.0011**0.5, rel=0.03)
    assert '{"n":11}' in shown


def test_a_family_is_found_by_the_end_of_its_name(ledger: TrialLedger) -> None:
    ledger.record([made(1), made(1, "your.Rule")])
    assert omni("show", "rules.Rule").exit_code == 0
    assert "2 families end so" in omni("show", "Rule").output
    assert "no family ends so" in omni("show", "Nope").output
    assert "not tried on such data" in omni("show", "your.Rule", "--data", "zz").output


def test_a_damaged_ledger_is_said_in_a_sentence(ledger: TrialLedger) -> None:
    ledger.path.write_bytes(b"no database" * 100)
    failed = omni("ls")
    assert failed.exit_code == BAD_INPUT
    assert "cannot be read" in failed.output
