//! What becomes of who calls.

use std::io::ErrorKind;

use macro_rules_attribute::apply;
use tcpip_testkit::proxy::Then;
#[cfg(target_os = "linux")]
use tokio::net::TcpSocket;
use tokio::runtime::Builder;

use super::{End, Memory, Place, Rig, Tcp, ms, nothing_comes, over_both, receive, rest, send};

/// A proxy that is down refuses, and is up again at once, on the same port; sessions that are there go on.
#[apply(over_both)]
async fn down_and_up_again_on_the_same_port<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let address = rig.proxy.local_addr();
    let (mut client, mut server) = rig.connect().await;
    for _ in 0..3 {
        let refusing = rig.proxy.refuse();
        assert_eq!(rig.dial().await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        send(&mut server, b"!").await;
        assert_eq!(receive(&mut client, 1).await, b"!");
        drop(refusing);
        let (mut new, mut new_server) = rig.connect().await;
        send(&mut new, b"?").await;
        assert_eq!(receive(&mut new_server, 1).await, b"?");
    }
    assert_eq!(rig.proxy.local_addr(), address);
}

/// While a proxy refuses, its port is nobody else's: the system gives it to none who asks for a free one.
#[cfg(target_os = "linux")]
#[test_log::test(tokio::test)]
async fn the_port_is_kept_while_the_proxy_refuses() {
    let rig = Rig::new::<Tcp>().await;
    let _refusing = rig.proxy.refuse();
    let taking = TcpSocket::new_v4().unwrap().bind(rig.proxy.local_addr());
    assert_eq!(taking.unwrap_err().kind(), ErrorKind::AddrInUse);
}

/// The newest counts, until it is dropped; then the one before it does.
#[apply(over_both)]
async fn the_newest_guard_counts<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let refusing = rig.proxy.refuse();
    let resetting = rig.proxy.accept_and(Then::Reset);
    assert_eq!(rest(&mut rig.dial().await.unwrap()).await, (Vec::new(), End::Reset));
    let ending = rig.proxy.accept_and(Then::Fin);
    drop(resetting);
    let mut ended = rig.dial().await.unwrap();
    send(&mut ended, b"nobody reads this").await;
    assert_eq!(rest(&mut ended).await, (Vec::new(), End::Clean));
    // What it sends is still taken, as by a system, so that no reset overtakes the end.
    for _ in 0..3 {
        send(&mut ended, b"nor this").await;
        tokio::time::sleep(ms(5)).await;
    }
    drop(ending);
    rig.dial().await.unwrap_err();
    drop(refusing);
    rig.connect().await;
}

/// A guard opens a port that an older one keeps closed, also where the proxy was waiting for clients before.
#[apply(over_both)]
async fn a_newer_guard_opens_what_is_closed<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let _session = rig.connect().await;
    let _refusing = rig.proxy.refuse();
    let _ending = rig.proxy.accept_and(Then::Fin);
    assert_eq!(rest(&mut rig.dial().await.unwrap()).await, (Vec::new(), End::Clean));
}

/// A client that has connected is there, also if the proxy has not come to it yet: what is to become of clients from
/// then on is nothing to it.
#[test_log::test(tokio::test(start_paused = true))]
async fn who_has_connected_is_there() {
    let mut rig = Rig::new::<Memory>().await;
    let mut early = rig.dial().await.unwrap();
    let ending = rig.proxy.accept_and(Then::Fin);
    let mut ended = rig.dial().await.unwrap();
    drop(ending);
    let mut later = rig.dial().await.unwrap();
    let refusing = rig.proxy.refuse();
    rig.dial().await.unwrap_err();
    for client in [&mut early, &mut later] {
        let mut server = rig.accept().await;
        send(&mut server, b"!").await;
        assert_eq!(receive(client, 1).await, b"!");
    }
    assert_eq!(rest(&mut ended).await, (Vec::new(), End::Clean));
    drop(refusing);

    let (mut one, _ending) = (rig.dial().await.unwrap(), rig.proxy.accept_and(Then::Fin));
    let mut two = rig.dial().await.unwrap();
    rig.proxy.reset_now();
    for client in [&mut one, &mut two] {
        assert_eq!(rest(client).await, (Vec::new(), End::Reset));
    }
    assert_eq!(rest(&mut rig.dial().await.unwrap()).await, (Vec::new(), End::Clean));
}

/// Guards may outlive the runtime of their proxy, where nobody listens any more.
#[test]
fn guards_outlive_the_runtime() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let rig = runtime.block_on(Rig::new::<Tcp>());
    let refusing = rig.proxy.refuse();
    drop(runtime);
    let ending = rig.proxy.accept_and(Then::Fin);
    drop(refusing);
    drop(ending);
}

/// A silent proxy accepts and says nothing; then the client is connected, and the server has what it has sent.
#[apply(over_both)]
async fn a_silent_proxy_connects_later<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let silent = rig.proxy.accept_and(Then::Silence);
    let mut client = rig.dial().await.unwrap();
    send(&mut client, b"hello?").await;
    nothing_comes(&mut client, ms(20)).await;
    drop(silent);
    let mut server = rig.accept().await;
    assert_eq!(receive(&mut server, 6).await, b"hello?");
}

/// All sessions are reset that are there, and those that wait; later ones are not.
#[apply(over_both)]
async fn all_sessions_are_reset_now<P: Place>() {
    let mut rig = Rig::new::<P>().await;
    let (mut one, mut one_server) = rig.connect().await;
    let (mut two, mut two_server) = rig.connect().await;
    let silent = rig.proxy.accept_and(Then::Silence);
    let mut waiting = rig.dial().await.unwrap();
    send(&mut waiting, b"?").await;
    nothing_comes(&mut waiting, ms(10)).await;
    rig.proxy.reset_now();
    for stream in [&mut one, &mut one_server, &mut two, &mut two_server, &mut waiting] {
        assert_eq!(rest(stream).await, (Vec::new(), End::Reset));
    }
    drop(silent);
    let (mut client, mut server) = rig.connect().await;
    send(&mut client, b"?").await;
    assert_eq!(receive(&mut server, 1).await, b"?");
}
