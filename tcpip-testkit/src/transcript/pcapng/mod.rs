//! A transcript as a capture.

mod blocks;
mod conversation;
mod packet;
#[cfg(test)]
mod reader;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, net::Ipv4Addr, time::Duration};

use self::{
    blocks::Capture,
    conversation::{Conversation, End},
};
use super::log::{Missing, Passed, Session};

/// Where a session's ports are not known.
const FIRST_CLIENT_PORT: u16 = 49152;
const SERVER_PORT: u16 = 1;

/// The server's address, and the one before that of the first client. A client has another where its ports have been
/// used by an earlier one.
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 255, 255, 254);
const BEFORE_CLIENTS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 0);

/// Returns the sessions as a file in the format pcapng, which says what is missing.
pub(super) fn capture(sessions: &[Session], missing: Missing) -> Vec<u8> {
    let mut addresses = Addresses::default();
    let start = sessions.iter().map(|session| session.facts.began).min();
    let mut packets: Vec<(Duration, Vec<u8>)> = Vec::new();
    for (index, session) in (0..).zip(sessions) {
        let (client, server) = addresses.next(session);
        let mut conversation = Conversation::new(client, server, first_sequence_numbers(index));
        let mut at = session.facts.began;
        let mut take = |conversation: &mut Conversation, at| {
            let since =
                start.map_or(Duration::ZERO, |start| tokio::time::Instant::saturating_duration_since(&at, start));
            packets.extend(conversation.take().into_iter().map(|packet| (since, packet)));
        };
        conversation.open();
        take(&mut conversation, at);
        for entry in &session.entries {
            at = at.max(entry.at);
            match &entry.passed {
                Passed::Open => {}
                Passed::Bytes(bytes) => conversation.bytes(entry.by, bytes),
                Passed::Fin | Passed::Close => conversation.fin(entry.by),
                Passed::Reset => conversation.reset(entry.by),
            }
            take(&mut conversation, at);
        }
    }
    packets.sort_by_key(|(at, _)| *at);
    let mut capture = Capture::new(&missing.lines().join("\n"));
    for (at, packet) in packets {
        capture.packet(at, &packet);
    }
    capture.into_bytes()
}

/// Those of the client and of the server: made up, and different in each session.
fn first_sequence_numbers(session: u32) -> (u32, u32) {
    let scattered = session.wrapping_add(1).wrapping_mul(0x9e37_79b9);
    (scattered, scattered.rotate_left(16))
}

/// Which addresses have been used.
#[derive(Default)]
struct Addresses {
    clients: HashMap<(u16, u16), u32>,
}

impl Addresses {
    fn next(&mut self, session: &Session) -> (End, End) {
        let port =
            |address: Option<std::net::SocketAddr>, otherwise| address.map_or(otherwise, |address| address.port());
        let client_port = port(session.facts.client, FIRST_CLIENT_PORT);
        let server_port = port(session.facts.server, SERVER_PORT);
        let clients = self.clients.entry((client_port, server_port)).or_default();
        *clients += 1;
        let client = Ipv4Addr::from(u32::from(BEFORE_CLIENTS).wrapping_add(*clients));
        (End { address: client, port: client_port }, End { address: SERVER, port: server_port })
    }
}
