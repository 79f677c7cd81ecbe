//! A command as the command line has it.

use std::str::FromStr;

use moog_protocol::code::{self, set_state};

/// A command by its name, with its code and first parameter.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) name: String,
    pub(crate) code: u32,
    pub(crate) parameter: f64,
}

impl FromStr for Request {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let (code, parameter) = match name {
            "enable" => (code::SET_STATE, set_state::ENABLE),
            "standby" => (code::SET_STATE, set_state::STANDBY),
            "clear-error" => (code::SET_STATE, set_state::CLEAR_ERROR),
            "drives-on" => (code::ENABLE_DRIVES, 1.0),
            "drives-off" => (code::ENABLE_DRIVES, 0.0),
            _ => {
                let position = name.strip_prefix("move").ok_or("no such command")?;
                let position = position.strip_prefix('=').and_then(|position| position.parse().ok());
                (code::MOVE, position.ok_or("it takes a position: move=POSITION, such as move=12.5")?)
            }
        };
        Ok(Self { name: name.to_owned(), code, parameter })
    }
}
