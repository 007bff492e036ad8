//! `daxctl bench`.

use crate::run::{error, json, on, text};

#[test]
fn each_request_has_times_that_are_said_to_be_the_simulators() {
    let answer = json("private", &["bench", "--seconds", "1"]);
    assert_eq!(answer["simulated"], true);
    assert!(
        answer["note"]
            .as_str()
            .is_some_and(|note| note.contains("simulator's"))
    );
    assert!(answer["method"].is_string());
    let rounds = answer["rounds"].as_u64().expect("a number");
    let requests = answer["requests"].as_array().expect("a list");
    let names: Vec<_> = requests
        .iter()
        .filter_map(|request| request["name"].as_str())
        .collect();
    let expected = [
        "version",
        "mark 1 range",
        "mark 4096 ranges",
        "commit 0 lines",
        "commit 1 line",
        "commit 64 lines",
        "commit 4096 lines",
        "token flush 1 line",
    ];
    assert_eq!(names, expected);
    for request in requests {
        assert_eq!(request["samples"].as_u64(), Some(rounds));
        let (median, most) = (request["median_ns"].as_u64(), request["p99_ns"].as_u64());
        assert!(median > Some(0) && most >= median, "{request}");
        assert!(request["ratio"].as_f64() > Some(0.0));
    }
    assert_eq!(requests[0]["ratio"], 1.0);
}

#[test]
fn a_file_that_is_there_is_left_alone() {
    let output = on("private", &["bench", r"D:\stock.db"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        error(&output).contains("is there already"),
        "{}",
        error(&output)
    );
    assert!(
        error(&output).contains("name another file"),
        "{}",
        error(&output)
    );
}

#[test]
fn people_get_a_table() {
    let shown = text(&on("private", &["bench", "--seconds", "1"]));
    for word in [
        "request",
        "median",
        "99 % within",
        "to the first",
        "1.0 x",
        "every flush",
    ] {
        assert!(shown.contains(word), "{shown}");
    }
}
