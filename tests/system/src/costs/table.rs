//! Every operation that is counted, with its ceiling.

use super::{Operation, commits, machine::Machine, reports, writes};
use ntsim::Count;

/// The usual write.
pub const WRITE_OF_4_KIB: &str = "write 4 KiB, lines clean";

/// A write that the filter has nothing to do with.
pub const WRITE_ELSEWHERE: &str = "write 4 KiB, volume not DAX";

const fn at_most(
    ceiling: u64,
    measured: u64,
    name: &'static str,
    act: fn(Machine) -> Count,
) -> Operation {
    Operation {
        name,
        ceiling,
        measured,
        act,
    }
}

/// Ceilings are 5 to 10 % above what was measured when they were set last, which stands behind them.
/// Lower one when its operation has become cheaper; raise one only with a reason.
///
/// They hold for a driver that scripts/build-driver has built.
pub const OPERATIONS: &[Operation] = &[
    at_most(0, 0, WRITE_ELSEWHERE, writes::other_volume),
    at_most(0, 0, "write 4 KiB, paging", writes::paging),
    at_most(0, 0, "read 4 KiB", writes::read),
    // Promised is PROMISED_WRITE: never above it again, once it is below.
    at_most(490, 462, WRITE_OF_4_KIB, writes::clean),
    at_most(475, 451, "write 4 KiB, lines dirty", writes::dirty),
    at_most(625, 591, "write 4 KiB, the file's first", writes::first),
    at_most(
        525,
        499,
        "write 4 KiB, where none was",
        writes::elsewhere_in_the_file,
    ),
    at_most(490, 462, "write 4 KiB, fast I/O", writes::fast_io),
    at_most(490, 462, "write 4 KiB, asynchronous", writes::asynchronous),
    at_most(4350, 4135, "write 4 KiB, through", writes::write_through),
    at_most(
        4450,
        4199,
        "write 4 KiB, asynchronous, through",
        writes::asynchronous_write_through,
    ),
    at_most(540, 512, "append 4 KiB", writes::append),
    at_most(490, 462, "write 64 B", writes::of_64_bytes),
    at_most(8250, 7857, "write 1 MiB", writes::of_1_mib),
    at_most(
        4800,
        4530,
        "flush, the file's first, 1 line",
        commits::first,
    ),
    at_most(1400, 1333, "flush, 0 lines", commits::of_run::<0>),
    at_most(4150, 3940, "flush, 1 line", commits::of_run::<1>),
    at_most(4200, 4000, "flush, 16 lines", commits::of_run::<16>),
    at_most(
        10_700,
        10_162,
        "flush, 1,024 lines",
        commits::of_run::<1024>,
    ),
    at_most(
        435_000,
        413_996,
        "flush, 65,536 lines",
        commits::of_run::<65_536>,
    ),
    at_most(
        7750,
        7345,
        "flush, 16 lines, scattered",
        commits::of_scattered::<16>,
    ),
    at_most(
        257_000,
        244_631,
        "flush, 1,024 lines, scattered",
        commits::of_scattered::<1024>,
    ),
    at_most(4500, 4266, "flush, 1 log entry", commits::of_log::<1>),
    at_most(
        145_000,
        137_259,
        "flush, 256 log entries",
        commits::of_log::<256>,
    ),
    at_most(4450, 4218, "commit request, 1 line", commits::by_request),
    at_most(735, 700, "mark-dirty request, 1 range", reports::of::<1>),
    at_most(
        20_000,
        19_035,
        "mark-dirty request, 64 ranges",
        reports::of::<64>,
    ),
    at_most(630, 600, "create a file", writes::create_new),
    at_most(130, 121, "open a file", writes::open),
    at_most(1405, 1335, "close a handle", writes::close_one),
    at_most(60_000, 56_565, "close the last handle", writes::close_last),
];
