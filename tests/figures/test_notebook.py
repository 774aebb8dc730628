"""A figure shows itself in a notebook, with and without anybody having set up plotting."""

import base64
import io
import json

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from omni_lab.figures import equity_figure

FIGURE = """
from omni_lab.figures import equity_figure
equity_figure([0, 86_400_000_000_000], [110.0, 99.0], [0.0, -0.1], initial_capital=100.0)
"""


@pytest.mark.parametrize("setup", ["pass", "%matplotlib inline"])
def test_the_last_expression_of_a_cell_becomes_a_picture(setup: str) -> None:
    notebook = nbformat.v4.new_notebook()  # type: ignore[no-untyped-call]
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in (setup, FIGURE)]  # type: ignore[no-untyped-call]
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    (output,) = notebook.cells[1].outputs
    assert output.output_type == "execute_result"
    assert base64.b64decode(output.data["image/png"]).startswith(b"\x89PNG")
    # Twice as many pixels as shown: sharp on dense screens.
    assert output.metadata["image/png"]["width"] == 1100
    assert output.metadata["image/png"]["alt"] == "−1.0% in 1 day, worst drawdown −10.0%"


def test_a_figure_of_few_points_hands_out_its_lines_and_where_they_lie() -> None:
    day = 86_400_000_000_000
    ts = day * np.array([20_000, 20_001, 20_004])
    figure = equity_figure(ts, [100.0, 110.0, float("nan")], [0.0, 0.0, -0.1], initial_capital=100.0)
    data, _ = figure._repr_mimebundle_()
    series = data["application/vnd.omnilab.series+json"]
    json.dumps(series, allow_nan=False)
    (times,) = series["times"]
    assert (times["start_ms"], times["unit_ms"], times["steps"]) == (20_000 * 86.4e6, 86.4e6, "1,3")
    upper, lower = series["panels"]
    assert upper["series"][0]["values"] == "100,110,"
    assert upper["series"][0]["label"] == "Equity"
    assert (upper["percent"], lower["percent"]) == (False, True)
    # The page finds a point of the picture by these: the first day lies at the same pixel in both.
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGB"))
    left, top, width, height = upper["box"]
    x = left + width * (20_001 - upper["x"][0]) / (upper["x"][1] - upper["x"][0])
    y = top + height * (upper["y"][1] - 110.0) / (upper["y"][1] - upper["y"][0])
    row, column = round(y * picture.shape[0]), round(x * picture.shape[1])
    near = picture[row - 3 : row + 4, column - 3 : column + 4].reshape(-1, 3).astype(int)
    assert (np.abs(near - [0x00, 0x72, 0xB2]).sum(axis=1) < 30).any(), "the line's own colour is there"


def test_a_figure_of_many_points_stays_a_picture() -> None:
    n = 6_001
    figure = equity_figure(np.arange(n) * 10**9, np.ones(n), np.zeros(n), initial_capital=1.0)
    assert sorted(figure._repr_mimebundle_()[0]) == ["image/png", "text/plain"]
