//! The output: lines with a time, and a bar that moves on a terminal and is a few lines elsewhere.

use std::{
    io::{self, IsTerminal, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use program::OutputError;
use tokio::sync::Notify;

/// The bar's length in characters, so that its line fits into 80.
const CELLS: u8 = 20;

/// Where there is no terminal, the bar is a line for each of so many parts of the way.
const PARTS: f64 = 5.0;

/// Everything that is shown goes through here, so that an event does not tear the bar.
pub(crate) struct Screen {
    began: Instant,
    state: Mutex<State>,
    /// Told when the output takes no more.
    broken: Arc<Notify>,
}

struct State {
    out: Box<dyn Write + Send>,
    is_terminal: bool,
    /// On a terminal: the bar in the last line. Elsewhere: the last part of it that has been printed.
    bar: Option<Bar>,
    /// The first error of the output.
    error: Option<io::Error>,
    broken: Arc<Notify>,
}

struct Bar {
    text: String,
    part: f64,
}

impl Screen {
    pub(crate) fn stdout() -> Self {
        let stdout = io::stdout();
        let is_terminal = stdout.is_terminal();
        Self::new(Box::new(stdout), is_terminal)
    }

    fn new(out: Box<dyn Write + Send>, is_terminal: bool) -> Self {
        let broken = Arc::new(Notify::new());
        let state = State { out, is_terminal, bar: None, error: None, broken: Arc::clone(&broken) };
        Self { began: Instant::now(), state: Mutex::new(state), broken }
    }

    /// A line of its own, with an empty one before it.
    pub(crate) fn headline(&self, text: &str) {
        self.state().print_above_bar(&format!("\n{text}"));
    }

    /// Somebody says something.
    pub(crate) fn say(&self, who: &str, what: &str) {
        let line = format!("{} {who:<10} {what}", self.time());
        self.state().print_above_bar(&line);
    }

    /// Moves the bar to a fraction of its length.
    pub(crate) fn bar(&self, fraction: f64, what: &str, details: &str) {
        let fraction = fraction.clamp(0.0, 1.0);
        let is_filled = |cell| (f64::from(cell) + 0.5) / f64::from(CELLS) <= fraction;
        let cells: String = (0..CELLS).map(|cell| if is_filled(cell) { '█' } else { '░' }).collect();
        let text = format!("{} {what:<10} {cells} {:>3.0} %  {details}", self.time(), fraction * 100.0);
        self.state().show_bar(text, (fraction * PARTS).floor());
    }

    /// Leaves the bar as it is; what follows comes below.
    pub(crate) fn leave_bar(&self) {
        let mut state = self.state();
        if state.bar.take().is_some() && state.is_terminal {
            state.write("\n");
        }
    }

    /// Waits until the output takes no more, which [`end`](Self::end) then tells.
    pub(crate) async fn broken(&self) {
        self.broken.notified().await;
    }

    /// Whether all of it could be shown.
    pub(crate) fn end(&self) -> Result<(), OutputError> {
        self.leave_bar();
        self.state().error.take().map_or(Ok(()), |error| Err(error.into()))
    }

    fn time(&self) -> String {
        format!("[{:5.2} s]", self.began.elapsed().as_secs_f64())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn print_above_bar(&mut self, line: &str) {
        match &self.bar {
            Some(bar) if self.is_terminal => self.write(&format!("\r\x1b[K{line}\n{}", unwrapped(&bar.text))),
            _ => self.write(&format!("{line}\n")),
        }
    }

    fn show_bar(&mut self, text: String, part: f64) {
        if self.is_terminal {
            self.write(&format!("\r\x1b[K{}", unwrapped(&text)));
        } else if self.bar.as_ref().is_none_or(|bar| bar.part < part) {
            self.write(&format!("{text}\n"));
        } else {
            return;
        }
        self.bar = Some(Bar { text, part });
    }

    fn write(&mut self, text: &str) {
        let written = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
        if let Err(error) = written {
            self.error.get_or_insert(error);
            self.broken.notify_one();
        }
    }
}

/// The text with the terminal's line wrapping turned off for it: a narrow terminal shows the beginning, in one line.
fn unwrapped(text: &str) -> String {
    format!("\x1b[?7l{text}\x1b[?7h")
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        sync::{Arc, Mutex},
    };

    use super::Screen;

    #[derive(Clone, Default)]
    struct Output(Arc<Mutex<Vec<u8>>>);

    impl Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Shows a bar with a line in between, and gives the output without the times.
    fn shown(is_terminal: bool) -> String {
        let output = Output::default();
        let screen = Screen::new(Box::new(output.clone()), is_terminal);
        screen.bar(0.0, "homing", "a");
        screen.bar(0.1, "homing", "b");
        screen.say("mock", "hello");
        screen.bar(0.5, "homing", "c");
        screen.bar(1.0, "homing", "d");
        screen.leave_bar();
        screen.end().unwrap();
        let shown = output.0.lock().unwrap().clone();
        String::from_utf8(shown).unwrap().replace("[ 0.00 s] ", "")
    }

    /// Without a terminal there are whole lines only, and only some of the bar's states.
    #[test]
    fn without_a_terminal_the_bar_is_a_few_lines() {
        let expected = "homing     ░░░░░░░░░░░░░░░░░░░░   0 %  a\n\
            mock       hello\n\
            homing     ██████████░░░░░░░░░░  50 %  c\n\
            homing     ████████████████████ 100 %  d\n";
        assert_eq!(shown(false), expected);
    }

    /// On a terminal the bar stays in the last line, and a line said meanwhile goes above it.
    #[test]
    fn on_a_terminal_the_bar_moves_in_the_last_line() {
        let bar = |text: &str| format!("\r\x1b[K\x1b[?7lhoming     {text}\x1b[?7h");
        let expected = [
            bar("░░░░░░░░░░░░░░░░░░░░   0 %  a"),
            bar("██░░░░░░░░░░░░░░░░░░  10 %  b"),
            "\r\x1b[Kmock       hello\n".to_owned(),
            "\x1b[?7lhoming     ██░░░░░░░░░░░░░░░░░░  10 %  b\x1b[?7h".to_owned(),
            bar("██████████░░░░░░░░░░  50 %  c"),
            bar("████████████████████ 100 %  d"),
            "\n".to_owned(),
        ];
        assert_eq!(shown(true), expected.concat());
    }

    /// What could not be shown is told at once, and is an error at the end; nothing panics.
    #[tokio::test]
    async fn a_broken_output_is_told_at_once_and_at_the_end() {
        let screen = Screen::new(Box::new(Broken), false);
        screen.say("mock", "hello");
        screen.broken().await;
        assert!(screen.end().unwrap_err().has_no_reader());
    }
}
