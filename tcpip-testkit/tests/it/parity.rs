//! Every promise has its test.
//!
//! Three lists of promises stand behind this library: what ts_tcpip 2.2.2 offers, by its Python names ([`FEATURES`]);
//! its faults, which must not be here, 1 to [`FAULTS`]; and what goes wrong on a link, 1 to [`FAILURES`]. The table
//! from each of them to its tests is kept where the tests are: a test's doc comment names what it shows as
//! "Parity: `read_str`, `encoding`.", "Fault 5" or "Failures 2 and 5". The tests here collect these words from the
//! whole workspace. To see the table: `cargo test -p tcpip-testkit --test it parity -- --nocapture`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The names of ts_tcpip, each with a behaviour that is kept.
const FEATURES: [&str; 76] = [
    // The stream helpers and the constants.
    "close_stream_writer",
    "read_into",
    "write_from",
    "set_socket_options",
    "DEFAULT_ENCODING",
    "DEFAULT_LOCALHOST",
    "DEFAULT_MAX_HEARTBEAT_INTERVAL",
    "DEFAULT_MONITOR_CONNECTION_INTERVAL",
    "DEFAULT_TERMINATOR",
    "HEARTBEAT",
    "KEEPALIVE_INTERVAL",
    "KEEPALIVE_PROBES",
    "KEEPALIVE_TIME",
    "LOCALHOST_IPV4",
    "LOCALHOST_IPV6",
    "STD_TIMEOUT",
    // What clients and servers have in common.
    "read",
    "readexactly",
    "readline",
    "readuntil",
    "read_str",
    "read_json",
    "write",
    "writelines",
    "write_str",
    "write_json",
    "ConnectionError",
    "IncompleteReadError",
    "LimitOverrunError",
    "encoding",
    "terminator",
    "connect_callback",
    "monitor_connection_interval",
    "name",
    "log",
    "connected",
    "should_be_connected",
    "start_task",
    "done_task",
    "host",
    "port",
    "basic_close",
    "close",
    "async with",
    "limit",
    "family",
    "local_addr",
    "sock",
    "backlog",
    "reuse_address",
    "reuse_port",
    // The client.
    "Client",
    "Client(host=\"\")",
    "run_heartbeat_send_task",
    "heartbeat_send_sleep",
    // The servers.
    "OneClientServer",
    "host=None",
    "connected_task",
    "close_client",
    "basic_close_client",
    "OneClientReadLoopServer",
    "read_and_dispatch",
    "read_loop_task",
    "run_heartbeat_monitor_task",
    "max_heartbeat_interval",
    "handle_received_heartbeat",
    "monitor_received_heartbeats",
    "unexpected heartbeat",
    // The fixtures.
    "BaseOneClientServerTestCase",
    "create_server",
    "create_client",
    "connect_queue",
    "assert_next_connected",
    "TestOneClientReadLoopServer",
    "get_next_data",
    "fail_next_read",
];

/// How many faults of ts_tcpip are known.
const FAULTS: usize = 22;

/// How many ways to go wrong are known.
const FAILURES: usize = 44;

/// What is shown by no test yet: a fault that belongs to a request/reply layer. Until there is one, the dome's
/// controller closes on a late reply.
const LATER: [&str; 1] = ["Fault 21"];

/// Each row has a test that says so, but for those that later work covers; and each row that a test names is one.
#[test]
fn every_row_has_a_test() {
    let mut rows: BTreeSet<String> = FEATURES.iter().map(|name| format!("`{name}`")).collect();
    rows.extend((1..=FAULTS).map(|number| format!("Fault {number}")));
    rows.extend((1..=FAILURES).map(|number| format!("Failure {number}")));
    let mut table: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for test in tests() {
        for row in named_rows(&test.doc) {
            assert!(rows.contains(&row), "{} names a row that there is not: {row}", test.name);
            table.entry(row).or_default().push(test.name.clone());
        }
    }
    for (row, tests) in &table {
        println!("{row}: {}", tests.join(", "));
    }
    let without: BTreeSet<_> = rows.iter().map(String::as_str).filter(|row| !table.contains_key(*row)).collect();
    let later: BTreeSet<_> = LATER.into_iter().collect();
    assert!(without.iter().eq(&later), "{without:?} are without a test, {later:?} may be");
}

/// Each name of ts_tcpip finds its place here by the search of the docs: it is a name, or an alias of one.
#[test]
fn every_python_name_is_found() {
    let sources: String =
        sources(|path| is_in(path, "src")).into_iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let is_name = |name: &&str| name.chars().all(is_name_letter);
    let is_found = |name: &&str| {
        let declared = ["fn", "const", "struct", "trait"].into_iter().any(|keyword| {
            let declaration = format!("{keyword} {name}");
            sources.split(&declaration).skip(1).any(|rest| !rest.starts_with(is_name_letter))
        });
        declared || sources.contains(&format!("doc(alias = \"{name}\")"))
    };
    let is_later = |name: &&str| LATER.contains(&format!("`{name}`").as_str());
    let lost: Vec<_> = FEATURES.into_iter().filter(is_name).filter(|name| !is_found(name) && !is_later(name)).collect();
    assert_eq!(lost, [""; 0], "neither names nor aliases");
}

fn is_name_letter(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Failure 31: no clock but the monotonic one is in the library, by a lint that the workspace denies, and by what the
/// sources say.
#[test]
fn the_wall_clock_is_forbidden() {
    let root = root();
    assert!(fs::read_to_string(root.join(".clippy.toml")).unwrap().contains("std::time::SystemTime"));
    assert!(fs::read_to_string(root.join("Cargo.toml")).unwrap().contains("disallowed_types = \"deny\""));
    let in_library =
        |path: &Path| path.components().any(|part| part.as_os_str() == "src") && !path.starts_with("examples");
    for path in sources(in_library) {
        assert!(!fs::read_to_string(&path).unwrap().contains("SystemTime"), "{}", path.display());
    }
}

/// The words that name a row are understood in each of their forms, and others are not taken for them.
#[test]
fn rows_are_named_in_words() {
    let rows = |doc: &str| named_rows(doc).into_iter().collect::<Vec<_>>().join(" ");
    assert_eq!(rows("Fault 1 of the model, failures 2 and 5: told."), "Failure 2 Failure 5 Fault 1");
    assert_eq!(rows("Faults 2, 3 and 14: 5 are told. Failure 7."), "Failure 7 Fault 14 Fault 2 Fault 3");
    assert_eq!(rows("A default 5, faulty. Parity: `read`, `host=None`."), "`host=None` `read`");
    assert_eq!(rows("Of `read` there is no word."), "");
}

struct Test {
    name: String,
    doc: String,
}

/// All tests of the workspace.
fn tests() -> Vec<Test> {
    let paths = sources(|path| is_in(path, "tests"));
    paths.iter().flat_map(|path| tests_in(&fs::read_to_string(path).expect("sources can be read"))).collect()
}

/// The functions with a doc comment and an attribute that makes them tests.
fn tests_in(source: &str) -> Vec<Test> {
    let mut tests = Vec::new();
    let (mut doc, mut is_test) = (String::new(), false);
    for line in source.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("///") {
            doc.push_str(text);
        } else if line.starts_with("#[") {
            is_test |= line.contains("test");
        } else {
            let name = line.split_once("fn ").and_then(|(_, rest)| rest.split_once(['(', '<']));
            if let Some((name, _)) = name.filter(|_| is_test) {
                tests.push(Test { name: name.to_owned(), doc: std::mem::take(&mut doc) });
            }
            doc.clear();
            is_test = false;
        }
    }
    tests
}

/// The rows that a doc comment names.
fn named_rows(doc: &str) -> BTreeSet<String> {
    let mut rows = BTreeSet::new();
    for list in doc.split("Parity: ").skip(1) {
        let list = list.split("`.").next().unwrap_or_default();
        rows.extend(list.split(", ").map(|name| format!("`{}`", name.trim_matches('`'))));
    }
    let mut kind = None;
    for word in doc.split_whitespace() {
        let bare = word.trim_matches(|letter: char| !letter.is_alphanumeric());
        kind = match bare.to_lowercase().as_str() {
            "fault" | "faults" => Some("Fault"),
            "failure" | "failures" => Some("Failure"),
            "and" => kind,
            number if number.parse::<usize>().is_ok() => kind,
            _ => None,
        };
        if let Some(kind) = kind.filter(|_| bare.starts_with(|letter: char| letter.is_ascii_digit())) {
            rows.insert(format!("{kind} {bare}"));
        }
        kind = kind.filter(|_| !word.ends_with([':', '.', ';']));
    }
    rows
}

/// The sources below the workspace's root that `wanted` wants, told by their paths from there.
fn sources(wanted: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("folders can be listed") {
            let path = entry.expect("folders can be listed").path();
            let relative = path.strip_prefix(&root).expect("found below the root");
            if path.is_dir() && !relative.starts_with("target") && !relative.starts_with(".git") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && wanted(relative) {
                found.push(path);
            }
        }
    }
    found
}

fn is_in(path: &Path, folder: &str) -> bool {
    path.components().any(|part| part.as_os_str() == folder)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the workspace").to_owned()
}
