//! A writer: a barrier, the commit, and the end of both; or its death between them.

use crate::cast::{Cast, Kind};
use crate::server::{Slot, Value, Version};
use crate::world::{Action, World};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Writer {
    pub(crate) phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    Idle,
    Begun(Captured),
    Committed {
        version: Version,
        captured: Captured,
    },
    Finished {
        version: Version,
    },
    Done,
    /// Dropped or killed. The source may yet commit what it was sent.
    Dead {
        landed: Option<Version>,
    },
    Gone,
}

/// What an update is stored with: known before the commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Captured {
    /// `None` where the tag had none: then nothing is stored.
    generation: Option<u8>,
    epoch: u8,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { phase: Phase::Idle }
    }
}

impl World {
    pub(crate) fn writer_actions(&self, cast: &Cast, number: usize, actions: &mut Vec<Action>) {
        let mortal = cast.writers[number].mortal;
        match self.writers[number].phase {
            Phase::Idle => actions.push(Action::Begin(number)),
            Phase::Begun(_) => {
                actions.push(Action::Commit(number));
                actions.extend(mortal.then_some(Action::DropWriter(number)));
            }
            Phase::Committed { .. } => {
                actions.push(Action::Finish(number));
                actions.extend(mortal.then_some(Action::DropWriter(number)));
            }
            Phase::Finished { .. } => actions.push(Action::Returned(number)),
            Phase::Dead { landed } => {
                actions.extend(landed.is_none().then_some(Action::Land(number)));
                actions.push(Action::Lapse(number));
            }
            Phase::Done | Phase::Gone => {}
        }
    }

    pub(crate) fn begin(&mut self, cast: &Cast, number: usize) {
        let writer = cast.writers[number];
        let generation = match self.server.tag {
            _ if !cast.tagged => Some(0),
            Slot::Value(found) if found.epoch == self.server.epoch => Some(found.number),
            _ => None,
        };
        let captured = Captured { generation, epoch: self.server.epoch };
        match writer.kind {
            Kind::Invalidates | Kind::Updates if cast.rules.barriers => {
                self.server.key.begin(number);
                self.cut_off(writer.process);
            }
            Kind::Tag if cast.rules.tag_barriers => {
                self.server.tag.begin(number);
                self.cut_off(writer.process);
            }
            _ => {}
        }
        self.writers[number].phase = Phase::Begun(captured);
    }

    pub(crate) fn commit(&mut self, number: usize) {
        let Phase::Begun(captured) = self.writers[number].phase else { return };
        self.committed += 1;
        self.writers[number].phase = Phase::Committed { version: self.committed, captured };
    }

    pub(crate) fn finish(&mut self, cast: &Cast, number: usize) {
        let Phase::Committed { version, captured } = self.writers[number].phase else { return };
        let writer = cast.writers[number];
        let rules = cast.rules;
        match writer.kind {
            Kind::Invalidates if rules.barriers => drop(self.server.key.finish(number, None, true)),
            Kind::Updates if rules.barriers => {
                let by = 64 + u8::try_from(number).unwrap_or(0);
                let update = captured.generation.map(|generation| Value {
                    version,
                    generation,
                    epoch: captured.epoch,
                    by,
                    stale: false,
                });
                self.server.key.finish(number, update, rules.alone);
            }
            Kind::Invalidates | Kind::Updates | Kind::OfResult => self.server.key.delete(),
            Kind::Tag => {
                let update = rules.random.then(|| self.server.new_generation(captured.epoch));
                if rules.tag_barriers {
                    self.server.tag.finish(number, update, true);
                } else {
                    self.server.tag = update.map_or(Slot::Absent, Slot::Value);
                }
            }
        }
        self.cut_off(writer.process);
        self.writers[number].phase = Phase::Finished { version };
    }

    pub(crate) fn returned(&mut self, number: usize) {
        let Phase::Finished { version } = self.writers[number].phase else { return };
        self.settled = self.settled.max(version);
        self.writers[number].phase = Phase::Done;
    }

    pub(crate) fn drop_writer(&mut self, cast: &Cast, number: usize) {
        let landed = match self.writers[number].phase {
            Phase::Committed { version, .. } => Some(version),
            _ => None,
        };
        // Without a barrier there is a guard that removes the key on drop, as others have it.
        if !cast.rules.barriers {
            self.server.key.delete();
            self.cut_off(cast.writers[number].process);
        }
        self.writers[number].phase = Phase::Dead { landed };
    }

    /// The source commits what the writer had sent before it died.
    pub(crate) fn land(&mut self, number: usize) {
        self.committed += 1;
        self.writers[number].phase = Phase::Dead { landed: Some(self.committed) };
    }

    /// The barrier ends; what has not been committed until then never is.
    pub(crate) fn lapse(&mut self, cast: &Cast, number: usize) {
        let Phase::Dead { landed } = self.writers[number].phase else { return };
        if cast.writers[number].kind == Kind::Tag {
            self.server.tag.lapse(number);
        } else {
            self.server.key.lapse(number);
        }
        self.settled = self.settled.max(landed.unwrap_or(0));
        self.writers[number].phase = Phase::Gone;
    }
}
