//! The few statistics that a sweep needs of each run, in one pass over its equity. Their plain twins are in
//! `omni_lab.portfolio.performance`, which also defines them; a test holds the two together.

/// Statistics of an equity curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReturnStats {
    /// Last equity.
    pub final_equity: f64,
    /// Mean of the simple returns per step, the first against the initial capital.
    pub mean: f64,
    /// Their standard deviation (ddof 1); NaN for fewer than two steps.
    pub std: f64,
    /// Deepest fall from a peak, as a fraction ≤ 0.
    pub max_drawdown: f64,
}

/// Statistics of `equity` (not empty), starting from `initial` capital.
pub fn return_stats(equity: &[f64], initial: f64) -> ReturnStats {
    let (mut before, mut peak, mut max_drawdown) = (initial, initial, 0.0_f64);
    let (mut sum, mut squares) = (0.0, 0.0);
    for &now in equity {
        // Most steps of a run that is often flat change nothing; they cost no division.
        if now != before {
            let r = now / before - 1.0;
            sum += r;
            squares += r * r;
            before = now;
            if now > peak {
                peak = now;
            } else {
                max_drawdown = max_drawdown.min(now / peak - 1.0);
            }
        }
    }
    let n = equity.len() as f64;
    let mean = sum / n;
    let std = if equity.len() < 2 { f64::NAN } else { ((squares - n * mean * mean) / (n - 1.0)).max(0.0).sqrt() };
    ReturnStats { final_equity: before, mean, std, max_drawdown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_what_they_say() {
        let stats = return_stats(&[110.0, 99.0, 99.0], 100.0);
        assert_eq!(stats.final_equity, 99.0);
        assert!(stats.mean.abs() < 1e-15);
        assert!((stats.std - 0.1).abs() < 1e-12);
        assert!((stats.max_drawdown + 0.1).abs() < 1e-12);
    }
}
