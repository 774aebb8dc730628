"""A figure shows itself in a notebook, with and without anybody having set up plotting."""

import base64

import nbformat
import pytest
from nbclient import NotebookClient

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
