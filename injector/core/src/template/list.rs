//! A list, and what Go has its items as: `[]string` and `[]interface {}` hold the same text, and are told apart by `%T`
//! and `%#v` alone.

use std::ops::Deref;

use super::value::Value;

/// What the items of a list are to Go.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum Items {
    /// Anything: `interface {}`.
    #[default]
    Any,
    /// `string`.
    Text,
    /// `int`.
    Int,
    /// `[]interface {}`.
    Lists,
}

/// A list of values.
#[derive(Clone)]
pub struct List {
    items: Vec<Value>,
    of: Items,
}

impl List {
    /// Holds items that all are what they are said to be.
    #[must_use]
    pub fn new(of: Items, items: Vec<Value>) -> Self {
        Self { items, of }
    }

    /// Gives what its items are.
    #[must_use]
    pub fn of(&self) -> Items {
        self.of
    }

    /// Names its type as Go does.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.of {
            Items::Any => "[]interface {}",
            Items::Text => "[]string",
            Items::Int => "[]int",
            Items::Lists => "[][]interface {}",
        }
    }
}

impl Deref for List {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.items
    }
}
