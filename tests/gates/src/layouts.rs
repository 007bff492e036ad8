//! The driver's table of offsets as C assertions about an independent transcription.

/// A structure of the table: its size, and its members' offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The structure.
    pub name: String,
    /// Its size in bytes.
    pub size: usize,
    /// Members and their offsets in bytes.
    pub members: Vec<(String, usize)>,
}

/// Reads the `layouts!` table out of the driver's source, where the compiler checks it too.
///
/// # Errors
/// The text has no table, or it is not of the expected form.
pub fn read_table(source: &str) -> Result<Vec<Layout>, String> {
    let table = source
        .split("\nlayouts! {")
        .nth(1)
        .ok_or("no layouts! table")?;
    let mut words = table
        .lines()
        .filter(|line| !line.trim_start().starts_with("#["))
        .flat_map(|line| line.split([' ', ',', ':']))
        .filter(|word| !word.is_empty());
    let mut layouts = Vec::new();
    while let Some(name) = words.next().filter(|word| *word != "}") {
        let size = number(words.next())?;
        if words.next() != Some("{") {
            return Err(format!("no members after {name}"));
        }
        let mut members = Vec::new();
        while let Some(member) = words.next().filter(|word| *word != "}") {
            members.push((member.to_owned(), number(words.next())?));
        }
        layouts.push(Layout {
            name: name.to_owned(),
            size,
            members,
        });
    }
    Ok(layouts)
}

fn number(word: Option<&str>) -> Result<usize, String> {
    let word = word.ok_or("the table ends early")?;
    word.parse()
        .map_err(|_| format!("'{word}' is not a number"))
}

/// A C file that compiles only if the declarations have exactly these layouts.
pub fn assertions(layouts: &[Layout]) -> String {
    let mut text = String::from("#include \"declarations.h\"\n");
    for Layout {
        name,
        size,
        members,
    } in layouts
    {
        text += &format!("_Static_assert(sizeof({name}) == {size}, \"sizeof({name})\");\n");
        for (member, offset) in members {
            text += &format!(
                "_Static_assert(offsetof({name}, {member}) == {offset}, \"{name}.{member}\");\n"
            );
        }
    }
    text
}

/// Members of the `pub struct`s in a Rust source, by structure.
pub fn struct_members(source: &str) -> Vec<(String, Vec<String>)> {
    let mut structures: Vec<(String, Vec<String>)> = Vec::new();
    let mut inside = false;
    for line in source.lines() {
        if let Some(rest) = line.strip_prefix("pub struct ")
            && rest.ends_with('{')
        {
            let name = rest.trim_end_matches(['{', ' ']).to_owned();
            structures.push((name, Vec::new()));
            inside = true;
        } else if line == "}" {
            inside = false;
        } else if inside
            && let Some((member, _)) = line
                .strip_prefix("    pub ")
                .and_then(|m| m.split_once(':'))
            && let Some((_, members)) = structures.last_mut()
        {
            members.push(member.to_owned());
        }
    }
    structures
}
