//! Connecting again.

use std::time::Duration;

use scpi_electrometer::{Electrometer, WrongWelcome, link};
use scpi_electrometer_mock::MockElectrometer;
use tcpip_client::{Backoff, LinkError, WireLog};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::setup::{IDENTITY, Setup, failure, start};

/// When the mock is stopped and started again on its port, the electrometer is there again, and commands that were
/// asked meanwhile have waited for it.
#[test_log::test(tokio::test)]
async fn it_comes_back_with_the_device() {
    let setup = Setup::new().await;
    setup.electrometer.measure().await.unwrap();
    let port = setup.mock.port();
    setup.mock.close().await;
    setup.link.connection().wait_disconnected().await;
    assert!(!setup.link.is_ready());
    let restart = start(MockElectrometer::new(), port);
    let (trace, _mock) = tokio::join!(setup.electrometer.trace(), restart);
    assert_eq!(trace.unwrap(), [0.0; 0], "it is another, that has measured nothing");
    assert_eq!(setup.electrometer.identity().await.unwrap(), IDENTITY);
}

/// A welcome that is another device's is an attempt that failed, and says what came; the link goes on trying.
#[test_log::test(tokio::test)]
async fn a_wrong_welcome_is_an_attempt_that_failed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let log = WireLog::ring(10);
    let short = Backoff::exponential(Duration::from_millis(250), Duration::from_millis(250));
    let port = listener.local_addr().unwrap().port();
    let link = link("127.0.0.1", port, &log).backoff(short).start();
    let (mut printer, _) = listener.accept().await.unwrap();
    printer.write_all(b"laser printer\r\n").await.unwrap();
    let error = failure(&link).await;
    let LinkError::Handshake(error) = &error else { panic!("{error:?}") };
    assert_eq!(error.downcast_ref::<WrongWelcome>().unwrap().0, "laser printer");
    assert_eq!(printer.read_to_end(&mut Vec::new()).await.unwrap(), 0, "nothing was sent, and it has hung up");

    let (mut device, _) = listener.accept().await.unwrap();
    device.write_all(b"PICO-1 electrometer\r\n").await.unwrap();
    link.ready().await.unwrap();
    let answer = async {
        let mut command = [0; 6];
        device.read_exact(&mut command).await.unwrap();
        device.write_all(b"*IDN?\rits own\r\n").await.unwrap();
        command
    };
    let electrometer = Electrometer::new(&link);
    let (identity, command) = tokio::join!(electrometer.identity(), answer);
    assert_eq!((identity.unwrap().as_str(), &command), ("its own", b"*IDN?\r"));
}
