//! The whole: server, source, processes; what may happen next, and what must hold.

use stateright::{Model, Property};

use crate::cast::Cast;
use crate::reader::{Reader, Step};
use crate::server::{Server, Slot, Version};
use crate::writer::{Phase, Writer};

/// One state of everything.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) server: Server,
    /// The newest version of the source.
    pub(crate) committed: Version,
    /// The newest version that a read which begins now must not miss: of a write that has returned, or of one that
    /// was dropped and whose barrier has ended.
    pub(crate) settled: Version,
    /// The flight that a reader of the process joins, by its leader.
    pub(crate) listed: Vec<Option<usize>>,
    pub(crate) readers: Vec<Reader>,
    pub(crate) writers: Vec<Writer>,
    /// Somebody has read what was older.
    pub(crate) stale_read: bool,
}

/// What may happen: a command of a reader or writer is carried out, with what its process does until the next one;
/// or something befalls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    // Readers.
    Read(usize),
    Look(usize),
    TakeLease(usize),
    MakeGeneration(usize),
    ServeStale(usize),
    TakeRefresh(usize),
    Load(usize),
    Fill(usize),
    Return(usize),
    DropReader(usize),
    // Writers.
    Begin(usize),
    Commit(usize),
    Finish(usize),
    Returned(usize),
    DropWriter(usize),
    Land(usize),
    Lapse(usize),
    // The server.
    EndLease,
    EndTagLease,
    EndRefresh,
    Evict,
    EvictTag,
    Age,
    Save,
    Restart,
}

impl Model for Cast {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let processes = self.readers.iter().map(|reader| reader.process);
        let processes =
            processes.chain(self.writers.iter().map(|writer| writer.process)).max().unwrap_or(0) + 1;
        vec![World {
            server: Server::new(),
            committed: 0,
            settled: 0,
            listed: vec![None; processes],
            readers: self.readers.iter().map(|reader| Reader::new(reader.reads)).collect(),
            writers: vec![Writer::new(); self.writers.len()],
            stale_read: false,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        // What was found is enough.
        if world.stale_read {
            return;
        }
        for number in 0..world.readers.len() {
            world.reader_actions(self, number, actions);
        }
        for number in 0..world.writers.len() {
            world.writer_actions(self, number, actions);
        }
        world.server_actions(self, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        match action {
            Action::Read(reader) => next.read(self, reader),
            Action::Look(reader) => next.look(self, reader),
            Action::TakeLease(reader) => next.take_lease(self, reader),
            Action::MakeGeneration(reader) => next.make_generation(self, reader),
            Action::ServeStale(reader) => next.serve_stale(self, reader),
            Action::TakeRefresh(reader) => next.take_refresh(self, reader),
            Action::Load(reader) => next.load(reader),
            Action::Fill(reader) => next.fill(self, reader),
            Action::Return(reader) => next.return_value(self, reader),
            Action::DropReader(reader) => next.drop_reader(self, reader),
            Action::Begin(writer) => next.begin(self, writer),
            Action::Commit(writer) => next.commit(writer),
            Action::Finish(writer) => next.finish(self, writer),
            Action::Returned(writer) => next.returned(writer),
            Action::DropWriter(writer) => next.drop_writer(self, writer),
            Action::Land(writer) => next.land(writer),
            Action::Lapse(writer) => next.lapse(self, writer),
            Action::EndLease | Action::Evict => next.server.key = Slot::Absent,
            Action::EndTagLease | Action::EvictTag => next.server.tag = Slot::Absent,
            Action::EndRefresh => {
                if let Slot::Refresh(_, value) = next.server.key {
                    next.server.key = Slot::Value(value);
                }
            }
            Action::Age => {
                if let Slot::Value(value) = &mut next.server.key {
                    value.stale = true;
                }
            }
            Action::Save => next.server.save(),
            Action::Restart => next.server.restart(),
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(FRESH, |_, world: &World| !world.stale_read),
            Property::always("who waits, waits for somebody who leads", |_, world: &World| {
                world.readers.iter().all(|reader| match reader.step {
                    Step::Waiting { leader, .. } => world.readers[leader].leads(),
                    _ => true,
                })
            }),
            Property::sometimes("everybody comes to an end", |_, world: &World| {
                world.readers.iter().all(|reader| reader.step == Step::Idle && reader.reads == 0)
                    && world.writers.iter().all(|writer| matches!(writer.phase, Phase::Done | Phase::Gone))
            }),
            Property::sometimes("a fill is stored", |_, world: &World| {
                world.readers.iter().any(|reader| matches!(reader.step, Step::Filled { stored: true, .. }))
            }),
            Property::sometimes("a value is found", |_, world: &World| {
                world.readers.iter().any(|reader| matches!(reader.step, Step::Found { .. }))
            }),
        ]
    }
}

/// The promise.
pub(crate) const FRESH: &str = "no read is older than a write that was over before it began";

impl World {
    fn server_actions(&self, cast: &Cast, actions: &mut Vec<Action>) {
        let Server { key, tag, epoch, .. } = &self.server;
        if cast.forgets {
            match key {
                Slot::Lease(_) => actions.push(Action::EndLease),
                key if key.is_evictable() => actions.push(Action::Evict),
                _ => {}
            }
            match tag {
                Slot::Lease(_) => actions.push(Action::EndTagLease),
                tag if tag.is_evictable() => actions.push(Action::EvictTag),
                _ => {}
            }
            if matches!(key, Slot::Refresh(..)) {
                actions.push(Action::EndRefresh);
            }
        }
        if cast.ages && matches!(key, Slot::Value(value) if !value.stale) {
            actions.push(Action::Age);
        }
        if cast.restarts && *epoch == 0 {
            actions.push(if self.server.has_dump() { Action::Restart } else { Action::Save });
        }
    }

    /// What the process does at once and synchronously: whoever comes now joins another flight.
    pub(crate) fn cut_off(&mut self, process: usize) {
        if let Some(leader) = self.listed[process].take() {
            self.readers[leader].valid = false;
        }
    }

    pub(crate) fn unlist(&mut self, leader: usize) {
        for listed in &mut self.listed {
            if *listed == Some(leader) {
                *listed = None;
            }
        }
    }
}
