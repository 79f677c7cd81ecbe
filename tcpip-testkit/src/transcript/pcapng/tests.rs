//! What is written is read back by others.

use std::{net::SocketAddr, process::Command, time::Duration};

use proptest::prelude::*;
use tokio::time::Instant;

use super::{capture, conversation::Conversation, reader::streams, *};
use crate::{
    Transcript,
    side::Side,
    transcript::log::{Entry, SessionFacts},
};

/// A session that begins so many milliseconds after another, and what happens in it, each so many later.
fn session(start: Instant, begins: u64, port: Option<u16>, passed: Vec<(u64, Side, Passed)>) -> Session {
    let address = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let began = start + Duration::from_millis(begins);
    let mut at = began;
    let entries = passed.into_iter().map(|(later, by, passed)| {
        at += Duration::from_millis(later);
        Entry { by, at, passed }
    });
    let entries = entries.collect();
    let facts = SessionFacts { end: Side::Client, client: port.map(address), server: Some(address(5025)), began };
    Session { facts, entries }
}

fn bytes(bytes: impl Into<Vec<u8>>) -> Passed {
    Passed::Bytes(bytes.into())
}

#[test]
fn a_session_is_read_back() {
    let start = Instant::now();
    let large: Vec<u8> = (0..100_000_u32).map(|index| u8::try_from(index % 251).unwrap()).collect();
    let sessions = [
        session(
            start,
            0,
            Some(40000),
            vec![
                (0, Side::Client, Passed::Open),
                (1, Side::Client, bytes("?\r\n")),
                (2, Side::Server, bytes(large.clone())),
                (0, Side::Client, Passed::Fin),
                (1, Side::Server, bytes("late")),
                (1, Side::Server, Passed::Close),
                (1, Side::Client, Passed::Close),
            ],
        ),
        session(start, 1, Some(40000), vec![(0, Side::Server, bytes("ready")), (0, Side::Server, Passed::Reset)]),
        session(start, 2, None, vec![]),
    ];
    let streams = streams(&capture(&sessions, Missing::default()));
    assert_eq!(streams.len(), 3);
    assert_eq!(streams[0].ports, (40000, 5025));
    assert_eq!((&streams[0].client.bytes[..], streams[0].client.has_ended), (&b"?\r\n"[..], true));
    assert_eq!((&streams[0].server.bytes, streams[0].server.has_ended), (&[large, b"late".to_vec()].concat(), true));
    assert_eq!((streams[0].times[0], streams[0].times.last()), (1_000_000, Some(&4_000_000)));
    assert_eq!(
        (&streams[1].server.bytes[..], streams[1].server.has_ended, streams[1].is_reset),
        (&b"ready"[..], false, true)
    );
    assert_eq!(streams[2].ports, (49152, 5025));
}

/// What is missing is told in the comment of the section.
#[test]
fn what_is_missing_is_told() {
    let capture = capture(&[], Missing { chunks: 10, bytes: 30, ..Missing::default() });
    let length = usize::from(capture[4]);
    let comment = [b"\x01\0\x2f\0before this, 30 bytes in 10 chunks were dropped", &[0; 1 + 4][..]].concat();
    assert_eq!(capture[24..length - 4].escape_ascii().to_string(), comment.escape_ascii().to_string());
}

/// Sequence numbers begin again at zero behind the largest, in the midst of a segment too.
#[test]
fn sequence_numbers_wrap_around() {
    let [client, server] = [1, 2].map(|port| End { address: SERVER, port });
    for before in [0, 1, 2, 700, 1460, 1461, 3000] {
        let mut conversation = Conversation::new(client, server, (u32::MAX - before, u32::MAX - 2 * before));
        conversation.open();
        for _ in 0..3 {
            conversation.bytes(Side::Client, &[1; 2000]);
            conversation.bytes(Side::Server, &[2; 2000]);
        }
        conversation.fin(Side::Client);
        conversation.fin(Side::Server);
        let mut capture = Capture::new("");
        conversation.take().iter().for_each(|packet| capture.packet(Duration::ZERO, packet));
        let streams = streams(&capture.into_bytes());
        assert_eq!((streams[0].client.first, streams[0].server.first), (u32::MAX - before, u32::MAX - 2 * before));
        assert_eq!((&streams[0].client.bytes[..], &streams[0].server.bytes[..]), (&[1; 6000][..], &[2; 6000][..]));
    }
}

fn any_session() -> impl Strategy<Value = (u64, Option<u16>, Vec<(u64, Side, Passed)>)> {
    let side = prop_oneof![Just(Side::Client), Just(Side::Server)];
    let passed = prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 1..4000).prop_map(Passed::Bytes),
        1 => Just(Passed::Fin),
        1 => Just(Passed::Close),
        1 => Just(Passed::Reset),
    ];
    (0..20_u64, prop::option::of(40000..40002_u16), prop::collection::vec((0..3_u64, side, passed), 0..12))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Each session is a stream of its own that has what passed until its side ended or either reset.
    #[test]
    fn whatever_passed_is_read_back(all in prop::collection::vec(any_session(), 1..5)) {
        let start = Instant::now();
        let mut sessions: Vec<Session> =
            all.into_iter().map(|(begins, port, passed)| session(start, begins, port, passed)).collect();
        sessions.sort_by_key(|session| session.facts.began);
        let streams = streams(&capture(&sessions, Missing::default()));
        prop_assert_eq!(streams.len(), sessions.len());
        for (stream, session) in streams.iter().zip(&sessions) {
            let mut parts = session.entries.split_inclusive(|entry| entry.passed == Passed::Reset);
            let until_reset = parts.next().unwrap_or(&[]);
            for (side, half) in [(Side::Client, &stream.client), (Side::Server, &stream.server)] {
                let mut sent = Vec::new();
                let mut has_ended = false;
                for entry in until_reset.iter().filter(|entry| entry.by == side) {
                    match &entry.passed {
                        Passed::Bytes(bytes) if !has_ended => sent.extend(bytes),
                        Passed::Fin | Passed::Close => has_ended = true,
                        _ => {}
                    }
                }
                prop_assert_eq!((&half.bytes, half.has_ended), (&sent, has_ended));
            }
            prop_assert_eq!(stream.is_reset, session.entries.iter().any(|entry| entry.passed == Passed::Reset));
        }
    }
}

/// Wireshark's own reader finds nothing to complain of, and gives back the bytes.
#[test]
fn tshark_finds_nothing_wrong() {
    if Command::new("tshark").arg("--version").output().is_err() {
        eprintln!("skipped: there is no tshark");
        return;
    }
    let transcript = Transcript::new();
    let start = Instant::now();
    let large: Vec<u8> = (0..200_000_u32).map(|index| u8::try_from(index % 251).unwrap()).collect();
    let mut first = Vec::new();
    for round in 0..2_u64 {
        let client = transcript.passing(
            Instant::now(),
            Some(([127, 0, 0, 1], 40000).into()),
            Some(([127, 0, 0, 1], 5025).into()),
        );
        let at = |milliseconds: u64| start + Duration::from_millis(10 * round + milliseconds);
        client.note(Side::Client, at(1), bytes("?\r\n"));
        client.note(Side::Server, at(2), bytes(large.clone()));
        client.note(Side::Server, at(3), bytes(large.clone()));
        client.note(Side::Client, at(3), bytes("x"));
        if round == 0 {
            client.note(Side::Client, at(4), Passed::Fin);
            client.note(Side::Server, at(5), bytes("late"));
            client.note(Side::Server, at(6), Passed::Close);
        } else {
            client.note(Side::Server, at(4), Passed::Reset);
        }
        first.push(client);
    }
    let path = std::env::temp_dir().join(format!("tcpip-testkit-{}.pcapng", std::process::id()));
    transcript.write_pcapng(&path).unwrap();
    let output = Command::new("tshark")
        .args(["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-n", "-r"])
        .arg(&path)
        .args(["-T", "fields", "-E", "separator=,", "-e", "tcp.stream", "-e", "tcp.analysis.flags"])
        .args(["-e", "ip.checksum.status", "-e", "tcp.checksum.status", "-z", "follow,tcp,raw,0"])
        .output()
        .unwrap();
    std::fs::remove_file(&path).unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let (packets, follow) = output.split_once("\n==").expect("both are asked for");
    let good = ["0,,1,1", "1,,1,1"];
    let bad: Vec<&str> = packets.lines().filter(|line| !good.contains(line)).collect();
    assert!(bad.is_empty(), "{bad:?}");
    assert!(packets.lines().count() > 500, "{packets}");
    let mut halves = [String::new(), String::new()];
    for line in follow.lines().filter(|line| line.chars().all(|c| c.is_ascii_hexdigit() || c == '\t')) {
        halves[usize::from(line.starts_with('\t'))].push_str(line.trim());
    }
    let hex = |bytes: &[u8]| bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(hex_digit).collect::<String>();
    assert_eq!(halves[0], hex(b"?\r\nx"));
    assert!(halves[1] == hex(&[&large[..], &large, b"late"].concat()), "the server's bytes differ");
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(nibble.into(), 16).expect("it is below 16")
}
