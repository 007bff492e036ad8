//! Whatever a file holds, it is read and judged.

use inf_check::{
    check,
    parse::Inf,
    stamp::Stamp,
    target::Architecture,
    text::{Encoding, encode},
};
use proptest::prelude::*;

mod common;

fn judge(bytes: &[u8]) {
    let inf = Inf::parse(bytes);
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    for architecture in [Architecture::Amd64, Architecture::Arm64] {
        for finding in check(&inf, architecture) {
            assert!(finding.line >= 1 && finding.line <= lines.max(1));
        }
    }
    let stamp = Stamp::new(Architecture::Amd64, "07/01/2025", "1.0.0.0").expect("a stamp");
    let _ = stamp.apply(bytes);
}

/// Pieces of which INFs are made, so that arbitrary ones reach the rules.
fn piece() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "[",
        "]",
        "=",
        ",",
        "\"",
        "\"\"",
        "\\",
        ";",
        "%",
        "%%",
        "%13%",
        "\n",
        "\r\n",
        " ",
        "HKR",
        "[Version]\n",
        "[Strings]\n",
        "[DefaultInstall.NTamd64]\n",
        "CopyFiles=a\n",
        "[a]\n",
        "[DefaultInstall.NTamd64.Services]\n",
        "AddService=s,,a,a\n",
        "AddReg=a\n",
        "0x10001",
        "[DestinationDirs]\n",
        "Security=",
        "D:P(A;;GA;;;SY)",
        "LoadOrderGroup=",
        "Altitude",
        "DefaultInstall.NTamd64.10.0...25952",
        "ServiceBinary=%12%\\x\n",
        "\u{e4}",
        "\0",
    ]);
    prop_oneof![4 => words.prop_map(str::to_owned), 1 => any::<String>()]
}

proptest! {
    #[test]
    fn bytes_are_read(bytes: Vec<u8>) {
        judge(&bytes);
    }

    #[test]
    fn text_is_read(pieces in prop::collection::vec(piece(), 0..60)) {
        judge(pieces.concat().as_bytes());
    }

    /// The real one with something anywhere in it.
    #[test]
    fn edits_are_read(place in any::<prop::sample::Index>(), length in 0_usize..40, new in piece()) {
        let mut bytes = common::stamped(common::INX, Architecture::Amd64);
        let from = place.index(bytes.len());
        let to = bytes.len().min(from + length);
        bytes.splice(from..to, new.into_bytes());
        judge(&bytes);
    }

    #[test]
    fn encodings_mean_the_same(text in "(\\[[a-z]\\]|[a-z=,;\"%\\\\ \u{e4}]|\n){0,40}") {
        let plain = format!("{:?}", Inf::parse(text.as_bytes()).sections);
        for encoding in [Encoding::Utf8, Encoding::Utf16Le, Encoding::Utf16Be] {
            let inf = Inf::parse(&encode(encoding, &text));
            prop_assert_eq!(&plain, &format!("{:?}", inf.sections));
        }
    }
}
