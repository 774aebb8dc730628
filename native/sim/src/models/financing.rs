//! What holding costs and earns over time: borrow fees, interest on debt, interest on cash. Simple interest, by the time between steps.

/// Annual rates, decimals.
#[derive(Clone, Debug, PartialEq)]
pub struct Financing {
    /// Fee on the value of what is held short, by instrument.
    pub borrow: Vec<f64>,
    /// Paid on cash below zero.
    pub margin: f64,
    /// Received on cash above zero, without what short sales brought in.
    pub cash: f64,
    /// Days in a year of interest: 360 or 365.
    pub day_count: f64,
}

impl Financing {
    /// The fraction of a year between two times, nanoseconds.
    pub fn years(&self, from: i64, to: i64) -> f64 {
        (to - from) as f64 / 86_400e9 / self.day_count
    }
}
