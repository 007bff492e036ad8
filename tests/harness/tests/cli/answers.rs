//! What commands answer as JSON.

use crate::run::{has_numbers, json, on, text};

const PRIVATE: &str = "private";

#[test]
fn status_has_the_driver_its_limits_and_its_counters() {
    let status = json(PRIVATE, &["status"]);
    assert!(status["driver"].is_string() && status["method"].is_string());
    assert_eq!(
        (&status["protocol"], &status["line_size"]),
        (&2.into(), &64.into())
    );
    assert!(
        status["features"]
            .as_array()
            .is_some_and(|all| all.len() == 6)
    );
    has_numbers(
        &status,
        &["trace_level", "uptime_ns", "volumes", "refused_settings"],
    );
    let limits = [
        "ranges",
        "write_bytes",
        "handles",
        "logs",
        "tokens",
        "all_logs",
        "all_tokens",
    ];
    has_numbers(&status["limits"], &limits);
    has_numbers(&status["used"], &["handles", "logs", "tokens"]);
    let counters = [
        "writes",
        "reports",
        "log_entries",
        "commits",
        "joined_commits",
        "failed_commits",
        "ranges",
        "batches",
        "lines",
        "coarse_lines",
        "drains",
        "dirty_lines",
        "streams",
        "views",
        "view_bytes",
        "tracking_bytes",
        "tracking_limit",
        "log_overflows",
        "coarse_marks",
        "refused",
        "evicted_views",
        "section_conflicts",
        "view_failures",
    ];
    has_numbers(&status["counters"], &counters);
    has_numbers(
        &status["commit_time"],
        &["count", "sum_ns", "p50_ns", "p99_ns", "max_ns"],
    );
    has_numbers(
        &status["commit_lines"],
        &["count", "sum", "p50", "p99", "max"],
    );
    let commits = &status["counters"]["commits"];
    assert!(commits.as_u64() > Some(0), "the workload has committed");
    for histogram in [&status["commit_time"], &status["commit_lines"]] {
        assert_eq!(&histogram["count"], commits);
        let buckets = histogram["buckets"].as_array().expect("buckets");
        let counts = buckets.iter().filter_map(|bucket| bucket[1].as_u64());
        assert_eq!(Some(counts.sum::<u64>()), commits.as_u64());
    }
    assert_eq!(status["commit_lines"]["sum"], status["counters"]["lines"]);
}

#[test]
fn volumes_and_streams_have_names_and_counters() {
    let volumes = json(PRIVATE, &["volumes"]);
    let volume = &volumes[0];
    assert!(
        volume["name"]
            .as_str()
            .is_some_and(|name| name.starts_with(r"\Device\"))
    );
    let numbers = [
        "streams",
        "dirty_lines",
        "tracking_bytes",
        "tracking_limit",
        "commits",
        "failed_commits",
        "lines",
    ];
    has_numbers(volume, &numbers);
    assert!(volume["attached_late"].is_boolean() && volume["removed"] == false);
    assert_eq!(volume["streams"], 4);

    let streams = json(PRIVATE, &["streams", "--sort", "dirty"]);
    let streams = streams.as_array().expect("a list");
    assert_eq!(streams.len(), 4);
    for stream in streams {
        assert!(
            stream["name"]
                .as_str()
                .is_some_and(|name| name.starts_with(r"\Device\"))
        );
        for word in ["all_dirty", "mapped", "unreported", "delete_pending"] {
            assert!(stream[word].is_boolean(), "{word}");
        }
        let numbers = [
            "dirty_lines",
            "view_bytes",
            "handles",
            "logs",
            "writes",
            "commits",
            "failed_commits",
            "lines",
        ];
        has_numbers(stream, &numbers);
        has_numbers(&stream["last_commit"], &["age_ns", "time_ns", "lines"]);
        assert_eq!(stream["last_commit"]["status"], 0);
    }
    let dirty = streams.iter().map(|stream| stream["dirty_lines"].as_u64());
    assert!(dirty.is_sorted_by(|a, b| a >= b), "most dirty lines first");
    assert!(streams.iter().any(|stream| stream["logs"] == 1));

    let top = json(PRIVATE, &["streams", "--sort", "name", "--top", "2"]);
    let names: Vec<_> = top
        .as_array()
        .expect("a list")
        .iter()
        .map(|top| &top["name"])
        .collect();
    assert!(
        names.len() == 2 && names[0].as_str() < names[1].as_str(),
        "{names:?}"
    );
    assert_eq!(
        json(PRIVATE, &["streams", "no such volume"]),
        serde_json::json!([])
    );
}

#[test]
fn settings_have_values_and_what_is_allowed() {
    let settings = json(PRIVATE, &["settings"]);
    let settings = settings.as_array().expect("a list");
    assert_eq!(settings.len(), daxflush_protocol::Setting::ALL.len());
    for setting in settings {
        for word in ["name", "value", "default", "allowed"] {
            assert!(setting[word].is_string(), "{word}");
        }
        for word in ["live", "stored", "refused"] {
            assert!(setting[word].is_boolean(), "{word}");
        }
    }
    let set = json(PRIVATE, &["settings", "MappedPolicy", "reported"]);
    assert_eq!(
        (&set["value"], &set["default"]),
        (&"reported".into(), &"conservative".into())
    );
    let stored = json(PRIVATE, &["settings", "FlushMethod", "clflush", "--store"]);
    assert_eq!(stored["stored"], true);
    assert_eq!(stored["value"], "auto", "in force from the next start on");
}

#[test]
fn commit_mark_and_tokens_say_what_they_did() {
    let commits = json(
        PRIVATE,
        &["commit", r"D:\stock.db", r"D:\orders.log", "--no-drain"],
    );
    let commits = commits.as_array().expect("a list");
    assert_eq!(commits.len(), 2);
    for commit in commits {
        assert!(commit["file"].is_string() && commit["drained"] == true);
        has_numbers(commit, &["ranges", "lines", "time_ns"]);
    }
    let part = json(PRIVATE, &["commit", r"D:\stock.db", "--range", "0:64"]);
    assert!(part[0]["lines"].as_u64() <= Some(1));

    let marked = json(PRIVATE, &["mark", r"D:\stock.db", "0:64", "4K:128"]);
    let expected = serde_json::json!({ "file": r"D:\stock.db", "ranges": 2, "bytes": 192 });
    assert_eq!(marked, expected);

    let line = "write 0 hello flush fill 4K:64 0xff flush 4K:64 no-drain drain";
    let steps: Vec<_> = line.split(' ').collect();
    let head = ["tokens", r"D:\orders.log", "--region", "0:64K"];
    let done = json(PRIVATE, &[&head, &steps[..]].concat());
    let durable: Vec<_> = (0..4).map(|step| done[step]["durable"].as_bool()).collect();
    assert_eq!(durable, [true, false, false, true].map(Some), "{done}");
    assert_eq!(done[2]["lines"], 1);
    assert!((0..4).all(|step| done[step]["step"].is_string()));
}

#[test]
fn the_self_test_lists_its_checks() {
    let answer = json(PRIVATE, &["selftest"]);
    assert!(answer["passed"] == true && answer["method"].is_string());
    has_numbers(&answer, &["lines", "time_ns"]);
    let checks = answer["checks"].as_array().expect("checks");
    assert_eq!(checks.len(), daxflush_protocol::self_test::NAMES.len());
    assert!(
        checks
            .iter()
            .all(|check| check["passed"] == true && check["name"].is_string())
    );
}

#[test]
fn every_line_of_a_trace_is_an_event() {
    let machine = crate::machine::Machine::idle();
    let socket = machine.socket();
    let listen = [
        "--sim",
        socket,
        "trace",
        "--json",
        "--seconds",
        "20",
        "--events",
        "3",
    ];
    let trace = crate::run::command(&listen)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("daxctl runs");
    // When it listens nobody knows; so events come until it has had enough.
    let listener = std::thread::spawn(|| trace.wait_with_output().expect("its end"));
    while !listener.is_finished() {
        text(&on(socket, &["bench", "--seconds", "1"]));
    }
    let output = listener.join().expect("no panic");
    let said = text(&output);
    assert_eq!(said.lines().count(), 3, "{said}");
    for line in said.lines() {
        let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert!(
            event["name"].is_string() && event["fields"].is_object(),
            "{line}"
        );
        has_numbers(&event, &["level", "keyword", "time_100ns"]);
    }
    machine.end_well();
}
