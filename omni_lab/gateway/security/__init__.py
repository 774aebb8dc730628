"""Who may come in: one layer before everything, and what it knows. docs/gateway.md, section 3."""

from typing import TYPE_CHECKING

from omni_lab.lazy import attributes

if TYPE_CHECKING:
    from omni_lab.gateway.security.api_keys import ApiKeys
    from omni_lab.gateway.security.asking import person, requires, session
    from omni_lab.gateway.security.audit import Audit
    from omni_lab.gateway.security.layer import SecurityLayer
    from omni_lab.gateway.security.redact import RedactingFilter, redact_fields
    from omni_lab.gateway.security.refusals import RefusedError
    from omni_lab.gateway.security.security import Security
    from omni_lab.gateway.security.settings import Rate, SecuritySettings
    from omni_lab.gateway.security.tokens import NotSignedInError, Session, Tokens
    from omni_lab.gateway.security.users import Users
    from omni_lab.gateway.security.vault import Secrets

_HOMES = {
    "ApiKeys": "api_keys",
    "Audit": "audit",
    "NotSignedInError": "tokens",
    "Rate": "settings",
    "RedactingFilter": "redact",
    "RefusedError": "refusals",
    "Secrets": "vault",
    "Security": "security",
    "SecurityLayer": "layer",
    "SecuritySettings": "settings",
    "Session": "tokens",
    "Tokens": "tokens",
    "Users": "users",
    "person": "asking",
    "redact_fields": "redact",
    "requires": "asking",
    "session": "asking",
}

__all__ = [
    "ApiKeys",
    "Audit",
    "NotSignedInError",
    "Rate",
    "RedactingFilter",
    "RefusedError",
    "Secrets",
    "Security",
    "SecurityLayer",
    "SecuritySettings",
    "Session",
    "Tokens",
    "Users",
    "person",
    "redact_fields",
    "requires",
    "session",
]

__getattr__ = attributes(__name__, _HOMES)
