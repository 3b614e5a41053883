// SPDX-License-Identifier: MIT OR Apache-2.0
//! Several figures under one criterion, of which the worst counts.

use crate::criteria::check::Finding;
use crate::figures::Against;

/// Whether a figure keeps its limit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Held {
    Yes,
    No,
    /// The interval has the limit in it, or two ways of looking disagree.
    Open,
}

impl Held {
    /// For a limit that is not to be exceeded.
    pub fn at_most(against: Against) -> Held {
        match against {
            Against::Below => Held::Yes,
            Against::Above => Held::No,
            Against::Inconclusive => Held::Open,
        }
    }

    /// For a limit that is to be reached.
    pub fn at_least(against: Against) -> Held {
        match against {
            Against::Above => Held::Yes,
            Against::Below => Held::No,
            Against::Inconclusive => Held::Open,
        }
    }

    /// What holds whichever way one looks.
    pub fn in_all(ways: impl IntoIterator<Item = Held>) -> Held {
        let mut ways = ways.into_iter();
        let first = ways.next().unwrap_or(Held::Open);
        match ways.all(|way| way == first) {
            true => first,
            false => Held::Open,
        }
    }
}

#[derive(Default)]
pub struct Judged {
    words: Vec<String>,
    missed: bool,
    open: bool,
}

impl Judged {
    pub fn add(&mut self, held: Held, words: String) {
        self.missed |= held == Held::No;
        self.open |= held == Held::Open;
        self.words.push(words);
    }

    pub fn finding(self) -> Finding {
        let words = self.words.join("; ");
        match (self.missed, self.open) {
            (true, _) => Finding::fail(words),
            (false, true) => Finding::inconclusive(words),
            (false, false) if self.words.is_empty() => {
                Finding::could_not_run("nothing was compared")
            }
            (false, false) => Finding::pass(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_ways_see_differently_is_open() {
        use Held::{No, Open, Yes};
        let in_all = |ways: &[Held]| Held::in_all(ways.iter().copied());
        assert!(in_all(&[Yes, Yes]) == Yes && in_all(&[No, No]) == No);
        assert!(in_all(&[Yes, No]) == Open && in_all(&[Yes, Open]) == Open);
        assert!(in_all(&[]) == Open);
    }
}
