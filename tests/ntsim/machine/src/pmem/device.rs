//! The device itself: its memory file, its durable image, and what the trap handler tells it.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Weak};

use arc_swap::ArcSwap;

use super::durable::{Durable, LineBytes};
use super::journal::{Journal, JournalEntry};
use super::{DeviceId, LINE, PAGE};

/// All devices: a fence drains flushes of each, also of views that are unmapped by now.
static DEVICES: LazyLock<ArcSwap<Vec<Weak<Device>>>> = LazyLock::new(Default::default);

/// What handles, views and the trap handler share.
#[derive(Debug)]
pub(crate) struct Device {
    pub(super) id: DeviceId,
    pub(super) size: u64,
    pub(super) file: File,
    durable: Mutex<Durable>,
    pub(super) journal: Journal,
}

impl Device {
    pub(super) fn new(size: u64) -> io::Result<Arc<Device>> {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let file = memory_file()?;
        file.set_len(size)?;
        let id = DeviceId(NEXT.fetch_add(1, Ordering::Relaxed));
        let device = Arc::new(Device {
            id,
            size,
            file,
            durable: Mutex::default(),
            journal: Journal::default(),
        });
        DEVICES.rcu(|devices| -> Vec<Weak<Device>> {
            let live = devices.iter().filter(|d| d.strong_count() > 0).cloned();
            live.chain([Arc::downgrade(&device)]).collect()
        });
        Ok(device)
    }

    pub(crate) fn id(&self) -> DeviceId {
        self.id
    }

    /// The durable image, locked. Image code never runs under this lock, so the trap handler may
    /// take it.
    pub(super) fn durable(&self) -> MutexGuard<'_, Durable> {
        self.durable
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// `thread` executed CLWB or CLFLUSHOPT on the line at `line`, which held `bytes`.
    pub(crate) fn observe_flush(&self, thread: u32, line: u64, bytes: [u8; LINE as usize]) {
        let mut durable = self.durable();
        durable.flush(thread, line, LineBytes(bytes));
        self.journal.add(|| JournalEntry::Flush {
            processor: thread,
            line,
            bytes,
        });
    }

    /// CLFLUSH, which is ordered and needs no drain.
    pub(crate) fn observe_clflush(&self, line: u64, bytes: [u8; LINE as usize]) {
        let mut durable = self.durable();
        durable.flush_now(line, LineBytes(bytes));
        self.journal
            .add(|| JournalEntry::OrderedFlush { line, bytes });
    }

    /// `thread` stored `bytes`, inside one line, around the cache.
    pub(crate) fn observe_nt_store(&self, thread: u32, offset: u64, bytes: &[u8]) {
        let mut durable = self.durable();
        durable.nt_store(thread, offset, bytes);
        self.journal.add(|| JournalEntry::NtStore {
            processor: thread,
            offset,
            data: bytes.into(),
        });
    }

    /// `thread` executed SFENCE or MFENCE.
    pub(super) fn observe_fence(&self, thread: u32) {
        let mut durable = self.durable();
        // Every fence comes here, those of other machines' programs, too.
        if durable.fence(thread) {
            self.journal
                .add(|| JournalEntry::Fence { processor: thread });
        }
    }

    /// The host stored `data`.
    pub(super) fn observe_store(&self, offset: u64, data: &[u8]) {
        self.journal.add(|| JournalEntry::Store {
            offset,
            data: data.into(),
        });
    }

    /// Calls `f` with the pages (or their parts inside `start..end`) that were ever written; the
    /// rest is zero.
    pub(super) fn for_data(
        &self,
        start: u64,
        end: u64,
        mut f: impl FnMut(u64, &[u8]),
    ) -> io::Result<()> {
        let mut buf = [0; PAGE as usize];
        let mut at = start;
        while let Some(data) = self.seek(at, libc::SEEK_DATA)?.filter(|&data| data < end) {
            let hole = self
                .seek(data, libc::SEEK_HOLE)?
                .unwrap_or(self.size)
                .min(end);
            at = data.max(at);
            while at < hole {
                let part = &mut buf[..(PAGE - at % PAGE).min(hole - at) as usize];
                self.file.read_exact_at(part, at)?;
                f(at, part);
                at += part.len() as u64;
            }
        }
        Ok(())
    }

    fn seek(&self, offset: u64, whence: libc::c_int) -> io::Result<Option<u64>> {
        // SAFETY: a call without pointers on a descriptor that we own.
        let found = unsafe { libc::lseek(self.file.as_raw_fd(), offset as i64, whence) };
        match u64::try_from(found) {
            Ok(found) => Ok(Some(found)),
            Err(_) => match io::Error::last_os_error() {
                none if none.raw_os_error() == Some(libc::ENXIO) => Ok(None),
                error => Err(error),
            },
        }
    }

    pub(super) fn punch_hole(&self, offset: u64, len: u64) -> io::Result<()> {
        if len == 0 {
            return Ok(());
        }
        let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        // SAFETY: a call without pointers on a descriptor that we own.
        match unsafe { libc::fallocate(self.file.as_raw_fd(), mode, offset as i64, len as i64) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// `thread` executed SFENCE or MFENCE.
pub(crate) fn observe_fence(thread: u32) {
    for device in DEVICES.load().iter().filter_map(Weak::upgrade) {
        device.observe_fence(thread);
    }
}

pub(crate) fn memory_file() -> io::Result<File> {
    // SAFETY: the name is a NUL-terminated string.
    let fd = unsafe { libc::memfd_create(c"ntsim-pmem".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and ours alone.
    Ok(unsafe { File::from_raw_fd(fd) })
}
