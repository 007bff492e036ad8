//! What is promised of figures.

use serde::Serialize;

/// A promised figure and what was measured.
#[derive(Debug, Serialize)]
pub struct Promise {
    pub what: String,
    pub bound: Bound,
    pub limit: f64,
    /// The worst one, where there are several; none if it cannot be measured here.
    pub measured: Option<f64>,
    pub holds: Option<bool>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    AtMost,
    AtLeast,
}

impl Promise {
    pub fn at_most(what: impl Into<String>, limit: f64, measured: Option<f64>) -> Self {
        Self::new(what, Bound::AtMost, limit, measured)
    }

    pub fn at_least(what: impl Into<String>, limit: f64, measured: Option<f64>) -> Self {
        Self::new(what, Bound::AtLeast, limit, measured)
    }

    fn new(what: impl Into<String>, bound: Bound, limit: f64, measured: Option<f64>) -> Self {
        let holds = measured.map(|measured| match bound {
            Bound::AtMost => measured <= limit,
            Bound::AtLeast => measured >= limit,
        });
        Self {
            what: what.into(),
            bound,
            limit,
            measured,
            holds,
        }
    }
}
