//! From a host's name to a connected stream.

use std::{net::SocketAddr, time::Duration};

use tcpip_core::{
    ConnectAttempt, ConnectError, ConnectFailure, Connection, DEFAULT_CONNECT_TIMEOUT, Family, LookUpError,
    NetworkStream,
    endpoint::{AnyNetwork, EventSource, Race, SessionOptions, look_up},
};
use tokio::time::timeout;

use crate::{
    Target,
    target::{KIND, Opened},
};

/// In a [`ClientBuilder`](crate::ClientBuilder): a server to connect to.
#[derive(Clone, Debug)]
pub struct Dial {
    pub(crate) network: AnyNetwork,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) family: Family,
    pub(crate) local_addr: Option<SocketAddr>,
    pub(crate) connect_timeout: Option<Duration>,
}

impl Dial {
    pub(crate) fn new(host: &str, port: u16) -> Self {
        Self {
            network: AnyNetwork::default(),
            host: host.to_owned(),
            port,
            family: Family::default(),
            local_addr: None,
            connect_timeout: Some(DEFAULT_CONNECT_TIMEOUT),
        }
    }

    async fn connect_to(
        &self,
        looking_up: impl Future<Output = Result<Vec<SocketAddr>, LookUpError>>,
    ) -> Result<(NetworkStream, SocketAddr), ConnectError> {
        let mut race = Race::new(&*self.network, self.local_addr);
        let connecting = async { Ok::<_, ConnectError>(race.run(looking_up.await?).await) };
        let outcome = match self.connect_timeout {
            None => Ok(connecting.await),
            Some(after) => timeout(after, connecting).await.map_err(|_| after),
        };
        match outcome {
            Ok(Ok(Some(winner))) => Ok(winner),
            Ok(Ok(None)) => Err(self.failed(race.into_attempts())),
            Ok(Err(error)) => Err(error),
            Err(after) => {
                let (host, attempts) = (self.host.clone(), race.into_attempts());
                Err(ConnectError::Timeout { host, port: self.port, after, attempts })
            }
        }
    }

    /// Each of the attempts has failed.
    fn failed(&self, attempts: Vec<ConnectAttempt>) -> ConnectError {
        ConnectFailure::into_error(&self.host, self.port, attempts)
    }
}

impl Target for Dial {
    /// Connects to the address that is the first to answer.
    async fn connect(
        mut self,
    ) -> Result<impl FnOnce(SessionOptions, EventSource) -> Result<Opened, ConnectError>, ConnectError> {
        let suits = |address: &SocketAddr| {
            self.family.contains(*address) && self.local_addr.is_none_or(|local| local.is_ipv4() == address.is_ipv4())
        };
        self.network = self.network.here();
        let (stream, address) = self.connect_to(look_up(&*self.network, &self.host, self.port, suits)).await?;
        Ok(move |session, events| match Connection::start(stream, session, KIND, events) {
            Ok(connection) => Ok(Opened { host: self.host, port: self.port, connection }),
            Err(error) => Err(self.failed(vec![ConnectAttempt::new(address, Some(error))])),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, ready},
        time::Instant,
    };

    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    /// Longer than anything here takes.
    const LONG: Duration = Duration::from_secs(20);
    /// How long an address has for itself.
    const ALONE: Duration = Duration::from_millis(250);

    /// A port of `ip` that refuses for as long as the value lives: bound, and not listening.
    fn refusing(ip: [u8; 4]) -> (SocketAddr, TcpSocket) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((ip, 0).into()).unwrap();
        (socket.local_addr().unwrap(), socket)
    }

    /// A port of `ip` that answers nobody for as long as the second value lives: its backlog is full.
    fn black_hole(ip: [u8; 4]) -> (SocketAddr, impl Sized) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((ip, 0).into()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let in_the_backlog = std::net::TcpStream::connect(address).unwrap();
        (address, (listener, in_the_backlog))
    }

    async fn listening(ip: &str) -> (SocketAddr, TcpListener) {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        (listener.local_addr().unwrap(), listener)
    }

    async fn dial(addresses: &[SocketAddr], after: Duration) -> Result<(NetworkStream, SocketAddr), ConnectError> {
        let dial = Dial { connect_timeout: Some(after), ..Dial::new("dome", 17310) };
        dial.connect_to(ready(Ok(addresses.to_vec()))).await
    }

    /// Of a name with several addresses, as `localhost` is on many machines, the next is tried at once when one
    /// refuses.
    #[tokio::test]
    async fn the_next_address_is_tried_when_one_refuses() {
        let (refused, _kept) = refusing([127, 88, 26, 1]);
        let (answering, _listener) = listening("127.88.26.2").await;
        let many = [[refused; 20].as_slice(), &[answering]].concat();
        let since = Instant::now();
        let (stream, address) = dial(&many, LONG).await.unwrap();
        assert_eq!((stream.peer_addr(), address), (Some(answering), answering));
        assert!(since.elapsed() < 20 * ALONE, "a refusal is not waited out");
    }

    /// An address behind which nobody answers costs a quarter of a second, and not the whole deadline.
    #[tokio::test]
    async fn an_address_that_does_not_answer_delays_the_next_by_a_quarter_of_a_second() {
        let (dead, _kept) = black_hole([127, 88, 26, 5]);
        let (answering, _listener) = listening("127.88.26.6").await;
        let since = Instant::now();
        let (stream, _) = dial(&[dead, answering], LONG).await.unwrap();
        assert_eq!(stream.peer_addr(), Some(answering));
        assert!(since.elapsed() >= ALONE && since.elapsed() < LONG / 2, "{:?}", since.elapsed());
    }

    /// When all fail, the error tells what each has said, in the order in which they were tried.
    #[tokio::test]
    async fn the_error_tells_what_each_address_has_said() {
        let (first, _kept) = refusing([127, 88, 26, 3]);
        let (last, _kept) = refusing([127, 88, 26, 4]);
        let error = dial(&[first, last], LONG).await.unwrap_err();
        let ConnectError::Refused(failure) = &error else { panic!("{error:?}") };
        assert_eq!(failure.attempts.iter().map(|attempt| attempt.address).collect::<Vec<_>>(), [first, last]);
        let text =
            format!("cannot connect to dome:17310: {first} refused the connection, {last} refused the connection");
        assert_eq!(error.to_string(), text);
    }

    /// When the deadline has passed, the error tells what each address has said, or that it has said nothing.
    #[tokio::test]
    async fn a_timeout_tells_who_has_not_answered() {
        let (refused, _kept) = refusing([127, 88, 26, 9]);
        let (dead, _kept) = black_hole([127, 88, 26, 10]);
        let after = Duration::from_millis(50);
        let error = dial(&[refused, dead], after).await.unwrap_err();
        assert!(matches!(&error, ConnectError::Timeout { attempts, .. } if attempts[1].error.is_none()), "{error:?}");
        let text = format!(
            "connecting to dome:17310 timed out after 50ms: {refused} refused the connection, {dead} did not answer"
        );
        assert_eq!(error.to_string(), text);
    }

    /// The deadline covers the look-up of the name, here one that never ends.
    #[tokio::test]
    async fn the_deadline_covers_the_look_up() {
        let dial = Dial { connect_timeout: Some(Duration::from_millis(20)), ..Dial::new("dome", 17310) };
        let error = dial.connect_to(pending()).await.unwrap_err();
        let text = "connecting to dome:17310 timed out after 20ms: the look-up of the name has not ended";
        assert_eq!(error.to_string(), text);
    }
}
