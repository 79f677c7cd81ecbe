//! Users' code that has a session's bytes in its hands, decoders above all, holds up nobody but its reader.

use std::{io, sync::mpsc, task::Poll, thread, time::Duration};

use macro_rules_attribute::apply;
use tcpip_client::{BytesMut, Connection, Decoder};
use tcpip_testkit::eventually;
use tokio::{
    io::AsyncWriteExt,
    sync::oneshot,
    task::{spawn_blocking, yield_now},
};

use crate::{
    kinds::{Kind, Tcp},
    link::start,
    over_each_kind::over_each_kind,
};

/// Far longer than anything here takes.
const STUCK: Duration = Duration::from_secs(30);

/// Takes a byte, but not before it is told to.
struct Patient {
    begun: Option<oneshot::Sender<()>>,
    go_on: mpsc::Receiver<()>,
}

impl Decoder for Patient {
    type Item = u8;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<u8>> {
        if bytes.is_empty() {
            return Ok(None);
        }
        if let Some(begun) = self.begun.take() {
            let _ = begun.send(());
            self.go_on.recv_timeout(STUCK).expect("it is told");
        }
        Ok(Some(bytes.split_to(1)[0]))
    }
}

/// A decoder that computes for long holds up nobody but its reader: everything else is told and done meanwhile, also
/// the peer's hang-up.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn a_slow_decoder_holds_up_its_reader_alone<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let link = start(near, |options| options);
    far.write_all(b"abc").await.unwrap();
    let (begun, has_begun) = oneshot::channel();
    let (go, go_on) = mpsc::channel();
    let mut decoder = Patient { begun: Some(begun), go_on };
    let reader = link.clone();
    let reading = tokio::spawn(async move {
        let first = reader.read_frame(&mut decoder).await;
        let second = reader.read_frame(&mut decoder).await;
        let rest = reader.read(10).await;
        (first, second, rest, reader.read(10).await)
    });
    has_begun.await.unwrap();
    link.write(b"meanwhile").await.unwrap();
    let looking = link.clone();
    drop(far);
    let looks = spawn_blocking(move || {
        looking.set_limit(1000);
        looking.set_terminator(b"\n").unwrap();
        while !looking.has_hung_up() {
            thread::yield_now();
        }
        (looking.is_connected(), looking.reason())
    });
    let (is_connected, reason) = eventually(looks).await.unwrap();
    // What it has not taken yet is unread. A reset, for what it never read, ends the session at once.
    assert!(is_connected == reason.is_none(), "{reason:?}");
    go.send(()).unwrap();
    let (first, second, rest, end) = eventually(reading).await.unwrap();
    assert_eq!((first.unwrap(), second.unwrap(), rest.unwrap()), (b'a', b'b', b"c".to_vec()));
    assert!(!end.is_ok_and(|bytes| !bytes.is_empty()));
    link.close().await;
}

/// Reads that wait for a buffer that is lent rest meanwhile, also once the session is closed, and then learn of it.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn reads_that_wait_for_the_buffer_rest_after_the_end() {
    let (near, mut far) = Tcp::streams().await;
    let link = start(near, |options| options);
    far.write_all(b"one\r\ntwo\r\n").await.unwrap();
    assert_eq!(link.read_str().await.unwrap(), "one");
    let (begun, has_begun) = oneshot::channel();
    let (go, go_on) = mpsc::channel::<()>();
    let reader = link.clone();
    let lent = tokio::spawn(async move {
        let used = reader.read_str_with(move |_| {
            let _ = begun.send(());
            go_on.recv_timeout(STUCK)
        });
        used.await
    });
    has_begun.await.unwrap();
    let mut waiting = [(); 3].map(|()| tokio_test::task::spawn(link.read_str()));
    assert!(waiting.iter_mut().all(|read| read.poll().is_pending()));
    eventually(link.close()).await;
    for read in &mut waiting {
        assert!(read.is_woken() && read.poll().is_pending());
    }
    assert!(!waiting.iter().any(tokio_test::task::Spawn::is_woken), "they do not rest");
    go.send(()).unwrap();
    lent.await.unwrap().unwrap().unwrap();
    for read in &mut waiting {
        assert!(read.is_woken());
        assert!(matches!(read.poll(), Poll::Ready(Err(_))));
    }
}

/// Uses the connection, and takes a byte.
struct Asking(Connection);

impl Decoder for Asking {
    type Item = u8;
    type Error = io::Error;

    fn decode(&mut self, bytes: &mut BytesMut) -> io::Result<Option<u8>> {
        self.0.set_limit(self.0.limit());
        assert!(self.0.is_connected() && !self.0.has_hung_up() && self.0.reason().is_none());
        Ok((!bytes.is_empty()).then(|| bytes.split_to(1)[0]))
    }
}

/// The same for a decoder that uses the connection: it does not deadlock.
#[apply(over_each_kind)]
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn a_decoder_may_use_the_connection<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let link = start(near, |options| options);
    far.write_all(b"abc").await.unwrap();
    let mut decoder = Asking(link.clone());
    assert_eq!(eventually(link.read_frame(&mut decoder)).await.unwrap(), b'a');
    let sum = eventually(link.read_exact_with(2, |bytes| (bytes.to_vec(), link.has_hung_up()))).await;
    assert_eq!(sum.unwrap(), (b"bc".to_vec(), false));
    link.close().await;
}

/// Finds nothing, and changes what is looked for each time that it is asked.
struct Changing(Connection);

impl Decoder for Changing {
    type Item = u8;
    type Error = io::Error;

    fn decode(&mut self, _bytes: &mut BytesMut) -> io::Result<Option<u8>> {
        self.0.set_limit(self.0.limit() ^ 1);
        Ok(None)
    }
}

/// A decoder that has itself asked again and again lets others have their turn.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn a_decoder_that_changes_the_limit_lets_others_go_on<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let link = start(near, |options| options);
    far.write_all(b"abc").await.unwrap();
    let mut decoder = Changing(link.clone());
    let mut others = 0;
    tokio::select! {
        biased;
        outcome = link.read_frame(&mut decoder) => panic!("{outcome:?}"),
        () = async {
            while others < 10 {
                others += 1;
                yield_now().await;
            }
        } => {}
    }
    assert_eq!(eventually(link.read_exact(3)).await.unwrap(), b"abc");
    link.close().await;
}

/// What is called with the bytes of a read may panic: they stay unread, and the session lives.
#[apply(over_each_kind)]
#[test_log::test(tokio::test)]
async fn bytes_whose_conversion_panics_stay_unread<K: Kind>() {
    let (near, mut far) = K::streams().await;
    let link = start(near, |options| options);
    far.write_all(b"abc").await.unwrap();
    let reader = link.clone();
    let panicked = tokio::spawn(async move { reader.read_exact_with(2, |_| panic!("a panic of the test's")).await });
    assert!(panicked.await.unwrap_err().is_panic());
    assert_eq!(link.read_exact_with(3, <[u8]>::to_vec).await.unwrap(), b"abc");
    assert!(link.is_connected());
    link.close().await;
}
