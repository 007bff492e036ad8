//! The live screen, drawn into a buffer, from samples that nobody measured.

use daxctl::{
    random::Random,
    watch::{
        Flow, Sample, Sort, Source, SourceError, State, Stream, Streams, Volume, WatchOptions,
        Window, draw, latency, screenshot_svg,
    },
};
use daxflush_protocol::{
    Histogram, Information, NEVER, StatisticsReply, StreamRecord, VolumeRecord, stream_flag,
};
use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::Buffer,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
    style::Color,
};
use std::time::Duration;

const SECOND: u64 = 10_000_000;
const NAMES: [&str; 7] = [
    r"\Device\HarddiskVolume7\ledger\accounts.mdb",
    r"\Device\HarddiskVolume7\ledger\journal-000017.wal",
    r"\Device\HarddiskVolume7\search\segments\postings-0004.idx",
    r"\Device\HarddiskVolume7\queue\outbox.log",
    r"\Device\HarddiskVolume7\cache\thumbnails.db",
    r"\Device\HarddiskVolume7\cache\thumbnails.db-journal",
    r"\Device\HarddiskVolume7\metrics\today.tsm",
];

/// A driver under a load that comes and goes.
struct Fake {
    sample: Sample,
    random: Random,
}

impl Fake {
    fn new() -> Self {
        let volume = VolumeRecord {
            id: 1,
            tracking_limit: 1 << 20,
            ..VolumeRecord::default()
        };
        let stream = |(place, name): (usize, &&str)| Stream {
            volume: 1,
            record: StreamRecord {
                id: place as u64 + 1,
                handles: 1,
                last_commit_age: NEVER,
                flags: match place {
                    0 => stream_flag::MAPPED,
                    2 => stream_flag::MAPPED | stream_flag::UNREPORTED,
                    _ => 0,
                },
                ..StreamRecord::default()
            },
            name: (*name).to_owned(),
        };
        let sample = Sample {
            time: Duration::ZERO,
            information: Information {
                protocol: 2,
                driver: [0, 2, 0],
                method: 3,
                volumes: 1,
                uptime: 93_784 * SECOND,
                ..Information::default()
            },
            statistics: StatisticsReply::default(),
            volumes: vec![Volume {
                record: volume,
                name: r"\Device\HarddiskVolume7".into(),
            }],
            streams: Streams::Known(NAMES.iter().enumerate().map(stream).collect()),
        };
        Self {
            sample,
            random: Random::new(7, 2),
        }
    }

    fn streams(&mut self) -> &mut Vec<Stream> {
        match &mut self.sample.streams {
            Streams::Known(streams) => streams,
            Streams::Unavailable(_) => panic!("a fake knows its streams"),
        }
    }
}

impl Source for Fake {
    /// A second later.
    fn sample(&mut self) -> Result<Sample, SourceError> {
        self.sample.time += Duration::from_secs(1);
        self.sample.information.uptime += SECOND;
        let second = self.sample.time.as_secs();
        let load = 60.0 + 40.0 * (second as f64 / 9.0).sin();
        let mut statistics = self.sample.statistics;
        let mut random = self.random.clone();
        let mut dirty = 0;
        for (place, stream) in self.streams().iter_mut().enumerate() {
            let record = &mut stream.record;
            let commits = (load / (1.0 + 2.0 * place as f64)) as u64 + random.below(8);
            for _ in 0..commits {
                let lines = 1 << random.below(9);
                let time = 40 + lines * 3 + (1 << random.below(10));
                record.last_commit_time = time;
                record.lines += lines;
                statistics.counters.lines += lines;
                statistics.commit_time.buckets[Histogram::bucket(time)] += 1;
                statistics.commit_time.sum += time;
            }
            record.writes += commits * 4;
            record.commits += commits;
            record.last_commit_age = random.below(SECOND / 2);
            record.dirty_lines = (load * 30.0) as u64 / (place as u64 + 1) + random.below(200);
            dirty += record.dirty_lines;
            statistics.counters.commits += commits;
            statistics.counters.writes += commits * 4;
        }
        statistics.counters.dirty_lines = dirty;
        statistics.counters.streams = NAMES.len() as u64;
        self.random = random;
        self.sample.statistics = statistics;
        let volume = &mut self.sample.volumes[0].record;
        volume.dirty_lines = dirty;
        volume.streams = NAMES.len() as u32;
        volume.tracking_bytes = 96 << 10;
        Ok(self.sample.clone())
    }
}

fn options() -> WatchOptions {
    WatchOptions {
        color: true,
        ..WatchOptions::default()
    }
}

/// What is seen after so many seconds.
fn seen(fake: &mut Fake, seconds: usize) -> State {
    let mut state = State::new(&options());
    for _ in 0..seconds {
        state.take(fake.sample());
    }
    state
}

fn drawn(state: &State, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal
        .draw(|frame| draw(frame, state))
        .expect("a drawing");
    terminal.backend().buffer().clone()
}

fn lines(buffer: &Buffer) -> Vec<String> {
    let rows = buffer
        .content()
        .chunks(usize::from(buffer.area().width).max(1));
    let text = |row: &[ratatui::buffer::Cell]| row.iter().map(|cell| cell.symbol()).collect();
    rows.map(text).collect()
}

fn text(state: &State, width: u16, height: u16) -> String {
    lines(&drawn(state, width, height)).join("\n")
}

fn press(state: &mut State, code: KeyCode) -> Flow {
    state.key(KeyEvent::new(code, KeyModifiers::NONE))
}

#[test]
fn a_small_terminal_shows_every_part() {
    let state = seen(&mut Fake::new(), 60);
    let screen = text(&state, 80, 24);
    println!("{screen}");
    for part in [
        "daxflush 0.2.0  clwb  up 1 d 02:04:04",
        "running, every 1 s",
        "writes/s ",
        "commits/s ",
        "lines flushed/s ",
        "dirty lines ",
        "commit time p50 ",
        " p99 ",
        "last 1 s",
        "streams 7 by dirty lines",
        "…accounts.mdb",
        "mapped",
        "unreported",
        "ok",
        "HarddiskVolume7 ",
        "7 streams, tracking 96 KiB of 1 MiB",
        "nothing failed, nothing refused",
        "q quit  s sort  p pause",
    ] {
        assert!(screen.contains(part), "{part:?} is not in\n{screen}");
    }
}

#[test]
fn a_large_terminal_shows_whole_names_and_all_counters() {
    let state = seen(&mut Fake::new(), 60);
    let screen = text(&state, 120, 40);
    println!("{screen}");
    for part in [
        r"ledger\accounts.mdb",
        "unreported, mapped",
        "failed commits 0  refused 0  view failures 0  log overflows 0  coarse marks 0",
    ] {
        assert!(screen.contains(part), "{part:?} is not in\n{screen}");
    }
    assert!(
        screen.contains('⠁') || screen.contains('⠤') || screen.contains('⣀'),
        "a curve"
    );
    assert!(screen.contains('█'), "bars");
}

#[test]
fn every_size_can_be_drawn() {
    let mut state = seen(&mut Fake::new(), 40);
    let empty = State::new(&options());
    for width in (0..30).chain([55, 56, 79, 80, 99, 100, 300]) {
        for height in (0..26).chain([31, 32, 80]) {
            text(&state, width, height);
            text(&empty, width, height);
        }
    }
    press(&mut state, KeyCode::Char('?'));
    text(&state, 56, 12);
    let tiny = text(&state, 20, 5);
    assert!(tiny.contains("commits/s"), "{tiny}");
    assert!(tiny.contains("dirty lines"), "{tiny}");
}

#[test]
fn rates_are_of_the_time_that_has_passed() {
    let mut state = State::new(&options());
    let mut sample = Fake::new().sample;
    state.take(Ok(sample.clone()));
    assert!(text(&state, 80, 24).contains("writes/s 0"));
    sample.time += Duration::from_secs(4);
    sample.information.uptime += 4 * SECOND;
    sample.statistics.counters.writes += 4000;
    sample.statistics.counters.commits += 2;
    state.take(Ok(sample.clone()));
    let screen = text(&state, 80, 24);
    assert!(screen.contains("writes/s 1,000"), "{screen}");
    assert!(screen.contains("commits/s 0.5"), "{screen}");

    // Loaded anew: its counters say nothing of the time before.
    sample.time += Duration::from_secs(1);
    sample.information.uptime = 0;
    sample.statistics.counters.writes = 9000;
    state.take(Ok(sample));
    assert!(text(&state, 80, 24).contains("writes/s 0"));
}

#[test]
fn what_rose_is_explained_and_in_red() {
    let mut fake = Fake::new();
    let mut state = seen(&mut fake, 5);
    fake.sample.statistics.counters.failed_commits += 3;
    let record = &mut fake.streams()[0].record;
    record.last_status = 0xC000_009A_u32.cast_signed();
    state.take(fake.sample());
    let buffer = drawn(&state, 80, 24);
    let screen = lines(&buffer);
    let alert = screen.iter().position(|line| {
        line.contains("! failed commits +3: their callers were told, and their lines stay dirty")
    });
    let alert = alert.unwrap_or_else(|| panic!("no alert in\n{}", screen.join("\n")));
    let cell = buffer.cell((2, alert as u16)).expect("a cell");
    assert_eq!(cell.fg, Color::Red);
    assert!(screen.iter().any(|line| line.contains("C000009A")));

    state.take(fake.sample());
    let screen = text(&state, 80, 24);
    assert!(screen.contains("failed commits 3"), "{screen}");
    assert!(!screen.contains("! failed"), "it did not rise again");
}

#[test]
fn alerts_that_do_not_fit_are_counted() {
    let mut fake = Fake::new();
    let mut state = seen(&mut fake, 2);
    let counters = &mut fake.sample.statistics.counters;
    counters.failed_commits += 1;
    counters.refused += 1;
    counters.coarse_marks += 1;
    state.take(fake.sample());
    assert!(text(&state, 80, 24).contains("! failed commits +1 (and 2 more): "));
}

#[test]
fn without_colours_there_are_none() {
    let plain = WatchOptions {
        color: false,
        ..options()
    };
    let mut fake = Fake::new();
    let mut state = State::new(&plain);
    for _ in 0..20 {
        fake.sample.statistics.counters.refused += 1;
        state.take(fake.sample());
    }
    let buffer = drawn(&state, 120, 40);
    let plain = |cell: &ratatui::buffer::Cell| cell.fg == Color::Reset && cell.bg == Color::Reset;
    assert!(buffer.content().iter().all(plain));
}

#[test]
fn keys_do_what_the_help_says() {
    let mut fake = Fake::new();
    let mut state = seen(&mut fake, 10);
    press(&mut state, KeyCode::Char('s'));
    assert!(text(&state, 80, 24).contains("by lines flushed/s"));
    press(&mut state, KeyCode::Left);
    assert!(text(&state, 80, 24).contains("by dirty lines"));
    press(&mut state, KeyCode::Char('h'));
    assert!(text(&state, 80, 24).contains("since start"));
    press(&mut state, KeyCode::Char('+'));
    assert!(text(&state, 80, 24).contains("every 2 s"));
    press(&mut state, KeyCode::Char('-'));
    press(&mut state, KeyCode::Char('-'));
    assert_eq!(state.every(), Duration::from_millis(500));
    press(&mut state, KeyCode::Char('p'));
    assert!(state.paused() && text(&state, 80, 24).contains("paused"));
    press(&mut state, KeyCode::Char('?'));
    assert!(text(&state, 80, 24).contains("longer or shorter intervals"));
    assert_eq!(press(&mut state, KeyCode::Esc), Flow::Continue);
    assert_eq!(press(&mut state, KeyCode::Esc), Flow::Quit);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(state.key(interrupt), Flow::Quit);
}

#[test]
fn streams_scroll_to_the_last_and_no_further() {
    let mut state = seen(&mut Fake::new(), 10);
    let first = text(&state, 80, 16);
    for _ in 0..50 {
        press(&mut state, KeyCode::Down);
    }
    let last = text(&state, 80, 16);
    assert_ne!(first, last);
    assert!(last.contains(".tsm") || last.contains("-journal"), "{last}");
    press(&mut state, KeyCode::Home);
    assert_eq!(text(&state, 80, 16), first);
}

#[test]
fn sorting_is_by_what_it_says() {
    let mut fake = Fake::new();
    let mut options = options();
    options.sort = Sort::Lines;
    options.window = Window::Start;
    let mut state = State::new(&options);
    state.take(fake.sample());
    fake.streams()[6].record.lines += 1_000_000;
    state.take(fake.sample());
    let screen = lines(&drawn(&state, 120, 40));
    let row = |name: &str| screen.iter().position(|line| line.contains(name));
    assert!(row("today.tsm") < row("accounts.mdb"));
}

#[test]
fn no_streams_and_no_answer_are_said() {
    let mut fake = Fake::new();
    let mut state = seen(&mut fake, 3);
    let mut sample = fake.sample().expect("a sample");
    sample.streams = Streams::Unavailable("Access is denied.".into());
    state.take(Ok(sample));
    let screen = text(&state, 80, 24);
    assert!(
        screen.contains("for administrators to see: Access is denied."),
        "{screen}"
    );
    state.take(Err(SourceError::new("the driver is gone")));
    let screen = text(&state, 80, 24);
    assert!(screen.contains("no answer: the driver is gone"), "{screen}");
    assert!(
        screen.contains("HarddiskVolume7"),
        "the last that was known"
    );
}

#[test]
fn names_cannot_speak_to_the_terminal() {
    let mut fake = Fake::new();
    fake.streams()[0].name = "a\u{1b}[2Jb<&>".into();
    let state = seen(&mut fake, 3);
    let buffer = drawn(&state, 120, 40);
    assert!(!lines(&buffer).join("").contains('\u{1b}'));
    let svg = screenshot_svg(&buffer);
    assert!(svg.contains("b&lt;&amp;&gt;"));
}

/// Written into the folder that DAXFLUSH_PICTURES names, if it does.
#[test]
fn a_screen_is_a_picture() {
    let mut fake = Fake::new();
    let mut state = seen(&mut fake, 150);
    fake.sample.statistics.counters.log_overflows += 2;
    state.take(fake.sample());
    for (name, width, height) in [("watch", 100, 32), ("watch-small", 80, 24)] {
        let svg = screenshot_svg(&drawn(&state, width, height));
        assert!(svg.starts_with("<svg xmlns=") && svg.ends_with("</svg>\n"));
        assert!(svg.contains(">daxflush</text>") && svg.contains("<circle"));
        if let Some(folder) = std::env::var_os("DAXFLUSH_PICTURES") {
            let path = std::path::Path::new(&folder).join(format!("{name}.svg"));
            std::fs::write(path, svg).expect("a picture");
        }
    }
}

/// Values of all sizes: the percentile is in the bucket of the exact one, and rises.
#[test]
fn percentiles_are_in_the_right_bucket() {
    let mut random = Random::new(1, 3);
    for _ in 0..2000 {
        let count = 1 + random.below(400) as usize;
        let bits = 1 + random.below(30);
        let mut values: Vec<u64> = (0..count)
            .map(|_| {
                let size = 1 + random.below(bits);
                random.below(1 << size)
            })
            .collect();
        let mut histogram = Histogram::default();
        for value in &values {
            histogram.buckets[Histogram::bucket(*value)] += 1;
            histogram.sum += value;
        }
        values.sort_unstable();
        let mut before = 0.0;
        for fraction in [0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0] {
            let rank = ((fraction * count as f64).ceil() as usize).clamp(1, count);
            let exact = values[rank - 1];
            let near = latency::percentile(&histogram, fraction).expect("values");
            let bucket = Histogram::bucket(exact);
            assert_eq!(Histogram::bucket(near as u64), bucket, "{exact} {near}");
            assert_eq!(
                latency::percentile_bucket(&histogram, fraction),
                Some(bucket)
            );
            assert!(near >= before);
            before = near;
        }
        let mean = latency::mean(&histogram).expect("values");
        assert!((mean * count as f64 - values.iter().sum::<u64>() as f64).abs() < 1.0);
    }
    assert_eq!(latency::percentile(&Histogram::default(), 0.5), None);
}
