"""Tokens: what is made is a JWT as RFC 7519 has it, and nothing else lets anybody in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from omni_lab.gateway.security import NotSignedInError, Security
from omni_lab.gateway.security.tokens import ACCESS, BROWSER, ISSUER
from omni_lab.system.people import Person, Role
from tests.gateway.security.door import PASSWORD

Parts = tuple[dict[str, Any], dict[str, Any], bytes]


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def by_hand(header: dict[str, Any], claims: dict[str, Any], secret: bytes, digest: str = "sha256") -> str:
    """A token made of nothing but the standard library."""
    signed = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{signed}.{encoded(hmac.new(secret, signed.encode(), digest).digest())}"


def parts(security: Security, name: str = "tom") -> Parts:
    token = security.tokens.begin(security.users.get(name)).access
    header, claims, _ = token.split(".")
    return decoded(header), decoded(claims), security.directory.now.signing[decoded(header)["kid"]]


def test_a_token_is_what_the_standard_says(security: Security) -> None:
    before = int(time.time())
    token = security.tokens.begin(security.users.get("tom")).access
    header, claims, secret = parts(security)
    signed, _, signature = token.rpartition(".")
    assert signature == encoded(hmac.new(secret, signed.encode(), hashlib.sha256).digest())
    assert decoded(token.split(".")[0]) == {
        "alg": "HS256",
        "typ": "at+jwt",
        "kid": security.directory.now.kid,
    }
    assert (claims["iss"], claims["aud"], claims["sub"], claims["role"]) == (ISSUER, ACCESS, "tom", "trader")
    assert claims["iat"] == claims["nbf"] >= before
    assert claims["exp"] - claims["iat"] == 15 * 60
    found = security.verify(by_hand(header, claims, secret))
    assert (found.person, found.id, found.expires) == (
        Person("tom", Role.TRADER),
        claims["sid"],
        claims["exp"],
    )


def _claims(**changes: Any) -> Callable[[Parts], str]:
    return lambda p: by_hand(p[0], {**p[1], **changes}, p[2])


def _at(claim: str, seconds: int) -> Callable[[Parts], str]:
    return lambda p: by_hand(p[0], {**p[1], claim: int(time.time()) + seconds}, p[2])


def _without(claim: str) -> Callable[[Parts], str]:
    return lambda p: by_hand(p[0], {k: v for k, v in p[1].items() if k != claim}, p[2])


def _header(**changes: Any) -> Callable[[Parts], str]:
    return lambda p: by_hand({**p[0], **changes}, p[1], p[2])


def _none(alg: str) -> Callable[[Parts], str]:
    return lambda p: by_hand({**p[0], "alg": alg}, p[1], p[2]).rpartition(".")[0] + "."


def _public_key() -> bytes:
    public = rsa.generate_private_key(65537, 2048).public_key()
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


CLAIMS = ["iss", "aud", "sub", "role", "iat", "nbf", "exp", "jti", "ver", "sid"]
FORGED: dict[str, Callable[[Parts], str]] = {
    "another secret": lambda p: by_hand(p[0], p[1], b"x" * 32),
    "no secret": lambda p: by_hand(p[0], p[1], b""),
    "a public key as secret": lambda p: by_hand(p[0], p[1], _public_key()),
    "the kid as secret": lambda p: by_hand(p[0], p[1], p[0]["kid"].encode()),
    "none": _none("none"),
    "None": _none("None"),
    "HS512": lambda p: by_hand({**p[0], "alg": "HS512"}, p[1], p[2], "sha512"),
    "RS256 over HMAC": _header(alg="RS256"),
    "ES256": _header(alg="ES256"),
    "no alg": lambda p: by_hand({k: v for k, v in p[0].items() if k != "alg"}, p[1], p[2]),
    "unknown kid": _header(kid="0" * 16),
    "no kid": lambda p: by_hand({k: v for k, v in p[0].items() if k != "kid"}, p[1], p[2]),
    "kid of another type": _header(kid=["a"]),
    "kid of a path": _header(kid="../../keys"),
    "type": _header(typ="JWT"),
    "crit": _header(crit=["exp"]),
    "jwk": _header(jwk={"kty": "oct", "k": "eA"}, kid="x"),
    "expired": _at("exp", -1),
    "not yet": _at("nbf", 60),
    "issued later": _at("iat", 60),
    "exp of text": _claims(exp="never"),
    "exp null": _claims(exp=None),
    "audience": _claims(aud="omni"),
    "one of several audiences": _claims(aud=[ACCESS, "other"]),
    "of a browser": _claims(aud=BROWSER),
    "issuer": _claims(iss="omni-lab "),
    "role raised": _claims(role="admin"),
    "another user": _claims(sub="ada"),
    "nobody": _claims(sub="eve"),
    "a number as user": _claims(sub=7),
    "older password": _claims(ver=1),
    **{f"without {claim}": _without(claim) for claim in CLAIMS},
    "empty": lambda _: "",
    "not a token": lambda _: "a.b.c",
    "two parts": lambda p: by_hand(*p).rpartition(".")[0],
    "four parts": lambda p: by_hand(*p) + ".x",
    "long": lambda p: by_hand(p[0], {**p[1], "x": "y" * 10_000}, p[2]),
    "claims of a list": lambda p: by_hand(p[0], [1], p[2]),  # type: ignore[arg-type]
    "not ASCII": lambda p: by_hand(*p) + "é",
    "half a character": lambda p: by_hand(*p) + "\ud800",
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Security:
    from tests.gateway.security.door import settings_of, with_people

    return with_people(Security(settings_of(tmp_path_factory.mktemp("tokens"))))


@pytest.mark.parametrize("attack", FORGED)
def test_a_forged_token_lets_nobody_in(shared: Security, attack: str) -> None:
    made = parts(shared)
    shared.verify(by_hand(*made))  # what the attack begins with is good
    with pytest.raises(NotSignedInError) as refused:
        shared.verify(FORGED[attack](made))
    assert refused.value.expired == (attack == "expired")


def test_each_part_of_the_signature_counts(shared: Security) -> None:
    token = by_hand(*parts(shared))
    head, _, signature = token.rpartition(".")
    raw = base64.urlsafe_b64decode(signature + "=")
    for index in range(len(raw)):
        changed = bytes(byte ^ (1 << index % 8 if place == index else 0) for place, byte in enumerate(raw))
        with pytest.raises(NotSignedInError):
            shared.verify(f"{head}.{encoded(changed)}")


def test_a_cookie_is_no_bearer_token_and_the_other_way_round(shared: Security) -> None:
    user = shared.users.get("vera")
    cookie, _ = shared.tokens.begin_browser(user)
    access = shared.tokens.begin(user).access
    assert shared.verify(cookie, browser=True).csrf
    assert shared.verify(access).csrf == ""
    for token, browser in ((cookie, False), (access, True)):
        with pytest.raises(NotSignedInError):
            shared.verify(token, browser=browser)


ENDS: dict[str, Callable[[Security, str], object]] = {
    "signed out": lambda s, sid: s.tokens.end(sid),
    "signed out everywhere": lambda s, _: s.tokens.end_all("tom"),
    "new password": lambda s, _: s.users.set_password("tom", "another horse battery"),
    "same password again": lambda s, _: s.users.set_password("tom", PASSWORD),
    "another role": lambda s, _: s.users.set_role("tom", Role.VIEWER),
    "inactive": lambda s, _: s.users.set_active("tom", False),
    "removed": lambda s, _: s.users.remove("tom"),
    "removed and added again": lambda s, _: _once_more(s),
}


def _once_more(security: Security) -> None:
    security.users.remove("tom")
    security.users.add("tom", PASSWORD, Role.TRADER)


@pytest.mark.parametrize("end", ENDS)
def test_a_token_ends_with_what_it_stands_for(security: Security, end: str) -> None:
    pair = security.tokens.begin(security.users.get("tom"))
    cookie, _ = security.tokens.begin_browser(security.users.get("tom"))
    session, browser = security.verify(pair.access), security.verify(cookie, browser=True)
    assert security.good(session)
    ENDS[end](security, session.id)
    with pytest.raises(NotSignedInError):
        security.verify(pair.access)
    with pytest.raises(NotSignedInError):
        security.tokens.refresh(pair.refresh)
    assert not security.good(session)
    assert security.good(browser) == (end == "signed out")


def test_what_is_remembered_ends_with_its_time(security: Security, monkeypatch: pytest.MonkeyPatch) -> None:
    token = security.tokens.begin(security.users.get("tom")).access
    security.verify(token)
    later = time.time() + 15 * 60 + 1
    monkeypatch.setattr(time, "time", lambda: later)
    assert not security.good(security._verified[ACCESS, token][1])


def test_keys_that_sign_rotate_and_old_tokens_stay_good(security: Security) -> None:
    old = security.tokens.begin(security.users.get("tom")).access
    kid = security.tokens.rotate()
    new = security.tokens.begin(security.users.get("tom")).access
    assert decoded(new.split(".")[0])["kid"] == kid != decoded(old.split(".")[0])["kid"]
    assert security.verify(old).person == security.verify(new).person
    header, claims, _ = parts(security)
    retired = security.directory.now.signing[decoded(old.split(".")[0])["kid"]]
    with pytest.raises(NotSignedInError):  # a kid is good for its own secret alone
        security.verify(by_hand(header, claims, retired))
