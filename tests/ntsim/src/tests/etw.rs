//! Event tracing, with events as TraceLogging writes them.

use super::{
    details,
    driver::{call, status},
    fake::bare,
};
use crate::{
    NtStatus, Sim, TraceValue,
    nt::{Block, get, put},
    thread,
};

const OK: NtStatus = NtStatus::SUCCESS;
/// What the enable callback got, in the context: how often, control code, level, keywords, IRQL,
/// process.
const CONTEXT: usize = 48;

extern "win64" fn on_enable(
    _source: usize,
    control: u32,
    level: u8,
    any: u64,
    all: u64,
    _filter: usize,
    context: usize,
) {
    assert_eq!(all, 0);
    // SAFETY: the context that the test has registered.
    unsafe {
        put(context, 0, get::<u64>(context, 0) + 1);
        put(context, 8, u64::from(control));
        put(context, 16, u64::from(level));
        put(context, 24, any);
        put(context, 32, u64::from(thread::irql()));
        put(context, 40, thread::process());
    }
}

fn register(sim: &Sim, context: &Block) -> u64 {
    let (guid, out) = (Block::zeroed(16), Block::zeroed(8));
    let callback = on_enable as *const () as usize;
    let arguments = [guid.address(), callback, context.address(), out.address()];
    assert_eq!(status(sim, "EtwRegister", &arguments), OK);
    // SAFETY: our own block.
    unsafe { get(out.address(), 0) }
}

fn seen(context: &Block) -> [u64; 6] {
    // SAFETY: our own block.
    unsafe { get(context.address(), 0) }
}

/// Metadata with its length in front.
fn metadata(rest: &[u8]) -> Vec<u8> {
    let mut bytes = ((rest.len() + 2) as u16).to_le_bytes().to_vec();
    bytes.extend(rest);
    bytes
}

fn provider() -> Vec<u8> {
    metadata(b"Test\0")
}

/// Writes an event of level 4 and keyword 2 in these blocks: type and bytes.
fn write(sim: &Sim, handle: u64, blocks: &[(u32, &[u8])]) -> NtStatus {
    let (descriptor, data) = (Block::zeroed(16), Block::zeroed(16 * blocks.len().max(1)));
    // SAFETY: our own blocks.
    unsafe {
        put(descriptor.address(), 4, 4_u8);
        put(descriptor.address(), 8, 2_u64);
        for (at, (kind, bytes)) in blocks.iter().enumerate() {
            let at = data.address() + 16 * at;
            put(at, 0, bytes.as_ptr() as u64);
            put(at, 8, bytes.len() as u32);
            put(at, 12, *kind);
        }
    }
    let arguments = [
        handle as usize,
        descriptor.address(),
        0,
        0,
        blocks.len(),
        data.address(),
    ];
    status(sim, "EtwWriteTransfer", &arguments)
}

#[test]
fn providers_hear_of_the_session() {
    let sim = bare();
    let (early, late) = (Block::zeroed(CONTEXT), Block::zeroed(CONTEXT));
    let first = register(&sim, &early);
    assert_eq!(seen(&early)[0], 0);
    sim.set_tracing(Some((4, 2)));
    let on = [1, 1, 4, 2, 0, thread::SYSTEM];
    let second = register(&sim, &late);
    assert_eq!((seen(&early), seen(&late)), (on, on));
    sim.set_tracing(None);
    let off = [2, 0, 0, 0, 0, thread::SYSTEM];
    assert_eq!((seen(&early), seen(&late)), (off, off));
    assert_eq!(status(&sim, "EtwUnregister", &[second as usize]), OK);
    sim.set_tracing(Some((5, 0)));
    assert_eq!(seen(&early), [3, 1, 5, u64::MAX, 0, thread::SYSTEM]);
    assert_eq!(seen(&late)[0], 2);
    sim.check_nothing_left();
    assert_eq!(details(&sim), ["1 trace providers"]);
    assert_eq!(status(&sim, "EtwUnregister", &[first as usize]), OK);
    let again = status(&sim, "EtwUnregister", &[first as usize]);
    assert_eq!(again, NtStatus::INVALID_HANDLE);
    assert_eq!(details(&sim)[1], "a provider was unregistered that is none");
}

#[test]
fn an_event_is_decoded_by_its_metadata() {
    let sim = bare();
    let context = Block::zeroed(CONTEXT);
    let handle = register(&sim, &context);
    sim.set_tracing(Some((4, 0)));
    let traits = provider();
    let arguments = [handle as usize, 2, traits.as_ptr() as usize, traits.len()];
    assert_eq!(status(&sim, "EtwSetInformation", &arguments), OK);
    let mut rest = b"\x00Happened\0".to_vec();
    for (name, types) in [
        ("u8", &[4][..]),
        ("i16", &[5]),
        // With an outtype, and a tag of two bytes.
        ("hex32", &[20 | 0x80, 4 | 0x80, 0x81, 0x01]),
        ("hex64", &[21]),
        ("bool32", &[13]),
        ("cstr8", &[2]),
        ("cstr16", &[1]),
        ("str8", &[23 | 0x80, 35]),
        ("str16", &[22]),
        ("binary", &[14]),
        ("guid", &[15]),
        ("list", &[6 | 0x40]),
        ("two", &[4 | 0x20, 2, 0]),
        ("pair", &[24 | 0x80, 2]),
        ("a", &[8]),
        ("b", &[3]),
        ("f", &[12]),
    ] {
        rest.extend(name.as_bytes());
        rest.push(0);
        rest.extend(types);
    }
    let event = metadata(&rest);
    let mut data = vec![200, 0xfe, 0xff];
    data.extend(0xdead_beef_u32.to_le_bytes());
    data.extend(u64::MAX.to_le_bytes());
    data.extend(1_u32.to_le_bytes());
    data.extend(b"ab\0");
    data.extend(b"c\0d\0\0\0");
    data.extend(b"\x02\0\xc3\xa9");
    data.extend(b"\x02\0e\0");
    data.extend(b"\x03\0\x01\x02\x03");
    data.extend(0..16);
    data.extend(b"\x02\0\x01\0\x02\0");
    data.extend([8, 9]);
    data.extend(7_u32.to_le_bytes());
    data.push(0xff);
    data.extend(1.5_f64.to_le_bytes());
    // In two blocks, which mean nothing.
    let (first, second) = data.split_at(5);
    let blocks = [(2, &traits[..]), (1, &event), (0, first), (0, second)];
    thread::set_irql(thread::HIGH_LEVEL);
    assert_eq!(write(&sim, handle, &blocks), OK);
    thread::set_irql(0);
    assert_eq!(details(&sim), [""; 0]);
    let events = sim.trace_events();
    assert_eq!(sim.trace_events(), []);
    let [event] = &events[..] else {
        panic!("one event")
    };
    let head = (event.provider.as_str(), event.name.as_str(), event.level);
    assert_eq!((head, event.keyword), (("Test", "Happened", 4), 2));
    let (number, text) = (TraceValue::Number, |text: &str| {
        TraceValue::Text(text.into())
    });
    let bytes = |bytes: &[u8]| TraceValue::Bytes(bytes.to_vec());
    let expected = [
        ("u8", number(200)),
        ("i16", TraceValue::Signed(-2)),
        ("hex32", number(0xdead_beef)),
        ("hex64", number(u64::MAX)),
        ("bool32", number(1)),
        ("cstr8", text("ab")),
        ("cstr16", text("cd")),
        ("str8", text("é")),
        ("str16", text("e")),
        ("binary", bytes(&[1, 2, 3])),
        ("guid", text("03020100-0504-0706-0809-0a0b0c0d0e0f")),
        ("list", bytes(&[1, 0, 2, 0])),
        ("two", bytes(&[8, 9])),
        ("pair.a", number(7)),
        ("pair.b", TraceValue::Signed(-1)),
        ("f", text("1.5")),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(event.fields, expected);
    assert_eq!(event.field("pair.a"), Some(&number(7)));
}

/// Written with the crate tracelogging 1.2.4: one field of many types each, tags among them.
#[test]
fn what_the_crate_writes_is_decoded() {
    let sim = bare();
    let context = Block::zeroed(CONTEXT);
    let handle = register(&sim, &context);
    sim.set_tracing(Some((5, 0)));
    let provider = b"!\0My.Provider\0\x13\0\x01\x1a\x1b~^\x11\x11\"\"33DDUUff";
    let event = b"U\0\0Ev\0a\0\x04b\0\x07c\0\x15d\0\x0de\0\x84\x03f\0\x97#g\0\x82#h\0\
        \x16i\0\x01j\0\x0fk\0\x94\x0el\0Fm\0\x98\x82\x80\x80\x82#n\0\x84\
        \x80\x80\x80\x80\x05o\0\x09p\0\x0eq\0\x0br\0\x88\x05s\0\x13t\0\x97\
        \x0cu\0\x15";
    let data = b"\x01\xfb\xff\xff\xff\x07\0\0\0\0\0\0\0\x01\0\0\0\x01\x03\0h\xc3\xa9\
        zz\0\x04\0A\0B\0C\0D\0\0\0\x01\0\0\0\x02\0\x03\0\x04\x05\x06\x07\
        \x08\x09\x0a\x0b\xff\xff\xff\xff\x02\0\x01\0\x02\0\x09\xf7\xff\xff\
        \xff\xff\xff\xff\xff\x02\0\x01\x02\0\0\0?M\0\0\0\x01\x01\0\0\0\0\0\
        \x01\0\0\0\0\x02\0{}\x04\0\0\0\0\0\0\0";
    let blocks = [(2, &provider[..]), (1, event), (0, data)];
    assert_eq!(write(&sim, handle, &blocks), OK);
    let events = sim.trace_events();
    assert_eq!(
        (&*events[0].provider, &*events[0].name),
        ("My.Provider", "Ev")
    );
    let (number, signed) = (TraceValue::Number, TraceValue::Signed);
    let text = |text: &str| TraceValue::Text(text.into());
    let bytes = |bytes: &[u8]| TraceValue::Bytes(bytes.to_vec());
    let expected = [
        ("a", number(1)),
        ("b", signed(-5)),
        ("c", number(7)),
        ("d", number(1)),
        ("e", number(1)),
        ("f", text("hé")),
        ("g", text("zz")),
        ("h", text("AB")),
        ("i", text("CD")),
        ("j", text("00000001-0002-0003-0405-060708090a0b")),
        ("k", number(0xffff_ffff)),
        ("l", bytes(&[1, 0, 2, 0])),
        ("m.n", number(9)),
        ("m.o", signed(-9)),
        ("p", bytes(&[1, 2])),
        ("q", text("0.5")),
        ("r", number(77)),
        ("s", bytes(&[1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0])),
        ("t", text("{}")),
        ("u", number(4)),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(events[0].fields, expected);
    assert_eq!(details(&sim), [""; 0]);
}

#[test]
fn a_malformed_event_is_a_violation() {
    let sim = bare();
    let context = Block::zeroed(CONTEXT);
    let handle = register(&sim, &context);
    sim.set_tracing(Some((5, 0)));
    let (provider, event) = (provider(), metadata(b"\0E\0x\0\x08"));
    let truncated = &event[..event.len() - 1];
    let unknown = metadata(b"\0E\0x\0\x1f");
    for (blocks, wrong) in [
        (
            vec![(1, &event[..])],
            "it does not begin with the metadata of its provider and its own",
        ),
        (
            vec![(2, &provider[..]), (1, truncated)],
            "the length of metadata is not what it says",
        ),
        (
            vec![(2, &provider), (1, &event), (0, &[0; 3])],
            "it is shorter than its metadata says",
        ),
        (
            vec![(2, &provider), (1, &event), (0, &[0; 5])],
            "it is longer than its metadata says",
        ),
        (
            vec![(2, &provider), (1, &unknown), (0, &[0; 4])],
            "a field's type is unknown",
        ),
    ] {
        assert_eq!(write(&sim, handle, &blocks), NtStatus::INVALID_PARAMETER);
        let found = details(&sim);
        let expected = format!("an event is malformed: {wrong}");
        assert_eq!(found.last(), Some(&expected));
    }
    assert_eq!(sim.trace_events(), []);
}

#[test]
fn what_nobody_wants_is_counted() {
    let sim = bare();
    let context = Block::zeroed(CONTEXT);
    let handle = register(&sim, &context);
    let (provider, event) = (provider(), metadata(b"\0E\0"));
    let blocks = [(2, &provider[..]), (1, &event)];
    assert_eq!(write(&sim, handle, &blocks), OK);
    assert_eq!(sim.events_written_while_off(), 1);
    for session in [(3, 2), (4, 1)] {
        sim.set_tracing(Some(session));
        assert_eq!(write(&sim, handle, &blocks), OK);
    }
    assert_eq!(sim.events_written_while_off(), 3);
    sim.set_tracing(Some((4, 3)));
    assert_eq!(write(&sim, handle, &blocks), OK);
    assert_eq!(
        (sim.trace_events().len(), sim.events_written_while_off()),
        (1, 3)
    );
    sim.fail_nth("EtwWriteTransfer", 1);
    assert_eq!(write(&sim, handle, &blocks), NtStatus::NO_MEMORY);
    assert_eq!(write(&sim, 0, &blocks), NtStatus::INVALID_HANDLE);
    assert_eq!(details(&sim), [""; 0]);
    assert_eq!(write(&sim, 1, &blocks), NtStatus::INVALID_HANDLE);
    assert_eq!(
        details(&sim),
        ["an event of a provider that is not registered"]
    );
}

#[test]
fn a_thread_has_an_activity() {
    let sim = bare();
    let id = Block::zeroed(16);
    let control = |code: usize| {
        assert_eq!(
            status(&sim, "EtwActivityIdControl", &[code, id.address()]),
            OK
        );
        // SAFETY: our own block.
        unsafe { get::<u128>(id.address(), 0) }
    };
    let created = control(3);
    assert_ne!(created, 0);
    control(2);
    assert_eq!(control(5), created);
    let current = control(1);
    assert!(current != created && current != 0);
    let wrong = status(&sim, "EtwActivityIdControl", &[6, id.address()]);
    assert_eq!(wrong, NtStatus::INVALID_PARAMETER);
    thread::set_irql(thread::DISPATCH_LEVEL);
    control(3);
    assert_eq!(details(&sim), [""; 0]);
    call(&sim, "EtwActivityIdControl", &[1, id.address()]);
    thread::set_irql(0);
    assert_eq!(details(&sim).len(), 1);
}
