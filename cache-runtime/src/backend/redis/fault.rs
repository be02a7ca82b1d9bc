//! What the client and the server say when something fails, without keys, values, addresses and credentials.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerError};

use crate::error::BackendError;

/// Why a command got no answer, or another than one that was asked for.
///
/// The client's own errors stay behind: their text can quote what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// There is no connection any more.
    Lost(String),
    /// Nobody answers.
    Unreachable(String),
    /// A connection took too long to open.
    ConnectTimeout(Duration),
    /// The last attempts failed; the next one is not due yet.
    Open(String),
    /// A command took too long.
    Timeout(Duration),
    /// The server refused, by its error code.
    Server(String),
    /// An answer of another shape.
    Answer,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lost(why) => write!(formatter, "the connection was lost ({why})"),
            Self::Unreachable(why) => write!(formatter, "no connection ({why})"),
            Self::ConnectTimeout(limit) => write!(formatter, "no connection within {limit:?}"),
            Self::Open(why) => write!(formatter, "no connection is tried at the moment: {why}"),
            Self::Timeout(limit) => write!(formatter, "no answer within {limit:?}"),
            Self::Server(code) => write!(formatter, "the server refused with `{code}`{}", hint(code)),
            Self::Answer => write!(formatter, "the server's answer is not one to this command"),
        }
    }
}

impl Error for Fault {}

/// What to do about a refusal.
fn hint(code: &str) -> &'static str {
    match code {
        "WRONGPASS" | "NOAUTH" => ": check the user name and the password of the address",
        "NOPERM" => ": the user may not run a command that the cache needs, see the documentation's ACL line",
        "OOM" => ": it is out of memory; set `maxmemory-policy` to one that evicts",
        "READONLY" => ": it is a replica; connect to the primary",
        "MOVED" | "ASK" | "CLUSTERDOWN" | "TRYAGAIN" => {
            ": it is of a cluster; connect to one as `redis+cluster://…`, which waits for it"
        }
        "LOADING" => ": it is reading its dump",
        "WRONGTYPE" => ": the key holds a list, a hash or the like of another program",
        _ => "",
    }
}

impl Fault {
    /// What a command of an open connection met.
    pub(super) fn of_command(error: &RedisError) -> Self {
        match error.code() {
            Some(code) => Self::of_code(code),
            None => Self::Lost(kind_of(error)),
        }
    }

    /// What an attempt to connect met.
    pub(super) fn of_connect(error: &RedisError) -> Self {
        match (error.code(), error.kind()) {
            (Some(code), _) => Self::of_code(code),
            (None, ErrorKind::AuthenticationFailed) => Self::Server("WRONGPASS".into()),
            _ => Self::Unreachable(kind_of(error)),
        }
    }

    pub(super) fn of_server(error: &ServerError) -> Self {
        Self::of_code(error.code())
    }

    /// A code is one word in capitals; anything else could be anything.
    fn of_code(code: &str) -> Self {
        let plain = code.len() <= 20 && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
        Self::Server(if plain { code.into() } else { "ERR".into() })
    }

    /// Whether nothing was sent: there was no connection.
    pub(super) fn was_not_sent(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::ConnectTimeout(_) | Self::Open(_))
    }

    /// Whether a connection of this age is of no more use.
    pub(super) fn ends_connection(&self, age: Duration) -> bool {
        match self {
            Self::Lost(_) | Self::Answer => true,
            Self::Server(code) => match code.as_str() {
                "NOSCRIPT" | "NOAUTH" => true,
                // Another server may be behind the address by now; one that was a replica when the connection
                // opened is one still.
                "READONLY" => age > Duration::from_secs(1),
                _ => false,
            },
            _ => false,
        }
    }
}

/// The kind of an error that the server did not send, without its text.
fn kind_of(error: &RedisError) -> String {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return error.kind().to_string();
        }
        source = error.source();
    }
    match error.kind() {
        ErrorKind::Io => "i/o error".into(),
        ErrorKind::Parse => "what came was not the protocol".into(),
        ErrorKind::RESP3NotSupported => "the server does not speak RESP3".into(),
        _ => "refused".into(),
    }
}

impl From<Fault> for BackendError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Timeout(limit) => Self::Timeout(limit),
            Fault::Server(code) if code == "WRONGTYPE" => {
                Self::Rejected("the key holds a list, a hash or the like of another program".into())
            }
            Fault::Server(code) if code == "ERR" => Self::Other(Box::new(Fault::Server(code))),
            fault => Self::Unavailable(Box::new(fault)),
        }
    }
}
