//! What can go wrong on a link, on demand: faults for a [`FaultProxy`](crate::FaultProxy).
//!
//! A fault is a stage that bytes pass on their way, a [`Fault`] of your own or one of those below. The conditions
//! [`times`](Fault::times), [`skip`](Fault::skip), [`after`](Fault::after), [`probability`](Fault::probability) and
//! [`of_sessions`](Fault::of_sessions) say when it is at work. [`messages`] and [`frames`] have it work on messages in
//! place of chunks, and [`sessions`] gives each session one of its own, or some. A chunk is what one read gave: a test
//! that depends on where a chunk ends says `messages`, `frames` or `after`.
//!
//! | what goes wrong | fault |
//! |---|---|
//! | it is late | [`latency`], [`loss`] |
//! | it is slow | [`bandwidth`], [`baud`], [`Bandwidth`] by `"9600 8N1".parse()` |
//! | it comes in pieces, or several at once | [`slices`], [`slices_at`], [`random_slices`], [`coalesce`] |
//! | nothing comes | [`stall`], [`black_hole`] |
//! | something is missing, twice there, or in the wrong order | [`drop_bytes`], [`double`], [`swap`] |
//! | it is damaged | [`flip_bits`], [`replace`], [`terminator`] |
//! | it ends | [`fin`], [`fin_after`], [`fin_when_idle`], [`limit`], [`half_close`], [`slow_close`] |
//! | it is reset | [`reset`], [`reset_after`], [`reset_when_idle`] |
//! | nobody has asked for it | [`unsolicited`] |
//! | anything else | [`custom`] |
//!
//! # Examples
//!
//! ```
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//! use tcpip_client::Client;
//! use tcpip_testkit::{FaultProxy, MemoryNetwork, TestOneClientReadLoopServer, seed};
//! use tcpip_testkit::faults::{self, Bandwidth, Event, Fault};
//! use tcpip_testkit::proxy::Then;
//!
//! # /*
//! #[tokio::test(start_paused = true)]
//! async fn a_session_with_a_device_in_trouble() {
//! # */
//!     let network = MemoryNetwork::new();
//!     let _entered = network.enter(); // over sockets all is the same, without these two lines
//!     let server = TestOneClientReadLoopServer::builder().start().await?;
//!     let proxy = FaultProxy::to(server.host(), server.port()).start().await?;
//!     let timeout = Duration::from_secs(2);
//!     let client = Client::builder(proxy.host(), proxy.port()).read_timeout(timeout).connect().await?;
//!     server.wait_connected().await;
//!
//!     {
//!         let _late = proxy.to_client().add(faults::latency(Duration::from_secs(3)).times(1));
//!         server.write_str("late").await?;
//!         assert!(client.read_str().await.is_err());
//!     } // the guard is dropped: what was late comes now, in order
//!     assert_eq!(client.read_str().await?, "late");
//!
//!     let _slow = proxy.add("9600 8N1".parse::<Bandwidth>()?); // both directions
//!     let _bad = proxy.to_client().add(faults::messages(b"\r\n", faults::replace(".", ",")).skip(1).times(1));
//!     let _noise = proxy.to_server().add(faults::flip_bits(1).probability(0.01, seed()));
//!     for expected in ["280.0", "280,0", "280.0"] {
//!         server.write_str("280.0").await?;
//!         assert_eq!(client.read_str().await?, expected);
//!     }
//!
//!     let _mine = proxy.to_client().add(faults::custom(|event, at, out| match event {
//!         Event::Open => out.wake_after(Duration::from_secs(5)), // timers need no traffic, and traffic moves none
//!         Event::Timer => out.reset(),
//!         Event::Chunk(bytes) if at.position == 0 => out.send_after(Duration::from_millis(20), bytes),
//!         event => out.pass(event), // whatever else there is
//!     }));
//!     client.wait_disconnected().await;
//!
//!     let refusing = proxy.refuse(); // or accept_and(Then::Silence), and so on
//!     assert!(Client::builder(proxy.host(), proxy.port()).connect().await.is_err());
//!     drop(refusing);
//!     Client::builder(proxy.host(), proxy.port()).connect().await?; // up again, on the same port
//! #   let _ = Then::Silence;
//! # /*
//! }
//! # */
//! # Ok(())
//! # }
//! ```

mod bandwidth;
mod black_hole;
mod closing;
mod coalesce;
mod damage;
mod event;
mod fault;
mod gated;
mod lanes;
mod latency;
mod loss;
mod messages;
mod order;
mod out;
mod random;
mod sessions;
mod slices;
mod stages;
mod stall;
mod unsolicited;

pub(crate) use self::stages::{Installed, Item, Session};
pub use self::{
    bandwidth::{Bandwidth, UnknownLine, bandwidth, baud},
    black_hole::black_hole,
    closing::{fin, fin_after, fin_when_idle, half_close, limit, reset, reset_after, reset_when_idle, slow_close},
    coalesce::coalesce,
    damage::{FlipBits, flip_bits, replace, terminator},
    event::{At, Direction, Event},
    fault::{Fault, custom},
    gated::Gated,
    latency::{Latency, latency},
    loss::{Loss, loss},
    messages::{Messages, frames, messages},
    order::{double, drop_bytes, swap},
    out::Out,
    random::seed,
    sessions::{Sessions, sessions},
    slices::{Slices, random_slices, slices, slices_at},
    stall::stall,
    unsolicited::unsolicited,
};
