//! What a campaign says at its end: figures, or a page for each failure.

use ntsim::Violation;
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// What a campaign came to.
#[derive(Debug, Default)]
pub struct Figures {
    /// Of the campaign.
    pub name: &'static str,
    /// What was counted, with its unit in the text.
    pub counts: Vec<(String, u64)>,
    /// Failures; none if all is well.
    pub failures: Vec<Failure>,
}

impl Figures {
    /// Of a campaign that has counted nothing yet.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            ..Self::default()
        }
    }

    /// Adds a figure.
    pub fn count(&mut self, what: impl Into<String>, count: u64) {
        self.counts.push((what.into(), count));
    }

    /// As a JSON object.
    pub fn json(&self) -> serde_json::Value {
        let counts: serde_json::Map<String, serde_json::Value> = self
            .counts
            .iter()
            .map(|(what, count)| (what.clone(), (*count).into()))
            .collect();
        let failures: Vec<_> = self.failures.iter().map(Failure::to_string).collect();
        serde_json::json!({ "campaign": self.name, "counts": counts, "failures": failures })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.name)?;
        for (what, count) in &self.counts {
            writeln!(f, "  {:>14}  {what}", grouped(*count))?;
        }
        writeln!(f, "  {:>14}  failures", self.failures.len())
    }
}

/// A number with its thousands apart.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at != 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Something that must not happen: its page.
#[derive(Clone, Debug, Default)]
pub struct Failure {
    /// One line: what was broken, P1 to P5 or a rule.
    pub title: String,
    /// The scenario.
    pub scenario: String,
    /// The seed, of what has one.
    pub seed: Option<u64>,
    /// The command that repeats it, from the project's folder.
    pub replay: String,
    /// What happened, in the order in which it did.
    pub details: Vec<String>,
    /// Rules that were broken, each as the simulator reports it.
    pub violations: Vec<Violation>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "FAILURE   {}", self.title)?;
        writeln!(f, "scenario  {}", self.scenario)?;
        if let Some(seed) = self.seed {
            writeln!(f, "seed      {seed:#x}")?;
        }
        writeln!(f, "repeat    {}", self.replay)?;
        for detail in &self.details {
            writeln!(f, "\n{}", detail.trim_end())?;
        }
        for violation in &self.violations {
            writeln!(f, "\n{violation}")?;
        }
        Ok(())
    }
}

/// Writes the pages of all failures into a folder, instead of those of an earlier run, and says where.
///
/// # Errors
/// The folder cannot be written to.
pub fn write_pages(folder: &Path, figures: &Figures) -> io::Result<Vec<PathBuf>> {
    let name = figures.name.replace(' ', "-");
    if let Ok(entries) = fs::read_dir(folder) {
        let earlier = format!("{name}-");
        for path in entries.flatten().map(|entry| entry.path()) {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            if file.starts_with(&earlier) && file.ends_with(".txt") {
                fs::remove_file(&path)?;
            }
        }
    }
    if !figures.failures.is_empty() {
        fs::create_dir_all(folder)?;
    }
    let pages = figures.failures.iter().enumerate();
    pages
        .map(|(number, failure)| {
            let path = folder.join(format!("{name}-{number}.txt"));
            fs::write(&path, failure.to_string()).map(|()| path)
        })
        .collect()
}
