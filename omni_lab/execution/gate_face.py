"""What people call on the risk gate: kill switches, limits, and what is in the way of an order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Unpack

from omni_lab.domain import OrderState, Side
from omni_lab.errors import ConfigError, DataError
from omni_lab.execution.codec import (
    ACCOUNT,
    EVERYTHING,
    INSTRUMENT,
    Cancel,
    Command,
    KillSwitch,
    New,
    Replace,
    WriteRegister,
    encode,
)
from omni_lab.execution.config import OMSConfig
from omni_lab.execution.edges import Edges
from omni_lab.execution.explanations import Explanation, Headroom
from omni_lab.execution.limits import Amount, InstrumentLimits, Limits, PositionLimits, capital_units
from omni_lab.execution.registers import (
    CONTROL_ADDRESS,
    WARNING_PREFIX,
    account_address,
    instrument_address,
    limit_words,
    position_address,
    register_columns,
    words_of,
)
from omni_lab.execution.views import Order
from omni_lab.execution.wishes import SubmitTerms, new_order
from omni_lab.typing import AnyArray

_ENDED = frozenset({"FILLED", "CANCELED", "REJECTED", "EXPIRED"})
assert set(OrderState.__members__) >= _ENDED


class GateFace(ABC):
    """The risk gate of an order-management system, as people use it: ``docs/gate.md``."""

    config: OMSConfig
    _edges: Edges

    # --- kill switches --------------------------------------------------------------------------------------

    def kill(
        self,
        account: str | None = None,
        *,
        instrument: str | None = None,
        who: str = "",
        why: str = "",
        ts: int | None = None,
    ) -> None:
        """Cancel all orders of an account and those below it, of an instrument, or all, and refuse new ones.

        It stays so until `reset`. Pulling a switch twice does no harm.

        Parameters
        ----------
        account, instrument : str, optional
            Whose, or in what; everything where neither is named.
        who, why : str
            Must be stated: they stand in the journal.
        ts : int, optional
            Time of the command, nanoseconds UTC.

        Raises
        ------
        ConfigError
            If a name is unknown, both are named, or `who` or `why` is missing.
        DataError
            If these are longer than 64 and 1,024 bytes.
        """
        self._switch(1, account, instrument, who, why, ts)

    def reset(
        self,
        account: str | None = None,
        *,
        instrument: str | None = None,
        who: str = "",
        why: str = "",
        ts: int | None = None,
    ) -> bool:
        """Take back a `kill` of the same account, instrument, or of everything.

        Parameters
        ----------
        account, instrument, who, why, ts
            As of `kill`.

        Returns
        -------
        bool
            Whether the switch is off now. With ``OMSConfig(two_person=True)`` it is not until somebody else
            resets it too.

        Raises
        ------
        ConfigError, DataError
            As `kill`.
        """
        address = self._switch(0, account, instrument, who, why, ts)
        return not self.read_register(address)

    def _switch(
        self, on: int, account: str | None, instrument: str | None, who: str, why: str, ts: int | None
    ) -> int:
        """Throw or reset a switch, and say where it is."""
        if account is not None and instrument is not None:
            raise ConfigError(
                "a kill switch is of an account or of an instrument, and not of both",
                found=(account, instrument),
            )
        missing = [name for name, text in (("who", who), ("why", why)) if not text.strip()]
        if missing:
            call = "kill" if on else "reset"
            raise ConfigError(
                f"somebody throws or resets a kill switch, for a reason: {' and '.join(missing)} is missing",
                hint=f'Call {call}(…, who="your name", why="the reason"); the journal keeps both.',
            )
        scope, number, address = EVERYTHING, 0, CONTROL_ADDRESS
        if account is not None:
            scope, number = ACCOUNT, self._edges.account(account)
            address = account_address(number, "CONTROL")
        elif instrument is not None:
            scope, number = INSTRUMENT, self._edges.instrument(instrument)
            address = instrument_address(number, "CONTROL")
        self._execute(KillSwitch(self._ts(ts), scope, on, number, who, why))
        return address

    # --- limits ---------------------------------------------------------------------------------------------

    def set_limits(
        self, account: str | None, limits: Limits, *, soft: bool = False, ts: int | None = None
    ) -> None:
        """Give an account other limits, or others to warn of; only registers that change are written.

        Raises
        ------
        ConfigError
            If there is no such account, or a limit is no number of lots.
        """
        number = self._edges.account(account)
        setup = limits.setup(each.lot_size for each in self._edges.setup.instruments)
        prefix = WARNING_PREFIX if soft else ""
        words = ((account_address(number, prefix + name), value) for name, value in limit_words(setup))
        self._write_changes(words, ts)

    def set_instrument_limits(self, symbol: str, limits: InstrumentLimits, *, ts: int | None = None) -> None:
        """Give an instrument other limits for everybody; only registers that change are written.

        Raises
        ------
        UnknownSymbolError, ConfigError
            If there is no such instrument, or a limit is no number of lots.
        """
        number = self._edges.instrument(symbol)
        values = limits.registers(self._edges.setup.instruments[number].lot_size)
        self._write_changes(_words(values, lambda name: instrument_address(number, name)), ts)

    def set_position_limits(
        self, account: str | None, symbol: str, limits: PositionLimits, *, ts: int | None = None
    ) -> None:
        """Give an account other limits in one instrument; only registers that change are written.

        Raises
        ------
        UnknownSymbolError, ConfigError
            If there is no such account or instrument, or a limit is no number of lots.
        """
        instrument = self._edges.instrument(symbol)
        index = self._edges.account(account) * len(self._edges.symbols) + instrument
        values = limits.registers(self._edges.setup.instruments[instrument].lot_size)
        self._write_changes(_words(values, lambda name: position_address(index, name)), ts)

    def set_capital(self, account: str | None, amount: Amount, *, ts: int | None = None) -> None:
        """Give an account another capital, currency; peak and day move with it, for that is no profit.

        Raises
        ------
        ConfigError
            If there is no such account, or the amount is negative.
        """
        if not 0 <= amount * 10**18 < 2**127:
            raise ConfigError("capital is not negative, and below 1.7e20", found=amount, where="set_capital")
        number = self._edges.account(account)
        words = _words({"capital": capital_units(amount)}, lambda name: account_address(number, name))
        self._write_changes(words, ts)

    def new_day(self, account: str | None = None, *, ts: int | None = None) -> None:
        """Begin a day of an account, or of every account: the daily loss counts from here."""
        numbers = range(len(self._edges.accounts)) if account is None else [self._edges.account(account)]
        for number in numbers:
            self.write_register(account_address(number, "REALISED"), 0, ts=ts)

    def write_register(self, address: int, value: int, *, ts: int | None = None) -> None:
        """Write a word of the risk gate: ``docs/gate.md``.

        Raises
        ------
        ConfigError
            If the register is not there, cannot be written, or does not take the value.
        """
        for what, number in (("address", address), ("value", value)):
            if not 0 <= number < 2**64:
                raise ConfigError(f"the {what} of a register has 64 bits", found=number)
        self._execute(WriteRegister(self._ts(ts), address, value))

    def registers(self) -> dict[str, AnyArray]:
        """All registers that have a name: ``address``, ``name`` and ``value`` (unsigned)."""
        edges = self._edges
        return register_columns(self.read_register, edges.sizes, edges.accounts, edges.symbols)

    def _write_changes(self, words: Iterable[tuple[int, int]], ts: int | None) -> None:
        for address, value in words:
            if self.read_register(address) != value:
                self.write_register(address, value, ts=ts)

    # --- what stands in the way -----------------------------------------------------------------------------

    def explain(
        self,
        symbol: str | None = None,
        side: Side | str | None = None,
        qty: float | None = None,
        price: float | None = None,
        *,
        replace: int | None = None,
        ts: int | None = None,
        **terms: Unpack[SubmitTerms],
    ) -> Explanation:
        """What the gate would say of an order, or of a replacement, check by check; nothing changes.

        Parameters
        ----------
        symbol, side, qty, price
            The order, as for `submit`; or the new total and the new price of a replacement.
        replace : int, optional
            The order to replace; then no symbol and no side are named.
        ts : int, optional
            When; now by default, nanoseconds UTC. Rates fill with time.
        **terms
            Whatever else the order says, as for `submit`.

        Raises
        ------
        UnknownSymbolError, ConfigError
            If a name is unknown, or it is neither an order nor a replacement.
        DataError
            If a number is off its grid, or there is no such order that lives.
        """
        if replace is None:
            if symbol is None or side is None or qty is None:
                raise ConfigError(
                    "an order has a symbol, a side and a quantity",
                    found=(symbol, side, qty),
                    hint="Name all three, or replace=order_id.",
                )
            new = new_order(self._edges, self._ts(ts), symbol, side, qty, price, terms)
            return self._explanation(new, symbol)
        others = [name for name, given in (("symbol", symbol), ("side", side)) if given is not None]
        others += sorted(set(terms) - {"stop_price"})
        if others:
            raise ConfigError("a replacement changes qty, price and stop_price alone", found=others)
        order = self._living(replace)
        instrument, now = self._terms(replace)
        command = Replace(
            self._ts(ts),
            replace,
            self._edges.lots(instrument, qty, none=now),
            self._edges.ticks(instrument, price),
            self._edges.ticks(instrument, terms.get("stop_price"), where="stop_price"),
        )
        return self._explanation(command, order.symbol)

    def explain_cancel(self, order_id: int, *, ts: int | None = None) -> Explanation:
        """What the gate would say of a cancel; nothing changes.

        Raises
        ------
        DataError
            If there is no such order that lives.
        """
        order = self._living(order_id)
        return self._explanation(Cancel(self._ts(ts), order_id), order.symbol)

    def headroom(self) -> Headroom:
        """How near each account stands to its limits, hard ones and those that warn, without any order."""
        return Headroom(self._headroom(), self._edges, switched_off=self._switched_off())

    def _switched_off(self) -> list[str]:
        """Whose kill switches are on."""
        accounts, symbols = self._edges.accounts, self._edges.symbols
        switches = [
            ("everything", CONTROL_ADDRESS),
            *((name, account_address(number, "CONTROL")) for number, name in enumerate(accounts)),
            *((name, instrument_address(number, "CONTROL")) for number, name in enumerate(symbols)),
        ]
        return [name for name, address in switches if self.read_register(address)]

    def _explanation(self, command: New | Cancel | Replace, symbol: str) -> Explanation:
        return Explanation(self._explain(*encode(command)), symbol)

    def _living(self, order_id: int) -> Order:
        order = self.order(order_id)
        if order.state in _ENDED:
            raise DataError("the order has ended, and nothing would be checked", found=order.state)
        return order

    # --- what a system adds ---------------------------------------------------------------------------------

    @abstractmethod
    def execute(self, kind: int, payload: bytes) -> int:
        """Carry out the command of a frame.

        Returns
        -------
        int
            The order id of a New (0 if it got none, the earlier order's if it was sent before), how many
            orders a Cancel, Replace or MassCancel met, otherwise 0.
        """

    @property
    @abstractmethod
    def clock(self) -> int:
        """The latest time that a command had, nanoseconds UTC."""

    @abstractmethod
    def read_register(self, address: int) -> int:
        """A word of the risk gate, unsigned."""

    @abstractmethod
    def order(self, order_id: int) -> Order:
        """An order as it is now, or was when it ended."""

    @abstractmethod
    def _terms(self, order_id: int) -> tuple[int, int]:
        """Instrument and total quantity of an order, zeros if there is none."""

    @abstractmethod
    def _explain(self, kind: int, payload: bytes) -> Mapping[str, object]:
        """Columns of the checks of a New, a Cancel or a Replace: ``docs/gate.md``, section 7."""

    @abstractmethod
    def _headroom(self) -> Mapping[str, object]:
        """Columns of what stands now against the limits: ``docs/gate.md``, section 7."""

    def _execute(self, command: Command) -> int:
        return self.execute(*encode(command))

    def _ts(self, ts: int | None) -> int:
        return self.clock if ts is None else int(ts)


def _words(values: dict[str, int], address: Any) -> Iterable[tuple[int, int]]:
    """Addresses and values of registers with these names, in small letters."""
    for name, value in values.items():
        for word, part in words_of(name.upper(), value):
            yield address(word), part
