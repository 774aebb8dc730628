"""What must not be read in a log: passwords, tokens, keys, cookies, known by the field and by form."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

HIDDEN: Final = "[redacted]"

_NAMES = (
    *("password", "passwd", "passphrase", "pwd", "secret", "token", "authorization", "authorisation"),
    *("cookie", "api_key", "apikey", "private_key", "csrf", "credential", "omni_person", "_pass", "webhook"),
)
_ENDINGS = tuple(name + end for name in _NAMES for end in ("", "s"))
_FIELDS = "|".join(sorted(name.strip("_").replace("_", "[_-]?") for name in _NAMES))

# None of these may take long for any text: no repetition within a repetition, and none before a word.
_FORMS = (
    # Tokens of JWT, signed or not; ours by their prefix; Fernet; bcrypt.
    re.compile(r"eyJ[\w-]{17,}(?:\.[\w-]*){0,2}"),
    re.compile(r"omni[a-z0-9]?_[\w-]{16,}"),
    re.compile(r"gAAAAA[\w-]{16,}=*"),
    re.compile(r"\$2[abxy]?\$\d\d\$[./A-Za-z0-9]{22,}"),
    re.compile(r"(?i)hooks\.slack\.com/services/[\w/-]+"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"),
)
_AFTER = (
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)[\w.~+/=-]{4,}"),
    re.compile(r"(?i)(authori[sz]ation\\?[\"']?\s*[:=]\s*\\?[\"']?)[^\r\n\"',;]+"),
    re.compile(r"(?i)((?:^|[\s;,'\"])(?:__Host-)?omni\s*=\s*)[^\s;,'\"]+"),
    re.compile(r"(?i)((?:set-)?cookie[\"']?\s*[:=]\s*)[^\r\n]+"),
    re.compile(
        rf"(?i)((?:{_FIELDS})s?\\?[\"']?\s*[:=]\s*)(?:\\?\"(?:[^\"\\]|\\.)*\"?|'[^']*'?|[^\s,;&}}\]]+)"
    ),
    re.compile(r"(\b[a-z][a-z0-9+.-]{0,30}://[^\s:/@]{0,200}:)[^\s/@]+(?=@)"),
)


def redact(text: str) -> str:
    """The text without what looks like a secret.

    Parameters
    ----------
    text : str
        A line for a log; what is secret in it is replaced by ``[redacted]``.
    """
    for form in _FORMS:
        text = form.sub(HIDDEN, text)
    for form in _AFTER:
        text = form.sub(rf"\g<1>{HIDDEN}", text)
    return text


def is_secret(name: str) -> bool:
    """Whether a field of that name holds something secret: ``password``, ``X-API-Key``, ``refresh_token``."""
    plain = name.lower().replace("-", "_")
    return plain == "pass" or plain.endswith(_ENDINGS)


def redact_fields(value: Any, *, name: str = "") -> Any:
    """The same structure of mappings and sequences without its secrets.

    Parameters
    ----------
    value : object
        Texts in it are redacted by their form, fields that are called like secrets whatever is in them.
    name : str, optional
        What the value is called.
    """
    if name and is_secret(name) and value is not None:
        return HIDDEN
    if isinstance(value, Mapping):
        return {redact(str(key)): redact_fields(each, name=str(key)) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact_fields(each) for each in value]
    if isinstance(value, bytes):
        return redact(value.decode(errors="replace"))
    return redact(value) if isinstance(value, str) else value


_PLAIN = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "color_message"}


class RedactingFilter(logging.Filter):
    """Takes secrets out of every record: its message with its arguments, its fields, its traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Change the record; it always passes."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):  # a format that does not fit its arguments
            message = f"{record.msg} {record.args}"
        record.msg, record.args = redact(message), None
        for name in set(record.__dict__) - _PLAIN:
            setattr(record, name, redact_fields(record.__dict__[name], name=name))
        if record.exc_info and record.exc_info[0] is not None and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True
