//! How things look, with colours and without.

use ratatui::style::{Color, Modifier, Style};

/// The styles of the screen.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    /// Whether to use colours.
    pub color: bool,
}

impl Theme {
    fn with(self, color: Color, without: Modifier) -> Style {
        if self.color {
            Style::new().fg(color)
        } else {
            Style::new().add_modifier(without)
        }
    }

    /// The name of a part of the screen.
    pub fn title(self) -> Style {
        self.with(Color::Cyan, Modifier::empty())
    }

    /// A number that matters.
    pub fn value(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What is there to be looked at second.
    pub fn dim(self) -> Style {
        self.with(Color::DarkGray, Modifier::DIM)
    }

    /// As it should be.
    pub fn good(self) -> Style {
        self.with(Color::Green, Modifier::empty())
    }

    /// Dearer than it should be.
    pub fn warning(self) -> Style {
        self.with(Color::Yellow, Modifier::BOLD)
    }

    /// Wrong.
    pub fn bad(self) -> Style {
        self.with(Color::Red, Modifier::REVERSED)
            .add_modifier(Modifier::BOLD)
    }

    /// Curves and bars.
    pub fn plot(self) -> Style {
        self.with(Color::Blue, Modifier::empty())
    }

    /// The line with the keys.
    pub fn bar(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}
