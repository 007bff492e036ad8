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
    at_most(320, 303, WRITE_OF_4_KIB, writes::clean),
    at_most(295, 280, "write 4 KiB, lines dirty", writes::dirty),
    at_most(495, 469, "write 4 KiB, the file's first", writes::first),
    at_most(
        495,
        469,
        "write 4 KiB, where none was",
        writes::elsewhere_in_the_file,
    ),
    at_most(320, 303, "write 4 KiB, fast I/O", writes::fast_io),
    at_most(320, 303, "write 4 KiB, asynchronous", writes::asynchronous),
    at_most(2850, 2697, "write 4 KiB, through", writes::write_through),
    at_most(
        2900,
        2761,
        "write 4 KiB, asynchronous, through",
        writes::asynchronous_write_through,
    ),
    at_most(1150, 1091, "append 4 KiB", writes::append),
    at_most(320, 303, "write 64 B", writes::of_64_bytes),
    at_most(1790, 1703, "write 1 MiB", writes::of_1_mib),
    at_most(
        2800,
        2623,
        "flush, the file's first, 1 line",
        commits::first,
    ),
    at_most(1120, 1063, "flush, 0 lines", commits::of_run::<0>),
    at_most(2095, 1993, "flush, 1 line", commits::of_run::<1>),
    at_most(2200, 2053, "flush, 16 lines", commits::of_run::<16>),
    at_most(6750, 6407, "flush, 1,024 lines", commits::of_run::<1024>),
    at_most(
        310_000,
        294_393,
        "flush, 65,536 lines",
        commits::of_run::<65_536>,
    ),
    at_most(
        3550,
        3348,
        "flush, 16 lines, scattered",
        commits::of_scattered::<16>,
    ),
    at_most(
        107_000,
        101_628,
        "flush, 1,024 lines, scattered",
        commits::of_scattered::<1024>,
    ),
    at_most(2300, 2145, "flush, 1 log entry", commits::of_log::<1>),
    at_most(
        55_000,
        51_512,
        "flush, 256 log entries",
        commits::of_log::<256>,
    ),
    at_most(2400, 2271, "commit request, 1 line", commits::by_request),
    at_most(570, 542, "mark-dirty request, 1 range", reports::of::<1>),
    at_most(
        8550,
        8102,
        "mark-dirty request, 64 ranges",
        reports::of::<64>,
    ),
    at_most(670, 634, "create a file", writes::create_new),
    at_most(130, 121, "open a file", writes::open),
    at_most(1120, 1065, "close a handle", writes::close_one),
    at_most(2500, 2340, "close the last handle", writes::close_last),
];
