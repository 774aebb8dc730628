"""The kill switch: a dialog, a reason, the word HALT, only then the button; a reason to take it back."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from omni_lab.errors import ConfigError, OmniError
from omni_lab.figures import words
from omni_lab.system.people import Action
from omni_lab.ui.dashboard.components.asks import NOWHERE
from omni_lab.ui.dashboard.components.drafts import sentence_of
from omni_lab.ui.dashboard.components.live import Live
from omni_lab.ui.params import param

if TYPE_CHECKING:
    from omni_lab.system.system import TradingSystem
    from omni_lab.ui.dashboard.session import Session

WORD = "HALT"
"""What is typed before a switch is thrown."""
ACCOUNT = "*"
"""What is halted where no instrument is named."""
_SHORTEST = 3
_NAMES = ("open", "scopes", "facts", "halted", "may", "said")


class KillState(param.Parameterized):
    """The dialogs of the kill switch on a screen.

    Attributes
    ----------
    open : {"", "kill", "reset"}
        Which of them is open.
    scopes : list of (str, str)
        What may be halted, `ACCOUNT` or a symbol, and how it is called.
    facts : list of str
        What throwing it would do now, in sentences.
    halted : dict of str to str
        Switches that are on: scope, and who and why.
    may : dict of str to str
        Why this person may not ``kill`` or ``reset``; empty if he may.
    said : str
        What went wrong with the last try.
    """

    open: Any = param.Selector(default="", objects=["", "kill", "reset"])
    scopes = param.List(default=[])
    facts = param.List(default=[])
    halted = param.Dict(default={})
    may = param.Dict(default={"kill": "", "reset": ""})
    said = param.String(default="")

    def frame(self) -> dict[str, Any]:
        """All that is shown."""
        return {name: getattr(self, name) for name in _NAMES}


class KillDialog(Live):
    """The dialogs of a session; nothing of them shows until one is opened.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session, **params: Any) -> None:
        super().__init__("kill", {}, heard=self._heard, **(NOWHERE | params))
        self._session, self._system = session, session.services.system
        self.state = KillState(may=self._may())  # type: ignore[no-untyped-call]
        self.state.param.watch(lambda *_: self.show(self.state.frame()), list(_NAMES))
        session.param.watch(lambda _: self._dress(), ["status"])
        self._dress()
        self.show(self.state.frame())

    def open(self) -> None:
        """Open the dialog that throws a switch. It fires nothing."""
        self._open("kill")

    def open_reset(self) -> None:
        """Open the dialog that takes a switch back."""
        self._open("reset")

    def _open(self, name: str) -> None:
        self.state.param.update(open=name, said="", may=self._may())
        self._session.start(self._count())

    async def _count(self) -> None:
        self.state.facts = await self._session.background(consequences, self._system)

    def _dress(self) -> None:
        status = self._session.status
        account, symbols = status.get("account", ""), status.get("symbols", ())
        scopes = [[ACCOUNT, f"account {account}: everything that is traded here"]]
        scopes += [[each, f"instrument {each} alone, for everybody"] for each in symbols]
        self.state.param.update(scopes=scopes, halted=dict(status.get("halted") or {}))

    def _may(self) -> dict[str, str]:
        asked = {"kill": Action.HALT, "reset": Action.RESET}
        return {name: self._session.why_not(action) or "" for name, action in asked.items()}

    def _heard(self, said: dict[str, Any]) -> None:
        match said:
            case {"kill": {"scope": scope, "reason": reason, "word": word}}:
                self._session.start(self._kill(str(scope), str(reason), str(word)))
            case {"reset": {"scope": scope, "reason": reason}}:
                self._session.start(self._reset(str(scope), str(reason)))
            case {"closed": str(name)} if self.state.open == name:
                self.state.open = ""
            case _:
                pass

    async def _kill(self, symbol: str, reason: str, word: str) -> None:
        await self._try("Halted.", throw, self._system, symbol, reason, word)

    async def _reset(self, scope: str, reason: str) -> None:
        await self._try("The kill switch is reset.", take_back, self._system, scope, reason)

    async def _try(self, done: str, act: Any, *args: Any) -> None:
        try:
            await self._session.background(act, *args, who=self._session.person)
        except OmniError as error:
            self.state.said = sentence_of(error)
            return
        self.state.param.update(open="", said="")
        self._session.say(done, "warn" if act is throw else "good")


def kill_dialog(session: Session) -> KillDialog:
    """The dialogs of the kill switch for a session."""
    return KillDialog(session)


def throw(system: TradingSystem, symbol: str, reason: str, word: str, *, who: Any) -> None:
    """Throw the switch of the account (`ACCOUNT`), or of an instrument.

    Raises
    ------
    ConfigError
        If the word is not HALT, or there is no reason.
    ForbiddenError
        If he may not.
    """
    if word != WORD:
        raise ConfigError("the word was not typed", found=word, expected=WORD, where="kill switch")
    system.kill(who=who, why=_reason(reason), symbol=None if symbol == ACCOUNT else symbol)


def take_back(system: TradingSystem, scope: str, reason: str, *, who: Any) -> None:
    """Take a switch back: "account desk", or "instrument AAPL", as the status calls it.

    Raises
    ------
    ConfigError
        If there is no reason, or the switch is one that this system did not throw.
    ForbiddenError
        If he may not.
    """
    kind, _, name = scope.partition(" ")
    if kind not in ("account", "instrument"):
        raise ConfigError(
            "this switch is not one of the account or an instrument",
            found=scope,
            hint="Whoever runs the order-management system resets it there.",
        )
    system.reset(who=who, why=_reason(reason), symbol=name if kind == "instrument" else None)


def consequences(system: TradingSystem) -> list[str]:
    """What throwing the switch of the account would do now, in sentences."""
    counted = Counter(order.symbol for order in system.own_orders())
    status, account = system.status(), system.account()
    each = ", ".join(f"{symbol} {n}" for symbol, n in sorted(counted.items()))
    n_orders = sum(counted.values())
    facts = [f"{words.count(n_orders, 'open order')} would be canceled" + (f": {each}." if each else ".")]
    facts[0] = facts[0][0].upper() + facts[0][1:]
    if status.strategy is not None:
        state = status.strategy_state.lower()
        facts.append(
            f"Strategy {status.strategy} is {state}" + ("; it stops." if state == "running" else ".")
        )
    held = [f"{each.symbol} {words.quantity(each.qty)}" for each in account.positions if each.qty]
    facts.append(f"Held and kept: {', '.join(held)}." if held else "Nothing is held.")
    return facts


def _reason(text: str) -> str:
    reason = text.strip()
    if len(reason) < _SHORTEST:
        raise ConfigError("a reason is needed", found=reason, expected=f"at least {_SHORTEST} characters")
    return reason
