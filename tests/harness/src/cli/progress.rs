//! Bars for what takes longer; shown on a terminal only.

use indicatif::{ProgressBar, ProgressStyle};

fn bar(length: u64, template: &str) -> ProgressBar {
    let bar = ProgressBar::new(length);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style.progress_chars("=> ")),
        Err(_) => bar,
    }
}

/// Of operations.
pub fn operations(count: usize) -> ProgressBar {
    let template = "{elapsed} [{bar:40}] {human_pos}/{human_len} operations, {eta} left";
    bar(count as u64, template)
}

/// Of time.
pub fn seconds(count: u64) -> ProgressBar {
    bar(count, "{elapsed} [{bar:40}] {eta} left")
}
