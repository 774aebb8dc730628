"""A gateway beside a notebook: there while the block lasts, and gone after it."""

import httpx
import pytest
from fastapi import FastAPI

from omni_lab.errors import ConfigError
from omni_lab.gateway.serving import serving
from omni_lab.gateway.settings import GatewaySettings


def test_it_is_there_while_the_block_lasts() -> None:
    app = FastAPI()
    app.get("/")(lambda: {"here": True})
    with serving(app, GatewaySettings(port=0)) as url:
        assert httpx.get(url).json() == {"here": True}
        taken = GatewaySettings(port=int(url.rpartition(":")[2]))
        with pytest.raises(ConfigError, match="cannot listen"), serving(app, taken):
            pass
        assert httpx.get(url).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
