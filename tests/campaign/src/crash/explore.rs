//! Power cuts at every point of a recording, with every choice of survivors or many.

use super::{
    effort::{Chosen, Effort, Explored},
    image::{Image, Recovery},
    marks::{Mark, Recording},
    memory::{LINE, Memory, UNIT, Version, part},
    page,
    promise::Promise,
    seen::Seen,
    state::State,
    subset::{Subset, Undrained, combinations},
};
use daxctl::random::mix;
use ntsim::JournalEntry;

/// Goes through a recording.
pub struct Explorer<'a> {
    recording: &'a Recording,
    recovery: Option<&'a dyn Recovery>,
    effort: Effort,
    seed: u64,
    only: Option<Chosen>,
    pub(super) memory: Memory,
    pub(super) promise: Promise,
    seen: Seen,
    /// What is counted.
    pub explored: Explored,
    /// Entry of the journal that is being acted.
    at: usize,
    looked: (u64, u64),
    sizes: u128,
}

impl<'a> Explorer<'a> {
    /// Begins at the beginning of a recording.
    pub fn new(recording: &'a Recording, recovery: Option<&'a dyn Recovery>, seed: u64) -> Self {
        Self {
            recording,
            recovery,
            effort: Effort::FULL,
            seed,
            only: None,
            memory: Memory::new(&super::areas::of(recording)),
            promise: Promise::default(),
            seen: Seen::default(),
            explored: Explored::default(),
            at: 0,
            looked: (u64::MAX, 0),
            sizes: 0,
        }
    }

    /// Tries more, or less.
    pub fn with_effort(mut self, effort: Effort) -> Self {
        self.effort = effort;
        self
    }

    /// Looks at one image only, and tells of it even if nothing is wrong.
    pub fn only(mut self, chosen: Chosen) -> Self {
        self.only = Some(chosen);
        self
    }

    /// Goes on to the end, or to the first failure.
    pub fn run(mut self) -> Explored {
        for at in 0..self.recording.journal.len() {
            self.at = at;
            self.act(at);
            if self.explored.failure.is_some() {
                break;
            }
        }
        self.explored.distinct = self.seen.distinct();
        self.explored.commits = self.promise.ended;
        self.explored
    }

    fn act(&mut self, at: usize) {
        let recording = self.recording;
        match &recording.journal[at].entry {
            JournalEntry::Store { offset, data } => {
                // Each line's part is a store of its own, or even each 8 bytes.
                for (place, count) in Memory::pieces(*offset, data.len(), self.effort.grain) {
                    let from = (place - offset) as usize;
                    self.memory.store(place, &data[from..from + count]);
                    self.point();
                }
                return;
            }
            JournalEntry::Flush {
                processor,
                line,
                bytes,
            } => {
                let line = self.memory.line(*line);
                // What nobody told of was stored before: it is a point by itself.
                self.memory.see(line, bytes);
                self.point();
                self.memory.flush(*processor, line, bytes);
            }
            JournalEntry::OrderedFlush { line, bytes } => {
                let line = self.memory.line(*line);
                self.memory.see(line, bytes);
                self.point();
                self.memory.flush_in_order(line, bytes);
            }
            JournalEntry::NtStore {
                processor,
                offset,
                data,
            } => self.memory.nt_store(*processor, *offset, data),
            JournalEntry::Fence { processor } => self.memory.fence(*processor),
            JournalEntry::Declared { start, end } => self.memory.declare(*start, *end),
            JournalEntry::Zeroed { start, end } => self.memory.zero(*start, *end),
            JournalEntry::Mark(number) => {
                let mark = &recording.marks[*number as usize];
                if let Mark::Durable { file, bytes } = mark {
                    return self.compare(*file, bytes);
                }
                self.promise.mark(mark);
                self.sizes = self.metadata();
            }
        }
        self.point();
    }

    /// The simulator's model of persistence must have come to the same.
    fn compare(&mut self, file: usize, bytes: &[u8]) {
        let image = Image::new(&self.memory, &self.promise);
        let found = image.file(file);
        let known = found.len().min(bytes.len());
        let same = found[..known] == bytes[..known];
        self.explored.compared += bytes.len() as u64;
        if !same || bytes[known..].iter().any(|byte| *byte != 0) {
            let first = (0..known).find(|at| found[*at] != bytes[*at]);
            let what =
                format!("the two models of persistence disagree about file {file} at {first:?}");
            self.explored.failure = Some(page::of_models(self, what));
        }
    }

    /// Names and sizes are durable at once.
    fn metadata(&self) -> u128 {
        let sizes = self.promise.files.iter().map(|(number, file)| {
            let mut bytes = [0; LINE];
            bytes[..8].copy_from_slice(&file.size.to_le_bytes());
            bytes[8..16].copy_from_slice(&file.region.to_le_bytes());
            part(u32::MAX - *number as u32, &bytes)
        });
        sizes.fold(0, |hash, size| hash ^ size)
    }

    /// The power may go here.
    fn point(&mut self) {
        let number = self.explored.points;
        self.explored.points += 1;
        if self.explored.failure.is_some() {
            return;
        }
        let now = (self.memory.changes, self.promise.epoch);
        // Each promise is looked at when it is made.
        let is_left_out = now.1 == self.looked.1 && !number.is_multiple_of(self.effort.every);
        if self.only.is_none() && (now == self.looked || is_left_out) {
            self.explored.unchanged += 1;
            return;
        }
        if self.only.is_some_and(|chosen| chosen.point != number) {
            return;
        }
        self.looked = now;
        let settled = std::mem::take(&mut self.memory.settled);
        let narrowed = std::mem::take(&mut self.promise.narrowed);
        let narrowed = narrowed.iter().filter_map(|place| self.memory.find(*place));
        let all = std::mem::take(&mut self.promise.is_fresh) || self.only.is_some();
        let wrong = if all {
            self.wrong_on_the_floor(0..self.lines())
        } else {
            self.wrong_on_the_floor(settled.into_iter().chain(narrowed))
        };
        if let Some(line) = wrong {
            self.explored.states += 1;
            let none = Subset::None;
            let page = page::of_line(self, &[], number, none, line);
            self.explored.failure = Some(page);
            return;
        }
        let undrained = self.take_undrained();
        self.explored.most_lines = self.explored.most_lines.max(undrained.len());
        let failed = match self.only {
            Some(chosen) => self.try_one(&undrained, chosen.subset),
            None => self.try_all(&undrained),
        };
        if let Some((subset, what)) = failed {
            self.explored.failure = Some(page::of(self, &undrained, number, subset, what));
        } else if self.only.is_some() {
            let chosen = self.only.map_or(Subset::None, |chosen| chosen.subset);
            // The figures alone go to the standard output.
            eprintln!("{}", page::clean(self, &undrained, number, chosen));
        }
        self.memory.undrained = undrained.into_iter().collect();
    }

    fn lines(&self) -> u32 {
        (self.memory.floor.len() / LINE) as u32
    }

    /// A line that is durable and must not be so.
    fn wrong_on_the_floor(&self, lines: impl IntoIterator<Item = u32>) -> Option<u32> {
        lines.into_iter().find(|line| {
            let is_settled = !self.memory.undrained.contains_key(line);
            is_settled && self.wrong(*line, self.memory.durable(*line)) != 0
        })
    }

    /// The units of a line that must not be found so.
    pub(super) fn wrong(&self, line: u32, bytes: &[u8; LINE]) -> u8 {
        let found = self.promise.file_at(self.memory.offset(line));
        found.map_or(0, |(file, offset)| self.promise.wrong(file, offset, bytes))
    }

    /// The undrained lines, with what is wrong with each of their versions.
    fn take_undrained(&mut self) -> Vec<(u32, Vec<Version>)> {
        let epoch = self.promise.epoch;
        let taken = std::mem::take(&mut self.memory.undrained);
        let mut undrained: Vec<_> = taken.into_iter().collect();
        for (line, versions) in &mut undrained {
            for version in versions {
                if version.wrong.is_none_or(|(at, _)| at != epoch) {
                    version.wrong = Some((epoch, self.wrong(*line, &version.bytes)));
                }
            }
        }
        undrained
    }

    fn try_one(&mut self, undrained: &Undrained, subset: Subset) -> Option<(Subset, String)> {
        let mut state = State::new(&self.memory, undrained);
        state.choose(&mut self.memory, subset);
        let failed = self.check(&state, subset);
        state.choose(&mut self.memory, Subset::None);
        failed
    }

    fn try_all(&mut self, undrained: &Undrained) -> Option<(Subset, String)> {
        let mut state = State::new(&self.memory, undrained);
        let failed = self.try_lines(&mut state).or_else(|| {
            let units = if undrained.is_empty() {
                0
            } else {
                self.effort.units
            };
            let base = mix(self.seed ^ mix(self.explored.points));
            (0..units).find_map(|number| self.attempt(&mut state, Subset::Units(base ^ number)))
        });
        state.choose(&mut self.memory, Subset::None);
        failed
    }

    fn try_lines(&mut self, state: &mut State<'_>) -> Option<(Subset, String)> {
        let undrained = state.undrained;
        if let Some(count) = combinations(undrained, self.effort.combinations) {
            self.explored.exhaustive += 1;
            return (0..count).find_map(|number| self.attempt(state, Subset::Combination(number)));
        }
        let base = mix(self.seed ^ mix(!self.explored.points));
        let alone: Vec<usize> = if undrained.len() <= self.effort.alone {
            (0..undrained.len()).collect()
        } else {
            let chosen = 0..self.effort.alone as u64;
            chosen
                .map(|number| (mix(base ^ number) % undrained.len() as u64) as usize)
                .collect()
        };
        let mut subsets = vec![Subset::None, Subset::All];
        for line in alone {
            let versions = 1..undrained[line].1.len();
            subsets.extend(versions.map(|version| Subset::Only { line, version }));
            subsets.push(Subset::Without(line));
        }
        subsets.extend((0..self.effort.lines).map(|number| Subset::Lines(base ^ number)));
        subsets
            .into_iter()
            .find_map(|subset| self.attempt(state, subset))
    }

    fn attempt(&mut self, state: &mut State<'_>, subset: Subset) -> Option<(Subset, String)> {
        state.choose(&mut self.memory, subset);
        self.explored.states += 1;
        let image = state.hash ^ self.sizes;
        if !self.seen.is_new(image, self.promise.epoch) {
            return None;
        }
        self.check(state, subset)
    }

    /// Holds an image against what is promised, and lets its program recover.
    fn check(&mut self, state: &State<'_>, subset: Subset) -> Option<(Subset, String)> {
        self.explored.checked += 1;
        if state.wrong != 0 {
            return Some((subset, String::new()));
        }
        let recovery = self.recovery?;
        self.explored.recovered += 1;
        let recovered = recovery.recover(&Image::new(&self.memory, &self.promise));
        recovered.err().map(|what| (subset, what))
    }

    /// The recording, and where in it.
    pub(super) fn place(&self) -> (&'a Recording, usize) {
        (self.recording, self.at)
    }
}

/// The 8 aligned bytes number `unit` of a line.
pub fn unit(bytes: &[u8; LINE], unit: usize) -> &[u8] {
    &bytes[unit * UNIT..(unit + 1) * UNIT]
}
