//! As many tracked regions as there may be: all of the process's, so in a program of its own.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod common;

use common::Anonymous;
use daxctl::client::{MAX_REGIONS, PAGE, Tracked, store};

#[test]
fn many_regions_come_and_go() {
    let mut regions = Vec::new();
    let refused = loop {
        match Tracked::new(Anonymous::new(2)) {
            Ok(region) => regions.push(region),
            Err((error, memory)) => break (error, memory),
        }
        assert!(regions.len() <= MAX_REGIONS);
    };
    println!("{} regions, then: {}", regions.len(), refused.0);
    assert!(store(&refused.1, 0, &[1; 8]), "given back writable");
    assert_ne!(refused.1.load(0), 0);
    for region in &regions {
        assert!(region.store(PAGE, &[1]));
    }
    for region in regions {
        assert_eq!(region.take().expect("pages"), vec![1..2]);
    }
    assert!(Tracked::new(refused.1).is_ok(), "there is room again");
}
