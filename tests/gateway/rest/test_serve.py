"""``omni serve`` as a process: whom it lets in, what it refuses, and what is left when it is killed."""

import datetime as dt
import ipaddress
import signal
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typer.testing import CliRunner

from omni_lab.cli import app
from omni_lab.config import Settings
from omni_lab.errors import StateError
from omni_lab.system import SystemConfig, open_services
from tests.gateway.process import serving
from tests.gateway.rest.serving import PASSWORD
from tests.gateway.rest.test_trading import API, soon


def test_what_was_answered_is_there_after_a_kill_and_a_key_answers_as_before(tmp_path: Path) -> None:
    order = {"symbol": "AAA", "side": "BUY", "qty": 100}
    with serving(tmp_path, "--no-dashboard") as first:
        assert "no password" in first.lines[1]
        sent = first.client.post(f"{API}/orders", json=order, headers={"Idempotency-Key": "k1"})
        assert (sent.status_code, sent.json()["state"]) == (201, "FILLED")
        before = soon(lambda: _held(first.client))
        with pytest.raises(StateError):  # one process at a time
            open_services(SystemConfig(symbols=("AAA",)), Settings(data_dir=tmp_path))
        first.end(signal.SIGKILL)
    with serving(tmp_path, "--no-dashboard") as second:
        again = second.client.post(f"{API}/orders", json=order, headers={"Idempotency-Key": "k1"})
        assert again.headers["idempotency-replayed"] == "true"
        assert again.content == sent.content
        assert second.client.get(f"{API}/orders/{sent.json()['order_id']}").json() == sent.json()
        after = _held(second.client)
        assert {name: after[name] for name in ("qty", "average_price")} == {
            name: before[name] for name in ("qty", "average_price")
        }
        assert second.client.get(f"{API}/system/journal").json()["recovered_frames"] > 0
        assert second.client.get("/health/ready").json() == {"status": "ok"}
        assert second.end(signal.SIGTERM) == 0
    log = (tmp_path / "errors.log").read_text()
    assert "Traceback" not in log
    assert "Finished server process" in log


def _held(client: httpx.Client) -> Any:
    positions = client.get(f"{API}/portfolio").json()["positions"]
    return positions[0] if positions and positions[0]["qty"] == 100.0 else None


def certificate(home: Path) -> tuple[Path, Path]:
    """Files of a certificate of this machine that signs itself, and of its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    dated = made.not_valid_before(now - dt.timedelta(hours=1)).not_valid_after(now + dt.timedelta(days=1))
    signed = dated.add_extension(address, critical=False)
    files = home / "certificate.pem", home / "key.pem"
    files[0].write_bytes(signed.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    return files


def test_with_users_nobody_comes_in_until_the_first_admin_is_made(tmp_path: Path) -> None:
    files = certificate(tmp_path)
    tls = ["--certificate", str(files[0]), "--key", str(files[1])]
    trust = ssl.create_default_context(cafile=str(files[0]))
    with serving(tmp_path, "--users", *tls, verify=trust) as gateway:
        token = gateway.lines[-1].split()[-1]
        assert gateway.client.get(f"{API}/portfolio").status_code == 401
        page = gateway.client.get("/dashboard", headers={"Accept": "text/html"})
        assert page.status_code == 303
        assert page.headers["location"].startswith("/login")
        form = {"token": token, "username": "anna"} | dict.fromkeys(("password", "again"), PASSWORD)
        origin = str(gateway.client.base_url).rstrip("/")
        made = gateway.client.post("/setup", data=form, headers={"Origin": origin})
        assert made.status_code in (200, 303), made.text
        assert made.headers["set-cookie"].startswith("__Host-omni=")
        assert made.headers["strict-transport-security"]
        gateway.client.cookies.clear()  # the browser's session
        pair = gateway.client.post(
            f"{API}/auth/login", json={"username": "anna", "password": PASSWORD}
        ).json()
        headers = {"Authorization": f"Bearer {pair['access_token']}"}
        assert gateway.client.get(f"{API}/portfolio", headers=headers).status_code == 200
        shown = gateway.client.get("/dashboard", headers=headers | {"Accept": "text/html"})
        assert "OmniLab" in shown.text
        assert pair["access_token"] not in shown.text
        assert gateway.end(signal.SIGINT) in (0, 130)
    log = (tmp_path / "errors.log").read_text()
    assert token not in log
    assert PASSWORD not in log


@pytest.mark.parametrize(
    "options",
    [["--host", "0.0.0.0"], ["--host", "0.0.0.0", "--users"], ["--certificate", "none.pem"], ["--set", "x"]],
)
def test_what_cannot_be_served_is_refused_before_anything_starts(options: list[str]) -> None:
    told = CliRunner().invoke(app, ["serve", "--port", "0", *options])
    assert told.exit_code == 2, told.output
    assert told.output.startswith("omni: ")
