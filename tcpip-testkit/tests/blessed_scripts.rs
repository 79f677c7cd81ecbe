//! A test that is asked to writes what came into its script. With no other test in its process: what starts a program
//! has copies of all sockets for a moment.
#![expect(clippy::unwrap_used, reason = "helpers of tests may do what tests do")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use tcpip_testkit::{Script, ScriptedPeer};
use tokio::io::{AsyncWriteExt, duplex};

/// Where the test below finds its script. Without it, it is not asked for anything.
const PATH: &str = "TCPIP_BLESSED_SCRIPT";
/// How many scripts are blessed at the same time.
const DEVICES: usize = 16;

/// Plays the client's side of a script against a device that has changed: run by the tests below, in processes with an
/// environment of their own.
#[test_log::test(tokio::test)]
async fn a_device_has_changed() {
    let Some(path) = env::var_os(PATH) else { return };
    let script = match Path::new(&path).extension() {
        Some(extension) if extension == "md" => Script::in_markdown(&path, "dome").unwrap(),
        Some(_) => Script::read(&path).unwrap(),
        None => Script::parse("< \"V1\" LF").unwrap(),
    };
    let (near, mut far) = duplex(1024);
    let peer = ScriptedPeer::client(script).over(near).unwrap();
    far.write_all(b"V2 beta\n").await.unwrap();
    peer.finish().await.unwrap();
}

/// Plays two scripts of one file, the second of them twice, against devices that have changed.
#[test_log::test(tokio::test)]
async fn two_devices_have_changed() {
    let Some(path) = env::var_os(PATH) else { return };
    let scripts = ["dome", "lamp", "lamp"].map(|name| Script::in_markdown(&path, name).unwrap());
    for script in scripts {
        let (near, mut far) = duplex(1024);
        let peer = ScriptedPeer::client(script).over(near).unwrap();
        far.write_all(b"V2\nbeta\n").await.unwrap();
        peer.finish().await.unwrap();
    }
}

/// Plays scripts of one file, each in a thread of its own, against devices that have changed.
#[test]
fn many_devices_have_changed() {
    let Some(path) = env::var_os(PATH) else { return };
    let play = |number: usize| {
        let script = Script::in_markdown(&path, &format!("device-{number}")).unwrap();
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            let (near, mut far) = duplex(1024);
            let peer = ScriptedPeer::client(script).over(near).unwrap();
            far.write_all(b"V2\n").await.unwrap();
            peer.finish().await.unwrap();
        });
    };
    thread::scope(|scope| {
        for number in 0..DEVICES {
            scope.spawn(move || play(number));
        }
    });
}

/// Runs a test above, with these variables. Returns whether it passed, and what it said.
fn run(path: &Path, test: &str, variables: &[(&str, &str)]) -> (bool, String) {
    let Output { status, stdout, stderr } = Command::new(env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env_remove("CI")
        .env_remove("TCPIP_BLESS")
        .env("RUST_BACKTRACE", "0")
        .env(PATH, path)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = [stdout, stderr].concat();
    (status.success(), String::from_utf8(said).unwrap())
}

fn folder() -> PathBuf {
    static FOLDERS: AtomicUsize = AtomicUsize::new(0);
    let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
    let folder = env::temp_dir().join(format!("tcpip-blessed-{}-{number}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_script_is_blessed_when_that_is_asked_for() {
    const TEST: &str = "a_device_has_changed";
    let folder = folder();
    let file = folder.join("dome.tcpip");
    let markdown = folder.join("dome.md");
    let (before, after) = ("# A dome\n< \"V1\" LF  # its version\n", "# A dome\n< \"V2 beta\" LF  # its version\n");
    let in_markdown = |script: &str| format!("# Dome\n\n```tcpip dome\n{script}```\n\nMore.\n");
    for (path, before, after, line) in
        [(&file, before.to_owned(), after.to_owned(), 2), (&markdown, in_markdown(before), in_markdown(after), 5)]
    {
        fs::write(path, &before).unwrap();
        for variables in [&[][..], &[("TCPIP_BLESS", "0")], &[("TCPIP_BLESS", "1"), ("CI", "true")]] {
            let (passed, said) = run(path, TEST, variables);
            assert!(!passed && said.contains("what came does not fit \"V1\""), "{variables:?} {said}");
            assert_eq!(said.contains("TCPIP_BLESS is set, but so is CI: nothing is blessed"), variables.len() > 1);
            assert_eq!(fs::read_to_string(path).unwrap(), before);
        }
        let (passed, said) = run(path, TEST, &[("TCPIP_BLESS", "1"), ("CI", "false")]);
        assert!(passed && said.contains(&format!("{}: blessed, in line {line}\n", path.display())), "{said}");
        assert_eq!(fs::read_to_string(path).unwrap(), after);
        assert!(run(path, TEST, &[]).0);
    }
    // A script in a string is shown, and the test fails.
    let (passed, said) = run(&folder.join("string"), TEST, &[("TCPIP_BLESS", "1")]);
    assert!(
        !passed && said.contains("a script in a string is not blessed. What came would be:\n< \"V2 beta\" LF"),
        "{said}"
    );
    fs::remove_dir_all(folder).unwrap();
}

/// Scripts of one file are blessed one after the other, though they move in it; and one that has become what came
/// already is as it should be.
#[test]
fn several_scripts_of_a_file_are_blessed() {
    const TEST: &str = "two_devices_have_changed";
    let folder = folder();
    let path = folder.join("devices.md");
    let file = |script: &str| format!("```tcpip dome\n{script}```\nMore.\n```tcpip lamp\n{script}```\n");
    fs::write(&path, file("< \"V1\" LF\n")).unwrap();
    let (passed, said) = run(&path, TEST, &[("TCPIP_BLESS", "1")]);
    assert!(passed, "{said}");
    for lines in ["2, 3\n", "7, 8\n"] {
        assert!(said.contains(&format!("{}: blessed, in line {lines}", path.display())), "{said}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), file("< \"V2\" LF\n< \"beta\" LF\n"));
    assert!(run(&path, TEST, &[]).0);
    fs::remove_dir_all(folder).unwrap();
}

/// Who reads a script while another of its file is blessed reads the file as it was, or as it has become.
#[test]
fn scripts_are_read_while_others_are_blessed() {
    const TEST: &str = "many_devices_have_changed";
    let folder = folder();
    let path = folder.join("devices.md");
    // Much text beside them, so that to write the file takes a while.
    let script =
        |version: &str, number| format!("```tcpip device-{number}\n< \"{version}\" LF\n```\n{}\n", "-".repeat(100_000));
    let file = |version: &str| (0..DEVICES).map(|number| script(version, number)).collect::<String>();
    fs::write(&path, file("V1")).unwrap();
    let (passed, said) = run(&path, TEST, &[("TCPIP_BLESS", "1")]);
    assert!(passed, "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), file("V2"));
    fs::remove_dir_all(folder).unwrap();
}
