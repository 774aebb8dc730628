"""The channel that is reached by e-mail."""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid

from omni_lab.errors import AlertError
from omni_lab.messaging.alerts.alert import INFO, Notice
from omni_lab.messaging.alerts.http import RetryableError
from omni_lab.messaging.alerts.secrets import Secret

SECURITIES = ("starttls", "tls", "none")
PORTS = {"starttls": 587, "tls": 465, "none": 25}


@dataclass(slots=True, kw_only=True)
class Mail:
    """A mail server and those it writes to.

    Attributes
    ----------
    host : str
    port : int
    security : {"starttls", "tls", "none"}
        How the connection is made safe: turned safe at the start, safe from the first byte, or not at all.
    sender : str
    to : tuple of str
    user : Secret or None
        Who logs in; nobody by default.
    password : Secret or None
    ca_file : str or None
        Certificates to trust beside the machine's own, for a server inside a house.
    """

    host: str
    sender: str
    to: tuple[str, ...]
    port: int
    security: str = "starttls"
    user: Secret | None = None
    password: Secret | None = None
    ca_file: str | None = None
    at_least: str = INFO

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Who logs in, and with what."""
        return tuple(secret for secret in (self.user, self.password) if secret is not None)

    @property
    def address(self) -> str:
        """To whom, by which server."""
        return f"{', '.join(self.to)} by {self.host}:{self.port} ({self.security})"

    def tell(self, notice: Notice, timeout_s: float) -> None:
        """Send one message to all."""
        message = mail_message(notice, self.sender, self.to)
        try:
            with self._connected(timeout_s) as server:
                if self.user is not None:
                    server.login(self.user.reveal(), self.password.reveal() if self.password else "")
                refused = server.send_message(message)
        except smtplib.SMTPResponseException as error:
            said = error.smtp_error
            text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
            # 4xx of SMTP says "later", 5xx says "never": the other way round than HTTP.
            kind = RetryableError if 400 <= error.smtp_code < 500 else AlertError
            raise kind(f"the server answered {error.smtp_code}: {text}") from None
        except smtplib.SMTPRecipientsRefused as error:
            raise AlertError(f"the server refused {', '.join(error.recipients)}") from None
        except smtplib.SMTPNotSupportedError as error:
            raise AlertError(str(error), hint="Set security to what the server offers.") from None
        except ssl.SSLError as error:
            raise AlertError(f"the connection is not safe: {error}") from None
        except (OSError, smtplib.SMTPException) as error:
            raise RetryableError(f"no answer: {type(error).__name__}: {error}") from None
        if refused:
            raise AlertError(f"the server refused {', '.join(refused)}")

    def _connected(self, timeout_s: float) -> smtplib.SMTP:
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=timeout_s, context=context)
        server = smtplib.SMTP(self.host, self.port, timeout=timeout_s)
        if self.security == "starttls":
            try:
                server.starttls(context=context)
            except BaseException:
                server.close()
                raise
        return server


def mail_message(notice: Notice, sender: str, to: tuple[str, ...]) -> EmailMessage:
    """The alert as a plain message."""
    alert = notice.alert
    message = EmailMessage()
    message["From"], message["To"] = sender, ", ".join(to)
    message["Subject"] = f"[{'ok' if alert.resolved else alert.severity}] {notice.headline}"
    message["Date"] = format_datetime(notice.at)
    message["Message-ID"] = make_msgid(domain="omni-lab.invalid")
    facts = {**alert.labels, "severity": alert.severity, "key": alert.key}
    lines = [alert.text or alert.title, "", *(f"{name}: {value}" for name, value in facts.items())]
    message.set_content("\n".join(lines) + "\n")
    return message
