//! All rows. To add a flood, implement [`Flood`] for it and name it here.

use crate::{
    Failure, connects,
    floods::{
        self, Flood, Json, Large, LengthDelimited, LentLine, LentLines, OwnedLines, ReusedLine, StreamOfLines, Structs,
    },
    measuring::{Goals, Row, Run, Sides},
    pairs,
    ping_pong::{
        framed, on_one_thread, on_two_threads, ours, ours_asking, ours_commanding, ours_owned, ours_owned_in_time, raw,
    },
    proxies,
    stopwatch::{Scope, Turn},
    writes,
};

/// How many pairs the last row makes.
pub(crate) const PAIRS: usize = 5000;

/// How the names of floods begin.
pub(crate) const FLOOD: &str = "flood,";

pub(crate) fn all() -> Vec<Row> {
    let mut rows = ping_pongs();
    rows.extend(floods());
    rows.extend(writes());
    rows.extend(proxies());
    rows.extend([
        row("connect and close", "`TcpStream`", 400, connects::ours, connects::by_hand).goals(0.8, 0.9),
        Row {
            resident: Some(("resident memory of a pair", Goals { must: 2.0, aim: 1.8 })),
            ..row(
                "pairs of a read-loop server and its client",
                "the same by hand, `BufReader`",
                PAIRS,
                pairs_of("ours"),
                pairs_of("peer"),
            )
            .goals(0.8, 0.9)
        },
    ]);
    rows
}

fn ping_pongs() -> Vec<Row> {
    const UNITS: usize = 4000;
    const STRINGS: &str = "ping-pong of `String`s, one thread";
    const STRINGS_TWO: &str = "ping-pong of `String`s, two threads";
    let of_process = |row: Row| Row { scope: Scope::Process, ..row };
    vec![
        row("ping-pong, one thread", RAW, UNITS, on_one_thread(ours), on_one_thread(raw)).goals(0.97, 1.0),
        of_process(row("ping-pong, two threads", RAW, UNITS, on_two_threads(ours), on_two_threads(raw)))
            .goals(0.97, 1.0),
        row(STRINGS, FRAMED, UNITS, on_one_thread(ours_owned), on_one_thread(framed)).goals(1.0, 1.05),
        of_process(row(STRINGS_TWO, FRAMED, UNITS, on_two_threads(ours_owned), on_two_threads(framed)))
            .goals(1.0, 1.05),
        row(
            "`ask` of a `Requester`",
            "`write_str`, `read_str`",
            UNITS,
            on_one_thread(ours_asking),
            on_one_thread(ours_owned),
        )
        .goals(0.95, 1.0),
        row(
            "`ask` of a `Requester`",
            "the same, with a deadline",
            UNITS,
            on_one_thread(ours_asking),
            on_one_thread(ours_owned_in_time),
        )
        .goals(0.95, 1.0),
        row(
            "`run` of `Commands`",
            "`write_str`, `read_str`",
            UNITS,
            on_one_thread(ours_commanding),
            on_one_thread(ours_owned),
        )
        .goals(0.8, 0.9),
    ]
}

fn floods() -> Vec<Row> {
    vec![
        flood::<OwnedLines>("flood, owned `String`s", "`FramedRead<LinesCodec>`, 64 KiB", 200_000).goals(1.1, 1.5),
        flood::<ReusedLine<8>>("flood, reused `String`", "`read_line`, 8 KiB", 200_000).goals(1.1, 1.25),
        flood::<ReusedLine<64>>("flood, reused `String`, large", "`read_line`, 64 KiB", 200_000).goals(1.0, 1.2),
        flood::<LentLine>("flood, lent, one a call", "`read_line`, 8 KiB", 200_000).goals(1.3, 2.0),
        flood::<LentLines>("flood, lent, all in one call", "`read_line`, 8 KiB", 200_000).goals(2.0, 2.5),
        flood::<StreamOfLines>("flood, stream of lines", "`FramedRead<LinesCodec>`", 200_000).goals(1.1, 1.5),
        flood::<Structs>("flood, structs, `read_into`", "`BufReader`, `read_exact`", 200_000).goals(1.5, 2.0),
        flood::<LengthDelimited>("flood, `read_frame`", "`FramedRead<LengthDelimitedCodec>`", 200_000).goals(0.95, 1.1),
        Row {
            runs: Sides { ours: Box::new(floods::ours::<Json>), peer: Box::new(floods::by_hand_in_memory::<Json>) },
            ..flood::<Json>("`read_json`, typed", "`from_slice`, in memory", 50_000).goals(0.8, 0.9)
        },
        Row { in_memory: None, ..flood::<Large>("`read_exact` of 16 MiB", "`read_exact`", 8).goals(0.95, 1.0) },
    ]
}

fn writes() -> Vec<Row> {
    vec![
        row("`write_str`, one by one", "`write_all`", 40_000, writes::lines_by_the_library, writes::lines_by_hand)
            .goals(0.97, 1.0),
        row(
            "`write_json`, 223 bytes",
            "`to_vec`, `write_all`",
            40_000,
            writes::json_by_the_library,
            writes::json_by_hand,
        )
        .goals(0.95, 1.0),
        row(
            "27 lines as one `Batch`",
            "27 times `write_all`",
            54_000,
            writes::batches_by_the_library,
            writes::batches_by_hand,
        )
        .goals(8.0, 9.0),
        row(
            "16 tasks write lines",
            "`Mutex`, `write_all`",
            48_000,
            writes::tasks_by_the_library,
            writes::tasks_by_hand,
        )
        .goals(3.0, 5.0),
        row("`write` of 16 MiB", "`write_all`", 8, writes::large_by_the_library, writes::large_by_hand)
            .goals(0.97, 1.0),
    ]
}

fn proxies() -> Vec<Row> {
    const BESIDE: &str = "`copy_bidirectional`";
    vec![
        row(
            "round trip through a `FaultProxy`",
            BESIDE,
            4000,
            on_one_thread(proxies::ours),
            on_one_thread(proxies::by_hand),
        )
        .goals(0.8, 0.95),
        row("16 MiB through one that records, with a fault", BESIDE, 8, proxies::flood_ours, proxies::flood_by_hand)
            .goals(0.5, 0.8),
    ]
}

const RAW: &str = "`write_all`, `read_exact`";
const FRAMED: &str = "`Framed<LinesCodec>`";

/// A row without goals.
fn row(
    name: &'static str,
    peer: &'static str,
    units: usize,
    ours: impl Fn(usize) -> Result<Turn, Failure> + 'static,
    by_hand: impl Fn(usize) -> Result<Turn, Failure> + 'static,
) -> Row {
    let runs = Sides::<Run> { ours: Box::new(ours), peer: Box::new(by_hand) };
    Row {
        name,
        peer,
        units,
        goals: Goals { must: 0.0, aim: 0.0 },
        runs,
        scope: Scope::Thread,
        in_memory: None,
        resident: None,
    }
}

fn flood<F: Flood + 'static>(name: &'static str, peer: &'static str, units: usize) -> Row {
    let in_memory =
        Sides::<Run> { ours: Box::new(floods::ours_in_memory::<F>), peer: Box::new(floods::by_hand_in_memory::<F>) };
    Row { in_memory: Some(in_memory), ..row(name, peer, units, floods::ours::<F>, floods::by_hand::<F>) }
}

fn pairs_of(side: &'static str) -> impl Fn(usize) -> Result<Turn, Failure> {
    move |pairs| Ok(pairs::in_a_process(side, pairs::possible(pairs))?.making)
}

impl Row {
    fn goals(self, must: f64, aim: f64) -> Self {
        Self { goals: Goals { must, aim }, ..self }
    }
}
