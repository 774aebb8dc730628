"""A desk written down, and taken up again after a crash.

What people decided is in the text: parents, their algorithms, pauses, what was seen of the volume. What
became of it is in the order-management system, which forgets nothing: children are found there by their
client order ids, those as well that were sent after the text was written. So no lot is lost, and none asked
for twice.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields, is_dataclass
from typing import Any

import numpy as np

from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.algorithms.desk import ExecutionDesk
from omni_lab.execution.algorithms.job import Job
from omni_lab.execution.algorithms.market import MarketView
from omni_lab.execution.algorithms.orders import Child, Parent, ParentOrder, ParentState
from omni_lab.execution.algorithms.paper import PaperVenue
from omni_lab.execution.algorithms.recipes import recipe

_VERSION = 1


def save_desk(desk: ExecutionDesk) -> str:
    """A desk as JSON: to be written whenever a parent was added, paused, resumed, amended or canceled.

    The volume that schedules follow is as of then: written at every look, it is current.

    Raises
    ------
    ConfigError
        If an algorithm was given as an object: only names and plain settings can be read back.
    """
    jobs = []
    for job in desk.jobs:
        if not isinstance(job.given, str | dict):
            raise ConfigError(
                "this algorithm cannot be written down",
                found=type(job.given).__name__,
                expected="a name, or a mapping with a name and settings",
                where=f"parent {job.parent.number}",
            )
        parent = job.parent
        jobs.append(
            {
                "order": asdict(parent.order),
                "algorithm": job.given,
                "lots": parent.lots,
                "start": parent.start,
                "state": parent.state.value,
                "arrival": None if np.isnan(parent.arrival) else parent.arrival,
                "volume": job.market.volume,
                "plan": None if job.plan is None else _numbers(job.plan),
            }
        )
    return json.dumps({"version": _VERSION, "finish": desk.finish, "parents": jobs}, default=_plain)


def restore_desk(text: str, venue: PaperVenue) -> ExecutionDesk:
    """The desk of a text, with its children as the order-management system has them.

    Fills that happened before are one for each child, at its average price and the time of the restart: the
    system keeps no times of fills.

    Parameters
    ----------
    text : str
        As :func:`save_desk` wrote it.
    venue : PaperVenue
        Of the recovered system, with the account and the name of the old one.

    Raises
    ------
    DataError
        If it is no such text.
    """
    try:
        found = json.loads(text)
        version = found["version"]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError("this is no saved desk", found=str(text)[:40], where="restore_desk") from error
    if version != _VERSION:
        raise DataError(
            "a saved desk of another version", found=version, expected=_VERSION, where="restore_desk"
        )
    desk = ExecutionDesk(finish=found["finish"])
    for number, each in enumerate(found["parents"]):
        order = ParentOrder(**each["order"])
        market = MarketView(venue.lot_size(order.symbol), venue.tick_size(order.symbol))
        market.saw_trade(each["volume"])
        parent = Parent(number, order, each["lots"], each["start"], state=ParentState(each["state"]))
        parent.arrival = float("nan") if each["arrival"] is None else each["arrival"]
        job = Job(parent, recipe(each["algorithm"]), market, given=each["algorithm"])
        if each["plan"] is not None:
            job.plan = job.algorithm.schedule.begin(parent, market)
            _set_numbers(job.plan, each["plan"])
        desk.take_up(job)
        _find_children(venue, desk, job)
    return desk


def _find_children(venue: PaperVenue, desk: ExecutionDesk, job: Job) -> None:
    parent, now = job.parent, venue.ts
    for child_id in venue.children_of(parent.number):
        known = venue.oms.order(child_id)
        lots = round(known.qty / job.market.lot_size)
        rests = known.time_in_force == "GTC"
        child = Child(child_id, lots, known.price, parent.start, float("nan"), rests)
        parent.sent(child)
        desk.know(child_id, job)
        done = round(known.cum_qty / job.market.lot_size)
        if done:
            parent.was_filled(child_id, done, now)
            price = float(known.average_price or 0.0)
            job.fills.append((now, child_id, done, price, float("nan"), 0.0, rests))
        if known.leaves_qty == 0.0 and not child.reason:
            parent.has_ended(child_id, known.reason or known.state, now)
    if parent.state is ParentState.CANCELING and not parent.working:
        parent.end(ParentState.CANCELED, now)


def _numbers(plan: Any) -> dict[str, Any]:
    """What a plan remembers: whole numbers, and those of a plan within."""
    memory: dict[str, Any] = {}
    for each in fields(plan):
        value = getattr(plan, each.name)
        if isinstance(value, int):
            memory[each.name] = value
        elif each.name == "plan":
            memory[each.name] = _numbers(value)
    return memory


def _set_numbers(plan: Any, memory: dict[str, Any]) -> None:
    for name, value in memory.items():
        if name == "plan":
            _set_numbers(plan.plan, value)
        else:
            setattr(plan, name, value)


def _plain(value: object) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise ConfigError(
        "this setting of an algorithm cannot be written down", found=type(value).__name__, where="save_desk"
    )
