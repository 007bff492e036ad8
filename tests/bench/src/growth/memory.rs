//! Memory for what suite record records.

use super::tracking;
use crate::{
    record::{NARROW, STORES, WIDE},
    results::{Cell, Table},
    workloads::Workload,
};
use daxflush_engine::{LINE_SIZE, Reserve};
use std::error::Error;

pub const NOTE: &str = "No exact map keeps 0.2 % where what is dirty is scattered: a flat bitmap of 1 GiB \
     has 2 MiB by itself, whatever is dirty.";

const LEAVES: u32 = 8192;

/// What a workload needs.
pub struct Need {
    name: String,
    span: u64,
    pub dense: bool,
    dirty: u64,
    tracking: usize,
}

impl Need {
    /// Of 0.2 % and 1 MiB.
    pub fn share_of_allowance(&self) -> f64 {
        self.tracking as f64 / (0.002 * self.dirty as f64 + f64::from(1 << 20))
    }
}

pub fn of_workloads(seed: u64) -> Result<Vec<Need>, Box<dyn Error>> {
    let reserve = Reserve::with_leaves(LEAVES)?;
    let need = |workload: Workload| Need {
        tracking: tracking(&workload.stores, &reserve),
        dirty: workload.dirty_bytes(),
        name: workload.name,
        span: workload.span,
        dense: workload.dense,
    };
    Ok(Workload::all(WIDE, NARROW, STORES, seed)
        .into_iter()
        .map(need)
        .collect())
}

pub fn table(needs: &[Need]) -> Table {
    let header = [
        "",
        "KiB dirty",
        "KiB of tracking",
        "% of the dirty",
        "flat bitmap, KiB",
    ];
    let mut table = Table::new("Memory for what suite record records", header);
    for need in needs {
        let percent = need.tracking as f64 / need.dirty as f64 * 100.0;
        table.rows.push(vec![
            Cell::text(&need.name),
            Cell::count((need.dirty >> 10) as usize),
            Cell::count(need.tracking >> 10),
            Cell::Number(percent, 3),
            Cell::count((need.span / LINE_SIZE / 8) as usize >> 10),
        ]);
    }
    table
}
