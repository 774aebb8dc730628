"""Auctions and latency: the curves are the definition, and the titles say what came of them."""

import io

import numpy as np
import pytest
from PIL import Image

from omni_lab.errors import ShapeError
from omni_lab.execution import OMSConfig, ReferenceOMS
from omni_lab.figures import auction_figure, latency_figure
from omni_lab.figures._canvas import Figure
from omni_lab.figures.latency import duration, percentile
from omni_lab.figures.theme import DARK
from omni_lab.ui import auction_orders

BUYS = ([np.nan, 100.05, 100.02, 100.00, 99.98], [300, 400, 200, 500, 100])
SELLS = ([99.97, 100.00, 100.01, 100.03, np.nan], [200, 300, 400, 600, 100])


def title(figure: Figure) -> str:
    return figure.axes[0].get_title(loc="left")


def curve(figure: Figure, label: str) -> dict[float, float]:
    line = next(line for line in figure.axes[0].lines if str(line.get_label()).startswith(label))
    return dict(
        zip(np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist(), strict=True)
    )


def test_demand_falls_behind_a_limit_and_supply_rises_at_it() -> None:
    figure = auction_figure(*BUYS, *SELLS, price=100.01)
    demand, supply = curve(figure, "Demand"), curve(figure, "Supply")
    assert [demand[p] for p in (99.98, 100.00, 100.01, 100.02, 100.05)] == [1500, 1400, 900, 900, 700]
    assert [supply[p] for p in (99.97, 99.98, 100.00, 100.01, 100.03)] == [300, 300, 600, 1000, 1600]
    assert [line.get_drawstyle() for line in figure.axes[0].lines[:2]] == ["steps-pre", "steps-post"]


def test_title_tells_the_volume_and_what_is_left_over() -> None:
    assert title(auction_figure(*BUYS, *SELLS, price=100.01, symbol="ABC")) == (
        "ABC: 900 cleared at 100.01; 100 to sell left over"
    )
    assert title(auction_figure([10.0], [5], [10.0], [5], price=10.0)) == (
        "5 cleared at 10, and nothing is left over"
    )
    assert title(auction_figure([9.0], [5], [10.0], [5])) == "no auction, for no bid meets an ask"
    empty = auction_figure([], [], [], [])
    assert empty.axes[0].texts[0].get_text() == "No order takes part in the auction."


def test_the_figure_agrees_with_the_engine() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        oms = ReferenceOMS(OMSConfig(instruments=["ABC"], initial_phase="pre_open"))
        for _ in range(30):
            side, qty = ("buy", "sell")[rng.integers(2)], int(rng.integers(1, 9)) * 100
            if rng.random() < 0.15:
                oms.submit("ABC", side, qty, order_type="market", time_in_force="at_open")
            else:
                oms.submit("ABC", side, qty, round(100 + 0.01 * int(rng.integers(-5, 6)), 2))
        orders = auction_orders(oms, "ABC")
        oms.events()
        oms.set_phase("continuous")
        event = next(each for each in oms.events() if each.kind == "AUCTION")
        left = abs(event.leaves)
        rest = (
            f"; {left:,.0f} to {'buy' if event.leaves > 0 else 'sell'} left over" if left else ", and nothing"
        )
        expected = f"{event.qty:,.0f} cleared at {event.price:.2f}".replace(".00", "")
        assert (
            title(auction_figure(*orders, price=event.price)).replace(".00", "").startswith(expected + rest)
        )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_drawn_without_a_warning(theme: str) -> None:
    for price, reference in ((100.01, None), (100.01, 100.0), (None, 100.0)):
        auction_figure(*BUYS, *SELLS, price=price, reference=reference, theme=theme)._repr_png_()
    one = auction_figure([np.nan], [1], [np.nan], [1], price=0.01, theme=theme)
    corner = np.asarray(Image.open(io.BytesIO(one._repr_png_())).convert("RGB"))[2, 2]
    assert theme == "light" or corner.tolist() == [int(DARK.background[i : i + 2], 16) for i in (1, 3, 5)]


def test_ticks_are_told_apart() -> None:
    figure = auction_figure(*BUYS, *SELLS, price=100.01)
    figure.draw_without_rendering()
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert len(set(labels)) == len(labels)


def test_orders_without_a_quantity_are_refused() -> None:
    with pytest.raises(ShapeError):
        auction_figure([1.0], [], [], [])


# --- latency --------------------------------------------------------------------------------------


def test_percentiles_count_how_often() -> None:
    ns, counts = np.array([300.0, 100.0, 200.0]), np.array([1.0, 98.0, 1.0])
    assert [percentile(ns, counts, part) for part in (0.5, 0.98, 0.99, 1.0)] == [100.0, 100.0, 200.0, 300.0]


def test_latency_title_is_about_the_last_stage() -> None:
    figure = latency_figure({"gate": ([10], [100]), "total": ([1_000, 2_500], [99, 1])})
    assert title(figure) == "Half of 100 commands took at most 1 µs, 99% at most 1 µs"
    assert [ax.get_ylabel() for ax in figure.axes] == ["gate", "total"]
    figure._repr_png_()
    assert title(latency_figure({})) == title(latency_figure({"total": ([], [])})) == "No latency to show"


def test_durations_have_the_unit_that_fits() -> None:
    assert [duration(ns) for ns in (0, 5, 1_240, 3e6, 2e9)] == ["0 ns", "5 ns", "1.24 µs", "3 ms", "2 s"]
    with pytest.raises(ShapeError):
        latency_figure({"total": ([1, 2], [1])})
