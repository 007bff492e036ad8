//! The same requests, to the same bytes, under two I/O managers that share nothing: the answers must
//! be the same.

use daxflush_wine::{Machine, simulated, test_program};

#[test]
fn wine_and_the_simulator_get_the_same_answers() {
    let machine = Machine::installed();
    machine.start();
    machine.copy_file(&test_program("requests.exe"), r"C:\requests.exe");
    let ran = machine.run(r"C:\requests.exe", &[]).succeeded();
    let there: Vec<&str> = ran.out.lines().collect();
    let here = simulated::run();
    assert!(here.len() > 50_000, "only {} requests", here.len());
    for (there, here) in there.iter().zip(&here) {
        assert_eq!(there, here, "Wine on the left, the simulator on the right");
    }
    assert_eq!(there.len(), here.len());
    assert_eq!(machine.state(), "RUNNING");
    machine.uninstall();
}
