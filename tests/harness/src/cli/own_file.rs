//! Files that a command makes for itself.

use super::Failure;
use crate::{
    client::{Coded, Platform},
    scratch::{Scratch, ScratchError},
};

/// Where: as asked for, or a place that every simulated machine has.
pub fn path(asked: Option<String>, simulated: bool, default: &str) -> Result<String, Failure> {
    match asked {
        Some(path) => Ok(path),
        None if simulated => Ok(default.to_owned()),
        None => Err(Failure::new(
            "FILE is missing: name a file on a DAX volume that is not there yet; it is deleted at the end",
        )),
    }
}

/// Makes one.
pub fn create<P: Platform>(platform: &P, path: &str, bytes: u64) -> Result<Scratch<P>, Failure>
where
    P::Error: Coded,
{
    Scratch::create(platform, path, bytes).map_err(|error| match error {
        ScratchError::There => Failure::new(format_args!("{path}: {error}"))
            .advise("name another file: this command makes its own and deletes it at the end"),
        ScratchError::Client(error) => Failure::of(path, &error),
    })
}
