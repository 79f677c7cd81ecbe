//! What passes is recorded, from the beginning or from when it is asked for.

use std::sync::{Arc, Mutex};

use macro_rules_attribute::apply;
use tcpip_client::NetworkStream;
use tcpip_testkit::{
    Record, Transcript,
    faults::{self, Direction},
    proxy::{FaultProxyBuilder, Passed, ProxyTap, What, Wire},
};
use tokio::io::AsyncWriteExt;

use super::{End, LONG, Place, Rig, over_both, receive, rest, send};

/// The client sends these, one after the other.
async fn pass(client: &mut NetworkStream, server: &mut NetworkStream, texts: &[&str]) {
    for text in texts {
        send(client, text).await;
        assert_eq!(receive(server, text.len()).await, text.as_bytes());
    }
}

/// The script without its times.
fn timeless(transcript: &Transcript) -> Vec<String> {
    let without = |line: &str| match line.split_once(' ') {
        Some((pause, step)) if pause.starts_with('+') => step.to_owned(),
        _ => line.to_owned(),
    };
    transcript.to_script().lines().map(without).collect()
}

/// Asked before the first client, a transcript has all; later, all from then on, and it says so.
#[apply(over_both)]
async fn a_proxy_records_from_when_it_is_asked<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let transcript = rig.proxy.transcript();
    assert_eq!(transcript.to_script(), "script 1\n");
    let (mut client, mut server) = rig.connect().await;
    pass(&mut client, &mut server, &["one"]).await;
    assert_eq!(timeless(&transcript), ["script 1", "> \"one\""]);
    pass(&mut server, &mut client, &["two"]).await;
    rig.proxy.close().await;
    drop(rig);
    assert_eq!(timeless(&transcript)[1..3], ["> \"one\"", "< \"two\""]);

    let mut rig = Rig::new::<P>().await;
    let (mut client, mut server) = rig.connect().await;
    pass(&mut client, &mut server, &["one"]).await;
    let transcript = rig.proxy.transcript();
    assert_eq!(timeless(&transcript), ["script 1", "# what passed before this was not recorded"]);
    pass(&mut server, &mut client, &["two"]).await;
    let (mut another, mut to_another) = rig.connect().await;
    pass(&mut another, &mut to_another, &["three"]).await;
    assert!(!format!("{:?}", rig.proxy).contains("three"), "what is recorded may be much");
    let steps = ["< \"two\"", "> connect", "> \"three\""];
    assert_eq!(timeless(&transcript)[2..], steps);
    assert_eq!(timeless(&rig.proxy.transcript())[2..], steps);
    transcript.check(&transcript.to_script()[..]).unwrap();
}

/// What a proxy is told to record into is its transcript, whichever sessions had passed when it is asked.
#[apply(over_both)]
async fn a_proxy_gives_what_it_was_told_to_record_into<P: Place>() {
    let transcript = Transcript::new();
    let mut rig = Rig::with::<P>(|proxy| proxy.record(&transcript)).await;
    let (mut client, mut server) = rig.connect().await;
    pass(&mut client, &mut server, &["one"]).await;
    assert_eq!(rig.proxy.transcript().sent(), b"one");
    pass(&mut client, &mut server, &["two"]).await;
    let (mut another, mut to_another) = rig.connect().await;
    pass(&mut another, &mut to_another, &["three"]).await;
    let steps = timeless(&transcript);
    assert_eq!(
        (steps[0].as_str(), &steps[steps.len() - 2..]),
        ("script 1", &["> connect", "> \"three\""].map(str::to_owned)[..])
    );
    assert_eq!(timeless(&rig.proxy.transcript()), steps);
}

/// Keeps what passes at the server.
#[derive(Default)]
struct AtTheServer(Mutex<Vec<u8>>);

impl ProxyTap for AtTheServer {
    fn passed(&self, passed: &Passed<'_>) {
        if let (Wire::Server, Direction::ToServer, What::Bytes(bytes)) = (passed.wire, passed.direction, passed.what) {
            self.0.lock().unwrap().extend_from_slice(bytes);
        }
    }
}

/// A proxy is recorded beside its tap, in whatever order it is told so, and however many are made of one builder.
#[apply(over_both)]
async fn a_tap_and_a_transcript_go_together<P: Place>() {
    for tap_first in [true, false] {
        let (tap, transcript) = (Arc::new(AtTheServer::default()), Transcript::new());
        let proxy = |proxy: FaultProxyBuilder| {
            if tap_first {
                proxy.tap(Arc::clone(&tap) as _).record(&transcript)
            } else {
                proxy.record(&transcript).tap(Arc::clone(&tap) as _)
            }
        };
        let [mut rig, mut other] = [Rig::with::<P>(proxy).await, Rig::with::<P>(proxy).await];
        let _damage = rig.proxy.to_server().add(faults::replace("n", "m"));
        for (rig, got) in [(&mut rig, "ome"), (&mut other, "one")] {
            let (mut client, mut server) = rig.connect().await;
            send(&mut client, "one").await;
            assert_eq!(receive(&mut server, 3).await, got.as_bytes());
        }
        assert_eq!((&tap.0.lock().unwrap()[..], &transcript.sent()[..]), (&b"omeone"[..], &b"oneone"[..]));
        let sessions: Vec<_> = transcript.chunks().into_iter().map(|chunk| (chunk.session, chunk.bytes)).collect();
        assert_eq!(sessions, [(0, b"one".to_vec()), (1, b"one".to_vec())]);
    }
}

/// When both directions have ended at the client, its session is over: it sees nothing of a reset of the rest.
#[apply(over_both)]
async fn a_session_is_recorded_as_one_to_its_end<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let transcript = rig.proxy.transcript();
    let _late = rig.proxy.to_server().add(faults::latency(LONG * 2));
    let (mut client, mut server) = rig.connect().await;
    send(&mut client, "x").await;
    client.shutdown().await.unwrap();
    server.shutdown().await.unwrap();
    assert_eq!(rest(&mut client).await, (Vec::new(), End::Clean));
    rig.proxy.reset_now();
    assert_eq!(rest(&mut server).await, (Vec::new(), End::Reset));
    let mut steps = timeless(&transcript);
    steps[2..4].sort();
    assert_eq!(steps, ["script 1", "> \"x\"", "< fin", "> fin"]);
}
