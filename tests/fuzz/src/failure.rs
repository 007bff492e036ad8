//! Keeping the input that ends the process by a bugcheck, which libFuzzer does not see.

use std::{
    fs, io,
    path::PathBuf,
    sync::{LazyLock, Mutex, Once},
};

static CURRENT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Remembers the input that is about to be done. At a bugcheck it is written to the folder that
/// `DAXFLUSH_FUZZ_FAILURES` names.
pub fn remember(data: &[u8]) {
    static NOTE: Once = Once::new();
    NOTE.call_once(|| ntsim_machine::fault::set_note(note));
    if let Ok(mut current) = CURRENT.lock() {
        current.clear();
        current.extend(data);
    }
}

/// Added to a bugcheck's text.
fn note(to: &mut dyn io::Write) {
    // Another thread may hold it: then the input stays unknown, and the bugcheck is told.
    let Ok(input) = CURRENT.try_lock() else {
        return;
    };
    let folder = std::env::var_os("DAXFLUSH_FUZZ_FAILURES").unwrap_or_else(|| ".".into());
    let path = PathBuf::from(folder).join(format!("crash-bugcheck-{}", std::process::id()));
    let _ = match fs::write(&path, &*input) {
        Ok(()) => writeln!(to, "    input: {}", path.display()),
        Err(error) => writeln!(to, "    the input cannot be written: {error}"),
    };
}

/// Whether `DAXFLUSH_FUZZ_VERBOSE` is set: targets then tell what they do.
pub fn is_verbose() -> bool {
    static VERBOSE: LazyLock<bool> =
        LazyLock::new(|| std::env::var_os("DAXFLUSH_FUZZ_VERBOSE").is_some());
    *VERBOSE
}
