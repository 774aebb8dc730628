"""What the reconciliation notebook asks: whether we hold what we think we hold, and may close the day.

Matching, rules and verdicts are of ``omni_lab.execution.drop_copy``; here two records are found, and what is
open between them is held against a limit and put into sentences.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from omni_lab.errors import ConfigError, PipelineError
from omni_lab.figures.words import count, number, percent

if TYPE_CHECKING:
    import pandas as pd

    from omni_lab.execution.drop_copy import Fills, Result, Rules

_ACCOUNTS, _SYMBOLS = 4, 40
_AT_STAKE = "at_stake"
_SHOWN = ("kind", "status", "symbol", "account", "ours", "theirs", "cash", "fee", "age")
_MADE_UP = "Both records are made up, and spoiled in known ways: the breaks say nothing of a real venue."
_FEW_IDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Records:
    """Two records of the same fills.

    Attributes
    ----------
    internal, external : Fills
        What we booked, and what the venue reports.
    origin : str
        Where they come from, in a line that names no directory.
    planted : DataFrame or None
        The breaks that were put in, of a made-up day: ``kind``, ``internal``, ``external``.
    """

    internal: "Fills"
    external: "Fills"
    origin: str
    planted: "pd.DataFrame | None" = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of what both say."""
        import hashlib

        digest = hashlib.sha256()
        for fills in (self.internal, self.external):
            frame = fills.to_frame()
            digest.update(frame.to_csv(index=False).encode())
        return digest.hexdigest()


def read_records(
    internal: str | None, external: str | None, rules: "Rules", *, n_fills: int, share: float, seed: int
) -> Records:
    """Both records from files, or made up.

    Parameters
    ----------
    internal, external : str, optional
        Files, as :func:`omni_lab.execution.drop_copy.read_fills` takes them, or a journal's directory; none
        of both for a made-up day.
    rules : Rules
        Whose grid says what a lot is.
    n_fills, share, seed : int, float, int
        Of the made-up day: fills, the share of them that gets each kind of break, and the seed.

    Raises
    ------
    ConfigError
        If only one of the two is given, or there are too few fills for the breaks.
    DataError, CodecError, JournalError
        If a file cannot be read.
    """
    from omni_lab.execution.drop_copy import read_fills
    from omni_lab.execution.drop_copy.synthetic import inject_breaks, synthetic_fills

    if (internal is None) != (external is None):
        raise ConfigError(
            "a reconciliation needs the records of both sides",
            found="only the venue's" if internal is None else "only ours",
            where="internal, external",
        )
    if internal is None or external is None:
        fills = synthetic_fills(n_fills, seed=seed, symbols=_SYMBOLS, accounts=_ACCOUNTS)
        spoiled = inject_breaks(fills, share=share, seed=seed)
        return Records(
            internal=spoiled.internal,
            external=spoiled.external,
            origin=f"made up: {n_fills:,} fills, seed {seed}",
            planted=spoiled.truth,
        )
    return Records(
        internal=read_fills(internal, rules.grid),
        external=read_fills(external, rules.grid),
        origin=f"ours: {Path(internal).name}; the venue's: {Path(external).name}",
    )


def found_as_planted(result: "Result", planted: "pd.DataFrame") -> bool:
    """Whether the breaks that were found are those that were put in, each once."""
    found = sorted((each.kind, "+".join(each.internal), "+".join(each.external)) for each in result.breaks)
    return found == sorted(planted.itertuples(index=False, name=None))


def open_breaks(result: "Result") -> "pd.DataFrame":
    """Breaks that somebody has to look at, the dearest first.

    Parameters
    ----------
    result : Result

    Returns
    -------
    DataFrame
        Rows of ``result.break_frame()`` that are open or wait, with a column ``at_stake``: cash and fees
        without their signs, currency.
    """
    frame = result.break_frame()
    if not len(frame):
        # It has not all of its columns then.
        frame = frame.reindex(columns=list(dict.fromkeys((*frame.columns, *_SHOWN))))
    frame = frame[frame["status"] != "resolved"]
    stake = frame["cash"].abs() + frame["fee"].abs()
    frame = frame.assign(**{_AT_STAKE: stake.astype("float64")})
    return frame.sort_values(_AT_STAKE, ascending=False, kind="stable", ignore_index=True)


def break_table(breaks: "pd.DataFrame", n_most: int = 10) -> "pd.DataFrame":
    """The dearest of :func:`open_breaks` as a table to look at."""
    import pandas as pd

    shown = breaks.head(n_most)
    return pd.DataFrame(
        {
            "where": shown["symbol"] + ", " + shown["account"],
            "ours": shown["ours"].replace("", "–"),
            "the venue's": shown["theirs"].replace("", "–"),
            "age": shown["age"],
            "at stake": [number(amount) for amount in shown[_AT_STAKE]],
        }
    ).set_index(pd.Index(shown["kind"].str.replace("_", " "), name=None))


def blocking(breaks: "pd.DataFrame", cash_limit: float) -> "pd.DataFrame":
    """Those open breaks, no rule keeping them waiting, with more at stake than a limit.

    Parameters
    ----------
    breaks : DataFrame
        From :func:`open_breaks`.
    cash_limit : float
        Currency.
    """
    return breaks[(breaks["status"] == "open") & (breaks[_AT_STAKE] > cash_limit)]


def require_clean(breaks: "pd.DataFrame", cash_limit: float) -> None:
    """Stop what follows while an open break has more at stake than a limit.

    Raises
    ------
    PipelineError
        Naming the dearest, and how many there are.
    """
    stopping = blocking(breaks, cash_limit)
    if not len(stopping):
        return
    worst = stopping.iloc[0]
    raise PipelineError(
        f"the day cannot be closed: {count(len(stopping), 'break')} above the limit "
        f"{'is' if len(stopping) == 1 else 'are'} open",
        found=f"{worst['kind']} of {worst['symbol']}, {number(float(worst[_AT_STAKE]))} at stake",
        expected=f"at most {number(cash_limit)}",
        where="strict",
        hint="Settle them with omni reconcile, raise cash_limit, or run with strict=false to see the report.",
    )


def headline(result: "Result", breaks: "pd.DataFrame", cash_limit: float) -> dict[str, str]:
    """The few numbers a reader wants first, formatted, by label."""
    n_ours, n_theirs = result.n_fills
    return {
        "Verdict": "stop" if len(blocking(breaks, cash_limit)) else "go",
        "Our reports": number(n_ours, 0),
        "The venue's": number(n_theirs, 0),
        "Breaks": number(len(result.breaks), 0),
        "Open": number(int((breaks["status"] == "open").sum()), 0),
        "At stake": number(float(breaks[_AT_STAKE].sum()), 0),
    }


def metrics(result: "Result", breaks: "pd.DataFrame", cash_limit: float) -> dict[str, float]:
    """Numbers of the reconciliation by name; ``breaks_KIND`` counts a kind."""
    n_ours, n_theirs = result.n_fills
    return {
        "n_internal": float(n_ours),
        "n_external": float(n_theirs),
        "n_matches": float(sum(result.n_matches.values())),
        "n_breaks": float(len(result.breaks)),
        "n_open": float((breaks["status"] == "open").sum()),
        "n_waiting": float((breaks["status"] == "waiting").sum()),
        "n_blocking": float(len(blocking(breaks, cash_limit))),
        "cash_at_stake": float(breaks[_AT_STAKE].sum()),
        "largest_at_stake": float(breaks[_AT_STAKE].max()) if len(breaks) else 0.0,
        **{f"breaks_{kind}": float(n) for kind, n in result.counts().items()},
    }


def conclusions(result: "Result", breaks: "pd.DataFrame", cash_limit: float) -> list[str]:
    """What the two records say, in sentences.

    Parameters
    ----------
    result : Result
    breaks : DataFrame
        From :func:`open_breaks`.
    cash_limit : float
        Currency.
    """
    sentences = [_matched(result)]
    if not result.breaks:
        return [*sentences, "They agree: there is nothing to look at."]
    resolved = len(result.breaks) - len(breaks)
    by_rule = f"rules settled {number(resolved, 0)} of them" if resolved else "no rule settled any of them"
    sentences.append(f"They disagree in {count(len(result.breaks), 'place')}; {by_rule}.")
    if len(breaks):
        sentences += [_dearest(breaks), _differing(result)]
    stopping = len(blocking(breaks, cash_limit))
    limit = number(cash_limit)
    sentences.append(
        f"{count(stopping, 'open break')} above the limit of {limit}: the day cannot be closed."
        if stopping
        else f"None that is open has more than {limit} at stake: the day can be closed."
    )
    return sentences


def cautions(records: Records, result: "Result") -> list[str]:
    """What a reader must know before relying on the verdict."""
    found = [_MADE_UP] if records.planted is not None else []
    matches = result.n_matches
    by_id, total = matches.get("id", 0), sum(matches.values())
    if total and by_id / total < _FEW_IDS:
        found.append(
            f"Only {percent(by_id / total, decimals=0)} of the matches are by id, the others by order, "
            "terms or time, and two equal trades can be taken for one another."
        )
    empty = [name for name, n in zip(("Ours", "The venue's"), result.n_fills, strict=True) if not n]
    found += [f"{name} has no fill at all: is it the right file?" for name in empty]
    if any(any(gap.unexplained) for gap in result.gaps()):
        found.append("The breaks do not explain all of the difference in positions.")
    return found


def _matched(result: "Result") -> str:
    stages = [f"{number(n, 0)} by {stage}" for stage, n in result.n_matches.items() if n]
    n_ours, n_theirs = result.n_fills
    return (
        f"We reported {number(n_ours, 0)} times, the venue {number(n_theirs, 0)} times; matched are "
        f"{', '.join(stages) if stages else 'none'}."
    )


def _dearest(breaks: "pd.DataFrame") -> str:
    worst: Any = breaks.iloc[0]
    total = float(breaks[_AT_STAKE].sum())
    share = float(worst[_AT_STAKE]) / total if total else np.nan
    return (
        f"{number(total)} is at stake in what is not settled; the dearest is a break of kind "
        f"{worst['kind'].replace('_', ' ')} in {worst['symbol']}, {percent(share, decimals=0)} of it."
    )


def _differing(result: "Result") -> str:
    gaps = result.gaps()
    differ = [gap for gap in gaps if any(gap.difference)]
    left = [gap for gap in differ if any(gap.unresolved)]
    return (
        f"Positions, cash or fees differ in {number(len(differ), 0)} of {count(len(gaps), 'place')} (account "
        f"and symbol), and in {number(len(left), 0)} of them still after the rules."
    )
