//! `daxctl tokens`: the Rtl*NonVolatile* family on a region of a file, step by step.

use super::{
    failure::{Failure, Outcome},
    files::OpenFile,
    number,
    output::{grouped, json, say},
    site::{Site, Visit},
};
use crate::client::{Coded, Device, Platform};
use daxflush_protocol::{FileRange, flush_flag, write_flag};
use serde::Serialize;
use std::process::ExitCode;

/// What it takes.
#[derive(clap::Args)]
#[command(after_help = "Steps, done in order through one token:
  write OFFSET TEXT [flush|non-temporal|persist|no-drain]
  fill OFFSET:LENGTH BYTE [flush|non-temporal|persist|no-drain]
  flush OFFSET:LENGTH [no-drain]
  drain
Without a word behind it a write or fill is stored and stays dirty until a commit. no-drain means a
flush whose drain is a step of its own. The token is freed at the end.

Example: daxctl tokens 'D:\\orders.log' --region 0:64K write 0 hello flush fill 4K:64 0xff flush 4K:64 no-drain drain")]
pub struct Arguments {
    /// The file, which you may write
    file: String,
    /// The region that the token stands for
    #[arg(long, value_name = "OFFSET:LENGTH", value_parser = number::range)]
    region: FileRange,
    /// The steps; see below
    #[arg(required = true, value_name = "STEP")]
    steps: Vec<String>,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Write {
        offset: u64,
        data: Vec<u8>,
        flags: u32,
    },
    Fill {
        range: FileRange,
        value: u8,
        flags: u32,
    },
    Flush {
        range: FileRange,
        flags: u32,
    },
    Drain,
}

fn parse(words: &[String]) -> Result<Vec<Step>, String> {
    let mut words = words.iter().map(String::as_str).peekable();
    let mut steps = Vec::new();
    while let Some(word) = words.next() {
        let mut argument = |what: &str| {
            words
                .next()
                .ok_or_else(|| format!("{word}: {what} is missing"))
        };
        let step = match word {
            "write" => Step::Write {
                offset: number::size(argument("OFFSET")?)?,
                data: argument("TEXT")?.as_bytes().to_vec(),
                flags: 0,
            },
            "fill" => Step::Fill {
                range: number::range(argument("OFFSET:LENGTH")?)?,
                value: number::byte(argument("BYTE")?)?,
                flags: 0,
            },
            "flush" => Step::Flush {
                range: number::range(argument("OFFSET:LENGTH")?)?,
                flags: 0,
            },
            "drain" => Step::Drain,
            other => return Err(format!("{other} is no step: write, fill, flush or drain")),
        };
        steps.push(
            match (step, words.peek().and_then(|word| store_flags(word))) {
                (Step::Write { offset, data, .. }, Some(flags))
                    if !data.is_empty() && !is_step(&mut words) =>
                {
                    words.next();
                    Step::Write {
                        offset,
                        data,
                        flags,
                    }
                }
                (Step::Fill { range, value, .. }, Some(flags)) if !is_step(&mut words) => {
                    words.next();
                    Step::Fill {
                        range,
                        value,
                        flags,
                    }
                }
                (Step::Flush { range, .. }, Some(_)) if words.peek() == Some(&"no-drain") => {
                    words.next();
                    let flags = flush_flag::NO_DRAIN;
                    Step::Flush { range, flags }
                }
                (step, _) => step,
            },
        );
    }
    Ok(steps)
}

/// Whether the next word is a `flush` with a range behind it, a step, and not a flag.
fn is_step<'a>(words: &mut std::iter::Peekable<impl Iterator<Item = &'a str> + Clone>) -> bool {
    let mut ahead = words.clone();
    ahead.next() == Some("flush") && ahead.next().is_some_and(|word| number::range(word).is_ok())
}

fn store_flags(word: &str) -> Option<u32> {
    match word {
        "flush" => Some(write_flag::FLUSH),
        "non-temporal" => Some(write_flag::NON_TEMPORAL),
        "persist" => Some(write_flag::PERSIST),
        "no-drain" => Some(write_flag::FLUSH | write_flag::NO_DRAIN),
        _ => None,
    }
}

#[derive(Serialize)]
struct Done {
    step: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<u64>,
    /// Whether what the step did is durable when it has ended.
    durable: bool,
}

impl Step {
    fn take<P: Platform>(&self, device: &Device<P>, token: u64) -> Result<Done, Failure>
    where
        P::Error: Coded,
    {
        let drains = |flags| flags != 0 && flags & write_flag::NO_DRAIN == 0;
        let (name, result, durable) = match self {
            Self::Write {
                offset,
                data,
                flags,
            } => (
                format!("write {} bytes at {offset}", data.len()),
                device
                    .write_token(token, *offset, data, *flags)
                    .map(|()| None),
                drains(*flags),
            ),
            Self::Fill {
                range,
                value,
                flags,
            } => (
                format!("fill {}:{} with {value:#04x}", range.offset, range.length),
                device
                    .fill_token(token, *range, *value, *flags)
                    .map(|()| None),
                drains(*flags),
            ),
            Self::Flush { range, flags } => (
                format!("flush {}:{}", range.offset, range.length),
                device.flush_token(token, &[*range], *flags).map(Some),
                *flags == 0,
            ),
            Self::Drain => (
                "drain".into(),
                device.drain_token(token).map(|()| None),
                true,
            ),
        };
        let lines = result.map_err(|error| Failure::of(&name, &error))?;
        Ok(Done {
            step: name,
            lines,
            durable,
        })
    }
}

impl Visit for Arguments {
    fn on<P: Platform>(self, site: &Site<'_, P>) -> Outcome
    where
        P::Error: Coded,
    {
        let steps = parse(&self.steps).map_err(Failure::new)?;
        let device = site.device()?;
        let file = OpenFile::new(&site.platform, &self.file)?;
        let token = device.get_token(file.handle(), self.region.offset, self.region.length);
        let token = token
            .map_err(|error| Failure::of(format_args!("a token for {}", self.file), &error))?;
        let mut all = Vec::new();
        for step in &steps {
            let done = step.take(&device, token)?;
            if !site.json {
                let lines = done
                    .lines
                    .map_or_else(String::new, |lines| format!(", {} lines", grouped(lines)));
                let state = if done.durable {
                    "durable"
                } else {
                    "not durable yet"
                };
                say!("{}{lines}: {state}", done.step);
            }
            all.push(done);
        }
        let freed = device.free_token(token);
        freed.map_err(|error| Failure::of("free the token", &error))?;
        if site.json {
            json(&all)?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::{Step, parse};
    use daxflush_protocol::{FileRange, flush_flag, write_flag};

    fn steps(text: &str) -> Result<Vec<Step>, String> {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        parse(&words)
    }

    #[test]
    fn steps_follow_each_other() {
        let range = FileRange {
            offset: 4096,
            length: 64,
        };
        let found = steps("write 0 hello flush fill 4K:64 0xff flush 4K:64 no-drain drain");
        let expected = vec![
            Step::Write {
                offset: 0,
                data: b"hello".to_vec(),
                flags: write_flag::FLUSH,
            },
            Step::Fill {
                range,
                value: 255,
                flags: 0,
            },
            Step::Flush {
                range,
                flags: flush_flag::NO_DRAIN,
            },
            Step::Drain,
        ];
        assert_eq!(found, Ok(expected));
        for bad in [
            "write",
            "write 0",
            "fill 0:1",
            "fill 0:1 256",
            "flush",
            "flush 3",
            "erase",
        ] {
            assert!(steps(bad).is_err(), "{bad}");
        }
    }
}
