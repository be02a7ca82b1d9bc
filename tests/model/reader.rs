//! A reader: joins the flight of its process or leads one, looks, takes the lease, loads, fills.

use crate::cast::Cast;
use crate::server::{Slot, Token, Value, Version};
use crate::world::{Action, World};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Reader {
    /// How often it will read yet.
    pub(crate) reads: u8,
    /// How often it has led.
    attempt: u8,
    /// What it must not miss.
    floor: Version,
    pub(crate) step: Step,
    /// No invalidation of its process has come since its flight began.
    pub(crate) valid: bool,
    /// It has its answer, and refreshes.
    background: bool,
}

/// Where it is. What a command answered is kept from when it was carried out, however late it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Idle,
    /// In another's flight; early: since before the last command or load of its leader began.
    Waiting {
        leader: usize,
        early: bool,
    },
    Ready,
    Found {
        version: Version,
    },
    FoundStale {
        value: Value,
        permit: Permit,
    },
    Missing {
        over: Option<Token>,
        tag: Tag,
        permit: Permit,
    },
    /// The generation is to be made, under its lease.
    Untagged {
        permit: Permit,
    },
    /// A refresh takes its right.
    Refreshing {
        over: Token,
        permit: Permit,
    },
    MayLoad {
        permit: Permit,
    },
    Loaded {
        version: Version,
        permit: Permit,
    },
    Filled {
        version: Version,
        stored: bool,
    },
}

/// What was captured for the fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Permit {
    /// Whether the lease was taken.
    may_fill: bool,
    generation: u8,
    epoch: u8,
}

/// What was read of the tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Tag {
    Known,
    /// To be made; over that number where it is of another history.
    Absent(Option<u8>),
    /// Barred, or another makes it.
    Busy,
}

impl Reader {
    pub(crate) fn new(reads: u8) -> Self {
        Self { reads, attempt: 0, floor: 0, step: Step::Idle, valid: true, background: false }
    }

    pub(crate) fn leads(&self) -> bool {
        !matches!(self.step, Step::Idle | Step::Waiting { .. })
    }
}

impl World {
    pub(crate) fn reader_actions(&self, cast: &Cast, number: usize, actions: &mut Vec<Action>) {
        let reader = &self.readers[number];
        actions.extend(match reader.step {
            Step::Idle => (reader.reads > 0).then_some(Action::Read(number)),
            Step::Waiting { .. } => None,
            Step::Ready => Some(Action::Look(number)),
            Step::FoundStale { .. } => Some(Action::ServeStale(number)),
            Step::Missing { .. } => Some(Action::TakeLease(number)),
            Step::Untagged { .. } => Some(Action::MakeGeneration(number)),
            Step::Refreshing { .. } => Some(Action::TakeRefresh(number)),
            Step::MayLoad { .. } => Some(Action::Load(number)),
            Step::Loaded { permit, .. } if permit.may_fill => Some(Action::Fill(number)),
            Step::Found { .. } | Step::Filled { .. } | Step::Loaded { .. } => Some(Action::Return(number)),
        });
        // Dropped where it leaves something behind: others who wait, or a lease.
        if cast.drops && reader.leads() {
            actions.push(Action::DropReader(number));
        }
    }

    fn token(&self, number: usize) -> Token {
        8 * (1 + Token::try_from(number).unwrap_or(0)) + self.readers[number].attempt
    }

    pub(crate) fn read(&mut self, cast: &Cast, number: usize) {
        self.readers[number].reads -= 1;
        self.readers[number].floor = self.settled;
        self.enter(cast, number);
    }

    /// Joins the flight of its process, or leads one.
    fn enter(&mut self, cast: &Cast, number: usize) {
        let listed = &mut self.listed[cast.readers[number].process];
        if let Some(leader) = *listed {
            self.readers[number].step = Step::Waiting { leader, early: false };
            // A leader that has not begun has everybody in its flight begin with it.
            return;
        }
        *listed = Some(number);
        let reader = &mut self.readers[number];
        reader.attempt += 1;
        reader.valid = true;
        reader.step = Step::Ready;
    }

    /// Whoever has joined until now joined before what begins now.
    fn begin_flight(&mut self, number: usize) {
        for reader in &mut self.readers {
            if let Step::Waiting { leader, early } = &mut reader.step
                && *leader == number
            {
                *early = true;
            }
        }
    }

    /// `MGET key generation`.
    pub(crate) fn look(&mut self, cast: &Cast, number: usize) {
        self.begin_flight(number);
        let epoch = self.server.epoch;
        let current = |of: u8| !cast.rules.epochs || of == epoch;
        let (tag, generation) = match self.server.tag {
            _ if !cast.tagged => (Tag::Known, Some(0)),
            Slot::Value(found) if current(found.epoch) => (Tag::Known, Some(found.number)),
            Slot::Value(found) => (Tag::Absent(Some(found.number)), None),
            Slot::Absent => (Tag::Absent(None), None),
            Slot::Lease(_) | Slot::Refresh(..) | Slot::Barrier { .. } => (Tag::Busy, None),
        };
        let usable = |value: &Value| current(value.epoch) && generation == Some(value.generation);
        let permit = Permit { may_fill: false, generation: generation.unwrap_or(0), epoch };
        let missing = |over| Step::Missing { over, tag, permit };
        self.readers[number].step = match self.server.key {
            Slot::Value(value) if usable(&value) && value.stale => Step::FoundStale { value, permit },
            Slot::Value(value) | Slot::Refresh(_, value) if usable(&value) => {
                Step::Found { version: value.version }
            }
            Slot::Value(value) => missing(Some(value.by)),
            // Another's lease or refresh, or a barrier: load, do not fill.
            Slot::Lease(_) | Slot::Refresh(..) | Slot::Barrier { .. } if cast.rules.leases => {
                Step::MayLoad { permit }
            }
            _ => missing(None),
        };
    }

    /// The leases of what is missing: of the key, and of the generation.
    pub(crate) fn take_lease(&mut self, cast: &Cast, number: usize) {
        let token = self.token(number);
        let Step::Missing { over, tag, mut permit } = self.readers[number].step else { return };
        let server = &mut self.server;
        permit.may_fill = match over {
            _ if !cast.rules.leases => true,
            None => server.key.lease(token),
            Some(by) => server.key.lease_over(token, |value| value.by == by),
        };
        let may_tag = match tag {
            Tag::Known => None,
            Tag::Absent(None) => Some(server.tag.lease(token)),
            Tag::Absent(Some(old)) => Some(server.tag.lease_over(token, |found| found.number == old)),
            Tag::Busy => Some(false),
        };
        self.readers[number].step = match may_tag {
            None => Step::MayLoad { permit },
            Some(true) => Step::Untagged { permit },
            Some(false) => self.without_generation(number, permit),
        };
    }

    /// Without a generation to name it fills nothing, and gives its lease back.
    fn without_generation(&mut self, number: usize, mut permit: Permit) -> Step {
        if self.server.key == Slot::Lease(self.token(number)) {
            self.server.key = Slot::Absent;
        }
        permit.may_fill = false;
        Step::MayLoad { permit }
    }

    /// A new generation, random as every one.
    pub(crate) fn make_generation(&mut self, cast: &Cast, number: usize) {
        let Step::Untagged { mut permit } = self.readers[number].step else { return };
        let mut generation = self.server.new_generation(permit.epoch);
        if !cast.rules.random {
            generation.number = 1;
        }
        let token = self.token(number);
        let stored = self.server.tag.fill(token, generation);
        permit.generation = generation.number;
        self.readers[number].step =
            if stored { Step::MayLoad { permit } } else { self.without_generation(number, permit) };
    }

    /// Answers with a value that is stale, and goes on as its refresh.
    pub(crate) fn serve_stale(&mut self, cast: &Cast, number: usize) {
        let Step::FoundStale { value, permit } = self.readers[number].step else { return };
        self.answered(number, value.version);
        self.unlist(number);
        let process = cast.readers[number].process;
        if self.listed[process].is_none() {
            self.enter(cast, number);
            self.readers[number].background = true;
            self.readers[number].step = Step::Refreshing { over: value.by, permit };
        } else {
            self.readers[number].step = Step::Idle;
        }
        self.answer_waiters(cast, number, value.version, false);
    }

    /// `refresh_lease`.
    pub(crate) fn take_refresh(&mut self, cast: &Cast, number: usize) {
        let Step::Refreshing { over, mut permit } = self.readers[number].step else { return };
        permit.may_fill = self.server.key.lease_beside(self.token(number), |value| value.by == over);
        if permit.may_fill {
            self.readers[number].step = Step::MayLoad { permit };
        } else {
            self.leave(cast, number);
        }
    }

    /// The author's body reads the source.
    pub(crate) fn load(&mut self, number: usize) {
        let Step::MayLoad { permit } = self.readers[number].step else { return };
        self.begin_flight(number);
        self.readers[number].step = Step::Loaded { version: self.committed, permit };
    }

    pub(crate) fn fill(&mut self, cast: &Cast, number: usize) {
        let Step::Loaded { version, permit } = self.readers[number].step else { return };
        if cast.rules.sealed {
            self.unlist(number);
        }
        let token = self.token(number);
        let reader = &self.readers[number];
        let server = &mut self.server;
        let mut value =
            Value { version, generation: permit.generation, epoch: permit.epoch, by: token, stale: false };
        let mut may = reader.valid || !cast.rules.sealed;
        if !cast.rules.captured {
            match server.tag {
                Slot::Value(found) => value.generation = found.number,
                _ => may = false,
            }
        }
        let overwrites = !cast.rules.leases || reader.background && !cast.rules.refreshes_end;
        let stored = may
            && if overwrites && !matches!(server.key, Slot::Barrier { .. }) {
                server.key = Slot::Value(value);
                true
            } else {
                server.key.fill(token, value)
            };
        // What was stored for another history, nobody reads.
        let stored = stored && (permit.epoch == self.server.epoch || !cast.rules.epochs);
        self.readers[number].step = Step::Filled { version, stored };
    }

    /// The value goes to the reader and to who waits.
    pub(crate) fn return_value(&mut self, cast: &Cast, number: usize) {
        let (version, sure) = match self.readers[number].step {
            Step::Found { version } | Step::Loaded { version, .. } => (version, false),
            Step::Filled { version, stored } => {
                let proves = !cast.tagged || !cast.rules.tags_prove_nothing;
                (version, stored && proves && cast.rules.leases)
            }
            _ => return,
        };
        if !self.readers[number].background {
            self.answered(number, version);
        }
        self.unlist(number);
        self.idle(number);
        self.answer_waiters(cast, number, version, sure || !cast.rules.sealed);
    }

    /// A read has its answer.
    fn answered(&mut self, number: usize, version: Version) {
        self.stale_read |= version < self.readers[number].floor;
    }

    fn idle(&mut self, number: usize) {
        let reader = &mut self.readers[number];
        (reader.step, reader.background, reader.valid) = (Step::Idle, false, true);
    }

    fn answer_waiters(&mut self, cast: &Cast, leader: usize, version: Version, sure: bool) {
        for number in self.waiters(leader) {
            match self.readers[number].step {
                Step::Waiting { early, .. } if early || sure => {
                    self.answered(number, version);
                    self.idle(number);
                }
                _ => self.enter(cast, number),
            }
        }
    }

    fn waiters(&self, number: usize) -> Vec<usize> {
        let waits = |reader: &Reader| matches!(reader.step, Step::Waiting { leader, .. } if leader == number);
        (0..self.readers.len()).filter(|waiter| waits(&self.readers[*waiter])).collect()
    }

    /// Gone without an answer; whoever waited begins anew. A lease it had ends by itself.
    pub(crate) fn drop_reader(&mut self, cast: &Cast, number: usize) {
        self.leave(cast, number);
    }

    fn leave(&mut self, cast: &Cast, number: usize) {
        self.unlist(number);
        self.idle(number);
        for waiter in self.waiters(number) {
            self.enter(cast, waiter);
        }
    }
}
