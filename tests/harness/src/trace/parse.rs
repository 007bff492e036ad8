//! Reading a trace, plain or gzip, as a whole before anything is done with it.

use super::{Op, Step, Trace, TraceError, check};
use flate2::read::MultiGzDecoder;
use std::{
    fs,
    io::{self, Read},
    path::Path,
};

/// The first line of every trace.
pub(super) const HEADER: &str = "# storage trace 1";
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Keeps a small file from asking for all memory there is; a trace of any length that is of use is shorter.
const MAX_UNPACKED: u64 = 1 << 30;

/// Reads and checks a trace.
///
/// # Errors
/// The file cannot be read, or a line of it is wrong; the error names the line.
pub fn read(path: &Path) -> Result<Trace, TraceError> {
    let bytes = fs::read(path).map_err(|source| unreadable(path, source))?;
    from_bytes(path, &bytes)
}

/// Reads and checks a trace that is in memory; the path is for messages.
///
/// # Errors
/// It cannot be unpacked, or a line of it is wrong.
pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Trace, TraceError> {
    let text = unpack(bytes).map_err(|source| unreadable(path, source))?;
    let at = |line, reason| TraceError::Line {
        path: path.into(),
        line,
        reason,
    };
    let mut steps = Vec::new();
    for (index, text) in text.lines().enumerate() {
        let line = index + 1;
        if line == 1 && !text.starts_with(HEADER) {
            return Err(at(
                line,
                format!("not a storage trace: it must begin with '{HEADER}'"),
            ));
        }
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let op = parse(text).map_err(|reason| at(line, reason))?;
        steps.push(Step { line, op });
    }
    if text.is_empty() {
        return Err(at(
            1,
            format!("the file is empty; a trace begins with '{HEADER}'"),
        ));
    }
    check::check(&steps).map_err(|(line, reason)| at(line, reason))?;
    Ok(Trace {
        path: path.into(),
        steps,
    })
}

fn unreadable(path: &Path, source: io::Error) -> TraceError {
    TraceError::Read {
        path: path.into(),
        source,
    }
}

fn unpack(bytes: &[u8]) -> io::Result<String> {
    let invalid = |reason| io::Error::new(io::ErrorKind::InvalidData, reason);
    let bytes = if bytes.starts_with(&GZIP_MAGIC) {
        let mut unpacked = Vec::new();
        let decoder = MultiGzDecoder::new(bytes);
        decoder.take(MAX_UNPACKED + 1).read_to_end(&mut unpacked)?;
        if unpacked.len() as u64 > MAX_UNPACKED {
            return Err(invalid("more than 1 GiB when unpacked"));
        }
        unpacked
    } else {
        bytes.to_vec()
    };
    String::from_utf8(bytes).map_err(|_| invalid("not UTF-8 text"))
}

fn parse(line: &str) -> Result<Op, String> {
    let mut fields = line.split('\t');
    let name = fields.next().unwrap_or_default();
    let arguments: Vec<&str> = fields.collect();
    let wants: &[&str] = match name {
        "open" => &["file", "name"],
        "write" | "store" | "map" | "flushview" => &["file", "offset", "length"],
        "flush" | "delete" => &["file"],
        "truncate" => &["file", "size"],
        other => return Err(format!("unknown operation '{}'", other.escape_debug())),
    };
    if arguments.len() != wants.len() {
        let wanted = wants.join(", ");
        let found = arguments.len();
        return Err(format!(
            "{name} needs {wanted}, separated by tabs; found {found} of them"
        ));
    }
    let number = |index: usize| -> Result<u64, String> {
        let (what, text) = (wants[index], arguments[index]);
        let text = text.escape_debug().to_string();
        text.parse()
            .map_err(|_| format!("{what} of {name} is not a number: '{text}'"))
    };
    let file = u32::try_from(number(0)?).map_err(|_| "the file number is too large".to_owned())?;
    Ok(match name {
        "open" => Op::Open {
            file,
            name: arguments[1].to_owned(),
        },
        "write" => Op::Write {
            file,
            offset: number(1)?,
            length: number(2)?,
        },
        "store" => Op::Store {
            file,
            offset: number(1)?,
            length: number(2)?,
        },
        "map" => Op::Map {
            file,
            offset: number(1)?,
            length: number(2)?,
        },
        "flushview" => Op::FlushView {
            file,
            offset: number(1)?,
            length: number(2)?,
        },
        "flush" => Op::Flush { file },
        "truncate" => Op::Truncate {
            file,
            size: number(1)?,
        },
        _ => Op::Delete { file },
    })
}
