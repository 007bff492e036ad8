//! Takes lines of an INF apart (general-syntax-rules-for-inf-files).

/// What a line says about the one after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The entry is complete.
    Entry,
    /// The next line belongs to it.
    Continued,
}

/// An entry that is being put together of one or more lines.
#[derive(Debug, Default)]
pub struct Lexer {
    key: Option<String>,
    fields: Vec<String>,
    field: String,
    /// So much of the field stood in quotation marks, or before them, and keeps its spaces.
    kept: usize,
    quoted: bool,
    unclosed: bool,
}

/// A complete entry, before tokens are replaced.
#[derive(Debug, PartialEq, Eq)]
pub struct Parts {
    /// What is left of the first `=`.
    pub key: Option<String>,
    /// What commas separate; none of the last is empty.
    pub fields: Vec<String>,
    /// A quotation mark had no other on its line.
    pub unclosed: bool,
}

impl Lexer {
    /// Takes a line.
    pub fn line(&mut self, line: &str) -> End {
        let mut rest = line;
        while let Some(character) = rest.chars().next() {
            let (_, after) = rest.split_at(character.len_utf8());
            rest = match character {
                '"' => self.quotation(after),
                ';' => break,
                '\\' if is_blank(after) => return End::Continued,
                '%' => self.token(rest, after),
                '=' if self.key.is_none() && self.fields.is_empty() => {
                    self.key = Some(self.end_of_field());
                    after
                }
                ',' => {
                    let field = self.end_of_field();
                    self.fields.push(field);
                    after
                }
                _ => {
                    if !(character.is_whitespace() && self.field.is_empty()) {
                        self.field.push(character);
                    }
                    after
                }
            };
        }
        End::Entry
    }

    /// The entry, unless the lines were empty.
    pub fn finish(mut self) -> Option<Parts> {
        let was_quoted = self.quoted;
        let last = self.end_of_field();
        let is_empty = self.key.is_none() && self.fields.is_empty();
        if is_empty && last.is_empty() && !was_quoted {
            return None;
        }
        self.fields.push(last);
        while self.fields.last().is_some_and(String::is_empty) {
            self.fields.pop();
        }
        Some(Parts {
            key: self.key,
            fields: self.fields,
            unclosed: self.unclosed,
        })
    }

    /// Takes the text up to the other quotation mark. Two of them stand for one.
    fn quotation<'a>(&mut self, mut rest: &'a str) -> &'a str {
        self.quoted = true;
        loop {
            let Some((text, after)) = rest.split_once('"') else {
                self.unclosed = true;
                self.field.push_str(rest);
                self.kept = self.field.len();
                return "";
            };
            self.field.push_str(text);
            match after.strip_prefix('"') {
                Some(after) => {
                    self.field.push('"');
                    rest = after;
                }
                None => {
                    self.kept = self.field.len();
                    return after;
                }
            }
        }
    }

    /// Takes a `%strkey%` whole: a semicolon in it begins no comment.
    fn token<'a>(&mut self, from: &'a str, after: &'a str) -> &'a str {
        let name = after.find('%').and_then(|length| after.get(..length));
        let whole = name
            .filter(|name| !name.contains(['"', ',', '=']))
            .and_then(|name| from.split_at_checked(name.len().saturating_add(2)));
        match whole {
            Some((token, rest)) => {
                self.field.push_str(token);
                rest
            }
            None => {
                self.field.push('%');
                after
            }
        }
    }

    fn end_of_field(&mut self) -> String {
        let mut field = std::mem::take(&mut self.field);
        field.truncate(field.trim_end().len().max(self.kept));
        self.kept = 0;
        self.quoted = false;
        field
    }
}

/// Whether nothing but a comment follows.
fn is_blank(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with(';')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(lines: &[&str]) -> Option<Parts> {
        let mut lexer = Lexer::default();
        for (number, line) in lines.iter().enumerate() {
            let end = lexer.line(line);
            assert_eq!(end == End::Continued, number + 1 < lines.len());
        }
        lexer.finish()
    }

    fn fields(lines: &[&str]) -> Vec<String> {
        parts(lines).expect("an entry").fields
    }

    #[test]
    fn a_key_and_its_values() {
        let parts = parts(&["  Copy Files =  a , \" b;c \" , \"say \"\"x\"\"\" ; comment"]);
        let parts = parts.expect("an entry");
        assert_eq!(parts.key.as_deref(), Some("Copy Files"));
        assert_eq!(parts.fields, ["a", " b;c ", "say \"x\""]);
    }

    #[test]
    fn quoted_and_other_text_is_one_field() {
        assert_eq!(
            fields(&["HKR,\"Instances\\\"%Name%,,"]),
            ["HKR", "Instances\\%Name%"]
        );
    }

    #[test]
    fn a_backslash_at_the_end_continues() {
        assert_eq!(fields(&["a, \\ ; why", "  b\\c"]), ["a", "b\\c"]);
    }

    #[test]
    fn a_token_may_hold_a_semicolon() {
        assert_eq!(fields(&["%a;b%,100%;%"]), ["%a;b%", "100%;%"]);
    }

    #[test]
    fn comments_are_no_entries() {
        assert_eq!(parts(&["   ; nothing"]), None);
        assert!(parts(&["\"open"]).expect("an entry").unclosed);
    }
}
