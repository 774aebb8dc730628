"""Drop-copy reconciliation: a day of fills against another with breaks of every kind, in memory and kept.

What was put in is compared with what was found; a break too many or too few fails the run.

    python tests/bench/breaks.py
    python tests/bench/breaks.py --quick
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from table import print_table, progress

LEGEND = """
fills/s    of one side, by CPU; the breaks found are those put in, one for one
"""


def run(*, quick: bool) -> tuple[dict[str, Any], list[str]]:
    """Measure everything and print the table; the figures by name, and what is wrong."""
    from omni_lab.execution.drop_copy import Store, reconcile
    from omni_lab.execution.drop_copy.synthetic import inject_breaks, synthetic_fills

    n = 100_000 if quick else 1_000_000
    print(f"\n(j) Reconciliation: {n:,} fills against {n:,}, 1% of breaks of each kind", flush=True)
    progress("making fills")
    injected = inject_breaks(synthetic_fills(n))
    reconcile(
        injected.internal.take(injected.internal.ts % 97 == 0),
        injected.external.take(injected.external.ts % 97 == 0),
    )
    figures: dict[str, Any] = {}
    table = [["", "CPU", "wall", "fills/s", ""]]

    def measure(name: str, work: Callable[[], Any]) -> Any:
        progress(name)
        cpu, wall = time.process_time(), time.perf_counter()
        made = work()
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        figures[name] = {"cpu_s": cpu, "wall_s": wall, "fills": n}
        table.append([name, f"{cpu:.2f} s", f"{wall:.2f} s", f"{n / cpu / 1e6:.3g} million", ""])
        return made

    result = measure(
        "match, find breaks, apply rules", lambda: reconcile(injected.internal, injected.external)
    )
    measure("positions of both sides", result.gaps)
    measure("the report", result.report)
    found = sorted((each.kind, "+".join(each.internal), "+".join(each.external)) for each in result.breaks)
    wrong = (
        []
        if found == sorted(injected.truth.itertuples(index=False, name=None))
        else ["breaks: not those put in"]
    )
    wrong += (
        ["breaks: a difference is not explained"]
        if any(any(gap.unexplained) for gap in result.gaps())
        else []
    )
    n_breaks = len(found)
    with tempfile.TemporaryDirectory(prefix="omni-breaks-") as folder:
        path, both = Path(folder) / "registry.db", (injected.internal, injected.external)
        with Store(path) as store:
            measure("... and kept in SQLite", lambda: store.on_both(*both, batch="day"))
        measure("... and opened again", lambda: Store(path).close())
    progress("")
    print_table(table)
    print(f"  {n_breaks:,} breaks put in and found", flush=True)
    return figures, wrong


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the fills")
    _, wrong = run(quick=parser.parse_args().quick)
    print(LEGEND)
    print(*wrong, sep="\n", file=sys.stderr, end="\n" if wrong else "")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
