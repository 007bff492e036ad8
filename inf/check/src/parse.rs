//! Reads an INF: sections of entries, each with its line.

use crate::{
    lexer::{End, Lexer},
    strings::Strings,
    text::{Encoding, decode},
};

/// An INF.
#[derive(Clone, Debug)]
pub struct Inf {
    /// How it is stored.
    pub encoding: Encoding,
    /// Whether it has characters beyond ASCII.
    pub is_ascii: bool,
    /// Its sections, in the order of their first lines.
    pub sections: Vec<Section>,
    /// Its strings, of the section without a language.
    pub strings: Strings,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// A section. Windows merges those with the same name, in any case, and so does this.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its name, as it is written first.
    pub name: String,
    /// The lines where it begins: more than one if it was merged.
    pub lines: Vec<usize>,
    /// Its entries.
    pub entries: Vec<Entry>,
}

/// An entry of a section.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The line where it begins, from 1 on.
    pub line: usize,
    /// What stands before the `=`.
    pub key: Option<Field>,
    /// What stands behind it, or all of it.
    pub values: Vec<Field>,
}

/// A key or a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// As it is written, without quotation marks.
    pub raw: String,
    /// With tokens replaced.
    pub text: String,
}

/// Something that is no INF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1 on.
    pub line: usize,
    /// What to do.
    pub advice: &'static str,
}

impl Inf {
    /// Reads a file's bytes. Whatever they are, there is an INF: what does not belong in one is told in
    /// [`Inf::problems`].
    pub fn parse(bytes: &[u8]) -> Self {
        let (encoding, text) = decode(bytes);
        let mut reader = Reader::default();
        reader.read(&text);
        let strings = strings(&reader.sections);
        for section in &mut reader.sections {
            // Strings are taken as they are.
            if !section.is("Strings") && !section.has_prefix("Strings.") {
                section.substitute(&strings);
            }
        }
        Self {
            encoding,
            is_ascii: text.is_ascii(),
            sections: reader.sections,
            strings,
            problems: reader.problems,
        }
    }

    /// The section of a name.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.is(name))
    }

    /// The sections whose names begin with this, in any case.
    pub fn sections_with_prefix(&self, prefix: &str) -> impl Iterator<Item = &Section> {
        let matching = move |section: &&Section| section.has_prefix(prefix);
        self.sections.iter().filter(matching)
    }
}

impl Section {
    /// Whether this is its name.
    pub fn is(&self, name: &str) -> bool {
        same(&self.name, name)
    }

    /// Whether its name begins like this.
    pub fn has_prefix(&self, prefix: &str) -> bool {
        let start = self.name.get(..prefix.len());
        start.is_some_and(|start| same(start, prefix))
    }

    /// Where it begins.
    pub fn line(&self) -> usize {
        self.lines.first().copied().unwrap_or(1)
    }

    /// The first entry with a key.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.is(key))
    }

    /// The entries with a key.
    pub fn entries_of(&self, key: &str) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.is(key))
    }

    fn substitute(&mut self, strings: &Strings) {
        for entry in &mut self.entries {
            for field in entry.key.iter_mut().chain(&mut entry.values) {
                field.text = strings.substitute(&field.raw);
            }
        }
    }
}

impl Entry {
    /// Whether this is its key.
    pub fn is(&self, key: &str) -> bool {
        self.key.as_ref().is_some_and(|own| same(&own.text, key))
    }

    /// The directive: the key, or all of an entry like `Reboot`.
    pub fn directive(&self) -> &str {
        self.key.as_ref().map_or(self.value(0), |key| &key.text)
    }

    /// A value's text; empty if it was left out.
    pub fn value(&self, place: usize) -> &str {
        self.values.get(place).map_or("", |field| &field.text)
    }

    /// A value as it is written; empty if it was left out.
    pub fn raw(&self, place: usize) -> &str {
        self.values.get(place).map_or("", |field| &field.raw)
    }
}

/// Whether two names are the same: nothing in an INF is case-sensitive.
pub fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

#[derive(Default)]
struct Reader {
    sections: Vec<Section>,
    /// Which of them is being read.
    place: Option<usize>,
    problems: Vec<Problem>,
}

impl Reader {
    fn read(&mut self, text: &str) {
        let mut lines = text.lines().enumerate();
        while let Some((number, line)) = lines.next() {
            let number = number.saturating_add(1);
            if let Some(rest) = line.trim_start().strip_prefix('[') {
                self.header(number, rest);
                continue;
            }
            let mut lexer = Lexer::default();
            let mut end = lexer.line(line);
            while end == End::Continued {
                end = match lines.next() {
                    Some((_, line)) => lexer.line(line),
                    None => End::Entry,
                };
            }
            self.entry(number, lexer);
        }
    }

    fn header(&mut self, line: usize, rest: &str) {
        let Some((name, after)) = rest.split_once(']') else {
            return self.problem(line, "close the section's name with ]");
        };
        let after = after.trim_start();
        if !after.is_empty() && !after.starts_with(';') {
            self.problem(line, "put nothing behind a section's name");
        }
        let name = name.trim();
        let known = self
            .sections
            .iter_mut()
            .position(|section| section.is(name));
        if let Some(section) = known.and_then(|place| self.sections.get_mut(place)) {
            section.lines.push(line);
            self.place = known;
            return;
        }
        self.place = Some(self.sections.len());
        self.sections.push(Section {
            name: name.to_owned(),
            lines: vec![line],
            entries: Vec::new(),
        });
    }

    fn entry(&mut self, line: usize, lexer: Lexer) {
        let Some(parts) = lexer.finish() else {
            return;
        };
        if parts.unclosed {
            self.problem(line, "close the quotation marks on the same line");
        }
        let section = self.place.and_then(|place| self.sections.get_mut(place));
        let Some(section) = section else {
            return self.problem(line, "put entries into sections");
        };
        section.entries.push(Entry {
            line,
            key: parts.key.map(Field::new),
            values: parts.fields.into_iter().map(Field::new).collect(),
        });
    }

    fn problem(&mut self, line: usize, advice: &'static str) {
        self.problems.push(Problem { line, advice });
    }
}

impl Field {
    fn new(raw: String) -> Self {
        let text = raw.clone();
        Self { raw, text }
    }
}

fn strings(sections: &[Section]) -> Strings {
    let mut strings = Strings::default();
    let own = sections.iter().filter(|section| section.is("Strings"));
    for entry in own.flat_map(|section| &section.entries) {
        if let Some(key) = &entry.key {
            strings.add(&key.raw, entry.raw(0));
        }
    }
    strings
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "[A]\r\nx = %S%\r\n; no\r\n[b] ; yes\r\ny=1, \\\r\n 2\r\n[a]\r\nz\r\n[Strings]\r\ns=\"t\"";

    #[test]
    fn sections_are_merged_and_entries_know_their_lines() {
        let inf = Inf::parse(TEXT.as_bytes());
        assert_eq!(inf.problems, []);
        let a = inf.section("A").expect("a section");
        assert_eq!(a.lines, [1, 7]);
        assert_eq!(a.entry("X").map(|entry| entry.value(0)), Some("t"));
        let z = a.entries.last().expect("an entry");
        assert_eq!((z.line, z.value(0), z.key.is_none()), (8, "z", true));
        let y = inf.section("B").and_then(|section| section.entry("y"));
        let y = y.expect("an entry");
        assert_eq!(
            (y.line, y.value(0), y.value(1), y.value(2)),
            (5, "1", "2", "")
        );
    }

    #[test]
    fn what_is_no_inf_is_told() {
        let inf = Inf::parse(b"x\n[A\n[B] c\ny = \"\n");
        let lines: Vec<_> = inf.problems.iter().map(|problem| problem.line).collect();
        assert_eq!(lines, [1, 2, 3, 4]);
    }
}
