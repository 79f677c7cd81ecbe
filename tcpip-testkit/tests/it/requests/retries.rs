//! Requests that are repeated: after `No` each, after that only those that do no harm.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use tcpip_client::{
    Backoff, Batch, Cause, Client, Command, Link, OutOfStep, RequestOptions, Requester, Sent, Shape, WriteError, line,
    lines,
};
use tcpip_server::{Connection, HandlerResult, OneClientReadLoopServer, ReadAndDispatch};
use tcpip_testkit::{MemoryNetwork, eventually};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    task::yield_now,
    time::{Instant, sleep},
};

use super::{SECOND, TICK, at_once, device, meet};
use crate::kinds::Memory;

const PORT: u16 = 5025;

/// What the device makes of a command.
#[derive(Clone, Copy)]
enum Act {
    Nothing,
    Reply(&'static str, Duration),
    HangUp,
}

/// A device that makes of each command what is next, and at the end of these answers `ok`.
#[derive(Clone, Default)]
struct Moody {
    acts: Arc<Mutex<VecDeque<Act>>>,
    heard: Arc<Mutex<Vec<String>>>,
    /// What it says to who connects, beside `welcome`.
    greetings: Arc<Mutex<VecDeque<&'static str>>>,
}

impl Moody {
    fn new<const N: usize>(acts: [Act; N]) -> Self {
        Self { acts: Arc::new(Mutex::new(acts.into())), ..Self::default() }
    }

    /// What it has heard since it was last asked this.
    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    async fn serve(&self, network: &MemoryNetwork) -> OneClientReadLoopServer<Self> {
        OneClientReadLoopServer::builder(self.clone()).network(network).host("device").port(PORT).start().await.unwrap()
    }
}

impl ReadAndDispatch for Moody {
    async fn on_connect(&self, connection: &Connection) -> HandlerResult {
        let more = self.greetings.lock().unwrap().pop_front().unwrap_or_default();
        connection.batch().write_str("welcome")?.write(more.as_bytes()).send().await?;
        Ok(())
    }

    async fn read_and_dispatch(&self, connection: &Connection) -> HandlerResult {
        let command = connection.read_str().await?;
        self.heard.lock().unwrap().push(command);
        let act = self.acts.lock().unwrap().pop_front();
        match act.unwrap_or(Act::Reply("ok", Duration::ZERO)) {
            Act::Nothing => {}
            Act::HangUp => return Err("it was told to".into()),
            Act::Reply(reply, pause) => {
                sleep(pause).await;
                connection.write_str(reply).await?;
            }
        }
        Ok(())
    }
}

async fn link(network: &MemoryNetwork, options: RequestOptions) -> Link {
    Client::builder("device", PORT)
        .network(network)
        .link()
        .backoff(Backoff::exponential(SECOND, SECOND).seed(7))
        .requests(options)
        .handshake(|session| async move {
            session.receive(line()).await?;
            Ok(())
        })
        .connect()
        .await
        .unwrap()
}

/// A command that says whether it is idempotent.
struct Position {
    is_idempotent: bool,
}

impl Command for Position {
    type Reply = u32;

    fn write(&self, message: &mut Batch) -> Result<(), WriteError> {
        message.write_str("POS?").map(drop)
    }

    fn reply(&self) -> impl Shape<Output = u32> {
        line().try_map(|reply| reply.parse::<u32>())
    }

    fn is_idempotent(&self) -> bool {
        self.is_idempotent
    }
}

/// What may have been received is repeated only if that does no harm: over the next session, with deadlines of its own,
/// whichever way it is asked, and as often as the options say.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_does_no_harm_is_repeated() {
    let network = MemoryNetwork::new();
    let moody = Moody::default();
    let server = moody.serve(&network).await;
    let patient = Act::Reply("15", 3 * SECOND / 2);
    for (acts, times) in
        [([Act::Nothing, patient], 2), ([Act::HangUp, patient], 2), ([Act::Reply("x", TICK), patient], 2)]
    {
        let link = link(&network, RequestOptions::new().retries(1)).await;
        moody.acts.lock().unwrap().extend(acts);
        assert_eq!(link.run(&Position { is_idempotent: true }).await.unwrap(), 15);
        assert_eq!(moody.heard(), vec!["POS?"; times]);
        let questions = link.with(RequestOptions::idempotent);
        moody.acts.lock().unwrap().extend(acts);
        let position = questions.ask_for("POS?", line().try_map(|reply| reply.parse::<u32>())).await;
        assert_eq!(position.unwrap(), 15);
        moody.acts.lock().unwrap().extend(acts);
        assert_eq!(questions.run(&Position { is_idempotent: false }).await.unwrap(), 15);
        assert_eq!(moody.heard(), vec!["POS?"; 2 * times]);

        moody.acts.lock().unwrap().push_back(acts[0]);
        let error = link.run(&Position { is_idempotent: false }).await.unwrap_err();
        assert_ne!(error.sent(), Sent::No, "{error:?}");
        assert_eq!(moody.heard(), ["POS?"]);
        link.close().await;
    }
    let link = link(&network, RequestOptions::new().retries(2).idempotent().turn_timeout(100 * SECOND)).await;
    moody.acts.lock().unwrap().extend([Act::Nothing, Act::HangUp]);
    assert_eq!(link.ask("?").await.unwrap(), "ok");
    assert_eq!(moody.heard().len(), 3);
    moody.acts.lock().unwrap().extend([Act::Nothing, Act::Nothing, Act::HangUp]);
    let error = link.ask("?").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::Read(_)), "the last one's: {error:?}");
    assert_eq!(moody.heard().len(), 3);
    link.ready().await.unwrap();
    moody.acts.lock().unwrap().push_back(Act::HangUp);
    let error = link.with(|options| options.retries(0)).ask("?").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::Read(_)), "{error:?}");
    assert_eq!(moody.heard().len(), 1);
    link.close().await;
    server.close().await;
}

/// Of what has not left nothing can do harm: it is repeated, for a link that is not ready yet, and behind bytes that
/// nobody asked for. A command that cannot be written is not.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_has_not_left_is_repeated() {
    let network = MemoryNetwork::new();
    let moody = Moody::default();
    let early = Client::builder("device", PORT)
        .network(&network)
        .link()
        .backoff(Backoff::exponential(TICK, TICK))
        .requests(RequestOptions::new().retries(1))
        .handshake(|session| async move {
            session.receive(line()).await?;
            Ok(())
        })
        .start();
    let (told, server) = tokio::join!(early.tell("ON"), async {
        sleep(SECOND).await;
        moody.serve(&network).await
    });
    told.unwrap();
    early.close().await;
    server.close().await;

    let (requester, far) = meet::<Memory>(RequestOptions::new().retries(1)).await;
    let (reader, mut writer) = tokio::io::split(far);
    writer.write_all(b"stray\r\n").await.unwrap();
    let answering = async {
        let mut commands = BufReader::new(reader).lines();
        assert_eq!(commands.next_line().await.unwrap().unwrap(), "?");
        writer.write_all(b"1\r\n").await.unwrap();
    };
    let (reply, ()) = tokio::join!(requester.ask("?"), answering);
    assert_eq!(reply.unwrap(), "1");
    let error = requester.ask("two\r\nlines").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::Write(_)) && error.sent() == Sent::No, "{error:?}");
}

/// The waits of all attempts together take at most one `turn_timeout`; the error is that of the last attempt.
#[test_log::test(tokio::test(start_paused = true))]
async fn the_waits_have_one_deadline() {
    let options = RequestOptions::new().retries(5).idempotent().turn_timeout(5 * SECOND).most_failures(u32::MAX);
    // For the policy.
    let abandon = options.clone().out_of_step(OutOfStep::Abandon { at_most: 100 * SECOND });
    let (requester, far) = meet::<Memory>(abandon.clone()).await;
    tokio::spawn(device(far, |_| Vec::new()));
    let begin = Instant::now();
    let error = requester.ask("?").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::NoReply { .. }) && error.sent() == Sent::Maybe, "{error:?}");
    assert!((7 * SECOND..7 * SECOND + 10 * TICK).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    // For the policy each time: two seconds twice, and one that is left.
    let (requester, far) = meet::<Memory>(abandon.clone()).await;
    tokio::spawn(device(far, |_| vec![(4 * SECOND, b"late\r\n".to_vec())]));
    let begin = Instant::now();
    requester.ask("?").await.unwrap_err();
    assert!((11 * SECOND..11 * SECOND + 10 * TICK).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    // For the turn: three seconds of the first attempt, and two that are left for the next.
    let (requester, far) = meet::<Memory>(abandon).await;
    tokio::spawn(device(
        far,
        |command| if command == "first" { vec![(3 * SECOND, b"1\r\n".to_vec())] } else { vec![] },
    ));
    let longer = requester.with(|options| options.reply_timeout(4 * SECOND));
    let (first, (error, waited)) = tokio::join!(longer.ask("first"), async {
        yield_now().await;
        let begin = Instant::now();
        (requester.ask("second").await.unwrap_err(), begin.elapsed())
    });
    first.unwrap();
    assert!(matches!(error.cause(), Cause::NoReply { .. }) && error.sent() == Sent::Maybe, "{error:?}");
    assert!((7 * SECOND..7 * SECOND + 10 * TICK).contains(&waited), "{waited:?}");
    // For the link.
    let network = MemoryNetwork::new();
    let moody = Moody::new([Act::Nothing]);
    let server = moody.serve(&network).await;
    let link = link(&network, options).await;
    let begin = Instant::now();
    let (error, ()) = tokio::join!(link.ask("?"), async {
        sleep(SECOND).await;
        server.close().await;
    });
    let error = error.unwrap_err();
    assert!(matches!(error.cause(), Cause::Read(_)) && error.sent() == Sent::Maybe, "{error:?}");
    assert!((6 * SECOND..6 * SECOND + 100 * TICK).contains(&begin.elapsed()), "{:?}", begin.elapsed());
    link.close().await;
}

/// The policy may end the session for which a repetition waits: that is no attempt of its own.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_repetition_waits_for_policy_and_link() {
    let network = MemoryNetwork::new();
    let moody = Moody::new([Act::Nothing]);
    let server = moody.serve(&network).await;
    let options = RequestOptions::new().retries(1).idempotent().out_of_step(OutOfStep::Abandon { at_most: SECOND });
    let link = link(&network, options).await;
    let begin = Instant::now();
    assert_eq!(link.ask("?").await.unwrap(), "ok");
    assert_eq!(moody.heard().len(), 2);
    assert!(begin.elapsed() > 4 * SECOND, "reply, policy and backoff: {:?}", begin.elapsed());
    link.close().await;
    server.close().await;
}

/// What an error says of how far the command went holds for all attempts.
#[test_log::test(tokio::test(start_paused = true))]
async fn how_far_it_went_holds_for_all_attempts() {
    let network = MemoryNetwork::new();
    let moody = Moody::new([Act::HangUp]);
    moody.greetings.lock().unwrap().extend(["", "stray\r\n"]);
    let server = moody.serve(&network).await;
    let link = link(&network, RequestOptions::new().retries(1).idempotent()).await;
    let error = link.ask("?").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::Unsolicited(_)), "{error:?}");
    assert_eq!(error.sent(), Sent::Maybe, "the first may have been received");
    assert_eq!(moody.heard(), ["?"]);
    link.close().await;
    server.close().await;
}

/// A device that is closed for good is not asked again, nor is one in a turn whose session has ended.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_is_over_is_not_repeated() {
    let options = RequestOptions::new().retries(5).idempotent();
    let begin = Instant::now();
    let closed = Requester::new(Client::closed(), options.clone());
    closed.ask("?").await.unwrap_err();
    let (requester, far) = meet::<Memory>(options.clone().reply_timeout(TICK)).await;
    tokio::spawn(device(far, |_| Vec::new()));
    let error = requester.ask("?").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::NoReply { .. }), "{error:?}");
    let network = MemoryNetwork::new();
    let moody = Moody::default();
    let server = moody.serve(&network).await;
    let link = link(&network, options).await;
    moody.acts.lock().unwrap().push_back(Act::HangUp);
    let channel = link.exclusive().await.unwrap();
    channel.ask("?").await.unwrap_err();
    assert_eq!(moody.heard(), ["?"]);
    channel.ask("?").await.unwrap_err();
    assert!(begin.elapsed() < 10 * TICK, "{:?}", begin.elapsed());
    assert_eq!(link.ask("?").await.unwrap(), "ok", "once the link is there again");
    assert_eq!(moody.heard(), ["?"]);
    let begin = Instant::now();
    link.close().await;
    let error = link.ask("?").await.unwrap_err();
    assert!(matches!(error.cause(), Cause::NotConnected { .. }) && error.sent() == Sent::No, "{error:?}");
    assert!(begin.elapsed() < 10 * TICK, "{:?}", begin.elapsed());
    server.close().await;
}

/// The shape is a description: what the first attempt has taken of its reply is not taken for the second's, also where
/// a task of the session takes the rest, and in a turn that is kept.
#[test_log::test(tokio::test(start_paused = true))]
async fn a_repetition_begins_anew() {
    let abandon = OutOfStep::Abandon { at_most: 100 * SECOND };
    let (requester, far) = meet::<Memory>(RequestOptions::new().retries(1).idempotent().out_of_step(abandon)).await;
    let mut number = 0;
    tokio::spawn(device(far, move |_| {
        number += 1;
        let line = format!("{number}\r\n").into_bytes();
        let pause = if number % 2 == 1 { 3 * SECOND } else { Duration::ZERO };
        vec![(Duration::ZERO, line.repeat(2)), (pause, line)]
    }));
    assert_eq!(requester.ask_for("?", lines(3)).await.unwrap(), ["2"; 3]);
    let channel = requester.exclusive().await.unwrap();
    assert_eq!(channel.ask_for("?", lines(3)).await.unwrap(), ["4"; 3]);
}

/// Over sockets: a device that hangs up on the first command is asked again on the next session.
#[test_log::test(tokio::test(flavor = "multi_thread", worker_threads = 2))]
async fn the_next_session_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let device = tokio::spawn(async move {
        for round in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            let (reader, mut writer) = stream.into_split();
            let mut commands = BufReader::new(reader).lines();
            let Ok(Some(command)) = commands.next_line().await else { continue };
            // Every third session has a reply.
            if round % 3 == 2 {
                writer.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
                // So that the link is lost with no request under way.
                drop(commands.next_line().await);
            }
        }
    });
    let link = Client::builder("127.0.0.1", port)
        .link()
        .backoff(Backoff::exponential(TICK, TICK))
        .requests(RequestOptions::new().retries(10).idempotent())
        .start();
    for number in 0..20 {
        let question = format!("question {number}");
        assert_eq!(eventually(link.ask(&question[..])).await.unwrap(), question);
        let error = eventually(link.with(|options| options.retries(0)).ask("hang up")).await.unwrap_err();
        assert_ne!(error.sent(), Sent::Yes, "{error:?}");
    }
    eventually(link.close()).await;
    device.abort();
}

/// A request that needs no repetition is made once.
#[test_log::test(tokio::test(start_paused = true))]
async fn what_succeeds_is_not_repeated() {
    let (requester, far) = meet::<Memory>(RequestOptions::new().retries(3).idempotent()).await;
    let mut heard = 0;
    let device = device(far, |_| {
        heard += 1;
        at_once("1\r\n")
    });
    let asking = async {
        requester.ask("?").await.unwrap();
        requester.close().await;
    };
    tokio::join!(device, asking);
    assert_eq!(heard, 1);
}
