//! Requests and replies: every reply is the one of its command, or there is none.

mod deadlines;
mod errors;
mod paired;
mod policies;
mod retries;
mod shapes;
mod silent;
mod unsolicited;

use std::time::Duration;

use tcpip_client::{Client, RequestOptions, Requester};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, split},
    time::sleep,
};

use crate::kinds::Kind;

const SECOND: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(1);

pub(crate) async fn meet<K: Kind>(options: RequestOptions) -> (Requester, K::Stream) {
    let (near, far) = K::streams().await;
    let client = Client::from_stream(near).limit(1000).connect().await.unwrap();
    (Requester::new(client, options), far)
}

/// A device that answers each line with what `answer` makes of it, in pieces with pauses between.
pub(crate) async fn device(
    stream: impl AsyncRead + AsyncWrite,
    mut answer: impl FnMut(&str) -> Vec<(Duration, Vec<u8>)>,
) {
    let (reader, mut writer) = split(stream);
    let mut lines = BufReader::new(reader).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        for (pause, piece) in answer(&line) {
            if pause > Duration::ZERO {
                sleep(pause).await;
            }
            if writer.write_all(&piece).await.is_err() {
                return;
            }
        }
    }
}

pub(crate) fn at_once(reply: impl Into<Vec<u8>>) -> Vec<(Duration, Vec<u8>)> {
    vec![(Duration::ZERO, reply.into())]
}
