//! The enumerations of `omni_lab.domain`: a word, or a member, is one of our values.

use omni_book::Place;
use omni_oms::{EventKind, Liquidity};
use omni_types::{
    CancelReason, OrderState, OrderType, PegReference, PostOnly, RejectReason, SelfTrade, Side, TimeInForce, TradingPhase,
    TrailUnit, Trigger,
};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyString};

use crate::errors::Facts;

/// A value that people may call by its name.
pub(crate) trait Word: Copy + 'static {
    /// Its enumeration in `omni_lab.domain`.
    const CLASS: &'static str;
    /// Every value.
    fn all() -> &'static [Self];
    /// Its name.
    fn text(self) -> &'static str;
    /// The members in Python, in the order of [`Word::all`].
    fn members() -> &'static PyOnceLock<Vec<Py<PyAny>>>;
}

macro_rules! words {
    ($($name:ident),+) => {$(
        impl Word for $name {
            const CLASS: &'static str = stringify!($name);

            fn all() -> &'static [Self] {
                Self::ALL
            }

            fn text(self) -> &'static str {
                self.name()
            }

            fn members() -> &'static PyOnceLock<Vec<Py<PyAny>>> {
                static MEMBERS: PyOnceLock<Vec<Py<PyAny>>> = PyOnceLock::new();
                &MEMBERS
            }
        }
    )+};
}

words!(Side, OrderType, TimeInForce, Trigger, PegReference, PostOnly, SelfTrade);

/// The value that a word in letters of any size, or a member, stands for; as `omni_lab.execution.edges.word`.
#[inline]
pub(crate) fn word<T: Word>(value: &Bound<'_, PyAny>) -> PyResult<T> {
    let found = match value.cast::<PyString>() {
        Ok(text) => {
            let text = text.to_str()?;
            T::all().iter().position(|known| says(text, known.text()))
        }
        Err(_) => members::<T>(value.py())?.iter().position(|member| member.is(value)),
    };
    found.map(|place| T::all()[place]).ok_or_else(|| unknown::<T>(value))
}

fn members<T: Word>(py: Python<'_>) -> PyResult<&'static Vec<Py<PyAny>>> {
    T::members().get_or_try_init(py, || {
        let class = py.import("omni_lab.domain")?.getattr(T::CLASS)?;
        T::all().iter().map(|value| class.getattr(value.text()).map(Bound::unbind)).collect()
    })
}

/// Whether a text is a name, in letters of any size and with hyphens or spaces for what joins its parts.
#[inline]
fn says(text: &str, name: &str) -> bool {
    let plain = |byte: u8| if matches!(byte, b'-' | b' ') { b'_' } else { byte.to_ascii_uppercase() };
    text.len() == name.len() && text.bytes().zip(name.bytes()).all(|(found, known)| plain(found) == known)
}

#[cold]
fn unknown<T: Word>(value: &Bound<'_, PyAny>) -> PyErr {
    let names = T::all().iter().map(|known| known.text());
    Facts::new("ConfigError", format!("unknown {}", T::CLASS)).object(value).choices(names).raise(value.py())
}

/// Names and codes of every enumeration, for the test that compares them with those of Python.
#[pyfunction]
pub(crate) fn vocabulary(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let tables = PyDict::new(py);
    let put = |class: &str, table: Vec<(&str, u16)>| {
        let codes = PyDict::new(py);
        table.into_iter().try_for_each(|(name, code)| codes.set_item(name, code))?;
        tables.set_item(class, codes)
    };
    macro_rules! table {
        ($($name:ident),+) => {
            $(put(stringify!($name), $name::ALL.iter().map(|value| (value.name(), u16::from(value.code()))).collect())?;)+
        };
    }
    table!(Side, OrderType, TimeInForce, Trigger, TrailUnit, PegReference, PostOnly, SelfTrade, TradingPhase);
    table!(RejectReason, CancelReason, OrderState, EventKind);
    put("CommandKind", COMMAND_KINDS.to_vec())?;
    let liquidity = [Liquidity::None, Liquidity::Maker, Liquidity::Taker, Liquidity::Auction];
    put("Liquidity", ["NONE", "MAKER", "TAKER", "AUCTION"].into_iter().zip(liquidity.map(|value| value as u16)).collect())?;
    put("Place", PLACES.iter().map(|&(name, place)| (name, u16::from(place.code()))).collect())?;
    Ok(tables)
}

/// Kinds of the frames of commands; `docs/oms.md` section 2.
pub(crate) const COMMAND_KINDS: [(&str, u16); 9] = [
    ("NEW", 1),
    ("CANCEL", 2),
    ("REPLACE", 3),
    ("MASS_CANCEL", 4),
    ("SET_PHASE", 5),
    ("ADVANCE", 6),
    ("MARK", 7),
    ("WRITE_REGISTER", 8),
    ("KILL_SWITCH", 9),
];

const PLACES: [(&str, Place); 6] = [
    ("DISPLAYED", Place::Displayed),
    ("HIDDEN", Place::Hidden),
    ("CONDITIONAL", Place::Conditional),
    ("STOP", Place::Stop),
    ("PARKED", Place::Parked),
    ("AUCTION", Place::Auction),
];
