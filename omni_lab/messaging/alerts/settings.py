"""``alerts.yaml``: channels, repeats, quiet hours. All that is wrong in it is told at once, by line."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

from omni_lab.data.moments import span_ns
from omni_lab.errors import ConfigError, DataError
from omni_lab.messaging.alerts.alert import INFO, SEVERITIES
from omni_lab.messaging.alerts.channels import PAGERDUTY_URL, Channel, PagerDuty, Slack, Webhook
from omni_lab.messaging.alerts.mail import PORTS, SECURITIES, Mail
from omni_lab.messaging.alerts.quiet import QuietHours
from omni_lab.messaging.alerts.yaml_fields import Fields, Problems

_KIND_FIELDS = {
    "slack": ("url",),
    "pagerduty": ("routing_key", "url"),
    "webhook": ("url", "secret", "headers"),
    "email": ("host", "port", "security", "user", "password", "from", "to", "ca_file"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """How alerts are told.

    Attributes
    ----------
    channels : mapping of str to Channel
        By name, in the order of the file.
    repeat_after_s : float
        How long the same alert is kept back after it was told.
    quiet : QuietHours or None
    timeout_s : float
        Longest wait for each step of a delivery.
    attempts : int
        How often a delivery is tried where trying again may help.
    patience_s : float
        Longest that a caller waits for all channels together.
    """

    channels: Mapping[str, Channel] = field(default_factory=dict)
    repeat_after_s: float = 3600.0
    quiet: QuietHours | None = None
    timeout_s: float = 5.0
    attempts: int = 3
    patience_s: float = 20.0


def read_alert_settings(path: Path) -> AlertSettings:
    """Settings of a file.

    Raises
    ------
    ConfigError
        If it cannot be read, or with everything that is wrong in it; never with the value of a secret.
    """
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except FileNotFoundError:
        raise ConfigError("there is no file of alert channels", where=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the alert channels cannot be read: {type(error).__name__}", where=str(path)
        ) from None
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ConfigError(f"{line}this is not YAML: {error.problem}", where=str(path)) from None
    except (yaml.YAMLError, RecursionError):
        raise ConfigError("this is not YAML", where=str(path)) from None
    problems: Problems = []
    settings = _settings(Fields(root, "", problems))
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "".join(f"\n  line {line}: {text}" for line, text in sorted(problems))
        raise ConfigError(f"{count} in {path}:{lines}")
    return settings


def _settings(fields: Fields) -> AlertSettings:
    fields.only("channels", "repeat_after", "quiet", "timeout")
    made = {
        name: channel
        for name, inner in fields.mapping("channels", required=True).each()
        if (channel := _channel(inner)) is not None
    }
    return AlertSettings(
        channels=made,
        repeat_after_s=_duration_of(fields, "repeat_after", 3600.0, above_s=-1.0),
        timeout_s=_duration_of(fields, "timeout", 5.0, above_s=0.0, below_s=60.0),
        quiet=_quiet(fields.mapping("quiet")) if fields.has("quiet") else None,
    )


def _channel(fields: Fields) -> Channel | None:
    kind = fields.choice("kind", tuple(_KIND_FIELDS), required=fields.usable)
    if kind not in _KIND_FIELDS:
        return None
    fields.only("kind", "at_least", *_KIND_FIELDS[kind])
    make: Callable[[Fields, str], Channel] = _MAKERS[kind]
    return make(fields, fields.choice("at_least", SEVERITIES, default=INFO))


def _slack(fields: Fields, at_least: str) -> Channel:
    return Slack(url=fields.address("url"), at_least=at_least)


def _pagerduty(fields: Fields, at_least: str) -> Channel:
    url = fields.address("url").reveal() if fields.has("url") else PAGERDUTY_URL
    key = fields.secret("routing_key", required=True)
    return PagerDuty(routing_key=key, url=url, at_least=at_least)


def _webhook(fields: Fields, at_least: str) -> Channel:
    inner = fields.mapping("headers")
    headers = {name: inner.secret(name, named=False) for name in inner.names()}
    for name, value in headers.items():
        if not re.fullmatch(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", name) or re.search(r"[\r\n\0]", value.reveal()):
            inner.problem(name, "this is no header of a request")
    shared = fields.secret("secret") if fields.has("secret") else None
    return Webhook(url=fields.address("url"), secret=shared, headers=headers, at_least=at_least)


def _email(fields: Fields, at_least: str) -> Channel:
    security = fields.choice("security", SECURITIES, default="starttls")
    user = fields.secret("user", named=False) if fields.has("user") else None
    password = fields.secret("password") if fields.has("password") else None
    if (user is None) != (password is None):
        fields.problem("password" if user is None else "user", "user and password go together")
    if user is not None and security == "none":
        fields.problem("security", "a password does not travel over an open connection: starttls or tls")
    sender, to = fields.text("from", required=True), fields.texts("to", required=True)
    for name, each in [("from", sender), *(("to", address) for address in to)]:
        if each and not re.fullmatch(r"[^\s@<>,;:]+@[^\s@<>,;:]+", each):
            fields.problem(name, f"{each!r} is no address such as desk@example.org")
    return Mail(
        host=fields.text("host", required=True),
        port=fields.whole("port", PORTS.get(security, 25), at_most=65535),
        security=security,
        user=user,
        password=password,
        sender=sender,
        to=tuple(to),
        ca_file=fields.text("ca_file") or None,
        at_least=at_least,
    )


_MAKERS: Mapping[str, Callable[[Fields, str], Channel]] = {
    "slack": _slack,
    "pagerduty": _pagerduty,
    "webhook": _webhook,
    "email": _email,
}


def _quiet(fields: Fields) -> QuietHours | None:
    fields.only("from", "to", "tz")
    start, end = _wall_time(fields, "from"), _wall_time(fields, "to")
    zone = fields.text("tz", required=True)
    if start is not None and start == end:
        fields.problem("to", "quiet hours end where they begin")
    try:
        return QuietHours(start, end, ZoneInfo(zone)) if start and end and zone else None
    except (OSError, ValueError, KeyError):
        fields.problem("tz", f"{zone!r} is no zone such as Europe/London")
        return None


def _wall_time(fields: Fields, name: str) -> time | None:
    text = fields.text(name, required=True)
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", text)
    if found is None:
        if text:
            fields.problem(name, f"{text!r} is no time such as 22:00")
        return None
    return time(int(found[1]), int(found[2]))


def _duration_of(
    fields: Fields, name: str, default: float, *, above_s: float, below_s: float = 366 * 86400.0
) -> float:
    text = fields.text(name)
    if not text:
        return default
    try:
        seconds = 0.0 if text == "0s" else span_ns(text) / 1e9
    except DataError:
        seconds = above_s
    if not above_s < seconds <= below_s:
        fields.problem(name, f"{text!r} is no length of time such as 30s, 10min, 1h or 1d, or out of range")
        return default
    return seconds
