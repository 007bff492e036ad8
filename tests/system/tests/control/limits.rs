//! No program can use up what all share, and 32-bit programs are as good as others.

use daxflush_protocol::{
    GetTokenRequest, Information, Ioctl, MIN_LOG_ENTRIES, TokenReply, USER_PATH,
};
use daxflush_system_tests::{Client, World, scene::Scene};
use ntsim::{Handle, NtStatus};
use zerocopy::IntoBytes;

fn information(client: &Client) -> Information {
    client.ask(Ioctl::Information, &[]).expect("information")
}

fn get_token(client: &Client, file: Handle) -> Result<u64, NtStatus> {
    let request = GetTokenRequest {
        file: file.as_raw(),
        offset: 0,
        length: 64,
    };
    let reply = client.ask(Ioctl::GetToken, request.as_bytes());
    reply.map(|reply: TokenReply| reply.token)
}

#[test]
fn a_handle_has_a_limited_number_of_tokens_and_logs() {
    let mut world = World::new();
    let files = ["a", "b"].map(|name| world.open(name));
    files.iter().for_each(|file| world.write(*file, 0, 4096));
    let client = Client::open(&world.sim);
    let limits = information(&client);
    let tokens: Vec<u64> = (0..limits.max_tokens)
        .map(|_| get_token(&client, files[0]).expect("a token"))
        .collect();
    assert_eq!(get_token(&client, files[1]), Err(NtStatus::QUOTA_EXCEEDED));
    let mut addresses = Vec::new();
    for number in 0..limits.max_logs {
        let file = files[number as usize % 2];
        let log = client.create_log(file, MIN_LOG_ENTRIES).expect("a log");
        addresses.push(log.address);
    }
    let more = client.create_log(files[0], MIN_LOG_ENTRIES);
    assert_eq!(more, Err(NtStatus::QUOTA_EXCEEDED));
    let now = information(&client);
    assert_eq!((now.tokens, now.logs), (limits.max_tokens, limits.max_logs));
    // Another handle has its own, and what ended makes room.
    let other = Client::open(&world.sim);
    get_token(&other, files[0]).expect("a token");
    let freed = daxflush_protocol::TokenRequest { token: tokens[7] };
    client
        .tell(Ioctl::FreeToken, freed.as_bytes())
        .expect("freed");
    get_token(&client, files[0]).expect("a token");
    world.close(files[0]);
    get_token(&client, files[1]).expect("those of a closed file take no room");
    client
        .create_log(files[1], MIN_LOG_ENTRIES)
        .map(|log| addresses.push(log.address))
        .expect("those of a closed file take no room");
    client.close();
    other.close();
    for address in addresses {
        world.sim.unmap_shared(address).expect("a log's memory");
    }
    let last = Client::open(&world.sim);
    let now = information(&last);
    assert_eq!((now.tokens, now.logs, now.handles), (0, 0, 1));
    last.close();
    world.close(files[1]);
    world.end();
}

#[test]
fn all_handles_together_have_a_limited_number_of_tokens() {
    let mut world = World::new();
    let mut clients = Vec::new();
    let mut files = Vec::new();
    let first = Client::open(&world.sim);
    let limits = information(&first);
    let mut made = 0;
    while made < limits.max_all_tokens {
        if made % 256 == 0 {
            let file = world.open(&format!("f{made}"));
            world.write(file, 0, 4096);
            files.push(file);
        }
        if made % limits.max_tokens == 0 {
            clients.push(Client::open(&world.sim));
        }
        let client = clients.last().expect("a client");
        get_token(client, *files.last().expect("a file")).expect("a token");
        made += 1;
    }
    let file = world.open("more");
    world.write(file, 0, 4096);
    assert_eq!(get_token(&first, file), Err(NtStatus::QUOTA_EXCEEDED));
    clients.remove(0).close();
    get_token(&first, file).expect("a token");
    clients.into_iter().for_each(Client::close);
    first.close();
    files.push(file);
    for file in files {
        world.close(file);
    }
    world.end();
}

#[test]
fn there_is_a_limited_number_of_handles() {
    let world = World::new();
    let sim = &world.sim;
    let first = Client::open(sim);
    let limit = information(&first).max_handles as usize;
    let more: Vec<Handle> = (1..limit)
        .map(|_| sim.open_device(USER_PATH).expect("the device"))
        .collect();
    assert_eq!(sim.open_device(USER_PATH), Err(NtStatus::QUOTA_EXCEEDED));
    for handle in more {
        sim.close_handle(handle).expect("close");
    }
    let again = sim.open_device(USER_PATH).expect("the device");
    sim.close_handle(again).expect("close");
    first.close();
    world.end();
}

/// No structure has a pointer: a 32-bit program's requests are the same bytes.
#[test]
fn a_32_bit_program_makes_the_same_requests() {
    for ioctl in Ioctl::ALL {
        let scene = Scene::new();
        let sim = scene.world.sim.clone();
        let (input, answer) = scene.request(*ioctl);
        let (status, bytes) = sim.as_32_bit(|| scene.client.raw(ioctl.code(), &input, answer + 64));
        assert_eq!(status, NtStatus::SUCCESS, "{ioctl:?}");
        if matches!(ioctl, Ioctl::CreateLog | Ioctl::AttachLog) {
            let address = daxflush_system_tests::scene::log_address(&bytes).expect("an address");
            sim.unmap_shared(address).expect("mapped");
        }
        scene.end();
    }
}
