//! Tables, JSON and plots of a suite's results.

mod plot;

use crate::{
    host::Host,
    results::{Bound, Cell, Promise, Results},
    suite::thousands,
};
use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};
use serde::Serialize;
use std::{error::Error, fmt::Write, fs, path::Path};

/// What a suite found, and where.
#[derive(Serialize)]
pub struct Report<'a> {
    pub suite: &'static str,
    pub about: &'static str,
    pub host: &'a Host,
    pub rounds: usize,
    pub seed: u64,
    #[serde(flatten)]
    pub results: &'a Results,
}

impl Report<'_> {
    /// Writes the suite's files to a folder.
    pub fn write(&self, folder: &Path) -> Result<(), Box<dyn Error>> {
        fs::create_dir_all(folder)?;
        let file = |end: &str| folder.join(format!("{}.{end}", self.suite));
        fs::write(file("json"), serde_json::to_string_pretty(self)? + "\n")?;
        fs::write(file("txt"), self.text() + "\n")?;
        for picture in &self.results.pictures {
            let path = folder.join(format!("{}.svg", picture.name));
            plot::draw(&path, picture, self.host)?;
        }
        Ok(())
    }

    pub fn text(&self) -> String {
        let mut text = format!(
            "{}: {}\n{}\n{} rounds, seed {}\n",
            self.suite,
            self.about,
            self.host.line(),
            self.rounds,
            self.seed
        );
        for table in &self.results.tables {
            let _ = write!(text, "\n{}\n\n{}\n", table.title, drawn(table));
        }
        for note in &self.results.notes {
            let _ = write!(text, "\n{note}\n");
        }
        if !self.results.promises.is_empty() {
            let _ = write!(text, "\nPromises\n\n{}", promises(&self.results.promises));
        }
        text
    }
}

fn drawn(table: &crate::results::Table) -> Table {
    let mut drawn = Table::new();
    drawn.load_preset(ASCII_MARKDOWN);
    drawn.set_header(&table.header);
    for row in &table.rows {
        drawn.add_row(row.iter().map(written));
    }
    for column in drawn.column_iter_mut() {
        column.set_cell_alignment(CellAlignment::Right);
    }
    drawn
}

fn written(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.clone(),
        Cell::Number(value, 0) if *value >= 0.0 => thousands(value.round() as usize),
        Cell::Number(value, decimals) => format!("{value:.decimals$}"),
        Cell::Nothing => String::new(),
    }
}

fn promises(promises: &[Promise]) -> Table {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN);
    table.set_header(["promise", "limit", "measured", "holds"]);
    for promise in promises {
        let bound = match promise.bound {
            Bound::AtMost => "<=",
            Bound::AtLeast => ">=",
        };
        let holds = match promise.holds {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "?",
        };
        let measured = promise.measured.map(|figure| format!("{figure:.3}"));
        table.add_row([
            promise.what.clone(),
            format!("{bound} {:.3}", promise.limit),
            measured.unwrap_or("not here".to_owned()),
            holds.to_owned(),
        ]);
    }
    table
}
