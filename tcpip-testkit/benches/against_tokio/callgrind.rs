//! Instructions and allocations, counted by callgrind in a process of its own: the difference of two lengths, so that
//! what happens once is not in it.

use std::{
    env, fs, io,
    path::PathBuf,
    process::{self, Command},
    thread,
};

use crate::{
    Failure,
    measuring::{Row, Sides},
    stopwatch::{Scope, count},
    system_calls::TURN,
};

/// The argument by which this program is run again for one turn over bytes in memory.
pub(crate) const IN_MEMORY: &str = "--in-memory";

/// How many frames in memory the two runs have whose difference is taken.
const LENGTHS: [usize; 2] = [2_000, 8_000];

/// The functions by which memory is asked for.
const ALLOCATING: [&str; 5] = ["malloc", "calloc", "realloc", "posix_memalign", "aligned_alloc"];

/// Long pieces are copied and zeroed by instructions for many bytes, as short ones are: callgrind would count the one
/// that repeats itself, `rep movsb`, once for each byte.
const BYTES_AT_ONCE: &str = "glibc.cpu.x86_rep_movsb_threshold=0x40000000:glibc.cpu.x86_rep_stosb_threshold=0x40000000";

/// What a unit costs.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) instructions: f64,
    pub(crate) allocations: f64,
}

/// The costs of a unit: over bytes in memory if the row can do that, else over sockets. `None` if the row measures more
/// than a thread.
pub(crate) fn costs(row: &Row) -> Result<Option<Sides<Cost>>, Failure> {
    if row.scope == Scope::Process {
        return Ok(None);
    }
    let (how, lengths) = if row.in_memory.is_some() {
        (IN_MEMORY, LENGTHS)
    } else {
        (TURN, [(row.units / 20).max(1), (row.units / 8).max(3)])
    };
    let name = row.name;
    let side = |side: &str| {
        let [few, many] = [total(how, name, side, lengths[0])?, total(how, name, side, lengths[1])?];
        let units = count(lengths[1] - lengths[0]);
        Ok::<_, Failure>(Cost {
            instructions: (many.instructions - few.instructions) / units,
            allocations: (many.allocations - few.allocations) / units,
        })
    };
    // Two processes at once: nobody takes their times.
    let (ours, peer) = thread::scope(|scope| {
        let ours = scope.spawn(|| side("ours"));
        let peer = side("peer");
        (ours.join(), peer)
    });
    Ok(Some(Sides { ours: ours.map_err(|_| "counting panicked")??, peer: peer? }))
}

/// Whether callgrind works here.
pub(crate) fn is_here() -> bool {
    let run = Command::new("valgrind").args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "true"]).output();
    run.is_ok_and(|output| output.status.success())
}

/// What the first thread of a whole process costs, which is the one that is measured.
fn total(how: &str, row: &str, side: &str, units: usize) -> Result<Cost, Failure> {
    let folder = Folder::new(&format!("tcpip-{}-{side}-{units}", process::id()))?;
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--tool=callgrind", "--separate-threads=yes"]);
    command.arg(format!("--callgrind-out-file={}/out", folder.0.display())).arg(env::current_exe()?);
    let output = command.env("GLIBC_TUNABLES", BYTES_AT_ONCE).args([how, row, side, &units.to_string()]).output()?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{row}, {side}: callgrind failed: {text}").into());
    }
    let counted = parse(&fs::read_to_string(folder.0.join("out-01"))?);
    counted.ok_or_else(|| format!("{row}, {side}: callgrind counted nothing").into())
}

/// For the files that callgrind writes, one a thread.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> io::Result<Self> {
        let folder = env::temp_dir().join(name);
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Reads the total and the calls of the functions that allocate. The name of a function is told once, with a number for
/// it.
fn parse(text: &str) -> Option<Cost> {
    let instructions = text.lines().find_map(|line| line.strip_prefix("summary: "))?.trim().parse().ok()?;
    let mut allocating = Vec::new();
    let (mut called, mut allocations) = (None, 0.0);
    for line in text.lines() {
        if let Some((number, name)) = line.strip_prefix("fn=").or(line.strip_prefix("cfn=")).map(numbered) {
            if ALLOCATING.contains(&name) {
                allocating.push(number);
            }
            called = line.starts_with("cfn=").then_some(number);
        } else if let Some(calls) = line.strip_prefix("calls=")
            && called.is_some_and(|called| allocating.contains(&called))
        {
            allocations += calls.split_whitespace().next()?.parse::<f64>().ok()?;
        }
    }
    Some(Cost { instructions, allocations })
}

/// `(12) malloc`, or later `(12)` alone.
fn numbered(text: &str) -> (&str, &str) {
    let (number, name) = text.split_once(' ').unwrap_or((text, ""));
    (number, name.trim())
}
