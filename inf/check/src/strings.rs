//! `%strkey%` tokens (inf-strings-section, general-syntax-rules-for-inf-files).

use std::collections::BTreeMap;

/// A part of a field as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Characters that stand for themselves.
    Text(&'a str),
    /// `%%`, which stands for a percent character.
    Percent,
    /// The name in a `%strkey%` token.
    Token(&'a str),
    /// The number in a `%dirid%`, which is resolved when the INF is installed.
    Directory(&'a str),
    /// A percent character that begins nothing.
    Stray,
}

/// The parts of a field as it is written.
pub fn pieces(raw: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = raw;
    while let Some((before, after)) = rest.split_once('%') {
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        match after.split_once('%') {
            Some(("", after)) => {
                pieces.push(Piece::Percent);
                rest = after;
            }
            Some((name, after)) => {
                pieces.push(if name.bytes().all(|byte| byte.is_ascii_digit()) {
                    Piece::Directory(name)
                } else {
                    Piece::Token(name)
                });
                rest = after;
            }
            None => {
                pieces.push(Piece::Stray);
                rest = after;
            }
        }
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    pieces
}

/// The INF's strings. Names are not case-sensitive.
#[derive(Clone, Debug, Default)]
pub struct Strings(BTreeMap<String, String>);

impl Strings {
    /// Adds a string; of two with one name the first counts.
    pub fn add(&mut self, name: &str, value: &str) {
        self.0
            .entry(name.to_lowercase())
            .or_insert_with(|| value.to_owned());
    }

    /// The string of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_lowercase()).map(String::as_str)
    }

    /// A field's text: tokens are replaced, but for those that are not defined.
    pub fn substitute(&self, raw: &str) -> String {
        let mut text = String::new();
        for piece in pieces(raw) {
            match piece {
                Piece::Text(part) => text.push_str(part),
                Piece::Percent | Piece::Stray => text.push('%'),
                Piece::Directory(name) => text.push_str(&format!("%{name}%")),
                Piece::Token(name) => match self.get(name) {
                    Some(value) => text.push_str(value),
                    None => text.push_str(&format!("%{name}%")),
                },
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_replaced_and_directories_are_not() {
        let mut strings = Strings::default();
        strings.add("Name", "daxflush");
        strings.add("NAME", "another");
        let text = strings.substitute(r"%13%\%name%.sys,%%SystemRoot%%,%no%,100%");
        assert_eq!(text, r"%13%\daxflush.sys,%SystemRoot%,%no%,100%");
    }
}
