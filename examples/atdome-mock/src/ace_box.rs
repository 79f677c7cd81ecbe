//! The protocol: lines in, replies out.

use std::time::Duration;

use crate::{command::Request, conditions::Conditions, dome::Dome};

/// What every client is sent when it connects: a title and the first prompt.
pub(crate) const GREETING: &str = "ACE Main Box\n>";

/// What ends every reply. No line end follows it.
pub(crate) const PROMPT: &str = ">";

/// The box that listens to the client and moves the dome. It outlives its clients.
#[derive(Debug)]
pub(crate) struct AceBox {
    dome: Dome,
    fail_command: Option<String>,
    swallow_command: Option<String>,
}

impl AceBox {
    pub(crate) fn new() -> Self {
        Self { dome: Dome::new(), fail_command: None, swallow_command: None }
    }

    /// Makes the next command of this name fail, once.
    pub(crate) fn fail_next(&mut self, name: String) {
        self.fail_command = Some(name);
    }

    /// Makes the next command of this name do nothing and get no answer, once.
    pub(crate) fn swallow_next(&mut self, name: String) {
        self.swallow_command = Some(name);
    }

    pub(crate) fn set_conditions(&mut self, conditions: Conditions) {
        self.dome.conditions = conditions;
    }

    /// The whole answer to a line: the reply's lines and the prompt; nothing at all to a blank line, and to a command
    /// that is swallowed.
    pub(crate) fn answer(&mut self, line: &str, now: Duration) -> String {
        let lines = match Request::parse(line) {
            Request::Blank => return String::new(),
            Request::Command { name, .. } if self.swallow_command.as_deref() == Some(name) => {
                self.swallow_command = None;
                return String::new();
            }
            Request::Command { name, .. } if self.fail_command.as_deref() == Some(name) => {
                self.fail_command = None;
                vec![format!("Command {name} failed by request")]
            }
            Request::Command { command: Some(command), .. } => self.dome.execute(command, now),
            Request::Command { command: None, .. } => Vec::new(),
        };
        let mut answer = String::new();
        for line in lines {
            answer.push_str(&line);
            answer.push('\n');
        }
        answer.push_str(PROMPT);
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::AceBox;

    /// Six lines, each ended, then a prompt that is not.
    #[test]
    fn a_reply_is_its_lines_and_an_unterminated_prompt() {
        let answer = AceBox::new().answer("?\r\n", Duration::ZERO);
        let expected = "MAIN CLOSED 000\nDROP CLOSED 000\n[OFF] 00\nPOSN 285.00\n-- 000\nDome not homed\n>";
        assert_eq!(answer, expected);
        assert_eq!(AceBox::new().answer("+\r\n", Duration::ZERO).matches('\n').count(), 27);
    }

    /// Commands without reply lines, and those that are unknown, malformed or refused, get the prompt only.
    #[test]
    fn other_commands_get_the_prompt_only() {
        for line in
            ["ST", "OP", "CL", "DN", "UP", "SO", "SC", "280.00 MV", "HM", "280.00 MV", "400 MV", "MV", "XX", "1 ?"]
        {
            assert_eq!(AceBox::new().answer(line, Duration::ZERO), ">", "{line}");
        }
    }

    /// A blank line is not even given a prompt.
    #[test]
    fn a_blank_line_gets_nothing() {
        assert_eq!(AceBox::new().answer(" \r\n", Duration::ZERO), "");
    }

    /// The hook hits the next command of its name, which does nothing, and no other; then it is used up.
    #[test]
    fn the_fail_hook_hits_one_command_once() {
        let mut ace_box = AceBox::new();
        ace_box.fail_next("MV".to_owned());
        assert_eq!(ace_box.answer("OP", Duration::ZERO), ">");
        assert_eq!(ace_box.answer("ST", Duration::ZERO), ">");
        assert_eq!(ace_box.answer("300 MV", Duration::ZERO), "Command MV failed by request\n>");
        let later = Duration::from_mins(1);
        assert!(ace_box.answer("?", later).contains("POSN 285.00\n-- 000"));
        assert_eq!(ace_box.answer("300 MV", later), ">");
        assert!(ace_box.answer("?", later * 2).contains("POSN 300.00"));
    }

    /// A status can be made to fail, and so can a malformed command.
    #[test]
    fn the_fail_hook_hits_any_command() {
        let mut ace_box = AceBox::new();
        for (name, line) in [("+", "+"), ("?", "?"), ("MV", "MV")] {
            ace_box.fail_next(name.to_owned());
            let failed = format!("Command {name} failed by request\n>");
            assert_eq!(ace_box.answer(line, Duration::ZERO), failed);
            assert_ne!(ace_box.answer(line, Duration::ZERO), failed);
        }
    }
    /// A command that is swallowed does nothing and gets no answer, once.
    #[test]
    fn the_swallow_hook_hits_one_command_once() {
        let mut ace_box = AceBox::new();
        ace_box.swallow_next("MV".to_owned());
        assert_eq!(ace_box.answer("ST", Duration::ZERO), ">");
        assert_eq!(ace_box.answer("300 MV", Duration::ZERO), "");
        let later = Duration::from_mins(1);
        assert!(ace_box.answer("?", later).contains("POSN 285.00\n-- 000"));
        assert_eq!(ace_box.answer("300 MV", later), ">");
    }
}
