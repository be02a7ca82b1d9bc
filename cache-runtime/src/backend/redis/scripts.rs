//! The Lua scripts: what needs a look before the change, in one step on the server.

use redis::Pipeline;

macro_rules! scripts {
    ($($name:ident $file:literal)*) => {
        /// A script, by what it does.
        #[derive(Debug, Clone, Copy)]
        pub(super) enum Script { $($name),* }

        /// The text of each script, in the order of [`Script`].
        const TEXTS: &[&str] = &[$(concat!(include_str!("lua/common.lua"), include_str!(concat!("lua/", $file, ".lua")))),*];
    };
}

scripts! {
    Put "put"
    Delete "delete"
    Increment "increment"
    Swap "swap"
    CompareAndSet "compare_and_set"
    Touch "touch"
    Admit "admit"
    LeaseOver "lease_over"
    Fill "fill"
    Release "release"
    Renew "renew"
    RefreshLease "refresh_lease"
    Begin "begin"
    RenewWrite "renew_write"
    Finish "finish"
    PlainIncrement "plain_increment"
    PlainCompareAndSet "plain_compare_and_set"
}

/// How many scripts there are.
pub(super) const COUNT: usize = TEXTS.len();

/// Adds a load of each script to a pipeline; the answers are their names for [`call`].
pub(super) fn load(pipeline: &mut Pipeline) {
    for text in TEXTS {
        pipeline.cmd("SCRIPT").arg("LOAD").arg(*text);
    }
}

/// Adds a call of a script to a pipeline.
pub(super) fn call(
    pipeline: &mut Pipeline,
    names: &[String],
    script: Script,
    keys: &[&str],
    arguments: &[&[u8]],
) {
    let name = names.get(script as usize).map_or("", String::as_str);
    let command = pipeline.cmd("EVALSHA").arg(name).arg(keys.len());
    for key in keys {
        command.arg(*key);
    }
    for argument in arguments {
        command.arg(*argument);
    }
}
