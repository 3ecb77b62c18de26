//! Which sockets have something to read.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

/// Bytes that are read in one turn of the loop, so that a flood of them does not keep Node's timers
/// waiting. What is over has its turn after the next look for events.
const BUDGET: usize = 1 << 20;

/// Numbers of connections, the oldest first. No borrow of the list lasts longer than a call of these.
#[derive(Default)]
pub struct Ready {
    list: RefCell<VecDeque<u32>>,
    /// Bytes that may still be read in this turn of the loop.
    budget: Cell<usize>,
}

impl Ready {
    /// Adds a connection behind the others.
    pub fn push(&self, number: u32) {
        if let Ok(mut list) = self.list.try_borrow_mut() {
            list.push_back(number);
        }
    }

    /// Puts a connection in front of the others.
    pub fn put_back(&self, number: u32) {
        if let Ok(mut list) = self.list.try_borrow_mut() {
            list.push_front(number);
        }
    }

    /// Takes the first one, while there is one and the turn goes on.
    pub fn next(&self) -> Option<u32> {
        match self.budget.get() {
            0 => None,
            _ => self.list.try_borrow_mut().ok()?.pop_front(),
        }
    }

    /// Takes note of bytes that were read.
    pub fn spend(&self, bytes: usize) {
        self.budget.set(self.budget.get().saturating_sub(bytes));
    }

    /// Begins a turn of the loop → whether there is anything to do.
    pub fn begin_turn(&self) -> bool {
        self.budget.set(BUDGET);
        self.list.try_borrow().is_ok_and(|list| !list.is_empty())
    }
}
