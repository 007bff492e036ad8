//! What a suite found.

mod comparison;
mod picture;
mod promise;
mod table;

pub use comparison::{Comparison, worst};
pub use picture::{Axis, Bar, Drawing, Line, Panel, Picture, Scale};
pub use promise::{Bound, Promise};
pub use table::{Cell, Table};

use serde::Serialize;

/// All that a suite found.
#[derive(Debug, Default, Serialize)]
pub struct Results {
    pub promises: Vec<Promise>,
    /// What a reader must know.
    pub notes: Vec<String>,
    pub tables: Vec<Table>,
    pub comparisons: Vec<Comparison>,
    #[serde(skip)]
    pub pictures: Vec<Picture>,
}

impl Results {
    pub fn new(comparisons: Vec<Comparison>) -> Self {
        Self {
            comparisons,
            ..Self::default()
        }
    }

    pub fn of<'a>(&'a self, workload: &str) -> Vec<&'a Comparison> {
        let comparisons = self.comparisons.iter();
        comparisons.filter(|c| c.workload == workload).collect()
    }

    /// Whether no promise is broken.
    pub fn hold(&self) -> bool {
        self.promises
            .iter()
            .all(|promise| promise.holds != Some(false))
    }
}
