//! `daxctl simulate`.

use super::{
    Common,
    failure::{Failure, Outcome},
    output::{BAD, GOOD, say},
};
use crate::{
    client::Simulated,
    remote::{Server, Socket, default_path},
    simulator::{Booted, Player, Workload},
    trace,
};
use std::{
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

/// What it takes.
#[derive(clap::Args)]
pub struct Arguments {
    /// Where other commands find the machine
    #[arg(long, value_name = "SOCKET", env = "DAXFLUSH_SIM")]
    socket: Option<PathBuf>,
    /// Storage traces whose programs run on the machine; else a small workload of its own
    #[arg(long = "trace", value_name = "FILE")]
    traces: Vec<PathBuf>,
    /// Nothing runs on the machine but what other commands do
    #[arg(long, conflicts_with = "traces")]
    idle: bool,
    /// Play the traces again and again
    #[arg(long = "loop", requires = "traces")]
    repeat: bool,
    /// Operations a second, of all that run; 0 for as many as possible
    #[arg(long, value_name = "N", default_value_t = 500)]
    rate: u32,
    /// The letter of the machine's DAX volume
    #[arg(long, value_name = "LETTER", default_value_t = 'D')]
    volume: char,
}

/// Serves a machine until ctrl-C.
pub fn run(common: &Common, arguments: Arguments) -> Outcome {
    let path = arguments.socket.clone().unwrap_or_else(default_path);
    let mut traces = Vec::new();
    for path in &arguments.traces {
        let read = trace::read(path);
        traces.push(read.map_err(Failure::new)?);
    }
    let machine = Booted::new(&common.driver, &[arguments.volume])?;
    let server = Server::new(Socket::listen(&path)?);
    let stop = server.stopper();
    ctrlc::set_handler(stop).map_err(Failure::new)?;
    say!(
        "a machine with {} serves {}",
        common.driver.display(),
        path.display()
    );
    say!(
        "try: daxctl status --sim {}; ctrl-C ends it",
        path.display()
    );
    let ended = AtomicBool::new(false);
    let served = thread::scope(|scope| {
        let platform = machine.sim().clone();
        let worker = scope.spawn(|| {
            let pace = Pace::new(arguments.rate, &ended);
            let done = work(Simulated(platform), &arguments, &traces, pace);
            if let Err(failure) = &done {
                failure.show();
            }
            done.is_ok()
        });
        let served = server.serve(&machine);
        ended.store(true, Relaxed);
        served.map(|()| worker.join().unwrap_or(false))
    });
    let worked = served?;
    drop(server);
    let broken = machine.shut_down()?;
    broken
        .iter()
        .for_each(|rule| say!("{BAD}broken rule: {rule}{BAD:#}"));
    if broken.is_empty() && worked {
        say!("{GOOD}the driver was unloaded; no rule was broken{GOOD:#}");
        Ok(ExitCode::SUCCESS)
    } else {
        Ok(ExitCode::FAILURE)
    }
}

/// So many steps a second, until the end.
struct Pace<'a> {
    ended: &'a AtomicBool,
    step: Duration,
    next: Instant,
}

impl<'a> Pace<'a> {
    fn new(rate: u32, ended: &'a AtomicBool) -> Self {
        let step = Duration::from_secs(1).checked_div(rate).unwrap_or_default();
        Self {
            ended,
            step,
            next: Instant::now(),
        }
    }

    /// Waits for the next step's time; `false` at the end.
    fn wait(&mut self) -> bool {
        self.next += self.step;
        while !self.ended.load(Relaxed) {
            let left = self.next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            thread::sleep(left.min(Duration::from_millis(50)));
        }
        false
    }
}

fn work(
    platform: Simulated,
    arguments: &Arguments,
    traces: &[trace::Trace],
    mut pace: Pace<'_>,
) -> Result<(), Failure> {
    let failed = |error| Failure::of("the workload", &error);
    if arguments.idle {
        return Ok(());
    }
    if traces.is_empty() {
        let mut workload = Workload::new(platform, arguments.volume, 1).map_err(failed)?;
        while pace.wait() {
            workload.step().map_err(failed)?;
        }
        return Ok(());
    }
    loop {
        for trace in traces {
            let player = Player::new(platform.clone(), arguments.volume);
            let mut player = player.map_err(failed)?;
            for step in &trace.steps {
                if !pace.wait() {
                    return Ok(());
                }
                player.step(&step.op).map_err(failed)?;
            }
            player.rewind().map_err(failed)?;
        }
        if !arguments.repeat {
            return Ok(());
        }
    }
}
