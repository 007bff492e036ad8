//! Every target over its committed corpus, and over inputs that are made of it by chance: what
//! libFuzzer does for longer (scripts/fuzz), without libFuzzer.

use daxflush_fuzz::target::Target;
use std::{fs, panic, path::Path};

/// Inputs made by chance for each target, unless `DAXFLUSH_FUZZ_INPUTS` says how many.
const INPUTS: u32 = 2000;
const LONGEST: usize = 16 << 10;

/// A generator of numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut value = self.0;
        value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        value ^ value >> 31
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() % count.max(1) as u64) as usize
    }
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let files = fs::read_dir(root.join(target.name)).expect("a corpus");
    let mut files: Vec<_> = files.map(|file| file.expect("an entry").path()).collect();
    files.sort();
    let inputs = files.iter().map(|file| fs::read(file).expect("an input"));
    inputs.collect()
}

/// An input that differs a little from one of the corpus.
fn changed(target: &Target, corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(input.len());
        match random.below(6) {
            0 if !input.is_empty() => input[at] = random.next() as u8,
            1 if !input.is_empty() => input[at] ^= 1 << random.below(8),
            2 => drop(input.drain(at..(at + random.below(9)).min(input.len()))),
            3 => {
                let bytes = random.next().to_le_bytes();
                let count = random.below(9);
                input.splice(at..at, bytes[..count].iter().copied());
            }
            4 => {
                let other = &corpus[random.below(corpus.len())];
                let from = random.below(other.len());
                input.truncate(at);
                input.extend(&other[from..]);
            }
            _ => {
                if let Some(mutate) = target.mutate {
                    mutate(&mut input, random.next() as u32);
                }
            }
        }
    }
    input.truncate(LONGEST);
    input
}

fn run(target: &Target, input: &[u8], which: &str) {
    if panic::catch_unwind(|| target.run(input)).is_ok() {
        return;
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}", target.name));
    fs::write(&file, input).expect("the input is written");
    let (name, file) = (target.name, file.display());
    panic!("{which}; to repeat it: scripts/fuzz --target {name} --replay {file}");
}

fn all(name: &str) {
    let target = Target::named(name).expect("a target");
    let corpus = corpus(&target);
    assert!(!corpus.is_empty(), "{name} has no corpus");
    for (at, input) in corpus.iter().enumerate() {
        run(
            &target,
            input,
            &format!("input {at} of the corpus of {name}"),
        );
    }
    let seed = number("DAXFLUSH_FUZZ_SEED").unwrap_or_else(|| {
        let now = std::time::UNIX_EPOCH.elapsed().expect("a clock");
        now.as_nanos() as u64
    });
    let inputs = number("DAXFLUSH_FUZZ_INPUTS").unwrap_or(INPUTS.into());
    println!(
        "{name}: {} inputs of the corpus, {inputs} by chance, seed {seed}",
        corpus.len()
    );
    println!("again: DAXFLUSH_FUZZ_SEED={seed} cargo test --release -p daxflush-fuzz {name}");
    let mut random = Random(seed);
    for at in 0..inputs {
        let input = changed(&target, &corpus, &mut random);
        run(
            &target,
            &input,
            &format!("input {at} of seed {seed} of {name}"),
        );
    }
}

macro_rules! targets {
    ($($name:ident),*) => {
        $(
            #[test]
            fn $name() {
                all(stringify!($name));
            }
        )*

        #[test]
        fn every_target_is_tested() {
            let tested = [$(stringify!($name)),*];
            let targets = daxflush_fuzz::target::TARGETS.map(|target| target.name);
            assert_eq!(tested, targets);
        }
    };
}

targets!(ioctl, trace, loader, dirty_map, inf, protocol);
