"""The browser that tests look through: what it says stays true while pages come and go."""

from pathlib import Path

import pytest

from tests.ui.browser import CHROMIUM, WHY_NOT, PageLeft, chromium


@pytest.mark.skipif(CHROMIUM is None, reason=WHY_NOT)
def test_a_page_left_while_it_is_asked_is_asked_again(tmp_path: Path) -> None:
    first, second = tmp_path / "first.html", tmp_path / "second.html"
    first.write_text("<title>first</title>")
    second.write_text("<title>second</title>")
    # The first page never answers: it goes away first, as a page does whose form was just sent.
    leave = "document.title === 'second' || new Promise(() => { location.href = 'second.html' })"
    with chromium(tmp_path / "profile") as page:
        page.open(first.as_uri())
        page.wait("document.title === 'first'")
        with pytest.raises(PageLeft):
            page.value(leave)
        page.open(first.as_uri())
        page.wait("document.title === 'first'")
        assert page.wait(leave) is True
