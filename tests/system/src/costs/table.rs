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
    at_most(400, 379, WRITE_OF_4_KIB, writes::clean),
    at_most(340, 323, "write 4 KiB, lines dirty", writes::dirty),
    at_most(615, 583, "write 4 KiB, the file's first", writes::first),
    at_most(
        615,
        583,
        "write 4 KiB, where none was",
        writes::elsewhere_in_the_file,
    ),
    at_most(400, 379, "write 4 KiB, fast I/O", writes::fast_io),
    at_most(400, 379, "write 4 KiB, asynchronous", writes::asynchronous),
    at_most(3150, 2965, "write 4 KiB, through", writes::write_through),
    at_most(
        3200,
        3029,
        "write 4 KiB, asynchronous, through",
        writes::asynchronous_write_through,
    ),
    at_most(960, 911, "append 4 KiB", writes::append),
    at_most(400, 379, "write 64 B", writes::of_64_bytes),
    at_most(4450, 4205, "write 1 MiB", writes::of_1_mib),
    at_most(
        3100,
        2941,
        "flush, the file's first, 1 line",
        commits::first,
    ),
    at_most(1155, 1099, "flush, 0 lines", commits::of_run::<0>),
    at_most(2450, 2311, "flush, 1 line", commits::of_run::<1>),
    at_most(2500, 2371, "flush, 16 lines", commits::of_run::<16>),
    at_most(7000, 6631, "flush, 1,024 lines", commits::of_run::<1024>),
    at_most(
        307_000,
        291_659,
        "flush, 65,536 lines",
        commits::of_run::<65_536>,
    ),
    at_most(
        3850,
        3636,
        "flush, 16 lines, scattered",
        commits::of_scattered::<16>,
    ),
    at_most(
        105_000,
        99_878,
        "flush, 1,024 lines, scattered",
        commits::of_scattered::<1024>,
    ),
    at_most(2700, 2533, "flush, 1 log entry", commits::of_log::<1>),
    at_most(
        65_000,
        61_348,
        "flush, 256 log entries",
        commits::of_log::<256>,
    ),
    at_most(2750, 2591, "commit request, 1 line", commits::by_request),
    at_most(650, 618, "mark-dirty request, 1 range", reports::of::<1>),
    at_most(
        11_300,
        10_761,
        "mark-dirty request, 64 ranges",
        reports::of::<64>,
    ),
    at_most(645, 614, "create a file", writes::create_new),
    at_most(130, 123, "open a file", writes::open),
    at_most(1160, 1101, "close a handle", writes::close_one),
    at_most(2550, 2391, "close the last handle", writes::close_last),
];
