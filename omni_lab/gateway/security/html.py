"""The three pages at the door, as text: made for a screen reader too, dark unless light is preferred."""

from __future__ import annotations

from html import escape
from typing import Final

# Contrast of text and borders is at least 4.5 and 3 to 1 in both schemes.
STYLE: Final = """
:root{color-scheme:dark light;--page:#0f1318;--card:#181e26;--text:#e8ecf1;--muted:#a6b1be;--line:#6b7886;
--field:#0f1318;--go:#0072B2;--go-text:#fff;--bad:#ff9b6b;--good:#6fd3a8;--focus:#56B4E9}
@media (prefers-color-scheme:light){:root{--page:#f3f5f8;--card:#fff;--text:#14181d;--muted:#4b5663;
--line:#7b8794;--field:#fff;--bad:#a33f00;--good:#00664a;--focus:#0072B2}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--page);
color:var(--text);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
main{width:100%;max-width:24rem;background:var(--card);border:1px solid var(--line);border-radius:12px;
padding:2rem 1.75rem;box-shadow:0 12px 40px rgb(0 0 0/.25)}
.brand{display:flex;align-items:center;gap:.6rem;margin:0 0 1.25rem;font-weight:650;letter-spacing:.02em}
.brand svg{width:1.75rem;height:1.75rem}
h1{margin:0 0 .25rem;font-size:1.35rem;line-height:1.25}
p{margin:0 0 1.1rem;color:var(--muted)}
label{display:block;margin:0 0 .3rem;font-weight:600;font-size:.925rem}
input{width:100%;margin:0 0 1.1rem;padding:.65rem .75rem;font:inherit;color:var(--text);
background:var(--field);border:1px solid var(--line);border-radius:8px}
button{width:100%;padding:.7rem;font:inherit;font-weight:650;color:var(--go-text);background:var(--go);
border:1px solid var(--go);border-radius:8px;cursor:pointer}
button:hover{filter:brightness(1.12)}
a{color:var(--focus)}
:focus-visible{outline:3px solid var(--focus);outline-offset:2px}
.say{margin:0 0 1.1rem;padding:.6rem .75rem;border-left:4px solid;border-radius:4px}
.bad{color:var(--bad)}.good{color:var(--good)}
.hint{margin:-.75rem 0 1.1rem;font-size:.85rem}
.after{margin:1.1rem 0 0;text-align:center}
@media (prefers-reduced-motion:no-preference){button{transition:filter .12s}}
"""

_MARK = (
    '<svg viewBox="0 0 28 28" aria-hidden="true" focusable="false">'
    '<rect x="2" y="12" width="5" height="12" rx="1.5" fill="#0072B2"/>'
    '<rect x="9" y="6" width="5" height="18" rx="1.5" fill="#56B4E9"/>'
    '<rect x="16" y="9" width="5" height="15" rx="1.5" fill="#D55E00"/>'
    '<rect x="23" y="3" width="3" height="21" rx="1.5" fill="#CC79A7"/></svg>'
)


def login_page(nonce: str, *, target: str = "", name: str = "", wrong: str = "", said: str = "") -> str:
    """The form that asks for name and password.

    Parameters
    ----------
    nonce : str
        Of the style, as the content security policy names it.
    target : str, optional
        Where to go then.
    name : str, optional
        What was typed before.
    wrong, said : str, optional
        Why it did not work; what has happened.
    """
    return _page(
        "Sign in",
        nonce,
        f"""<h1>Sign in</h1>
<p>Markets, orders and risk of this desk.</p>
{_say(wrong, said)}<form method="post" action="/login">
<input type="hidden" name="next" value="{escape(target)}">
<label for="username">Name</label>
<input id="username" name="username" value="{escape(name[:64])}" autocomplete="username" autocapitalize="none"
 spellcheck="false" required maxlength="64"{"" if name else " autofocus"}{_described(wrong)}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
 maxlength="200"{" autofocus" if name else ""}{_described(wrong)}>
<button>Sign in</button>
</form>""",
    )


def setup_page(nonce: str, *, name: str = "", wrong: str = "") -> str:
    """The form with which the first admin is made.

    Parameters
    ----------
    nonce, name, wrong : str
        As in `login_page`.
    """
    return _page(
        "First user",
        nonce,
        f"""<h1>The first user</h1>
<p>The server printed a one-time token when it started. Whoever has it becomes the admin.</p>
{_say(wrong, "")}<form method="post" action="/setup">
<label for="token">One-time token</label>
<input id="token" name="token" autocomplete="off" autocapitalize="none" spellcheck="false" required
 maxlength="100" autofocus{_described(wrong)}>
<label for="username">Name</label>
<input id="username" name="username" value="{escape(name[:64])}" autocomplete="username" autocapitalize="none"
 spellcheck="false" required maxlength="64" pattern="[a-z0-9][a-z0-9._\\-]*" aria-describedby="name-hint">
<p class="hint" id="name-hint">Lower case letters, digits, dot, underscore and dash.</p>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="new-password" required minlength="12"
 maxlength="72" aria-describedby="password-hint">
<p class="hint" id="password-hint">At least 12 characters. Four or five unrelated words are a good one.</p>
<label for="again">Password again</label>
<input id="again" name="again" type="password" autocomplete="new-password" required minlength="12"
 maxlength="72">
<button>Make the first admin</button>
</form>""",
    )


def logout_page(nonce: str, *, name: str, csrf: str) -> str:
    """The form that asks whether to sign out.

    Parameters
    ----------
    nonce : str
        As in `login_page`.
    name : str
        Who is signed in.
    csrf : str
        Of the session.
    """
    return _page(
        "Sign out",
        nonce,
        f"""<h1>Sign out</h1>
<p>Signed in as {escape(name)}. Strategies and orders go on.</p>
<form method="post" action="/logout">
<input type="hidden" name="csrf" value="{escape(csrf)}">
<button autofocus>Sign out</button>
</form>
<p class="after"><a href="/dashboard">Back to the dashboard</a></p>""",
    )


def _page(title: str, nonce: str, inner: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="dark light">
<title>{title} · OmniLab</title>
<style nonce="{nonce}">{STYLE}</style>
</head>
<body>
<main>
<div class="brand">{_MARK}<span>OmniLab</span></div>
{inner}
</main>
</body>
</html>
"""


def _say(wrong: str, said: str) -> str:
    if wrong:
        text = wrong[:1].upper() + wrong[1:]
        return f'<div class="say bad" role="alert" id="wrong">✕ {escape(text.rstrip(" ."))}.</div>\n'
    return f'<div class="say good" role="status">✓ {escape(said)}</div>\n' if said else ""


def _described(wrong: str) -> str:
    return ' aria-describedby="wrong"' if wrong else ""
