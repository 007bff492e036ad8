//! Small images, PDB files and packages to try things on.
#![allow(dead_code, reason = "every test takes what it needs")]

use std::path::Path;
use std::process::{Command, Output};

/// What a small image has.
#[derive(Debug, Clone)]
pub struct Image {
    pub machine: u16,
    pub stamp: u32,
    pub checksum: u32,
    pub guid: [u8; 16],
    pub repro: Repro,
    pub version: Option<[u16; 4]>,
    /// What its code section has.
    pub code: Vec<u8>,
}

/// The mark of a reproducible build: as lld or as Microsoft's linker makes it.
#[derive(Debug, Clone)]
pub enum Repro {
    Empty,
    Hash([u8; 32]),
}

pub const AMD64: u16 = 0x8664;
pub const ARM64: u16 = 0xaa64;

/// Where things are in a small image.
pub const HEADERS: usize = 0x80;
pub const CHECKSUM: usize = HEADERS + 24 + 64;
pub const STAMP: usize = HEADERS + 8;
pub const CERTIFICATES: usize = HEADERS + 24 + 112 + 32;
pub const DATA: usize = 0x400;
pub const DEBUG: usize = DATA;
pub const GUID: usize = DATA + 0x60 + 4;
pub const HASH: usize = DATA + 0xa0;

impl Default for Image {
    fn default() -> Self {
        Self {
            machine: AMD64,
            stamp: 0x1111_1111,
            checksum: 0,
            guid: [0x22; 16],
            repro: Repro::Empty,
            version: Some([0, 1, 0, 7]),
            code: vec![0xc3; 16],
        }
    }
}

impl Image {
    /// The image's bytes.
    pub fn build(&self) -> Vec<u8> {
        let mut image = vec![0; DATA];
        put(&mut image, 0, b"MZ");
        put(&mut image, 0x3c, &(HEADERS as u32).to_le_bytes());
        put(&mut image, HEADERS, b"PE\0\0");
        put(&mut image, HEADERS + 4, &self.machine.to_le_bytes());
        put(&mut image, HEADERS + 6, &2u16.to_le_bytes());
        put(&mut image, STAMP, &self.stamp.to_le_bytes());
        put(&mut image, HEADERS + 20, &240u16.to_le_bytes());
        put(&mut image, HEADERS + 22, &0x2022u16.to_le_bytes());
        let optional = HEADERS + 24;
        put(&mut image, optional, &0x20bu16.to_le_bytes());
        put(&mut image, optional + 24, &0x1_8000_0000u64.to_le_bytes());
        for (at, value) in [
            (16, 0x2000u32),
            (32, 0x1000),
            (36, 0x200),
            (56, 0x3000),
            (60, 0x400),
            (108, 16),
        ] {
            put(&mut image, optional + at, &value.to_le_bytes());
        }
        put(&mut image, optional + 68, &1u16.to_le_bytes());
        put(&mut image, CHECKSUM, &self.checksum.to_le_bytes());
        directory(&mut image, 6, 0x1000, 56);

        let mut data = vec![0; 0x100];
        let name = b"daxflush.pdb\0";
        let hash_size = if matches!(self.repro, Repro::Empty) {
            0
        } else {
            36
        };
        let entries = [
            (2u32, 24 + name.len(), 0x60),
            (16, hash_size, if hash_size == 0 { 0 } else { 0x9c }),
        ];
        for (number, (kind, size, at)) in entries.into_iter().enumerate() {
            let entry = 28 * number;
            put(&mut data, entry + 4, &self.stamp.to_le_bytes());
            put(&mut data, entry + 12, &kind.to_le_bytes());
            put(&mut data, entry + 16, &(size as u32).to_le_bytes());
            if at != 0 {
                put(&mut data, entry + 20, &(0x1000 + at as u32).to_le_bytes());
                put(&mut data, entry + 24, &((DATA + at) as u32).to_le_bytes());
            }
        }
        put(&mut data, 0x60, b"RSDS");
        put(&mut data, 0x64, &self.guid);
        put(&mut data, 0x74, &1u32.to_le_bytes());
        put(&mut data, 0x78, name);
        if let Repro::Hash(hash) = &self.repro {
            put(&mut data, 0x9c, &32u32.to_le_bytes());
            put(&mut data, 0xa0, hash);
        }
        if let Some(version) = self.version {
            let resources = resources(version, 0x1100);
            directory(&mut image, 2, 0x1100, resources.len() as u32);
            data.extend(resources);
        }
        section(&mut image, 0, b".rdata", 0x1000, DATA, &mut data);
        let code_at = DATA + data.len();
        let mut code = self.code.clone();
        section(&mut image, 1, b".text", 0x2000, code_at, &mut code);
        [image, data, code].concat()
    }
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

fn directory(image: &mut [u8], number: usize, address: u32, size: u32) {
    let at = HEADERS + 24 + 112 + 8 * number;
    put(image, at, &address.to_le_bytes());
    put(image, at + 4, &size.to_le_bytes());
}

fn section(
    image: &mut [u8],
    number: usize,
    name: &[u8],
    address: u32,
    at: usize,
    data: &mut Vec<u8>,
) {
    let header = HEADERS + 24 + 240 + 40 * number;
    put(image, header, name);
    put(image, header + 8, &(data.len() as u32).to_le_bytes());
    data.resize(data.len().next_multiple_of(0x200), 0);
    put(image, header + 12, &address.to_le_bytes());
    put(image, header + 16, &(data.len() as u32).to_le_bytes());
    put(image, header + 20, &(at as u32).to_le_bytes());
    put(image, header + 36, &0x4000_0040u32.to_le_bytes());
}

/// A resource directory at `address` with a version resource.
fn resources(version: [u16; 4], address: u32) -> Vec<u8> {
    let mut bytes = vec![0; 88 + 92];
    for (table, (id, next)) in [(16u32, 0x8000_0018u32), (1, 0x8000_0030), (0x409, 0x48)]
        .into_iter()
        .enumerate()
    {
        put(&mut bytes, 24 * table + 14, &1u16.to_le_bytes());
        put(&mut bytes, 24 * table + 16, &id.to_le_bytes());
        put(&mut bytes, 24 * table + 20, &next.to_le_bytes());
    }
    put(&mut bytes, 72, &(address + 88).to_le_bytes());
    put(&mut bytes, 76, &92u32.to_le_bytes());
    let at = 88;
    put(&mut bytes, at, &92u16.to_le_bytes());
    put(&mut bytes, at + 2, &52u16.to_le_bytes());
    let key: Vec<u8> = "VS_VERSION_INFO"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    put(&mut bytes, at + 6, &key);
    put(&mut bytes, at + 40, &0xfeef_04bdu32.to_le_bytes());
    for (index, number) in [1, 0, 3, 2].into_iter().enumerate() {
        put(
            &mut bytes,
            at + 48 + 2 * index,
            &version[number].to_le_bytes(),
        );
    }
    bytes
}

/// A PDB file of blocks of 512 bytes with no more than its information stream, which is in block 5,
/// after a stream of `old` bytes; u32::MAX is what a stream that is gone has there.
pub fn pdb(guid: [u8; 16], age: u32, old: u32) -> Vec<u8> {
    let blocks = if old == u32::MAX {
        0
    } else {
        old.div_ceil(512)
    };
    let mut bytes = vec![0; 512 * 6];
    put(&mut bytes, 0, b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0");
    let mut directory = vec![2, old, 60];
    directory.extend(std::iter::repeat_n(2, blocks as usize));
    directory.push(5);
    for (index, value) in [512, 1, 6, 4 * directory.len() as u32, 0, 3]
        .into_iter()
        .enumerate()
    {
        put(&mut bytes, 32 + 4 * index, &value.to_le_bytes());
    }
    put(&mut bytes, 3 * 512, &4u32.to_le_bytes());
    for (index, value) in directory.into_iter().enumerate() {
        put(&mut bytes, 4 * 512 + 4 * index, &value.to_le_bytes());
    }
    for (index, value) in [20_000_404, 0x3333_3333, age].into_iter().enumerate() {
        put(&mut bytes, PDB_HEADER + 4 * index, &value.to_le_bytes());
    }
    put(&mut bytes, PDB_HEADER + 12, &guid);
    bytes
}

/// Where the information stream is in that file.
pub const PDB_HEADER: usize = 5 * 512;

/// The checksum as the loader's code computes it: words added one by one, the carry after each.
pub fn checksum(image: &[u8]) -> u32 {
    let mut sum: u32 = 0;
    let mut words = image
        .chunks(2)
        .map(|pair| u32::from(pair[0]) | u32::from(*pair.get(1).unwrap_or(&0)) << 8);
    for word in words.by_ref() {
        sum += word;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum + image.len() as u32
}

/// An INF file for a machine.
pub fn inf(machine: &str, version: &str) -> String {
    format!(
        "[Version]\r\nSignature = \"$WINDOWS NT$\"\r\nDriverVer = 11/25/2026,{version} ; stamped\r\n\
         CatalogFile = daxflush.cat\r\n[DefaultInstall.NT{machine}.10.0...25952]\r\nCopyFiles = x\r\n"
    )
}

/// Runs daxflush-package.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_daxflush-package"))
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

/// Runs daxflush-package, which must succeed; what it printed.
pub fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output));
    text(&output)
}

/// Runs daxflush-package, which must refuse; what it said.
pub fn refuse(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert_eq!(
        output.status.code(),
        Some(2),
        "{arguments:?}: {}",
        text(&output)
    );
    text(&output)
}

/// What a program printed.
pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

/// Runs another program.
pub fn tool(folder: &Path, program: &str, arguments: &[&str]) -> (bool, String) {
    let output = Command::new(program)
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; scripts/setup installs it"));
    (output.status.success(), text(&output))
}

/// Makes a key and a certificate, key.pem and test.pem.
pub fn make_certificate(folder: &Path) {
    let (ok, said) = tool(
        folder,
        "openssl",
        &[
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "key.pem",
            "-out",
            "test.pem",
            "-subj",
            "/CN=daxflush test",
            "-addext",
            "extendedKeyUsage=codeSigning",
            "-days",
            "2",
        ],
    );
    assert!(ok, "{said}");
}

/// Signs a file with them.
pub fn sign(folder: &Path, from: &str, to: &str) {
    let arguments = [
        "sign", "-certs", "test.pem", "-key", "key.pem", "-h", "sha256", "-in", from, "-out", to,
    ];
    let (ok, said) = tool(folder, "osslsigncode", &arguments);
    assert!(ok, "{said}");
}
