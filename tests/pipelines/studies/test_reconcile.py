"""Planted breaks are found, a dear one stops the day, and records come from files of both sides."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from omni_lab.errors import ConfigError, DataError, PipelineError
from omni_lab.execution.drop_copy import Result, Rules, reconcile
from omni_lab.execution.drop_copy.synthetic import synthetic_fills
from omni_lab.pipelines.form import form_of
from omni_lab.pipelines.studies import reconcile as study

RULES = Rules.default()


def made_up(share: float = 0.004) -> tuple[study.Records, Result]:
    records = study.read_records(None, None, RULES, n_fills=500, share=share, seed=7)
    return records, reconcile(records.internal, records.external, RULES)


def test_what_was_planted_is_what_is_found_and_one_more_is_not() -> None:
    records, result = made_up()
    assert records.planted is not None
    assert len(records.planted) == len(result.breaks) == 20
    assert study.found_as_planted(result, records.planted)
    assert not study.found_as_planted(result, records.planted.iloc[1:])


def test_the_dearest_break_comes_first_and_settled_ones_are_left_out() -> None:
    _, result = made_up()
    breaks = study.open_breaks(result)
    stakes = breaks["at_stake"].to_numpy()
    assert (np.diff(stakes) <= 0.0).all()
    assert stakes[0] == pytest.approx(abs(breaks["cash"][0]) + abs(breaks["fee"][0]))
    assert len(breaks) == sum(each.status != "resolved" for each in result.verdicts) < 20
    assert "duplicate" not in set(breaks["kind"])
    assert len(study.break_table(breaks)) == 10


def test_a_break_above_the_limit_stops_the_day_and_one_at_it_does_not() -> None:
    _, result = made_up()
    breaks = study.open_breaks(result)
    dearest = float(breaks["at_stake"].max())
    study.require_clean(breaks, dearest)
    assert study.headline(result, breaks, dearest)["Verdict"] == "go"
    with pytest.raises(PipelineError, match="1 break above the limit is open") as stopped:
        study.require_clean(breaks, float(breaks["at_stake"][1]))
    assert breaks["symbol"][0] in str(stopped.value)
    assert study.headline(result, breaks, 0.0)["Verdict"] == "stop"


def test_a_break_that_a_rule_keeps_waiting_stops_nothing() -> None:
    fills = synthetic_fills(50, seed=1, symbols=2, accounts=1)
    result = reconcile(fills, fills.take(np.arange(len(fills)) != np.argmax(fills.ts)), RULES)
    breaks = study.open_breaks(result)
    assert breaks["status"].tolist() == ["waiting"]
    study.require_clean(breaks, 0.0)


def test_records_that_agree_close_the_day() -> None:
    fills = synthetic_fills(50, seed=1, symbols=2, accounts=1)
    result = reconcile(fills, fills, RULES)
    breaks = study.open_breaks(result)
    assert study.metrics(result, breaks, 0.0)["largest_at_stake"] == 0.0
    assert study.conclusions(result, breaks, 0.0)[-1].startswith("They agree")
    study.require_clean(breaks, 0.0)


def test_records_come_from_files_which_are_told_by_name_alone(tmp_path: Path) -> None:
    fills = synthetic_fills(40, seed=1, symbols=2, accounts=1)
    columns = ["fill_id", "order_id", "account", "symbol", "side", "qty", "price", "fee", "ts"]
    fills.to_frame()[columns].to_parquet(tmp_path / "ours.parquet")
    fills.to_frame()[columns].iloc[1:].to_parquet(tmp_path / "venue.parquet")
    ours, venue = str(tmp_path / "ours.parquet"), str(tmp_path / "venue.parquet")
    records = study.read_records(ours, venue, RULES, n_fills=1, share=0.0, seed=1)
    assert (len(records.internal), len(records.external), records.planted) == (40, 39, None)
    assert str(tmp_path) not in records.origin
    other = replace(records, external=records.internal)
    assert records.fingerprint != other.fingerprint


def test_records_of_one_side_and_files_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ours.csv").write_text("not,fills\n1,2\n")
    ours = str(tmp_path / "ours.csv")
    with pytest.raises(ConfigError, match="both sides"):
        study.read_records(ours, None, RULES, n_fills=1, share=0.0, seed=1)
    with pytest.raises(DataError, match="column 'symbol'"):
        study.read_records(ours, ours, RULES, n_fills=1, share=0.0, seed=1)


def test_a_record_without_a_fill_and_matches_without_ids_are_doubted() -> None:
    fills = synthetic_fills(50, seed=1, symbols=2, accounts=1)
    empty = fills.take(np.zeros(0, dtype=np.int64))
    records = study.Records(internal=fills, external=empty, origin="test")
    doubts = study.cautions(records, reconcile(fills, empty, RULES))
    assert any("The venue's has no fill at all" in line for line in doubts)
    import pyarrow as pa

    nameless = replace(fills, fill_id=pa.nulls(len(fills), pa.string()))
    records = study.Records(internal=nameless, external=fills, origin="test")
    assert any("by id" in line for line in study.cautions(records, reconcile(nameless, fills, RULES)))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"internal": __file__}, "both sides"),
        ({"external": __file__}, "both sides"),
        ({"share": 0.5}, "0.02"),
        ({"cash_limit": -1.0}, "at least 0"),
    ],
)
def test_the_form_refuses(values: dict[str, object], said: str) -> None:
    described = form_of("reconcile")
    assert described is not None
    with pytest.raises(ConfigError, match=said):
        described.check(values)
