//! Checking that nothing is left behind.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    error::Error,
    fs::{self, Metadata},
    time::Duration,
};

use tcpip_core::endpoint::deadline;
use tokio::{
    runtime::Handle,
    task,
    time::{Instant, sleep},
};

use crate::STD_TIMEOUT;

/// How long [`no_leaks`] waits for files and sockets to be closed: 30 s. Those of other tests are among them.
pub const OTHERS_TIMEOUT: Duration = Duration::from_secs(30);

/// The result of what is checked: its errors may be any.
type Work<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// How long is waited before it is looked again.
const PAUSE: Duration = Duration::from_millis(1);

/// Does `work`, and checks that it leaves nothing behind: that there are no more tasks in this runtime than before,
/// and, on Linux, that the files and the TCP sockets that were opened are closed, and so the ports free. A socket that
/// is bound to nothing counts too, of whatever kind. What is closed in the background has time for that: tasks
/// [`STD_TIMEOUT`], on the runtime's clock.
///
/// Returns what `work` does. Dropped before that, it checks nothing.
///
/// Files and sockets are those of the process, and so of tests that run at the same time as well. What is opened
/// meanwhile by those has [`OTHERS_TIMEOUT`] to be closed, and only then is taken for a leak: a test that has one takes
/// that long. What `work` returns is left behind as well, until this has returned it.
///
/// # Errors
///
/// [`LeakError::Failed`] if `work` fails, [`LeakError::Tasks`] and [`LeakError::Open`] if something is left.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use tcpip_client::Client;
/// use tcpip_testkit::{TestOneClientReadLoopServer, no_leaks};
///
/// let server = TestOneClientReadLoopServer::builder().options(|server| server.port(0)).start().await?;
/// no_leaks(async {
///     let client = Client::builder(server.host(), server.port()).connect().await?;
///     client.write_str("one").await?;
///     client.close().await;
///     Ok(())
/// })
/// .await?;
/// # Ok(())
/// # }
/// ```
pub async fn no_leaks<T>(work: impl Future<Output = Work<T>>) -> Result<T, LeakError> {
    check(work, STD_TIMEOUT, OTHERS_TIMEOUT).await
}

/// As [`no_leaks`], but waits for at most so long.
///
/// # Errors
///
/// Those of [`no_leaks`].
pub async fn no_leaks_within<T>(after: Duration, work: impl Future<Output = Work<T>>) -> Result<T, LeakError> {
    check(work, after, after).await
}

async fn check<T>(
    work: impl Future<Output = Work<T>>,
    tasks_within: Duration,
    open_within: Duration,
) -> Result<T, LeakError> {
    let runtime = Handle::current().metrics();
    let (tasks, before) = (runtime.num_alive_tasks(), open());
    let result = work.await.map_err(LeakError::Failed)?;
    let end = Instant::now() + deadline(tasks_within);
    while runtime.num_alive_tasks() > tasks {
        if Instant::now() >= end {
            return Err(LeakError::Tasks { count: runtime.num_alive_tasks() - tasks });
        }
        sleep(PAUSE).await;
    }
    let mut left = open();
    left.retain(|file, _| !before.contains_key(file));
    // Others need real time to close theirs, however the clock of this test goes.
    let end = std::time::Instant::now() + deadline(open_within);
    loop {
        let counted = files_and_ports(&left);
        if counted.is_empty() {
            return Ok(result);
        }
        if std::time::Instant::now() >= end {
            return Err(LeakError::Open { left: counted });
        }
        // A runtime with a paused clock does not pass time meanwhile.
        let _ = task::spawn_blocking(|| std::thread::sleep(PAUSE)).await;
        let now = open();
        left.retain(|file, _| now.contains_key(file));
    }
}

/// Why [`no_leaks`] fails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeakError {
    /// The work itself has failed. Whether it leaves something behind has not been looked at.
    #[error("the work failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
    /// There are more tasks than before.
    #[error("{count} task(s) are left behind")]
    Tasks {
        /// How many more.
        count: usize,
    },
    /// Something that was opened is open.
    #[error("left open: {}", left.join(", "))]
    Open {
        /// Files by their paths, sockets by their ports.
        left: Vec<String>,
    },
}

/// A descriptor's number, and what it is of: device and inode, which stay the same when a file is renamed or removed.
type Descriptor = (String, u64, u64);

/// What the process has open, with its path or what the system shows in place of one, where the system tells.
fn open() -> BTreeMap<Descriptor, String> {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return BTreeMap::new() };
    let open = entries.flatten().filter_map(|entry| {
        // The listing itself is gone when its target is looked for.
        let target = fs::read_link(entry.path()).ok()?;
        let (device, inode) = device_and_inode(&fs::metadata(entry.path()).ok()?);
        Some(((entry.file_name().to_string_lossy().into_owned(), device, inode), target.to_string_lossy().into_owned()))
    });
    open.collect()
}

#[cfg(unix)]
fn device_and_inode(metadata: &Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

/// There is nothing to tell apart: such a system does not list what is open.
#[cfg(not(unix))]
fn device_and_inode(_: &Metadata) -> (u64, u64) {
    (0, 0)
}

/// The files and the sockets of TCP among these. All else, such as what a runtime has for itself, is no leak.
fn files_and_ports(open: &BTreeMap<Descriptor, String>) -> Vec<String> {
    let (mut ports, mut others) = (None, None);
    let counted = open.values().filter_map(|target| match target.strip_prefix("socket:[") {
        Some(rest) => {
            let (socket, ports) = (rest.strip_suffix(']')?, ports.get_or_insert_with(ports_by_socket));
            if let Some(port) = ports.get(socket) {
                return Some(format!("a socket on port {port}"));
            }
            // One of TCP that is not connected, or has been reset, is in no table.
            let others = others.get_or_insert_with(sockets_of_others).as_ref()?;
            (!others.contains(socket)).then(|| "a socket that is not connected".to_owned())
        }
        None => (target.starts_with('/') && !target.starts_with("/proc/")).then(|| target.clone()),
    });
    counted.collect()
}

/// The sockets that are not of TCP, as the system lists them, if it lists the usual ones.
fn sockets_of_others() -> Option<HashSet<String>> {
    /// Which column of each table has the number of the socket.
    const TABLES: [(&str, usize); 9] = [
        ("unix", 6),
        ("netlink", 9),
        ("packet", 8),
        ("udp", 9),
        ("udp6", 9),
        ("udplite", 9),
        ("udplite6", 9),
        ("raw", 9),
        ("raw6", 9),
    ];
    const USUAL: [&str; 3] = ["unix", "netlink", "udp"];
    let mut sockets = HashSet::new();
    for (name, column) in TABLES {
        match fs::read_to_string(format!("/proc/self/net/{name}")) {
            Ok(table) => {
                sockets.extend(table.lines().filter_map(|line| line.split_whitespace().nth(column)).map(str::to_owned));
            }
            Err(_) if USUAL.contains(&name) => return None,
            Err(_) => {}
        }
    }
    Some(sockets)
}

/// The local ports of sockets, as the system lists them: in the second column, hexadecimal behind the address; the
/// number of the socket is in the tenth.
fn ports_by_socket() -> HashMap<String, u16> {
    let mut ports = HashMap::new();
    for table in ["/proc/self/net/tcp", "/proc/self/net/tcp6"] {
        for line in fs::read_to_string(table).unwrap_or_default().lines() {
            let columns: Vec<&str> = line.split_whitespace().collect();
            if let [_, local, .., _] = columns[..]
                && let Some(socket) = columns.get(9)
                && let Some(port) = local.rsplit(':').next().and_then(|port| u16::from_str_radix(port, 16).ok())
            {
                ports.insert((*socket).to_owned(), port);
            }
        }
    }
    ports
}
