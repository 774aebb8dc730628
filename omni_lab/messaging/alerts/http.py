"""One request, told apart by how it failed: what may be tried again, and what must not."""

import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, NoReturn

from omni_lab.errors import AlertError

_READ_BYTES = 4096


class RetryableError(AlertError):
    """It may go through when tried again: a timeout, no connection, an answer from 500."""


def post_json(
    url: str, content: Any, *, timeout_s: float, headers: Mapping[str, str] | None = None, raw: bytes = b""
) -> None:
    """Send a JSON document and be content with any answer of 200 to 299.

    Parameters
    ----------
    url : str
    content : object
        What JSON can hold.
    timeout_s : float
        Longest wait for the connection and for each part of the answer.
    headers : mapping of str to str, optional
        Beside the type of the content.
    raw : bytes, optional
        The document as it goes out, where somebody signed it.

    Raises
    ------
    RetryableError
        At a timeout, without a connection, at answers of 429 and from 500.
    AlertError
        At any other answer; a redirection is one, because a secret goes where it was sent and nowhere else.
    """
    body = raw or json.dumps(content).encode()
    told = {"Content-Type": "application/json", "User-Agent": "omni-lab", **(headers or {})}
    request = urllib.request.Request(url, data=body, headers=told, method="POST")
    try:
        with urllib.request.build_opener(_NoRedirect()).open(request, timeout=timeout_s):
            return
    except urllib.error.HTTPError as error:
        with error:
            _refuse(error)
    except http.client.InvalidURL:
        raise AlertError("its address cannot be used") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise AlertError(f"its certificate is not trusted: {reason.verify_message}") from None
        raise RetryableError(f"no answer: {type(reason).__name__}: {reason}") from None


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


def _refuse(error: urllib.error.HTTPError) -> NoReturn:
    try:
        said = error.read(_READ_BYTES).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException):
        said = ""
    kind = RetryableError if error.code >= 500 or error.code == 429 else AlertError
    raise kind(f"answered {error.code} {error.reason}" + (f": {said}" if said else "")) from None
