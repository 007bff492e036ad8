//! Steps of packaging the driver on Linux that no distribution's tool has.
//!
//! * [`image`] makes a linked image independent of the folder it was built in.
//! * [`catalog`] writes the package's catalog, unsigned, and reads catalogs.
//! * [`verify`] checks a finished package.
//! * [`archive`] zips one, always to the same bytes.
#![forbid(unsafe_code)]

pub mod archive;
pub mod authenticode;
pub mod catalog;
pub mod checksum;
pub mod cli;
pub mod date;
pub mod der;
pub mod error;
pub mod guid;
pub mod image;
pub mod inf;
pub mod pdb;
pub mod pe;
pub mod verify;
pub mod version;
