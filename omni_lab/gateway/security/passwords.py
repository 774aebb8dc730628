"""Passwords: bcrypt in threads of their own, and as long for nobody as for somebody."""

from __future__ import annotations

import unicodedata
from typing import Final

import bcrypt

from omni_lab.errors import ConfigError

SHORTEST: Final = 12
"""Characters."""
LONGEST: Final = 72
"""Bytes of UTF-8: what bcrypt reads."""
_DIFFERENT = 5


def prepared(password: str) -> bytes:
    """What is hashed: UTF-8 of Unicode's form NFKC, as NIST SP 800-63B section 5.1.1.2 has it."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")


def check_new(password: str, *, name: str) -> None:
    """Refuse a password that is easily guessed.

    Raises
    ------
    ConfigError
        If it is shorter than 12 characters, longer than 72 bytes, holds control characters, has fewer than
        five different characters, or contains the name. What was given is not in the error.
    """
    text = unicodedata.normalize("NFKC", password)
    if len(text) < SHORTEST or len(prepared(password)) > LONGEST:
        raise ConfigError(
            "the password is too short or too long",
            expected=f"{SHORTEST} characters to {LONGEST} bytes",
            where="password",
            hint="Four or five words that have nothing to do with each other are a good one.",
        )
    if any(unicodedata.category(each) in ("Cc", "Cs") for each in text):
        raise ConfigError("the password holds control characters", where="password")
    if len(set(text)) < _DIFFERENT or name.casefold() in text.casefold():
        raise ConfigError(
            "the password is easily guessed",
            expected=f"{_DIFFERENT} different characters, and not the name",
            where="password",
        )


def hashed(password: str, *, cost: int) -> str:
    """The hash of bcrypt: a quarter of a second at cost 12."""
    return bcrypt.hashpw(prepared(password), bcrypt.gensalt(cost)).decode()


def matches(password: str, known: str) -> bool:
    """Whether it is the password that was hashed; a password that nobody can have takes as long."""
    given = prepared(password)
    fits = len(given) <= LONGEST and b"\0" not in given
    return bcrypt.checkpw(given if fits else b"x", known.encode()) and fits
