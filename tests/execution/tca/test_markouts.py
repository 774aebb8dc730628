"""Where the market went after fills: by hand, and where it is not known."""

import numpy as np
import pytest

from omni_lab.errors import ShapeError
from omni_lab.execution.tca import Tape, markouts

SECOND = 1_000_000_000
TAPE = Tape(
    quote_ts=np.array([0, 2, 5, 20]) * SECOND,
    bid=np.array([99.0, 100.0, np.nan, 98.0]),
    ask=np.array([101.0, 102.0, 103.0, 100.0]),
    trade_ts=np.zeros(0, dtype=np.int64),
    price=np.zeros(0),
    qty=np.zeros(0),
)


def test_a_buy_gains_where_the_middle_rises_and_a_sale_loses() -> None:
    found = markouts(TAPE, [1 * SECOND, 1 * SECOND], [100.0, 100.0], [1, -1], seconds=(1.0, 19.0))
    assert found == pytest.approx(np.array([[100.0, -100.0], [-100.0, 100.0]]))


def test_what_the_tape_does_not_know_is_not_told() -> None:
    found = markouts(TAPE, [5 * SECOND], [100.0], [1])
    # After a second a side was empty; after ten as well; after sixty nothing was heard.
    assert np.isnan(found).all()
    assert markouts(TAPE, [], [], []).shape == (0, 3)
    with pytest.raises(ShapeError, match="each fill"):
        markouts(TAPE, [1], [1.0, 2.0], [1])
