//! Names that the volume of a replay accepts, one of its own for every file that exists.

use std::collections::{HashMap, HashSet};

/// Characters of the longest name; a volume allows 255, and a number may follow.
const LONGEST: usize = 200;

#[derive(Default)]
pub(super) struct Names {
    next: u32,
    /// The number that a wanted name had last.
    last: HashMap<String, u32>,
    /// The existing files, and their names in the trace.
    live: HashMap<u32, String>,
    /// The same names as the volume compares them.
    taken: HashSet<String>,
}

impl Names {
    /// The number and the name of a file that begins to exist. A file of the same wanted name that
    /// was deleted gives its number to it.
    pub(super) fn open(&mut self, wanted: &str) -> (u32, String) {
        let again = self.last.get(wanted).copied();
        let number = match again.filter(|number| !self.live.contains_key(number)) {
            Some(number) => number,
            None => {
                self.next += 1;
                self.next - 1
            }
        };
        let plain = accepted(wanted);
        let mut name = plain.clone();
        let mut copy = 2;
        while !self.taken.insert(name.to_lowercase()) {
            name = format!("{plain}~{copy}");
            copy += 1;
        }
        self.last.insert(wanted.to_owned(), number);
        self.live.insert(number, name.clone());
        (number, name)
    }

    pub(super) fn delete(&mut self, number: u32) {
        if let Some(name) = self.live.remove(&number) {
            self.taken.remove(&name.to_lowercase());
        }
    }
}

/// Folders are joined by `+`, what Windows does not accept becomes `_`.
fn accepted(wanted: &str) -> String {
    let skipped = wanted.chars().count().saturating_sub(LONGEST);
    let mut name: String = wanted
        .chars()
        .skip(skipped)
        .map(|c| match c {
            '/' => '+',
            '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' | char::REPLACEMENT_CHARACTER => '_',
            c if c.is_control() => '_',
            c => c,
        })
        .collect();
    if name.is_empty() || name.ends_with(['.', ' ']) {
        name.push('_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_even_to_a_volume_that_ignores_case() {
        let mut names = Names::default();
        assert_eq!(names.open("a/b.db"), (0, "a+b.db".into()));
        assert_eq!(names.open("A/B.db"), (1, "A+B.db~2".into()));
        assert_eq!(names.open("c:\td?."), (2, "c__d_._".into()));
        names.delete(0);
        assert_eq!(names.open("a+b.db"), (3, "a+b.db".into()));
        assert_eq!(names.open("a/b.db"), (0, "a+b.db~3".into()));
    }
}
