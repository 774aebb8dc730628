"""The filter of the logs: whatever secret is written into a record, in whatever place, nobody reads it."""

from __future__ import annotations

import io
import json
import logging
import secrets as random
from collections.abc import Callable

import bcrypt
import jwt
import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_lab.gateway.security.redact import HIDDEN, RedactingFilter, redact, redact_fields

words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=40)
plain = st.from_regex(r"[A-Za-z0-9!#$%^*()_+.~-]{8,30}", fullmatch=True)

KNOWN_BY_FORM: dict[str, Callable[[], str]] = {
    "token": lambda: jwt.encode({"sub": "ann"}, random.token_bytes(32)),
    "key": lambda: f"omni_0a1b2c3d_{random.token_urlsafe(32)}",
    "refresh": lambda: f"omnir_{random.token_urlsafe(32)}",
    "one-time": lambda: f"omni1_{random.token_urlsafe(24)}",
    "fernet": lambda: Fernet(Fernet.generate_key()).encrypt(b"x").decode(),
    "bcrypt": lambda: bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode(),
    "slack": lambda: f"hooks.slack.com/services/T0/B0/{random.token_hex(12)}",
}
KNOWN_BY_PLACE = [
    "Authorization: Bearer {}",
    "authorization=Basic {}",
    "Cookie: theme=dark; omni={}",
    "set-cookie: __Host-omni={}; HttpOnly",
    "X-API-Key: {}",
    "password={}",
    "PASSWORD: {}",
    '{{"password": "{}", "name": "ann"}}',
    "{{'refresh_token': '{}'}}",
    "smtp_password = {} # of the desk",
    "client_secret={}&grant=x",
    "/login?next=/x&token={}",
    "postgresql+psycopg://desk:{}@db.example/omni",
    "X-Omni-Person: {}",
    'body="{{\\"password\\": \\"{}\\"}}"',
]
FIELDS = [
    "password",
    "Password",
    "new_password",
    "token",
    "access_token",
    "refreshToken",
    "X-API-Key",
    "cookie",
]
FIELDS += [
    "Set-Cookie",
    "Authorization",
    "client_secret",
    "csrf",
    "x_csrf_token",
    "credentials",
    "private_key",
]
FIELDS += ["smtp-password", "webhook"]


@pytest.mark.parametrize("form", KNOWN_BY_FORM)
@settings(max_examples=15)
@given(before=words, after=words)
def test_what_is_known_by_its_form_goes_wherever_it_stands(form: str, before: str, after: str) -> None:
    secret = KNOWN_BY_FORM[form]()
    for text in (f"{before} {secret} {after}", f'"{secret}"', f"/{secret}?", f"<{secret}>,{secret}"):
        assert secret not in redact(text)
        assert HIDDEN in redact(text)


@pytest.mark.parametrize("place", KNOWN_BY_PLACE)
@settings(max_examples=15)
@given(secret=plain)
def test_what_is_known_by_its_place_goes_whatever_it_is(place: str, secret: str) -> None:
    assert secret not in redact("x " + place.format(secret)).replace(HIDDEN, "")


@pytest.mark.parametrize("field", FIELDS)
@settings(max_examples=10)
@given(secret=plain, depth=st.integers(0, 3))
def test_a_field_that_is_called_so_is_hidden_at_any_depth(field: str, secret: str, depth: int) -> None:
    value: object = {field: secret, "qty": 5}
    for _ in range(depth):
        value = {"more": [value, "x"]}
    shown = json.dumps(redact_fields(value))
    assert secret not in shown
    assert '"qty": 5' in shown


@given(words)
def test_what_is_no_secret_stays(text: str) -> None:
    harmless = text.replace("=", " ").replace(":", " ").replace("$", " ")
    if not any(word in harmless.lower() for word in ("omni", "eyj", "bearer", "basic", "gaaaa")):
        assert redact(harmless) == harmless
    assert redact(redact(text)) == redact(text)
    line = "order 12 of ann: BUY 100 AAPL at 10.25, state=FILLED (GET /api/v1/orders?limit=5) 3 tokens left"
    assert redact(line) == line


@settings(max_examples=25)
@given(plain, st.sampled_from(sorted(KNOWN_BY_FORM)))
def test_a_record_is_clean_in_message_arguments_fields_and_traceback(secret: str, form: str) -> None:
    token = KNOWN_BY_FORM[form]()
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(RedactingFilter())
    handler.setFormatter(logging.Formatter("%(message)s %(detail)s %(headers)s"))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    extra = {"detail": {"password": secret}, "headers": [("cookie", f"omni={token}"), ("a", token)]}
    try:
        raise ValueError(f"password={secret} and {token}")
    except ValueError:
        logger.exception("asked with %s and token=%s", token, secret, extra=extra, stack_info=True)
    logger.info("%d is no number %s", "x" + token, extra=extra)
    logger.info("password=%s", secret, extra=extra)
    written = out.getvalue()
    assert token not in written
    assert secret not in written.replace(HIDDEN, "")
    assert "Traceback" in written
