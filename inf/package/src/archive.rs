//! Zips a folder, always to the same bytes.

use crate::date::Date;
use crate::error::{self, Error, Result};
use std::io::{Cursor, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Zips the files in `folder` and below it: in the order of their names, all of the same date and the
/// same mode. With `prefix`, they are in a folder of that name.
pub fn zip(folder: &Path, prefix: Option<&str>, date: Date) -> Result<Vec<u8>> {
    let mut files = Vec::new();
    collect(
        folder,
        &prefix.map_or(String::new(), |prefix| format!("{prefix}/")),
        &mut files,
    )?;
    if files.is_empty() {
        return Err(Error::new("there is no file in this folder").of(folder));
    }
    files.sort();
    let time = DateTime::from_date_and_time(date.year, date.month, date.day, 0, 0, 0)
        .map_err(|error| Error::new(format!("{date}: {error}")))?;
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(time)
        .unix_permissions(0o644);
    let failed = |error: &dyn std::fmt::Display| {
        Error::new(format!("the archive cannot be written: {error}"))
    };
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, path) in files {
        writer
            .start_file(name, options)
            .map_err(|error| failed(&error))?;
        writer
            .write_all(&error::read(&path)?)
            .map_err(|error| failed(&error))?;
    }
    Ok(writer
        .finish()
        .map_err(|error| failed(&error))?
        .into_inner())
}

fn collect(
    folder: &Path,
    prefix: &str,
    files: &mut Vec<(String, std::path::PathBuf)>,
) -> Result<()> {
    let failed = |error: std::io::Error| Error::new(error.to_string()).of(folder);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let name = entry.file_name();
        let name = name
            .to_str()
            .ok_or_else(|| Error::new("has a name that is not UTF-8").of(&path))?;
        let name = format!("{prefix}{name}");
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            collect(&path, &format!("{name}/"), files)?;
        } else if kind.is_file() {
            files.push((name, path));
        } else {
            return Err(
                Error::new("is neither a file nor a folder; a package has no links").of(&path),
            );
        }
    }
    Ok(())
}
