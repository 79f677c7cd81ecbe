//! Scripts that are played against themselves, through windows of several sizes.

use std::collections::VecDeque;

use super::*;
use crate::script::script::tests::CORPUS;

/// What one side does.
struct Player {
    engine: Engine,
    side: Side,
    /// What is being written, and how it ends.
    writing: VecDeque<u8>,
    end: Option<&'static str>,
    is_done: bool,
}

impl Player {
    fn new(script: &Script, side: Side, now: Instant) -> Self {
        let engine = Engine::new(script.clone(), Some(side), now).unwrap_or_else(|fault| panic!("{fault}"));
        Self { engine, side, writing: VecDeque::new(), end: None, is_done: false }
    }
}

/// A link that holds so many bytes each way.
struct Link {
    players: [Player; 2],
    window: usize,
    now: Instant,
    /// What has passed: who, and what.
    passed: Vec<(Side, Vec<u8>)>,
}

impl Link {
    fn new(script: &str, window: usize) -> Self {
        let script = Script::parse(script).unwrap_or_else(|error| panic!("{error}"));
        let now = Instant::now();
        let players = [Player::new(&script, Side::Client, now), Player::new(&script, Side::Server, now)];
        Self { players, window, now, passed: Vec::new() }
    }

    /// Plays until both are done.
    fn run(&mut self) {
        let mut waiting = [false; 2];
        loop {
            let mut until = None;
            let mut has_happened = false;
            for (index, is_waiting) in waiting.iter_mut().enumerate() {
                let player = &mut self.players[index];
                player.is_done = false;
                match player.engine.poll(self.now) {
                    Output::Connect => *is_waiting = true,
                    Output::Send(bytes) => {
                        player.writing = bytes.into();
                    }
                    Output::Fin | Output::Close => player.end = Some("fin"),
                    Output::Reset => player.end = Some("reset"),
                    Output::Wait(time) => {
                        until = [until, time].into_iter().flatten().min();
                        has_happened |= self.pass(index);
                        continue;
                    }
                    Output::Done => {
                        player.is_done = true;
                        continue;
                    }
                    Output::Failed(failure) => panic!("{failure}"),
                }
                has_happened = true;
                self.pass(index);
            }
            if waiting == [true; 2] {
                waiting = [false; 2];
                self.players.iter_mut().for_each(|player| player.engine.connected(self.now));
                continue;
            }
            if has_happened {
                continue;
            }
            if self.players.iter().all(|player| player.is_done) {
                return;
            }
            self.now = until.expect("both wait for ever");
        }
    }

    /// As much as the window takes of what this side is writing.
    fn pass(&mut self, index: usize) -> bool {
        let side = self.players[index].side;
        let is_reading = self.players[1 - index].engine.is_reading(side);
        let count = if is_reading { self.players[index].writing.len().min(self.window) } else { 0 };
        let bytes: Vec<u8> = self.players[index].writing.drain(..count).collect();
        if count > 0 {
            self.players[1 - index].engine.receive(side, &bytes);
            if self.players[index].writing.is_empty() {
                self.players[index].engine.sent(self.now);
            }
            match self.passed.last_mut() {
                Some((last, before)) if *last == side => before.extend(bytes),
                _ => self.passed.push((side, bytes)),
            }
        }
        match self.players[index].end.take() {
            Some("fin") => self.players[1 - index].engine.end(side),
            Some(_) => self.players[1 - index].engine.reset(side),
            None => return count > 0,
        }
        true
    }
}

const PLAYABLE: &[&str] = &[
    CORPUS[0],
    // Every item that has an example or needs none.
    r#"> "a\"\\\n\r\t\0\x7fé" 'say "x"' CR DC1 IAC SP XON x"02 00 0a" x"ff" u32le(3) f64be(-0.5) "-"*40 xor("01R" ETX)
  sum8(STX {2 bytes = "ab"}) len16be("abc") len8(LF) block({8 bytes = "12345678"}) crc("CRC-16/MODBUS" x"01" x"03")
< {digits a = "007"} " " {int n = "-7"} " " {number = "NaN"} ";" {word w = "x"} LF {.. rest = "a" LF} CR LF
  {/[a#\/]+/ = "a"} "." {u32le = u32le(7)} {json = json {"a": 1}} {block = block("x")} $a $n $w*2 $rest
> json {"id": 7, "az": NaN, "x": [1, -2.5e-3, ..], "é\n": {int id = "7"}, "o": {..}, "n": $id, "w": {word = "5"}, ..}
> $w $a json -Infinity json "text" json null json {/a/ = "a"} LF
< reset
"#,
    // Times, and what both do.
    r#"deadline 1s
+20ms < "a"
wait 300ms
silence 200ms
@1s > "b"
> "c" LF
< "d"
< fin
> "e" LF
> close
> connect
< "again"
> fin
< close
"#,
    // Blocks, but those that somebody has to choose in.
    r#"every 100ms telemetry
  < "T " {number = "1.5"} LF
end
every 70ms
  > "beat" LF
end
any time
  > "other" LF
end
repeat 3
  > "STEP" LF
  +30ms < "OK" LF
end
any order
  > "VOLT?" LF
  +200ms < "1.5" LF
and
  > "CURR?" LF
  < "0.1" LF
end
stop telemetry
wait 250ms
< "END" LF
"#,
];

/// Each side expects what the other sends, whatever the windows, and the same passes.
pub(super) fn play_against_itself(script: &str) {
    let mut passed: Option<Vec<(Side, Vec<u8>)>> = None;
    for window in [65_536, 7, 1] {
        let mut link = Link::new(script, window);
        link.run();
        for player in &mut link.players {
            if let Some(failure) = player.engine.finish() {
                panic!("{:?} with a window of {window}:\n{failure}", player.side);
            }
        }
        let before = passed.get_or_insert_with(|| link.passed.clone());
        assert_eq!(&link.passed, before, "with a window of {window}:\n{script}");
    }
}

#[test]
fn a_script_is_played_against_itself() {
    for script in PLAYABLE {
        play_against_itself(script);
    }
}
