//! INF files of any bytes: checked for both architectures, and stamped.

use inf_check::{check, parse::Inf, stamp::Stamp, target::Architecture};

/// Reads, checks and stamps an INF.
///
/// # Panics
/// A stamped INF is stamped otherwise when it is stamped again.
pub fn run(data: &[u8]) {
    let inf = Inf::parse(data);
    for name in ["amd64", "arm64"] {
        let Some(architecture) = Architecture::from_name(name) else {
            continue;
        };
        let findings = check(&inf, architecture);
        if crate::failure::is_verbose() {
            eprintln!("  {name}: {} findings", findings.len());
        }
        let stamp = Stamp::new(architecture, "01/02/2026", "1.2.3.4").expect("a stamp");
        let Ok(stamped) = stamp.apply(data) else {
            continue;
        };
        assert_eq!(stamp.apply(&stamped).ok(), Some(stamped), "stamped twice");
    }
}
