"""One process and one port: REST, sockets, the dashboard, health and metrics. docs/gateway.md."""

from importlib.util import find_spec

from omni_lab.errors import MissingExtraError

for _package in ("fastapi", "uvicorn", "bcrypt", "jwt", "cryptography"):
    if find_spec(_package) is None:
        raise MissingExtraError(_package, extra="gateway", what="the gateway")
