//! What a program does that goes on whatever fails.

use super::lines::{Flushed, Lines};
use crate::crash::{
    marks::Mark,
    session::{File, Scope, Session, whole},
};
use daxflush_protocol::USER_PATH;
use daxflush_system_tests::Client;
use ntsim::{CreateFileOptions, FlushKind, NtStatus, Sim, WriteOptions};
use std::collections::BTreeMap;

/// Tries of what may fail for want of something, and succeeds when nothing fails any more.
pub const TRIES: usize = 4;

/// A program on a machine with the driver.
pub struct Program {
    pub session: Session,
    lines: BTreeMap<usize, Lines>,
    /// What broke a promise that no power cut shows.
    pub broken: Vec<String>,
    /// The driver is gone, or cannot go any more.
    pub ends_here: bool,
}

impl Program {
    pub fn new(session: Session) -> Self {
        Self {
            session,
            lines: BTreeMap::new(),
            broken: Vec::new(),
            ends_here: false,
        }
    }

    pub fn sim(&self) -> Sim {
        self.session.sim.clone()
    }

    /// Sees to it that the volume is filtered; otherwise nothing can be promised.
    pub fn is_filtered(&self, letter: char) -> bool {
        let sim = &self.session.sim;
        (0..TRIES).any(|_| sim.is_attached(letter) || sim.attach(letter).is_ok())
    }

    /// Opens the driver's device.
    pub fn client(&self) -> Option<Client> {
        let sim = &self.session.sim;
        let device = (0..TRIES).find_map(|_| sim.open_device(USER_PATH).ok())?;
        Some(Client::over(sim, device))
    }

    pub fn open(&mut self, name: &str) -> Option<File> {
        self.open_with(name, CreateFileOptions::default())
    }

    pub fn open_with(&mut self, name: &str, options: CreateFileOptions) -> Option<File> {
        let (sim, path) = (self.sim(), format!(r"D:\{name}"));
        let mut tries = 0..TRIES;
        let handle = tries.find_map(|_| sim.create_file_with(&path, options).ok())?;
        Some(self.session.opened(name, handle))
    }

    pub fn lines(&mut self, file: File) -> &mut Lines {
        self.lines.entry(file.number).or_default()
    }

    /// Something that stores data if it succeeds, and may have if it fails.
    pub fn stores<T>(
        &mut self,
        file: File,
        offset: u64,
        data: &[u8],
        act: impl FnOnce(&Sim) -> Result<T, NtStatus>,
    ) -> Option<usize> {
        let stored = self.session.stores(file, offset, data, act).ok();
        self.lines(file).store(offset, data.len(), stored.is_some());
        stored
    }

    pub fn write(&mut self, file: File, offset: u64, length: usize, options: WriteOptions) -> bool {
        let data = self.session.marker.stamps(offset, length);
        let before = self.flushed(None);
        let stored = self.stores(file, offset, &data, |sim| {
            sim.write_file_with(file.handle, offset, &data, options)
        });
        let Some(store) = stored else {
            return false;
        };
        if options.write_through {
            self.session.marker.mark(Mark::Through { store });
            if matches!(self.flushed(None).since(&before), Some((0, _))) {
                self.broken
                    .push("a write-through write succeeded and flushed nothing".into());
            }
            // Its lines are clean, others may not be: from here on only the least is known.
            self.lines(file).unknown = true;
        }
        true
    }

    fn flushed(&self, client: Option<&Client>) -> Flushed {
        Flushed::now(&self.session.sim, client)
    }

    /// A commit of files, or of ranges of them.
    pub fn commits(
        &mut self,
        what: &str,
        scopes: &[Scope],
        client: Option<&Client>,
        act: impl FnOnce(&Sim) -> Result<(), NtStatus>,
    ) -> bool {
        let before = self.flushed(client);
        let done = self.session.commits(what, scopes, act);
        if !done {
            return false;
        }
        let Some((lines, coarse)) = self.flushed(client).since(&before) else {
            return true;
        };
        if scopes.iter().any(|(_, range)| range.is_some()) {
            scopes
                .iter()
                .for_each(|(file, _)| self.lines(*file).unknown = true);
            return true;
        }
        let bounds: Vec<_> = scopes
            .iter()
            .map(|(file, _)| self.lines(*file).bounds())
            .collect();
        let least: u64 = bounds.iter().map(|(least, _)| least).sum();
        let most: Option<u64> = bounds.iter().map(|(_, most)| *most).sum();
        let most = most.zip(coarse).map(|(most, coarse)| most + coarse);
        if lines < least || most.is_some_and(|most| lines > most) {
            self.broken.push(format!(
                "P3: {what} flushed {lines} lines, where {least} to {most:?} were dirty"
            ));
        }
        for (file, _) in scopes {
            self.lines(*file).committed();
        }
        true
    }

    pub fn flush(&mut self, file: File, client: Option<&Client>) -> bool {
        self.flush_as(file, FlushKind::Normal, client)
    }

    pub fn flush_as(&mut self, file: File, kind: FlushKind, client: Option<&Client>) -> bool {
        self.commits("FlushFileBuffers", &[whole(file)], client, |sim| {
            sim.flush_file(file.handle, kind)
        })
    }

    /// A flush that must succeed in the end, because failures do.
    pub fn flush_surely(&mut self, file: File, client: Option<&Client>) {
        if !(0..TRIES).any(|_| self.flush(file, client)) {
            self.broken
                .push("a flush failed again and again, though nothing fails any more".into());
        }
    }

    /// CloseHandle, whose commit nobody is told of.
    pub fn close(&mut self, file: File) {
        let closed = self.session.sim.close_handle(file.handle);
        closed.expect("a handle that was open is closed");
        self.lines(file).unknown = true;
    }

    pub fn truncate(&mut self, file: File, size: u64) -> bool {
        let done = self.session.truncates(file, size);
        if done {
            self.lines(file).cut_off(size);
        }
        done
    }
}
