//! The rogues and what each says of itself in its first line.

use std::{fs, path::PathBuf};

/// A misbehaving driver.
#[derive(Clone, Debug)]
pub struct Rogue {
    /// Of its .c and .sys.
    pub name: String,
    /// The rule that it breaks, as reports name it, or `none`.
    pub rule: String,
    /// The kernel routine, or the driver's own, in which that is seen.
    pub routine: String,
    /// What of Driver Verifier finds the same.
    pub verifier: String,
    /// The page of the driver reference that has the rule.
    pub page: String,
    /// What it does, for people.
    pub does: String,
}

/// The package's folder.
pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

impl Rogue {
    /// Every rogue, by name.
    ///
    /// # Panics
    /// One has no proper first line.
    pub fn all() -> Vec<Self> {
        let sources = fs::read_dir(folder().join("src-c")).expect("the sources");
        let paths = sources.map(|entry| entry.expect("a source").path());
        let mut all: Vec<Self> = paths
            .filter(|path| path.extension().is_some_and(|is| is == "c"))
            .map(|path| {
                let name = path.file_stem().expect("a name").to_string_lossy();
                let text = fs::read_to_string(&path).expect("a source");
                let line = text.lines().next().unwrap_or_default();
                Self::read(&name, line).unwrap_or_else(|| panic!("{name}.c begins with {line}"))
            })
            .collect();
        all.sort_by(|one, two| one.name.cmp(&two.name));
        all
    }

    fn read(name: &str, line: &str) -> Option<Self> {
        let mut fields = line.strip_prefix("// ")?.split(" | ");
        let mut field = |key: &str| {
            let value = fields.next()?.strip_prefix(key)?.strip_prefix(": ")?;
            (!value.is_empty()).then(|| value.to_owned())
        };
        Some(Self {
            name: name.into(),
            rule: field("rule")?,
            routine: field("routine")?,
            verifier: field("verifier")?,
            page: field("page")?,
            does: field("does")?,
        })
    }

    /// Whether it breaks no rule.
    pub fn is_well_behaved(&self) -> bool {
        self.rule == "none"
    }

    /// The driver, which scripts/build-rogues makes.
    pub fn image(&self) -> PathBuf {
        let name = format!("../../target/rogues/{}.sys", self.name);
        folder().join(name)
    }
}
