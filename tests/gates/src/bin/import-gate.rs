//! import-gate DRIVER...: fails if a driver could not be loaded by Windows 10 1703.

use daxflush_gates::imports::{Availability, check, names};
use std::process::ExitCode;

fn main() -> ExitCode {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    if paths.is_empty() || paths.iter().any(|path| path.starts_with('-')) {
        eprintln!("Usage: import-gate DRIVER...");
        eprintln!("Checks what drivers import, and their headers, against Windows 10 1703.");
        return ExitCode::from(2);
    }
    let available = Availability::reference();
    let mut failed = false;
    for path in paths {
        let image = match std::fs::read(&path) {
            Ok(image) => image,
            Err(error) => {
                eprintln!("import-gate: {path}: {error}");
                return ExitCode::from(2);
            }
        };
        let faults = check(&image, &available);
        for fault in &faults {
            eprintln!("import-gate: {path}: {fault}");
        }
        if faults.is_empty() {
            println!(
                "import-gate: {path}: {} imports, all in 1703",
                names(&image).len()
            );
        }
        failed |= !faults.is_empty();
    }
    ExitCode::from(u8::from(failed))
}
