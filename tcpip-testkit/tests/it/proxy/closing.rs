//! Links that end, or are reset.

use std::io::ErrorKind;

use macro_rules_attribute::apply;
use tcpip_client::Abort;
use tcpip_testkit::faults::{self, Fault};
use tokio::{io::AsyncWriteExt, time::Instant};

use super::{End, Place, Rig, in_time, ms, nothing_comes, over_both, receive, rest, send, took};

/// What both peers find, when the server sends this to the client: the client first.
async fn ends_of<P: Place>(fault: impl Fault, sent: &[u8]) -> [(String, End); 2] {
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let _fault = rig.proxy.to_client().add(fault);
    // It may be over before all is sent.
    let _ = server.write_all(sent).await;
    let mut ends = Vec::new();
    for peer in [&mut client, &mut server] {
        let (bytes, end) = rest(peer).await;
        ends.push((String::from_utf8(bytes).unwrap(), end));
    }
    ends.try_into().unwrap()
}

fn both(text: &str, end: End) -> [(String, End); 2] {
    [(text.to_owned(), end), (String::new(), end)]
}

/// Both peers are reset, at once, or behind exactly so many bytes, within a message, within a character; what has left
/// before arrives.
#[apply(over_both)]
async fn a_reset_is_one_for_both<P: Place>() {
    assert_eq!(ends_of::<P>(faults::reset(), b"").await, both("", End::Reset));
    assert_eq!(ends_of::<P>(faults::reset().after(3), b"reply\r\n").await, both("rep", End::Reset));
    assert_eq!(ends_of::<P>(faults::reset().after(3), b"rep").await, both("rep", End::Reset));
    // Within a character of two bytes.
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let _fault = rig.proxy.to_client().add(faults::reset().after(3));
    send(&mut server, "zwölf").await;
    assert_eq!(rest(&mut client).await, ("zwö".as_bytes()[..3].to_vec(), End::Reset));
    let second = faults::messages(b"\n", faults::reset()).skip(1);
    assert_eq!(ends_of::<P>(second, b"one\ntwo\n").await, both("one\n", End::Reset));
    let within_the_second = faults::messages(b"\n", faults::reset().after(2)).skip(1);
    assert_eq!(ends_of::<P>(within_the_second, b"one\ntwo\n").await, both("one\ntw", End::Reset));
}

/// The same as a clean end, of both peers; and behind the limit of each direction.
#[apply(over_both)]
async fn a_hang_up_is_a_clean_end_for_both<P: Place>() {
    assert_eq!(ends_of::<P>(faults::fin(), b"").await, both("", End::Clean));
    assert_eq!(ends_of::<P>(faults::fin().after(3), b"reply").await, both("rep", End::Clean));
    assert_eq!(ends_of::<P>(faults::limit(4), b"reply").await, both("repl", End::Clean));
    assert_eq!(ends_of::<P>(faults::limit(0), b"").await, both("", End::Clean));
    let within_the_second = faults::messages(b"\n", faults::fin().after(2)).skip(1);
    assert_eq!(ends_of::<P>(within_the_second, b"one\ntwo\n").await, both("one\ntw", End::Clean));
}

/// A half-close is one: the other direction goes on, also when the fault is removed.
#[apply(over_both)]
async fn a_half_close_stays_one<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    let half = rig.proxy.to_client().add(faults::half_close().after(3));
    send(&mut server, b"reply").await;
    assert_eq!(rest(&mut client).await, (b"rep".to_vec(), End::Clean));
    for _ in 0..2 {
        send(&mut client, b"still there?").await;
        assert_eq!(receive(&mut server, 12).await, b"still there?");
    }
    drop(half);
    send(&mut server, b"lost").await;
    send(&mut client, b"yes").await;
    client.shutdown().await.unwrap();
    assert_eq!(rest(&mut server).await, (b"yes".to_vec(), End::Clean));
}

/// An idle link is reset too, each session by its own condition, and only as many as are asked for.
#[apply(over_both)]
async fn sessions_at_rest_are_reset_as_they_are_accepted<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let (mut early, _early_server) = rig.connect().await;
    let twice = rig.proxy.to_client().add(faults::reset().times(2));
    assert_eq!(rest(&mut early).await, (Vec::new(), End::Reset));
    let (mut second, _second_server) = rig.connect().await;
    assert_eq!(rest(&mut second).await, (Vec::new(), End::Reset));
    let (mut third, mut third_server) = rig.connect().await;
    send(&mut third_server, b"well").await;
    assert_eq!(receive(&mut third, 4).await, b"well");
    drop(twice);
    let _half_of_them = rig.proxy.add(faults::reset().of_sessions(0.5, 7));
    let mut resets = 0;
    for _ in 0..40 {
        let (mut client, mut server) = rig.connect().await;
        let _ = server.write_all(b"x").await;
        drop(server);
        resets += u32::from(rest(&mut client).await.1 == End::Reset);
    }
    assert!((10..30).contains(&resets), "{resets}");
}

/// Each session has a fault of its own, which begins anew, as long as there are to be any.
#[apply(over_both)]
async fn each_session_is_reset_within_its_reply<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let _fault = rig.proxy.to_client().add(faults::sessions(|| faults::reset().after(3)).skip(1).times(2));
    for expected in [("reply", End::Clean), ("rep", End::Reset), ("rep", End::Reset), ("reply", End::Clean)] {
        let (mut client, mut server) = rig.connect().await;
        send(&mut server, b"reply").await;
        let _ = server.shutdown().await;
        let (bytes, end) = rest(&mut client).await;
        assert_eq!((str::from_utf8(&bytes).unwrap(), end), expected);
    }
}

/// A reset that comes by the time comes also where somebody does not read.
#[apply(over_both)]
async fn who_does_not_read_is_reset_in_time<P: Place>() {
    let mut rig = Rig::with::<P>(|builder| builder.buffers(4096).window(4096)).await;
    let (mut client, mut server) = rig.connect().await;
    let since = Instant::now();
    let _fault = rig.proxy.to_client().add(faults::reset_after(ms(200)));
    let written = in_time(server.write_all(&vec![7; 64 << 20])).await;
    assert_eq!(written.unwrap_err().kind(), ErrorKind::ConnectionReset);
    took::<P>(since, 200);
    assert_eq!(rest(&mut client).await.1, End::Reset);
}

/// A link that ends while one peer is reset, of which the other does not hear, ends once, also behind bytes.
#[apply(over_both)]
async fn a_link_ends_behind_a_swallowed_reset<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    for (is_to_client, mut fault, expected) in [
        (true, Box::new(faults::fin()) as Box<dyn Fault>, End::Clean),
        (false, Box::new(faults::fin().after(3)), End::Clean),
        (false, Box::new(faults::limit(4)), End::Clean),
        (false, Box::new(faults::reset().after(3)), End::Reset),
    ] {
        let (mut client, mut server) = rig.connect().await;
        send(&mut server, b"first").await;
        assert_eq!(receive(&mut client, 5).await, b"first");
        let swallows = rig.proxy.to_client().add(faults::black_hole());
        server.transport().unwrap().abort(Abort::Now);
        nothing_comes(&mut client, ms(100)).await;
        let direction = if is_to_client { rig.proxy.to_client() } else { rig.proxy.to_server() };
        let ends = direction.add(faults::custom(move |event, at, out| fault.on(event, at, out)));
        send(&mut client, b"abcd").await;
        assert_eq!(rest(&mut client).await, (Vec::new(), expected));
        drop((swallows, ends));
    }
    let (mut client, mut server) = rig.connect().await;
    send(&mut server, b"the next").await;
    assert_eq!(receive(&mut client, 8).await, b"the next");
}
