//! Heat maps as they are filled.

use super::HeatMap;
use crate::model::LINE;

/// The most columns and rows of a map: cells that can still be told from another.
const MOST_COLUMNS: u64 = 128;
pub(super) const MOST_ROWS: usize = 64;

/// A map of a file of this size, still without rows.
pub fn map(file: &str, bytes: u64) -> HeatMap {
    let mut cell_bytes = LINE;
    while bytes.div_ceil(cell_bytes) > MOST_COLUMNS {
        cell_bytes *= 2;
    }
    HeatMap {
        file: file.to_owned(),
        cell_bytes,
        columns: bytes.div_ceil(cell_bytes).max(1),
        times: Vec::new(),
        rows: Vec::new(),
    }
}
