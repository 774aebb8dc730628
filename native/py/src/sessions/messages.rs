//! Single messages of ITCH and OUCH as a name and a dict of fields, read and written by the tables of their layouts.

use omni_wire::WireError;
use omni_wire::itch::{self, Field, FieldKind, Layout};
use omni_wire::ouch::{self, OuchLayout};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use crate::errors::{Facts, wire_error};

#[derive(Clone, Copy)]
enum Protocol {
    Itch,
    Ouch(&'static [OuchLayout]),
}

impl Protocol {
    fn named(py: Python<'_>, name: &str) -> PyResult<Self> {
        match name {
            "itch" => Ok(Self::Itch),
            "ouch_client" => Ok(Self::Ouch(ouch::CLIENT_LAYOUTS)),
            "ouch_venue" => Ok(Self::Ouch(ouch::VENUE_LAYOUTS)),
            _ => {
                let choices = ["itch", "ouch_client", "ouch_venue"];
                Err(Facts::new("ConfigError", "unknown protocol").found(name).choices(choices.iter()).raise(py))
            }
        }
    }

    /// Each layout, with the field that later revisions append.
    fn layouts(self) -> Vec<(&'static Layout, Option<&'static Field>)> {
        match self {
            Self::Itch => itch::LAYOUTS.iter().map(|layout| (layout, None)).collect(),
            Self::Ouch(layouts) => layouts.iter().map(|each| (&each.layout, each.later.as_ref())).collect(),
        }
    }

    fn find(self, wanted: impl Fn(&Layout) -> bool) -> Option<(&'static Layout, Option<&'static Field>)> {
        self.layouts().into_iter().find(|(layout, _)| wanted(layout))
    }
}

#[pyfunction]
pub(super) fn encode_message<'py>(
    py: Python<'py>,
    protocol: &str,
    name: &str,
    fields: &Bound<'py, PyDict>,
) -> PyResult<Bound<'py, PyBytes>> {
    let protocol = Protocol::named(py, protocol)?;
    let Some((layout, later)) = protocol.find(|layout| layout.name == name) else {
        let names = protocol.layouts().into_iter().map(|(layout, _)| layout.name);
        return Err(Facts::new("CodecError", "no message has this name").found(name).choices(names).raise(py));
    };
    let later = later.filter(|field| fields.contains(field.name).unwrap_or_default());
    let mut bytes = vec![0; layout.length + later.map_or(0, |field| field.kind.width())];
    bytes[0] = layout.kind;
    for field in layout.fields.iter().chain(later) {
        let Some(value) = fields.get_item(field.name)? else {
            let what = format!("the {name} message lacks a field");
            return Err(Facts::new("CodecError", what).expected(field.name).raise(py));
        };
        let place = &mut bytes[field.offset..field.offset + field.kind.width()];
        if !put(&value, field.kind, place)? {
            return Err(Facts::new("CodecError", "a field cannot hold this value")
                .object(&value)
                .expected(&takes(field.kind))
                .place(format!("{name}.{}", field.name))
                .raise(py));
        }
    }
    let known = || layout.fields.iter().chain(later).map(|field| field.name);
    if fields.len() != known().count() {
        let names = fields.keys().into_iter().map(|name| name.to_string());
        let stranger = names.into_iter().find(|given| known().all(|name| name != given)).unwrap_or_default();
        let what = format!("the {name} message has no such field");
        return Err(Facts::new("CodecError", what).found(stranger).choices(known()).raise(py));
    }
    Ok(PyBytes::new(py, &bytes))
}

#[pyfunction]
pub(super) fn decode_message<'py>(
    py: Python<'py>,
    protocol: &str,
    message: &[u8],
) -> PyResult<Option<(&'static str, Bound<'py, PyDict>)>> {
    let protocol = Protocol::named(py, protocol)?;
    let Some(&kind) = message.first() else {
        let error = WireError { offset: 0, found: "no byte".to_owned(), expected: "a message".to_owned() };
        return Err(wire_error(py, &error));
    };
    let Some((layout, later)) = protocol.find(|layout| layout.kind == kind) else { return Ok(None) };
    // OUCH appends fields in later revisions, ITCH makes new types.
    let exact = matches!(protocol, Protocol::Itch);
    if message.len() < layout.length || (exact && message.len() > layout.length) {
        let least = if exact { "" } else { "at least " };
        let error = WireError {
            offset: 0,
            found: format!("{} bytes", message.len()),
            expected: format!("{least}{} bytes of {}", layout.length, layout.name),
        };
        return Err(wire_error(py, &error));
    }
    let fields = PyDict::new(py);
    for field in layout.fields.iter().chain(later) {
        if let Some(place) = message.get(field.offset..field.offset + field.kind.width()) {
            get(&fields, field, place)?;
        }
    }
    Ok(Some((layout.name, fields)))
}

type Described = (char, &'static str, usize, Vec<(&'static str, usize, usize)>);

#[pyfunction]
pub(super) fn message_layouts(py: Python<'_>, protocol: &str) -> PyResult<Vec<Described>> {
    let layouts = Protocol::named(py, protocol)?.layouts();
    let described = layouts.into_iter().map(|(layout, later)| {
        let fields = layout.fields.iter().chain(later).map(|field| (field.name, field.offset, field.kind.width())).collect();
        (char::from(layout.kind), layout.name, layout.length, fields)
    });
    Ok(described.collect())
}

fn is_text(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Char | FieldKind::Alpha(_))
}

/// Writes a value into its place; false if it does not fit.
fn put(value: &Bound<'_, PyAny>, kind: FieldKind, place: &mut [u8]) -> PyResult<bool> {
    if is_text(kind) {
        let Ok(text) = value.cast::<PyString>() else { return Ok(false) };
        let text = text.to_str()?;
        place.fill(b' ');
        if !text.is_ascii() || text.len() > place.len() || (kind == FieldKind::Char && text.len() != 1) {
            return Ok(false);
        }
        place[..text.len()].copy_from_slice(text.as_bytes());
        return Ok(true);
    }
    let Ok(number) = value.extract::<u64>() else { return Ok(false) };
    let bytes = number.to_be_bytes();
    let (high, low) = bytes.split_at(8 - place.len());
    place.copy_from_slice(low);
    Ok(high.iter().all(|&byte| byte == 0))
}

fn get(fields: &Bound<'_, PyDict>, field: &Field, place: &[u8]) -> PyResult<()> {
    if is_text(field.kind) {
        let text: String = place.iter().copied().map(char::from).collect();
        // A character that is a space says something; spaces after a text say nothing.
        let text = if field.kind == FieldKind::Char { &text } else { text.trim_end_matches(' ') };
        return fields.set_item(field.name, text);
    }
    fields.set_item(field.name, place.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)))
}

fn takes(kind: FieldKind) -> String {
    match kind {
        FieldKind::Char => "one ASCII character".to_owned(),
        FieldKind::Alpha(width) => format!("at most {width} ASCII characters"),
        number => format!("a whole number of {} bytes", number.width()),
    }
}
