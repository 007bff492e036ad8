//! One thread: what it does follows from the seed and its number, whatever the driver answers.

use super::{
    Disagreement, Plan, Tally,
    audit::grown,
    share::{Ended, Share},
};
use crate::{
    client::{ClientError, Code, Coded, Device, Platform},
    random::Random,
};
use daxflush_protocol::{FileRange, Statistics, flush_flag, write_flag};
use std::sync::Arc;

type Done = Result<(), Disagreement>;

/// What is done next. One that is listed more often is done more often.
#[derive(Clone, Copy, Debug)]
enum Act {
    Write,
    Store,
    Mark,
    Commit,
    CommitRange,
    Begin,
    Drain,
    Flush,
    FlushView,
    TokenWrite,
    TokenFill,
    TokenFlush,
    TokenDrain,
    FreeToken,
    Read,
    Refused,
    Look,
    Reopen,
    ReopenDevice,
}

const ACTS: &[Act] = {
    use Act::*;
    &[
        Write,
        Write,
        Write,
        Write,
        Store,
        Store,
        Store,
        Store,
        Mark,
        Mark,
        Mark,
        Commit,
        CommitRange,
        CommitRange,
        Begin,
        Begin,
        Drain,
        Flush,
        FlushView,
        TokenWrite,
        TokenWrite,
        TokenFill,
        TokenFlush,
        TokenFlush,
        TokenDrain,
        FreeToken,
        Read,
        Read,
        Refused,
        Look,
        Reopen,
    ]
};
/// So many operations go by between two closings of the device, on average.
const DEVICE_LIVES: u64 = 500;
const WRITE_FLAGS: [u32; 5] = [
    0,
    write_flag::FLUSH,
    write_flag::NON_TEMPORAL,
    write_flag::PERSIST,
    write_flag::FLUSH | write_flag::NO_DRAIN,
];

/// A thread's state.
pub struct Worker<'a, P: Platform> {
    plan: &'a Plan,
    platform: P,
    number: u64,
    device: Arc<Device<P>>,
    shares: Vec<Share<P>>,
    random: Random,
    seen: Statistics,
    tally: Tally,
}

impl<'a, P: Platform> Worker<'a, P>
where
    P::Error: Coded,
{
    /// Opens everything.
    pub fn new(plan: &'a Plan, platform: &P, number: u64) -> Result<Self, Disagreement> {
        let files = plan.files.iter().enumerate();
        let mut worker = Self {
            plan,
            device: Arc::new(Device::open(platform.clone())?),
            platform: platform.clone(),
            number,
            shares: files
                .map(|(file, path)| Share::new(path, file, number))
                .collect(),
            random: Random::new(plan.seed, 1000 + number),
            seen: Statistics::default(),
            tally: Tally::of(plan.files.len()),
        };
        worker.open_all()?;
        Ok(worker)
    }

    fn open_all(&mut self) -> Done {
        for share in &mut self.shares {
            share.open(&self.device, &mut self.random)?;
        }
        Ok(())
    }

    fn close_all(&mut self) -> Done {
        for share in &mut self.shares {
            share.close(&self.device)?;
        }
        Ok(())
    }

    /// Does one operation.
    pub fn step(&mut self) -> Done {
        let place = self.random.below(self.shares.len() as u64) as usize;
        let act = match self.random.below(DEVICE_LIVES) {
            0 => Act::ReopenDevice,
            number => ACTS[(number % ACTS.len() as u64) as usize],
        };
        let done = self.act(act, place);
        self.tally.operations += 1;
        done.map_err(|disagreement| {
            let (number, operation) = (self.number, self.tally.operations);
            let path = self.shares[place].path();
            disagreement.at(format_args!(
                "thread {number}, operation {operation} ({act:?} {path})"
            ))
        })
    }

    fn act(&mut self, act: Act, place: usize) -> Done {
        match act {
            Act::Look => return self.look(),
            Act::Refused => return self.refused(place),
            Act::Drain => return Ok(self.device.drain().map(drop)?),
            Act::ReopenDevice => {
                self.close_all()?;
                self.device = Arc::new(Device::open(self.platform.clone())?);
                return self.open_all();
            }
            Act::TokenWrite
            | Act::TokenFill
            | Act::TokenFlush
            | Act::TokenDrain
            | Act::FreeToken => {
                return self.use_token(act, place);
            }
            _ => {}
        }
        let (share, random, device) = (&mut self.shares[place], &mut self.random, &self.device);
        let asked = &mut self.tally.files[place];
        let range = share.some_range(random);
        match act {
            Act::Write => {
                let data = share.put_some(range, random);
                share.opened()?.file.write(range.offset, &data)?;
                asked.writes += 1;
            }
            Act::Store => {
                let opened = share.opened()?;
                if opened.mapped.is_none() {
                    return Ok(());
                }
                let reported = opened.mapped == Some(crate::client::Recording::Report);
                let data = share.put_some(range, random);
                share.opened()?.file.store(range.offset, &data)?;
                asked.reports += u64::from(reported);
            }
            Act::Mark => {
                let count = 1 + random.below(16);
                let ranges: Vec<_> = (0..count).map(|_| share.some_range(random)).collect();
                device.mark_dirty(share.opened()?.file.handle(), &ranges)?;
                asked.reports += count;
            }
            Act::Commit => {
                share.opened()?.file.commit_range(0, 0)?;
                asked.commits += 1;
                clean(share, device)?;
            }
            Act::CommitRange => {
                share
                    .opened()?
                    .file
                    .commit_range(range.offset, range.length)?;
                asked.commits += 1;
            }
            Act::Begin => {
                let opened = share.opened()?;
                opened.file.publish()?;
                device.begin_commit(opened.file.handle(), range)?;
                asked.commits += 1;
            }
            Act::Flush => {
                share.opened()?.file.commit()?;
                asked.commits += 1;
                clean(share, device)?;
            }
            Act::FlushView => {
                let opened = share.opened()?;
                if opened.mapped.is_some() {
                    opened.file.commit_view(range.offset, range.length)?;
                }
            }
            Act::Read => share.verify(&self.platform, range)?,
            Act::Reopen => {
                share.close(device)?;
                share.open(device, random)?;
            }
            _ => {}
        }
        Ok(())
    }

    fn use_token(&mut self, act: Act, place: usize) -> Done {
        let (share, random, device) = (&mut self.shares[place], &mut self.random, &self.device);
        let range = share.some_range(random);
        let flags = WRITE_FLAGS[random.below(WRITE_FLAGS.len() as u64) as usize];
        let token = share.token(device)?;
        match act {
            Act::TokenWrite => {
                let data = share.put_some(range, random);
                device.write_token(token, range.offset, &data, flags)?;
            }
            Act::TokenFill => {
                let value = random.next_u64() as u8;
                share.put(range, |_| value);
                device.fill_token(token, range, value, flags)?;
            }
            Act::TokenFlush => {
                let flags = flush_flag::NO_DRAIN * (random.below(2) as u32);
                let lines = device.flush_token(token, &[range], flags)?;
                let within = range.offset / 64..=(range.offset + range.length - 1) / 64;
                let expected = within.end() - within.start() + 1;
                if lines != expected {
                    return Err(Disagreement::new(format_args!(
                        "{lines} lines were flushed of a range of {expected}"
                    )));
                }
            }
            Act::TokenDrain => device.drain_token(token)?,
            _ => {
                share.opened()?.token = None;
                device.free_token(token)?;
            }
        }
        Ok(())
    }

    /// Asks for what must be refused.
    fn refused(&mut self, place: usize) -> Done {
        let share = &mut self.shares[place];
        let token = share.token(&self.device)?;
        let (device, beyond) = (&self.device, self.plan.file_bytes());
        let file = share.opened()?.file.handle();
        let (offset, length) = (beyond, 64);
        let outside = FileRange { offset, length };
        let flags = write_flag::NO_DRAIN;
        let (what, answer) = match self.random.below(6) {
            0 => ("a token that is none", device.free_token(u64::MAX)),
            1 => (
                "a token beyond the end",
                device.get_token(file, offset, length).map(drop),
            ),
            2 => (
                "a flush outside of the token",
                device.flush_token(token, &[outside], 0).map(drop),
            ),
            3 => (
                "a commit beyond what a file can hold",
                device
                    .commit(
                        file,
                        FileRange {
                            offset: 1,
                            length: u64::MAX,
                        },
                    )
                    .map(drop),
            ),
            4 => (
                "a report of nothing",
                device.mark_dirty(file, &[FileRange { offset, length: 0 }]),
            ),
            _ => (
                "a write without flush and drain",
                device.write_token(token, share.range().offset, &[0], flags),
            ),
        };
        match answer {
            Err(ClientError::Platform(error)) if error.code().is_some_and(is_refusal) => {
                self.tally.refused += 1;
                Ok(())
            }
            Err(error) => Err(Disagreement::from(error).at(what)),
            Ok(()) => Err(Disagreement::new("it was done").at(what)),
        }
    }

    /// Counters never shrink, and no more is in use than may be.
    fn look(&mut self) -> Done {
        let now = self.device.statistics()?;
        grown(&self.seen, &now)?;
        self.seen = now;
        let used = self.device.information()?;
        let within = used.handles <= used.max_handles
            && used.logs <= used.max_all_logs
            && used.tokens <= used.max_all_tokens;
        if within {
            Ok(())
        } else {
            Err(Disagreement::new("more is in use than the limits allow"))
        }
    }

    /// Closes everything.
    pub fn end(mut self) -> Result<(Tally, Vec<Ended>), Disagreement> {
        let closed = self.device.drain().map_err(Disagreement::from);
        let closed = closed.and(self.close_all());
        closed.map_err(|disagreement| {
            disagreement.at(format_args!("thread {}, at its end", self.number))
        })?;
        let shares = self.shares.into_iter().map(Share::end);
        Ok((self.tally, shares.collect()))
    }
}

/// Nothing of the share is dirty behind a commit: nobody else stores to it. Where files are mapped,
/// programs that have not yet reported anything make all of the file dirty.
fn clean<P: Platform>(share: &mut Share<P>, device: &Device<P>) -> Done {
    if P::SHARES_MEMORY {
        return Ok(());
    }
    let FileRange { offset, length } = share.range();
    let dirty = device.dirty_lines(share.opened()?.file.handle(), offset, length, 1)?;
    match dirty[..] {
        [0] => Ok(()),
        _ => Err(Disagreement::new(format_args!(
            "dirty lines behind a commit: {dirty:?}"
        ))),
    }
}

/// Whether an error is one of those that wrong values get.
fn is_refusal(code: Code) -> bool {
    match code {
        // STATUS_INVALID_PARAMETER, STATUS_END_OF_FILE.
        Code::Nt(status) => matches!(status.cast_unsigned(), 0xC000_000D | 0xC000_0011),
        // ERROR_HANDLE_EOF, ERROR_INVALID_PARAMETER.
        Code::Win32(code) => matches!(code, 38 | 87),
    }
}
