//! The sockets that wait for their turn.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

use super::poller::Poller;

/// Bytes that are read in one turn of the loop, so that a flood of them does not keep Node's timers
/// waiting. What is over has its turn after the next look for events.
const BUDGET: usize = 1 << 19;

/// A connection whose socket is ready.
#[derive(Clone, Copy)]
pub struct Entry {
    pub number: u32,
    /// Whether the socket has failed.
    pub has_failed: bool,
    /// Whether its peer has ended its half.
    pub has_ended: bool,
}

/// Connections whose sockets are ready, the oldest first. No borrow of a list lasts longer than a
/// call of these.
#[derive(Default)]
pub struct Ready {
    /// Those of this turn. One that was [left](Ready::leave) may be among them twice.
    list: RefCell<VecDeque<Entry>>,
    /// How many lists there have been.
    round: Cell<u64>,
    /// Those of the next one, whether or not the kernel tells of them again.
    left: RefCell<Vec<u32>>,
    /// Bytes that may still be read in this turn of the loop.
    budget: Cell<usize>,
}

impl Ready {
    /// Begins a turn of the loop → whether there is anything to do.
    pub fn begin_turn(&self, poller: &Poller) -> bool {
        self.budget.set(BUDGET);
        let (Ok(mut list), Ok(mut left)) = (self.list.try_borrow_mut(), self.left.try_borrow_mut())
        else {
            return false;
        };
        // Those for whom the last turn was over too soon come before any that have had theirs.
        if list.is_empty() {
            self.round.set(self.round.get() + 1);
            list.extend(left.drain(..).map(|number| Entry {
                number,
                has_failed: false,
                has_ended: false,
            }));
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

    /// The number of the list that is being worked off.
    pub fn round(&self) -> u64 {
        self.round.get()
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

    /// Leaves a socket that may have more to read for the next turn.
    pub fn leave(&self, number: u32) {
        if let Ok(mut left) = self.left.try_borrow_mut() {
            left.push(number);
        }
    }

    /// Whether there is anything for the next turn.
    pub fn is_some(&self) -> bool {
        let (list, left) = (self.list.try_borrow(), self.left.try_borrow());
        list.is_ok_and(|list| !list.is_empty()) || left.is_ok_and(|left| !left.is_empty())
    }

    /// Takes note of bytes that were read.
    pub fn spend(&self, bytes: usize) {
        self.budget.set(self.budget.get().saturating_sub(bytes));
    }
}
