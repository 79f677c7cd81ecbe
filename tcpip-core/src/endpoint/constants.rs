//! The defaults, in one place.
//!
//! The first group has the names and values that users of the Python library know; the second is new here.

use std::time::Duration;

use crate::Encoding;

/// The encoding of text: UTF-8.
pub const DEFAULT_ENCODING: Encoding = Encoding::Utf8;

/// The end of a text message: carriage return, line feed.
pub const DEFAULT_TERMINATOR: &[u8; 2] = b"\r\n";

/// The host that a server listens on unless told otherwise: this machine only, over IPv4.
pub const DEFAULT_LOCALHOST: &str = LOCALHOST_IPV4;

/// This machine's IPv4 loopback address.
pub const LOCALHOST_IPV4: &str = "127.0.0.1";

/// This machine's IPv6 loopback address.
pub const LOCALHOST_IPV6: &str = "::1";

/// How often the fallback looks for a hang-up on systems that do not report one as an event: 0.1 s.
pub const DEFAULT_MONITOR_CONNECTION_INTERVAL: Duration = Duration::from_millis(100);

/// How long a connection is silent before the kernel sends the first keep-alive probe: 60 s.
pub const KEEPALIVE_TIME: Duration = Duration::from_mins(1);

/// How many unanswered keep-alive probes mean that the link is dead: 4.
pub const KEEPALIVE_PROBES: u32 = 4;

/// The time between keep-alive probes: 15 s.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// The text of a heartbeat.
pub const HEARTBEAT: &str = "heartbeat";

/// How long a server that expects heartbeats usually waits for one: 10 s.
pub const DEFAULT_MAX_HEARTBEAT_INTERVAL: Duration = Duration::from_secs(10);

/// How long a test waits for something that should happen at once: 2 s.
pub const STD_TIMEOUT: Duration = Duration::from_secs(2);

/// The longest frame that a searching read accepts, terminator included: 1 MiB.
pub const DEFAULT_LIMIT: usize = 1024 * 1024;

/// How many clients may wait for a server to accept them: 100, as in Python.
pub const DEFAULT_BACKLOG: u32 = 100;

/// How often a client that sends heartbeats usually sends one: 1 s, as in Python.
pub const DEFAULT_HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);

/// How many bytes may wait to be sent: 1 MiB.
pub const DEFAULT_WRITE_LIMIT: usize = 1024 * 1024;

/// How long connecting may take, name look-up and all addresses included: 5 s.
pub const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the system may take no byte of a message before the session ends: 5 s.
pub const DEFAULT_WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long closing may take before it becomes an abort: 1 s.
pub const DEFAULT_CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a session without a handler outlives its peer's hang-up while unread data waits: 1 s.
pub const DEFAULT_DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
