"""Routes of research: data, features, backtests, runs, schedules."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from omni_lab.errors import GatewayError
from omni_lab.gateway.client.decode import decode
from omni_lab.gateway.client.subject import Subject, given
from omni_lab.gateway.routes.backtest import Result
from omni_lab.gateway.routes.data import BarOut, Coverage, Dataset, DatasetDetails, StoredSymbol
from omni_lab.gateway.routes.features import Feature, Values
from omni_lab.gateway.routes.runs import Diff, Run, RunDetails
from omni_lab.gateway.routes.schedules import ScheduleOut
from omni_lab.pipelines.jobs.job import ENDED, Job

if TYPE_CHECKING:
    import pandas as pd

LOOK_S = 0.5


class DataRoutes(Subject):
    """What the lake holds."""

    def datasets(self, *, most: int = 1_000) -> list[Dataset]:
        """Bars by source, and tables of ticks, by name."""
        return self._list(Dataset, "data/datasets", most)

    def dataset(self, name: str) -> DatasetDetails:
        """One dataset, with its instruments."""
        return self._get(DatasetDetails, f"data/datasets/{self._name(name)}")

    def symbols(self, *, source: str | None = None, most: int = 10_000) -> list[StoredSymbol]:
        """What is stored, one row for each symbol of each source."""
        return self._list(StoredSymbol, "data/symbols", most, source=source)

    def bars(
        self,
        symbol: str,
        start: str | None = None,
        end: str | None = None,
        *,
        source: str | None = None,
        adjusted: bool = False,
        most: int = 1_000_000,
    ) -> pd.DataFrame:
        """Bars of an instrument, oldest first.

        Parameters
        ----------
        symbol : str
        start, end : str, optional
            ISO 8601, UTC; a day or a year means all of it.
        source : str, optional
            Whose bars; needed where several have the symbol.
        adjusted : bool
            Scaled by adjusted close over close.
        most : int
            At most so many.

        Returns
        -------
        DataFrame
            Indexed by closing time (``ts``, UTC); float columns ``open``, ``high``, ``low``, ``close``,
            ``volume``, ``adj_close``, NaN where the source has none.
        """
        import pandas as pd

        asked: dict[str, Any] = {"source": source, "start": start, "end": end, "adjusted": adjusted}
        rows = self._list(dict[str, Any], "data/bars", most, symbol=symbol, **asked)
        names = [name for name in BarOut.model_fields if name not in ("ts", "ts_ns")]
        index = pd.to_datetime([row["ts_ns"] for row in rows], utc=True).rename("ts")
        return pd.DataFrame(
            {name: [row[name] for row in rows] for name in names}, index=index, dtype="float64"
        )

    def coverage(self, symbol: str, *, calendar: str = "XNYS", source: str | None = None) -> Coverage:
        """Which sessions of an exchange have a bar."""
        return self._get(Coverage, "data/coverage", symbol=symbol, calendar=calendar, source=source)


class FeatureRoutes(Subject):
    """Indicators of prices that are stored."""

    def find(self) -> list[Feature]:
        """The indicators that can be computed."""
        return decode(list[Feature], self._http.get("features")["items"])

    def compute(
        self,
        feature: str,
        symbol: str,
        *,
        window: int = 20,
        start: str | None = None,
        end: str | None = None,
        source: str | None = None,
    ) -> Values:
        """An indicator over the bars of an instrument; arguments as of `DataRoutes.bars`."""
        body = given(feature=feature, symbol=symbol, window=window, start=start, end=end, source=source)
        return decode(Values, self._post("features/compute", body, key=None))


class BacktestRoutes(Subject):
    """Backtests and other pipelines, as jobs that outlive the gateway."""

    def submit(
        self, pipeline: str = "backtest", parameters: Mapping[str, Any] | None = None, *, key: str = ""
    ) -> Job:
        """Queue a pipeline; its parameters are checked first.

        Parameters
        ----------
        pipeline : str
            Name of a pipeline, or ``flow:NAME``.
        parameters : mapping, optional
            By name; the rest by default.
        key : str
            Sent twice with the same key it is one job; by default each call has one of its own.
        """
        body = {"pipeline": pipeline, "parameters": dict(parameters or {})}
        return decode(Job, self._post("backtest", body, key=key))

    def get(self, job_id: str) -> Job:
        """A job: its state, how far it is, and its run."""
        return self._get(Job, f"backtest/{self._name(job_id)}")

    def find(self, *, state: str | None = None, pipeline: str | None = None, most: int = 100) -> list[Job]:
        """Jobs, newest first."""
        return self._list(Job, "backtest", most, state=state, pipeline=pipeline)

    def wait(self, job_id: str, *, timeout_s: float = 3_600.0) -> Job:
        """A job, when it has ended.

        Raises
        ------
        GatewayError
            If it has not after so many seconds.
        """
        until = time.monotonic() + timeout_s
        while (job := self.get(job_id)).state not in ENDED:
            if time.monotonic() >= until:
                raise GatewayError("the job has not ended", found=job.state, where=job_id)
            time.sleep(LOOK_S)
        return job

    def result(self, job_id: str) -> Result:
        """What a job found, once it succeeded."""
        return self._get(Result, f"backtest/{self._name(job_id)}/result")

    def cancel(self, job_id: str) -> Job:
        """Take a job out of the queue, or end it as Ctrl-C would."""
        # Twice is once: one that has ended is told as it is.
        path = f"backtest/{self._name(job_id)}/cancel"
        return decode(Job, self._http.ask("POST", path, repeats=True))


class RunRoutes(Subject):
    """Runs of pipelines, and what they left."""

    def find(
        self,
        *,
        pipeline: str | None = None,
        status: str | None = None,
        tag: str | None = None,
        most: int = 100,
    ) -> list[Run]:
        """Runs, newest first."""
        return self._list(Run, "runs", most, pipeline=pipeline, status=status, tag=tag)

    def get(self, run: str) -> RunDetails:
        """A run and all that it left; by its id, the beginning of it, or a tag that it alone has."""
        return self._get(RunDetails, f"runs/{self._name(run)}")

    def log(self, run: str) -> str:
        """What its cells printed, and the error that ended it; also of a run that is going."""
        return str(self._http.get(f"runs/{self._name(run)}/log") or "")

    def notebook(self, run: str) -> str:
        """The executed notebook as a page of HTML without scripts."""
        return str(self._http.get(f"runs/{self._name(run)}/notebook"))

    def report(self, run: str) -> str:
        """The report that the run wrote, HTML."""
        return str(self._http.get(f"runs/{self._name(run)}/report"))

    def diff(self, a: str, b: str) -> Diff:
        """What differs between two runs."""
        return self._get(Diff, "runs/diff", a=a, b=b)


class ScheduleRoutes(Subject):
    """Pipelines and flows at their hours."""

    def find(self) -> list[ScheduleOut]:
        """All schedules, by name."""
        return decode(list[ScheduleOut], self._http.get("schedules")["items"])

    def get(self, name: str) -> ScheduleOut:
        """One schedule."""
        return self._get(ScheduleOut, f"schedules/{self._name(name)}")

    def add(
        self,
        name: str,
        runs: str,
        cron: str,
        *,
        tz: str = "UTC",
        assignments: Sequence[str] = (),
        calendar: str | None = None,
        missed: str = "last",
        missed_within_s: float = 21_600.0,
        overlap: str = "skip",
    ) -> ScheduleOut:
        """Keep a schedule.

        Parameters
        ----------
        name : str
            A new name.
        runs : str
            A pipeline, or ``flow:NAME``.
        cron : str
            Five fields, as crontab(5) has them.
        tz : str
            Zone whose clock they are read on.
        assignments : sequence of str
            Parameters as ``name=value``.
        calendar : str, optional
            Only on sessions of this exchange.
        missed : {"last", "all", "none"}
            Which to run of those that no scheduler saw.
        missed_within_s : float
            But none that is older, seconds.
        overlap : {"skip", "wait"}
            What a firing does while the run before it is going.
        """
        body = {
            **{"name": name, "runs": runs, "cron": cron, "tz": tz, "assignments": list(assignments)},
            **{"calendar": calendar, "missed": missed, "missed_within_s": missed_within_s},
            "overlap": overlap,
        }
        return decode(ScheduleOut, self._post("schedules", body))

    def change(self, name: str, **changes: Any) -> ScheduleOut:
        """Change what `add` takes, or ``paused``."""
        path = f"schedules/{self._name(name)}"
        return decode(ScheduleOut, self._http.ask("PATCH", path, body=changes))

    def remove(self, name: str) -> None:
        """Forget a schedule; its history and its runs stay."""
        self._http.ask("DELETE", f"schedules/{self._name(name)}")
