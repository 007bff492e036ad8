//! The command line.

use crate::catalog::{member::Member, os::Os, write as catalog};
use crate::date::Date;
use crate::error::{self, Error, Result};
use crate::{archive, image, pdb, verify};
use clap::{Args, Parser, Subcommand};
use std::path::{Path, PathBuf};

/// Steps of packaging the driver on Linux that no distribution's tool has.
///
/// Ends with 0 if all is well, 1 if a check failed, and 2 if the arguments or the files given are no
/// good.
#[derive(Debug, Parser)]
#[command(name = "daxflush-package", version)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Image(Image),
    Catalog(Catalog),
    Verify(Verify),
    Zip(Zip),
}

/// Finish a linked image: the same bytes wherever it was built, and the right checksum
///
/// Its time stamps and the GUID of its PDB file, which lld takes from the PDB file and so from the
/// folder of the build, are set from a hash of the image without them. Refused are images that are
/// signed, that are not 64-bit Windows images, or that have a path of the machine that built them.
#[derive(Debug, Args)]
struct Image {
    /// The image that the linker made
    #[arg(value_name = "SYS")]
    linked: PathBuf,
    /// Where to write the finished image; this may be SYS
    #[arg(long)]
    out: PathBuf,
    /// The PDB file of the same link: a copy of it with the new GUID is written
    #[arg(long)]
    pdb: Option<PathBuf>,
    /// Where to write that copy; this may be PDB. Without it the copy is beside OUT, under the name
    /// that PDB has
    #[arg(long, requires = "pdb")]
    pdb_out: Option<PathBuf>,
    /// A string that the image must not have, such as the folder of the build; may be repeated.
    /// Beginnings of usual paths, as of home folders, are always refused
    #[arg(long, value_name = "STRING")]
    forbid: Vec<String>,
}

/// Write a catalog of files, for others to sign
///
/// It is of version 2, with SHA-1 and SHA-256 hashes, as Microsoft's are for Windows 10. The same
/// files and arguments always give the same bytes.
#[derive(Debug, Args)]
struct Catalog {
    /// Where to write the catalog
    #[arg(long)]
    out: PathBuf,
    /// A system that the package is for, as Inf2Cat's /os names it: 10_RS2_X64, 10_RS3_ARM64,
    /// 10_GE_X64; or as the catalog does: _v100_X64_RS2. May be repeated, or have commas
    #[arg(long, required = true, value_delimiter = ',', value_name = "VERSION")]
    os: Vec<Os>,
    /// A hardware ID of the package; may be repeated. A primitive driver has none
    #[arg(long, value_name = "ID")]
    hwid: Vec<String>,
    /// The day the catalog is of
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Date,
    /// The files: images (.sys, .dll, .exe), and others such as the INF
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Check a finished package, a line for every check
///
/// The folder has daxflush.sys, daxflush.inf, daxflush.cat and daxctl.exe. The catalog must list the
/// driver and the INF as they are; architecture, checksum and version must be right. That a signature
/// is valid and whose it is, osslsigncode verify tells.
#[derive(Debug, Args)]
struct Verify {
    /// The package's folder
    folder: PathBuf,
    /// Take a catalog that nobody signed yet
    #[arg(long)]
    unsigned: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Zip a folder, always to the same bytes
#[derive(Debug, Args)]
struct Zip {
    /// The folder; its own name is not in the archive
    folder: PathBuf,
    /// Where to write the archive, outside of the folder
    #[arg(long, value_name = "ZIP")]
    out: PathBuf,
    /// The day that all files in it are of
    #[arg(long, value_name = "YYYY-MM-DD")]
    date: Date,
    /// A folder for the files within the archive
    #[arg(long, value_name = "NAME")]
    prefix: Option<String>,
}

impl Arguments {
    /// Does what the arguments say; whether all checks were passed.
    pub fn run(&self) -> Result<bool> {
        match &self.command {
            Command::Image(command) => command.run().map(|()| true),
            Command::Catalog(command) => command.run().map(|()| true),
            Command::Verify(command) => command.run(),
            Command::Zip(command) => command.run().map(|()| true),
        }
    }
}

impl Image {
    fn run(&self) -> Result<()> {
        let forbidden = image::FORBIDDEN
            .into_iter()
            .chain(self.forbid.iter().map(String::as_str));
        let forbidden: Vec<_> = forbidden.collect();
        let finished = image::finish(&error::read(&self.linked)?, &forbidden)
            .map_err(|error| error.of(&self.linked))?;
        if let Some(path) = &self.pdb {
            let Some((before, after)) = finished.symbols else {
                return Err(
                    Error::new("the image names no PDB file; leave --pdb out").of(&self.linked)
                );
            };
            let mut symbols = error::read(path)?;
            pdb::rename(&mut symbols, before, after, finished.stamp)
                .map_err(|error| error.of(path))?;
            error::write(&self.pdb_out(path)?, &symbols)?;
        }
        error::write(&self.out, &finished.image)?;
        let guid = finished
            .symbols
            .map_or("none".into(), |(_, symbols)| symbols.guid.to_string());
        println!(
            "{}: GUID {guid}, time stamp {:#010x}, checksum {:#010x}",
            self.out.display(),
            finished.stamp,
            finished.checksum
        );
        Ok(())
    }

    fn pdb_out(&self, path: &Path) -> Result<PathBuf> {
        match (&self.pdb_out, path.file_name()) {
            (Some(out), _) => Ok(out.clone()),
            (None, Some(name)) => Ok(self.out.with_file_name(name)),
            (None, None) => Err(Error::new("is not a file").of(path)),
        }
    }
}

impl Catalog {
    fn run(&self) -> Result<()> {
        let members: Vec<_> = self
            .files
            .iter()
            .map(|file| Member::read(file))
            .collect::<Result<_>>()?;
        let count = members.len();
        let (systems, hardware) = (self.os.clone(), self.hwid.clone());
        let written = catalog::write(&catalog::Contents {
            members,
            systems,
            hardware,
            date: self.date,
        })?;
        error::write(&self.out, &written)?;
        println!("{}: {count} files", self.out.display());
        Ok(())
    }
}

impl Verify {
    fn run(&self) -> Result<bool> {
        let report = verify::verify(&self.folder, self.unsigned)?;
        if self.json {
            let json = serde_json::to_string_pretty(&report)
                .map_err(|error| Error::new(error.to_string()))?;
            println!("{json}");
        } else {
            for check in &report.checks {
                println!(
                    "{} {}: {}",
                    if check.ok { "ok    " } else { "FAILED" },
                    check.name,
                    check.detail
                );
            }
        }
        Ok(report.ok)
    }
}

impl Zip {
    fn run(&self) -> Result<()> {
        let inside = |out: &Path| {
            Some(
                out.parent()?
                    .canonicalize()
                    .ok()?
                    .starts_with(self.folder.canonicalize().ok()?),
            )
        };
        let out = std::path::absolute(&self.out)
            .map_err(|error| Error::new(error.to_string()).of(&self.out))?;
        if inside(&out) == Some(true) {
            return Err(
                Error::new("is in the folder to zip; write the archive elsewhere").of(&self.out),
            );
        }
        let archive = archive::zip(&self.folder, self.prefix.as_deref(), self.date)?;
        error::write(&self.out, &archive)?;
        println!("{}: {} bytes", self.out.display(), archive.len());
        Ok(())
    }
}
