"""A flow comes to the same on a cluster as in processes of this machine."""

from pathlib import Path

import pytest

from omni_lab.pipelines.flows import run_flow
from omni_lab.pipelines.registry import RunRegistry
from tests.pipelines.flows.conftest import assert_consistent
from tests.pipelines.flows.test_running import add, chain, runs, states


def test_a_flow_on_dask_comes_to_the_same_and_keeps_time(flows: Path) -> None:
    pytest.importorskip("distributed", reason="install the extra that holds it: pip install 'omni-lab[dask]'")
    slow = add("slow", "first", values={"pause": 600.0}, timeout_s=15.0)
    record = run_flow(chain(slow), cluster="dask", workers=2, progress=False)
    assert states(record) == {"first": "succeeded", "second": "succeeded", "slow": "failed"}
    made = runs(record)
    assert (made["first"].metrics, made["second"].metrics) == ({"sum": 1.0}, {"sum": 2.0})
    assert made["slow"].content["error"]["type"] == "Timeout"
    with RunRegistry() as registry:
        assert len(registry.list(parent=record.run_id)) == 3
    assert_consistent(flows)
