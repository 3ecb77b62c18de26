//! The sockets that wait for their turn.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use super::poller::Poller;

/// Bytes that are read in one turn of the loop, so that a flood of them does not keep Node's timers
/// waiting. What is over has its turn after the next look for events.
const BUDGET: usize = 1 << 20;

/// A connection whose socket is ready.
#[derive(Clone, Copy)]
pub struct Entry {
    pub number: u32,
    /// Whether the socket has failed.
    pub has_failed: bool,
    /// Whether its peer has ended its half while nothing is read.
    pub has_ended: bool,
}

/// Connections whose sockets are ready, the oldest first. No borrow of the list lasts longer than a
/// call of these.
#[derive(Default)]
pub struct Ready {
    list: RefCell<VecDeque<Entry>>,
    /// Bytes that may still be read in this turn of the loop.
    budget: Cell<usize>,
}

impl Ready {
    /// Begins a turn of the loop → whether there is anything to do.
    pub fn begin_turn(&self, poller: &Poller) -> bool {
        self.budget.set(BUDGET);
        let Ok(mut list) = self.list.try_borrow_mut() else {
            return false;
        };
        // Those that are left are ready still: a look would tell of them a second time.
        if list.is_empty() {
            poller.look(|number, has_failed, has_ended| {
                list.push_back(Entry {
                    number,
                    has_failed,
                    has_ended,
                });
            });
        }
        !list.is_empty()
    }

    /// Takes the first one, while there is one and the turn goes on.
    pub fn next(&self) -> Option<Entry> {
        match self.budget.get() {
            0 => None,
            _ => self.list.try_borrow_mut().ok()?.pop_front(),
        }
    }

    /// Puts one in front of the others.
    pub fn put_back(&self, entry: Entry) {
        if let Ok(mut list) = self.list.try_borrow_mut() {
            list.push_front(entry);
        }
    }

    /// Takes note of bytes that were read.
    pub fn spend(&self, bytes: usize) {
        self.budget.set(self.budget.get().saturating_sub(bytes));
    }
}
