//! Colours: on a terminal only, unless they are asked for.

use crate::run::{command, error};

const ESCAPE: u8 = 0x1b;

fn colored(options: &[&str], no_color: bool) -> (bool, bool) {
    let shown = |arguments: &[&str]| {
        let mut command = command(&[options, arguments].concat());
        if no_color {
            command.env("NO_COLOR", "1");
        }
        command.output().expect("daxctl runs")
    };
    let good = shown(&["--sim", "private", "selftest"]);
    assert_eq!(good.status.code(), Some(0), "{}", error(&good));
    let bad = shown(&["--sim", "private", "--driver", "/no/such.sys", "status"]);
    assert_eq!(bad.status.code(), Some(2));
    (good.stdout.contains(&ESCAPE), bad.stderr.contains(&ESCAPE))
}

#[test]
fn a_pipe_gets_none() {
    assert_eq!(colored(&[], false), (false, false));
}

#[test]
fn never_and_no_color_mean_none() {
    assert_eq!(colored(&["--color", "never"], false), (false, false));
    assert_eq!(colored(&[], true), (false, false));
    assert_eq!(colored(&["--color", "never"], true), (false, false));
}

#[test]
fn always_means_a_pipe_too() {
    assert!(colored(&["--color", "always"], false).0);
    assert!(
        colored(&["--color", "always"], true).0,
        "the option is nearer"
    );
}
