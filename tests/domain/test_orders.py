"""The codes of the words are those of the pages."""

import re
from enum import IntEnum
from pathlib import Path

import pytest

from omni_lab import domain

DOCS = Path(__file__).parents[2] / "docs"
MATCHING = (DOCS / "matching.md").read_text()
OMS = (DOCS / "oms.md").read_text()
GATE = (DOCS / "gate.md").read_text()


def codes_in(text: str) -> dict[str, int]:
    """Pairs such as ``1 BUY``."""
    return {name: int(code) for code, name in re.findall(r"(\d+) ([A-Z][A-Z_]+)", text)}


@pytest.mark.parametrize(
    "kind",
    [
        *(domain.Side, domain.OrderType, domain.TimeInForce, domain.Trigger, domain.TrailUnit),
        *(domain.PegReference, domain.PostOnly, domain.SelfTrade, domain.TradingPhase, domain.CancelReason),
    ],
)
def test_codes_are_those_of_the_table(kind: type[IntEnum]) -> None:
    (row,) = re.findall(rf"^\| {kind.__name__}(?: \(.*?\))? \| (.*) \|$", MATCHING, re.MULTILINE)
    assert {member.name: member.value for member in kind} == codes_in(row)


def test_reasons_to_reject_are_those_of_both_pages() -> None:
    (row,) = re.findall(r"^\| RejectReason \| (.*) \|$", MATCHING, re.MULTILINE)
    gate = codes_in("\n".join(re.findall(r"^\| \d+ \| (\d\d [A-Z_]+)", GATE, re.MULTILINE)))
    found = {member.name: member.value for member in domain.RejectReason}
    assert found == codes_in(row) | gate
    assert len(gate) == 12


def test_states_are_those_of_the_table() -> None:
    (row,) = re.findall(r"^\| state \| (.*) \|$", OMS, re.MULTILINE)
    stated = {name: int(code) for name, code in re.findall(r"(\w+) (\d)", row)}
    assert {snake(name): code for name, code in stated.items()} == members(domain.OrderState)


def test_events_and_commands_are_those_of_the_tables() -> None:
    section = OMS.split("## 6. Events")[1].split("## 7.")[0]
    events = re.findall(r"(\d+) ([A-Z][A-Za-z]+)(?= \||,)", section)
    assert {snake(name): int(code) for code, name in events} == members(domain.EventKind)
    section = OMS.split("## 2. Commands")[1].split("## 3.")[0]
    commands = re.findall(r"^\| (\d) \| (\w+) \|", section, re.MULTILINE)
    assert {snake(name): int(code) for code, name in commands} == members(domain.CommandKind)


def members(kind: type[IntEnum]) -> dict[str, int]:
    return {member.name: member.value for member in kind}


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).upper()
