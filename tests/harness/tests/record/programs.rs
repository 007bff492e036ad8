//! What is recorded: small programs, run by starting this test again.

use std::{
    ffi::CString,
    fs::{self, File, OpenOptions},
    io::Write,
    os::{
        fd::{AsRawFd, RawFd},
        unix::fs::{FileExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    ptr,
    sync::Barrier,
    thread,
    time::Duration,
};

/// Names the program and its folder.
pub const VARIABLE: &str = "DAXCTL_RECORD_PROGRAM";
pub const FOLDER: &str = "DAXCTL_RECORD_FOLDER";

pub fn run(name: &str) {
    let folder = PathBuf::from(std::env::var_os(FOLDER).expect("a folder"));
    let file = |name: &str| folder.join(name);
    match name {
        "writes" => writes(&file("a.db"), &file("sub")),
        "sizes" => sizes(&file("a.db")),
        "copies" => copies(&file("from"), &file("to")),
        "names" => names(&folder),
        "held" => held(&file("temporary")),
        "mapped" => mapped(&file("m.db")),
        "protected" => protected(&file("m.db")),
        "moved" => moved(&file("m.db")),
        "random" => random(&file("m.db")),
        "large" => large(&file("m.db")),
        "threads" => threads(&file("t.db")),
        "forks" => forks(&file("f.db"), &file("m.db")),
        "killed" => killed(&file("m.db")),
        "waits" => waits(&file("m.db")),
        "exec" => exec(&file("m.db")),
        "uring" => uring(),
        "elsewhere" => elsewhere(&file("in/a.db"), &file("out.db")),
        other => panic!("no program {other}"),
    }
}

fn create(path: &Path) -> File {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true);
    options.open(path).expect("a file")
}

fn check(result: libc::c_long) -> libc::c_long {
    assert!(result >= 0, "{}", std::io::Error::last_os_error());
    result
}

/// A system call with plain numbers and pointers to what outlives it.
macro_rules! call {
    ($number:expr $(, $argument:expr)*) => {
        // SAFETY: the arguments are numbers, or point to locals that outlive the call.
        check(unsafe { libc::syscall($number $(, $argument)*) })
    };
}

fn writes(path: &Path, folder: &Path) {
    let mut file = create(path);
    file.write_all(&[1; 10]).expect("a write");
    file.write_all(&[2; 5]).expect("a write");
    file.write_all_at(&[3; 7], 100).expect("a write");
    let parts = [[4_u8; 3], [5; 3]];
    let vectors = parts.each_ref().map(|part| libc::iovec {
        iov_base: part.as_ptr().cast_mut().cast(),
        iov_len: part.len(),
    });
    let fd = file.as_raw_fd();
    call!(libc::SYS_pwritev, fd, vectors.as_ptr(), 2, 200, 0);
    call!(libc::SYS_writev, fd, vectors.as_ptr(), 1);
    call!(
        libc::SYS_pwritev2,
        fd,
        vectors.as_ptr(),
        2,
        -1_i64,
        0,
        libc::RWF_DSYNC
    );
    call!(
        libc::SYS_pwritev2,
        fd,
        vectors.as_ptr(),
        1,
        0,
        0,
        libc::RWF_APPEND
    );
    file.sync_all().expect("a flush");
    let copy = file.try_clone().expect("a copy");
    (&copy).write_all(&[6; 2]).expect("a write");
    drop(file);
    copy.sync_data().expect("a flush");
    // What fails is not told.
    assert!(copy.write_at(&[], 5).is_ok());
    assert!(File::open(path).expect("a file").write_at(&[1], 0).is_err());
    let mut append = OpenOptions::new().append(true).open(path).expect("a file");
    append.write_all(&[7; 4]).expect("a write");
    append.write_all_at(&[8; 6], 3).expect("a write");
    let durable = OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_DSYNC)
        .open(path)
        .expect("a file");
    durable.write_all_at(&[9; 8], 50).expect("a write");
    drop((copy, append, durable));
    fs::create_dir(folder).expect("a folder");
    File::create(folder.join("b:c")).expect("a file");
    let folder = File::open(folder).expect("a folder");
    folder.sync_all().expect("a flush");
    fs::write(path, b"new").expect("a write");
    fs::remove_file(path).expect("a deletion");
    create(path).write_all(&[1]).expect("a write");
}

fn sizes(path: &Path) {
    let file = create(path);
    let fd = file.as_raw_fd();
    file.set_len(10_000).expect("a size");
    call!(libc::SYS_fallocate, fd, 0, 9_000_i64, 3_000_i64);
    call!(
        libc::SYS_fallocate,
        fd,
        libc::FALLOC_FL_KEEP_SIZE,
        0_i64,
        20_000_i64
    );
    let hole = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    call!(libc::SYS_fallocate, fd, hole, 4096_i64, 100_000_i64);
    let name = CString::new(path.as_os_str().as_encoded_bytes()).expect("a name");
    call!(libc::SYS_truncate, name.as_ptr(), 5_000_i64);
    let range = libc::SYNC_FILE_RANGE_WRITE;
    call!(libc::SYS_sync_file_range, fd, 0_i64, 0_i64, range);
    let range = range | libc::SYNC_FILE_RANGE_WAIT_AFTER;
    call!(libc::SYS_sync_file_range, fd, 0_i64, 0_i64, range);
    file.write_all_at(&[1], 0).expect("a write");
    call!(libc::SYS_syncfs, fd);
    call!(libc::SYS_syncfs, fd);
}

fn copies(from: &Path, to: &Path) {
    let source = File::open(from).expect("a file");
    let (from, file) = (source.as_raw_fd(), create(to));
    let to = file.as_raw_fd();
    let none = ptr::null_mut::<i64>();
    let mut offset = 1000_i64;
    let at = &raw mut offset;
    call!(libc::SYS_copy_file_range, from, none, to, at, 100, 0);
    assert_eq!(offset, 1100);
    call!(libc::SYS_copy_file_range, from, none, to, none, 50, 0);
    call!(libc::SYS_sendfile, to, from, none, 20);
}

fn names(folder: &Path) {
    let [old, new, other] = ["old", "new", "other"].map(|name| folder.join(name));
    for round in 0..2 {
        create(&new).write_all_at(&[round], 0).expect("a write");
        fs::rename(&new, &old).expect("a name");
    }
    create(&old).write_all_at(&[9; 9], 0).expect("a write");
    fs::hard_link(&old, &other).expect("a link");
    fs::remove_file(&old).expect("a deletion");
    create(&other).write_all_at(&[8; 8], 0).expect("a write");
    fs::remove_file(&other).expect("a deletion");
}

fn held(path: &Path) {
    let file = create(path);
    fs::remove_file(path).expect("a deletion");
    file.write_all_at(&[1; 11], 0).expect("a write");
    let new = create(path);
    new.write_all_at(&[2; 12], 0).expect("a write");
    drop(file);
    new.write_all_at(&[3; 13], 0).expect("a write");
}

/// A shared view of a file.
struct View(*mut u8, usize);

impl View {
    fn new(fd: RawFd, offset: usize, length: usize, protection: i32) -> Self {
        let shared = libc::MAP_SHARED;
        // SAFETY: a new mapping where the system likes.
        let at = unsafe {
            libc::mmap(
                ptr::null_mut(),
                length,
                protection,
                shared,
                fd,
                offset as i64,
            )
        };
        assert_ne!(at, libc::MAP_FAILED);
        Self(at.cast(), length)
    }

    fn writable(file: &File, offset: usize, length: usize) -> Self {
        let both = libc::PROT_READ | libc::PROT_WRITE;
        Self::new(file.as_raw_fd(), offset, length, both)
    }

    fn store(&self, at: usize, bytes: &[u8]) {
        assert!(at + bytes.len() <= self.1);
        // SAFETY: within the mapping, which nobody else refers to.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), self.0.add(at), bytes.len()) };
    }

    fn sync(&self, at: usize, length: usize, flags: i32) {
        // SAFETY: a flush changes nothing.
        let done = unsafe { libc::msync(self.0.add(at).cast(), length, flags) };
        assert_eq!(done, 0);
    }

    fn unmap(&self) {
        // SAFETY: it is not used afterwards.
        assert_eq!(unsafe { libc::munmap(self.0.cast(), self.1) }, 0);
    }
}

fn mapped(path: &Path) {
    let file = create(path);
    file.set_len(3 * 4096).expect("a size");
    file.write_all_at(&[7; 100], 0).expect("a write");
    let view = View::writable(&file, 0, 3 * 4096);
    view.store(10, &[7; 5]);
    view.store(20, &[8]);
    view.store(40, &[8; 2]);
    view.store(64, &[8]);
    view.store(4090, &[1; 10]);
    view.sync(0, 100, libc::MS_SYNC);
    view.store(8192, &[2]);
    view.sync(0, 100, libc::MS_ASYNC);
    file.sync_data().expect("a flush");
    // A write to a mapped file is not a store.
    view.store(9000, &[3; 3]);
    file.write_all_at(&[4; 50], 9100).expect("a write");
    view.store(9110, &[5]);
    view.unmap();
    let view = View::writable(&file, 4096, 4096);
    view.store(0, &[9]);
    file.sync_all().expect("a flush");
    let end = View::writable(&file, 8192, 8192);
    end.store(4095, &[6]);
    file.set_len(4 * 4096).expect("a size");
    end.store(4096, &[6]);
    end.sync(4096, 4096, libc::MS_SYNC);
    view.store(1, &[2]);
    // Left to the end of the program.
}

fn protected(path: &Path) {
    let file = create(path);
    file.set_len(2 * 4096).expect("a size");
    let view = View::new(file.as_raw_fd(), 0, 2 * 4096, libc::PROT_READ);
    let both = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: the second page of the mapping.
    let at = unsafe { view.0.add(4096) };
    call!(libc::SYS_mprotect, at, 4096, both);
    view.store(4096, &[1; 3]);
    call!(libc::SYS_mprotect, at, 4096, libc::PROT_NONE);
    file.sync_all().expect("a flush");
}

fn moved(path: &Path) {
    let file = create(path);
    file.set_len(4 * 4096).expect("a size");
    let view = View::writable(&file, 0, 4096);
    view.store(0, &[1]);
    let may = libc::MREMAP_MAYMOVE;
    let at = call!(libc::SYS_mremap, view.0, 4096, 4 * 4096, may);
    let view = View(at as *mut u8, 4 * 4096);
    view.store(1, &[1]);
    view.store(3 * 4096, &[1]);
    view.sync(0, 4 * 4096, libc::MS_SYNC);
    let at = call!(libc::SYS_mremap, view.0, 4 * 4096, 4096, 0);
    View(at as *mut u8, 4096).store(2, &[1]);
}

/// Numbers that are the same every time.
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    }
}

fn random(path: &Path) {
    const SIZE: usize = 1 << 20;
    let file = create(path);
    file.set_len(SIZE as u64).expect("a size");
    let view = View::writable(&file, 0, SIZE);
    let mut number = numbers();
    for _ in 0..50 {
        for _ in 0..200 {
            let length = 1 + number(200);
            let at = number(SIZE - length);
            let bytes: Vec<u8> = (0..length).map(|_| number(3) as u8).collect();
            view.store(at, &bytes);
        }
        match number(3) {
            0 => file.sync_all().expect("a flush"),
            1 => view.sync(0, SIZE, libc::MS_SYNC),
            _ => {
                let at = number(SIZE - 5000) as u64;
                file.write_all_at(&[number(3) as u8; 5000], at)
                    .expect("a write");
            }
        }
    }
}

fn large(path: &Path) {
    const SIZE: usize = 16 << 20;
    let file = create(path);
    file.set_len(SIZE as u64).expect("a size");
    let view = View::writable(&file, 0, SIZE);
    for round in 0..300 {
        for index in 0..50 {
            // A line that no other store is to.
            let line = (round * 50 + index) * 7919 % (SIZE / 64);
            view.store(line * 64, &[1; 8]);
        }
        view.sync(0, SIZE, libc::MS_SYNC);
    }
}

fn threads(path: &Path) {
    let file = create(path);
    let barrier = Barrier::new(4);
    thread::scope(|scope| {
        for part in 0..4 {
            let (file, barrier) = (&file, &barrier);
            scope.spawn(move || {
                barrier.wait();
                for index in 0..100 {
                    let at = part * 100_000 + index * 100;
                    file.write_all_at(&[1; 10], at).expect("a write");
                }
            });
        }
    });
    file.sync_all().expect("a flush");
}

/// A process of its own, which only makes system calls.
fn child(work: impl FnOnce()) {
    // SAFETY: the child does not use what other threads may have locked.
    match unsafe { libc::fork() } {
        0 => {
            work();
            // SAFETY: no destructor has anything to do.
            unsafe { libc::_exit(0) };
        }
        pid => {
            check(pid.into());
            let mut status = 0;
            // SAFETY: the status outlives the call.
            check(unsafe { libc::waitpid(pid, &raw mut status, 0) }.into());
        }
    }
}

fn forks(written: &Path, mapped: &Path) {
    let mut file = create(written);
    file.write_all(&[1; 3]).expect("a write");
    let stored = create(mapped);
    stored.set_len(4096).expect("a size");
    let view = View::writable(&stored, 0, 4096);
    view.store(0, &[1]);
    child(|| {
        (&file).write_all(&[2; 4]).expect("a write");
        view.store(100, &[1]);
        view.unmap();
        stored.write_all_at(&[1], 200).expect("a write");
    });
    view.store(300, &[1]);
    file.write_all(&[3; 5]).expect("a write");
}

fn killed(path: &Path) {
    let file = create(path);
    file.set_len(4096).expect("a size");
    let view = View::writable(&file, 0, 4096);
    view.store(0, &[1]);
    view.sync(0, 4096, libc::MS_SYNC);
    view.store(100, &[1]);
    // SAFETY: nothing runs after it.
    unsafe { libc::kill(libc::getpid(), libc::SIGKILL) };
}

fn waits(path: &Path) {
    let file = create(path);
    file.set_len(4096).expect("a size");
    View::writable(&file, 0, 4096).store(100, &[1]);
    file.write_all_at(&[1], 4096).expect("a write");
    loop {
        thread::sleep(Duration::from_secs(1));
    }
}

fn exec(path: &Path) {
    let file = create(path);
    file.set_len(4096).expect("a size");
    View::writable(&file, 0, 4096).store(100, &[1]);
    let shell = [c"/bin/sh", c"-c", c"echo 123 > second; exit 7"];
    let [program, first, second] = shell;
    let arguments = [
        program.as_ptr(),
        first.as_ptr(),
        second.as_ptr(),
        ptr::null(),
    ];
    std::env::set_current_dir(path.parent().expect("a folder")).expect("a folder");
    // SAFETY: the strings end with 0, the list with a null pointer.
    unsafe { libc::execv(program.as_ptr(), arguments.as_ptr()) };
}

fn uring() {
    let mut parameters = [0_u8; 120];
    // SAFETY: as large as the structure.
    let made = unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, parameters.as_mut_ptr()) };
    let mut events = 0_usize;
    // SAFETY: the result outlives the calls; nothing is submitted.
    let aio = unsafe { libc::syscall(libc::SYS_io_setup, 1, &raw mut events) };
    if aio == 0 {
        call!(libc::SYS_io_submit, events, 0, ptr::null::<u8>());
    }
    println!("uring={} aio={}", made >= 0, aio == 0);
    std::process::exit(i32::from(made >= 0) | i32::from(aio == 0) << 1);
}

fn elsewhere(inside: &Path, outside: &Path) {
    create(outside).write_all(&[1]).expect("a write");
    create(inside).write_all(&[1; 2]).expect("a write");
}
