//! A picture of a screen, without a terminal.

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};
use std::fmt::Write;

/// A cell in pixels.
const WIDTH: u32 = 9;
const HEIGHT: u32 = 19;
/// From the upper edge of a cell to the line that its letters stand on.
const ASCENT: u32 = 14;
const MARGIN: u32 = 12;

const BACKGROUND: &str = "#11151c";
const FOREGROUND: &str = "#d4d9e2";

/// An SVG of what a buffer shows: letters in a monospace font, and bars, lines and braille dots as
/// shapes, so that they meet whatever the font is.
pub fn screenshot_svg(buffer: &Buffer) -> String {
    let area = buffer.area();
    let width = u32::from(area.width) * WIDTH + 2 * MARGIN;
    let height = u32::from(area.height) * HEIGHT + 2 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" font-size=\"15\" font-family=\"'DejaVu Sans \
         Mono', 'Cascadia Mono', Consolas, Menlo, monospace\">\n<title>A terminal with daxctl \
         watch</title>\n<rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n"
    );
    for y in area.top()..area.bottom() {
        let cells: Vec<&Cell> = (area.left()..area.right())
            .filter_map(|x| buffer.cell((x, y)))
            .collect();
        row(&mut svg, &cells, u32::from(y - area.top()));
    }
    svg.push_str("</svg>\n");
    svg
}

/// How a cell looks.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Look {
    ink: &'static str,
    paper: &'static str,
    bold: bool,
    dim: bool,
}

impl Look {
    fn of(cell: &Cell) -> Self {
        let (mut ink, mut paper) = (color(cell.fg, FOREGROUND), color(cell.bg, BACKGROUND));
        if cell.modifier.contains(Modifier::REVERSED) {
            std::mem::swap(&mut ink, &mut paper);
        }
        Self {
            ink,
            paper,
            bold: cell.modifier.contains(Modifier::BOLD),
            dim: cell.modifier.contains(Modifier::DIM),
        }
    }

    fn attributes(self) -> String {
        let bold = if self.bold {
            " font-weight=\"bold\""
        } else {
            ""
        };
        let dim = if self.dim { " opacity=\"0.6\"" } else { "" };
        format!("fill=\"{}\"{bold}{dim}", self.ink)
    }
}

fn row(svg: &mut String, cells: &[&Cell], row: u32) {
    let y = MARGIN + row * HEIGHT;
    let looks: Vec<Look> = cells.iter().map(|cell| Look::of(cell)).collect();
    for (first, last) in runs(cells.len(), |left, right| looks[left] == looks[right]) {
        let look = looks[first];
        if look.paper != BACKGROUND {
            let (x, width) = (left(first), WIDTH * (last - first) as u32);
            let paper = look.paper;
            let _ = writeln!(
                svg,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{HEIGHT}\" fill=\"{paper}\"/>"
            );
        }
        let shapes: String = (first..last)
            .map(|place| shape(cells[place].symbol(), left(place), y))
            .collect();
        if !shapes.is_empty() {
            let _ = writeln!(svg, "<g {}>{shapes}</g>", look.attributes());
        }
        words(svg, &cells[first..last], first, look, y);
    }
}

fn left(column: usize) -> u32 {
    MARGIN + WIDTH * column as u32
}

/// The longest stretches in which each place is like the one before.
fn runs(length: usize, alike: impl Fn(usize, usize) -> bool) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for place in 0..length {
        match runs.last_mut() {
            Some((first, last)) if alike(*first, place) => *last = place + 1,
            _ => runs.push((place, place + 1)),
        }
    }
    runs
}

/// The letters of cells that look alike, word by word: each at its column, and as wide as its
/// columns are.
fn words(svg: &mut String, cells: &[&Cell], column: usize, look: Look, y: u32) {
    let is_text = |cell: &Cell| !cell.symbol().trim().is_empty() && !is_shape(cell.symbol());
    let found = runs(cells.len(), |left, right| {
        is_text(cells[left]) == is_text(cells[right])
    });
    for (first, last) in found.into_iter().filter(|run| is_text(cells[run.0])) {
        let text: String = cells[first..last]
            .iter()
            .map(|cell| cell.symbol())
            .collect();
        let (x, width) = (left(column + first), WIDTH * (last - first) as u32);
        let _ = writeln!(
            svg,
            "<text x=\"{x}\" y=\"{}\" textLength=\"{width}\" lengthAdjust=\"spacingAndGlyphs\" {}>{}\
             </text>",
            y + ASCENT,
            look.attributes(),
            escaped(&text),
        );
    }
}

fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}

fn is_shape(symbol: &str) -> bool {
    !shape(symbol, 0, 0).is_empty() || symbol == "\u{2800}"
}

/// Bars, lines and braille dots; nothing for a letter.
fn shape(symbol: &str, x: u32, y: u32) -> String {
    let mut characters = symbol.chars();
    let (Some(character), None) = (characters.next(), characters.next()) else {
        return String::new();
    };
    let code = u32::from(character);
    match code {
        0x2581..=0x2588 => {
            let height = (code - 0x2580) * HEIGHT / 8;
            rectangle(x, y + HEIGHT - height, WIDTH, height)
        }
        0x2801..=0x28ff => braille(code - 0x2800, x, y),
        _ => lines(character, x, y),
    }
}

fn rectangle(x: u32, y: u32, width: u32, height: u32) -> String {
    format!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"/>")
}

fn braille(dots: u32, x: u32, y: u32) -> String {
    // Column and row of each bit.
    const PLACES: [(u32, u32); 8] = [
        (0, 0),
        (0, 1),
        (0, 2),
        (1, 0),
        (1, 1),
        (1, 2),
        (0, 3),
        (1, 3),
    ];
    let set = PLACES
        .iter()
        .enumerate()
        .filter(|(bit, _)| dots >> bit & 1 != 0);
    set.map(|(_, (column, row))| {
        let (x, y) = (x + 2 + column * 4, y + 2 + row * 5);
        format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"1.5\"/>")
    })
    .collect()
}

/// Box drawing: which arms reach out of the middle of the cell.
fn lines(character: char, x: u32, y: u32) -> String {
    let (left, right, up, down) = match character {
        '─' => (true, true, false, false),
        '│' => (false, false, true, true),
        '┌' => (false, true, false, true),
        '┐' => (true, false, false, true),
        '└' => (false, true, true, false),
        '┘' => (true, false, true, false),
        '├' => (false, true, true, true),
        '┤' => (true, false, true, true),
        _ => return String::new(),
    };
    let (middle_x, middle_y) = (x + WIDTH / 2, y + HEIGHT / 2);
    let mut shapes = String::new();
    if left || right {
        let from = if left { x } else { middle_x };
        let to = if right { x + WIDTH } else { middle_x + 1 };
        shapes += &rectangle(from, middle_y, to - from, 1);
    }
    if up || down {
        let from = if up { y } else { middle_y };
        let to = if down { y + HEIGHT } else { middle_y + 1 };
        shapes += &rectangle(middle_x, from, 1, to - from);
    }
    shapes
}

fn color(color: Color, default: &'static str) -> &'static str {
    match color {
        Color::Black => "#1b202a",
        Color::Red | Color::LightRed => "#f06c6c",
        Color::Green | Color::LightGreen => "#7fce82",
        Color::Yellow | Color::LightYellow => "#ecc764",
        Color::Blue | Color::LightBlue => "#5ea2ef",
        Color::Magenta | Color::LightMagenta => "#c792ea",
        Color::Cyan | Color::LightCyan => "#59c8d6",
        Color::Gray => "#a7afbd",
        Color::DarkGray => "#79828f",
        Color::White => "#ffffff",
        Color::Reset | Color::Rgb(..) | Color::Indexed(_) => default,
    }
}
