//! Command lines, and scripts that complete them.

use crate::run::{daxctl, text};
use clap::{CommandFactory, Parser};
use daxctl::cli::Arguments;

#[test]
fn the_definition_of_the_command_line_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn every_command_parses() {
    let lines = [
        "status",
        "status --prometheus",
        "status --json --sim private --driver x.sys --color never",
        "volumes",
        "streams",
        "streams disk --sort commits --top 3",
        "commit a b --range 4K:64 --no-drain",
        "mark a 0:64 0x1000:1_024",
        "tokens a --region 0:64K write 0 x flush drain",
        "settings",
        "settings TraceLevel",
        "settings TraceLevel 5 --store",
        "selftest",
        "bench",
        "bench a --seconds 1 --seed 2",
        "stress",
        "stress a --seconds 1 --threads 2 --files 3 --seed 4",
        "watch",
        "watch --interval 0.5 --sort lines --since-start --picture a.svg --looks 3",
        "report",
        "report x.tsv --output a.html --data a.json --power-cuts 3 --seed 2 --mapped log",
        "report --from a.json",
        "report --seconds 3 --file a --bytes 1M",
        "record -o a.tsv.gz --watch folder -- program argument",
        "trace --level 5 --seconds 1 --events 2 --only Commit,Write",
        "replay x.tsv --power-cuts 3 --seed 1 --mapped log --log-entries 64",
        "table a.json b.json",
        "simulate --socket a --idle --volume E",
        "simulate --trace a --loop --rate 0",
        "completions bash",
    ];
    let mut commands: Vec<_> = Arguments::command()
        .get_subcommands()
        .map(|command| command.get_name().to_owned())
        .collect();
    for line in lines {
        let parsed = Arguments::try_parse_from(format!("daxctl {line}").split(' '));
        assert!(parsed.is_ok(), "{line}: {:?}", parsed.err());
        commands.retain(|command| line.split(' ').next() != Some(command));
    }
    assert!(commands.is_empty(), "not tried: {commands:?}");
}

#[test]
fn what_contradicts_itself_does_not_parse() {
    for line in [
        "",
        "nothing",
        "status --prometheus --json",
        "settings --store",
        "simulate --idle --trace a",
        "simulate --loop",
        "report x.tsv --from a.json",
        "report x.tsv --seconds 3",
        "watch --looks 3",
        "bench --seconds 0",
        "stress --threads 0",
        "stress --threads 17",
        "stress --files 33",
        "trace --level 6",
        "commit",
        "mark a",
        "streams --sort size",
    ] {
        let words = format!("daxctl {line}");
        assert!(
            Arguments::try_parse_from(words.trim().split(' ')).is_err(),
            "{line}"
        );
    }
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = text(&daxctl(&["completions", shell]));
        for word in ["streams", "stress", "--prometheus"] {
            let word = word.trim_start_matches("--");
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn every_command_explains_itself() {
    for command in Arguments::command().get_subcommands() {
        assert!(command.get_about().is_some(), "{}", command.get_name());
        for argument in command.get_arguments() {
            let name = argument.get_id();
            assert!(
                argument.get_help().is_some(),
                "{} {name}",
                command.get_name()
            );
        }
    }
}
