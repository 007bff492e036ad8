//! Days, as command lines, INF files and archives have them.

use crate::error::{Error, Result};
use std::fmt;
use std::str::FromStr;

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// The year, 1980 to 2049: what a zip archive and a catalog can both say.
    pub year: u16,
    /// The month, from 1.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
}

impl Date {
    fn new(year: &str, month: &str, day: &str) -> Option<Self> {
        if !matches!((year.len(), month.len(), day.len()), (4, 1..=2, 1..=2)) {
            return None;
        }
        let date = Self {
            year: number(year)?,
            month: number(month)?.try_into().ok()?,
            day: number(day)?.try_into().ok()?,
        };
        let leap = date.year.is_multiple_of(4)
            && (!date.year.is_multiple_of(100) || date.year.is_multiple_of(400));
        let days = match date.month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        ((1980..=2049).contains(&date.year) && (1..=days).contains(&date.day)).then_some(date)
    }

    /// Reads the date of an INF's DriverVer: month/day/year.
    pub fn from_inf(text: &str) -> Option<Self> {
        let mut parts = text.split(['/', '-']);
        let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
        parts
            .next()
            .is_none()
            .then(|| Self::new(year, month, day))?
    }
}

fn number(digits: &str) -> Option<u16> {
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

impl FromStr for Date {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut parts = text.split('-');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(year), Some(month), Some(day), None) => Self::new(year, month, day),
            _ => None,
        }
        .ok_or_else(|| Error::new("give a day from 1980 to 2049 as YYYY-MM-DD"))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}
