// SPDX-License-Identifier: MIT OR Apache-2.0
//! Figures as a reader wants them.

use crate::figures::Clock;

/// A number with its digits in groups, such as `1,490,111`.
pub fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number with so many digits after the point, and the others in groups.
pub fn decimals(value: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", value.abs());
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let whole = whole.parse().map_or(whole.to_owned(), grouped);
    // No minus before what rounds to zero.
    let negative = value < 0.0 && text.bytes().any(|digit| (b'1'..=b'9').contains(&digit));
    let (sign, point) = (
        if negative { "-" } else { "" },
        if rest.is_empty() { "" } else { "." },
    );
    format!("{sign}{whole}{point}{rest}")
}

/// A number with four significant digits, or all digits of the whole part.
pub fn significant(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    decimals(value, digits.clamp(0, 9) as usize)
}

/// Both ends of an interval.
pub fn interval((low, high): (f64, f64), show: impl Fn(f64) -> String) -> String {
    format!("{} to {}", show(low), show(high))
}

/// A value of an axis: no digits that say nothing.
pub fn short(value: f64) -> String {
    let text = significant(value);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// What a clock counted, in the unit that suits the largest of the values beside it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    pub name: &'static str,
    /// How much of what was counted one unit is.
    pub size: f64,
}

impl Unit {
    pub const INSTRUCTIONS: Unit = Unit {
        name: "instructions",
        size: 1.0,
    };

    /// The unit for what a clock counted.
    pub fn of(clock: Clock, largest: f64) -> Unit {
        match clock {
            Clock::Instructions => Unit::INSTRUCTIONS,
            Clock::Monotonic => Unit::of_time(largest),
            Clock::Emulated | Clock::Unknown => Unit {
                name: clock.unit(),
                size: 1.0,
            },
        }
    }

    /// The unit for times, given the largest in nanoseconds.
    pub fn of_time(largest_ns: f64) -> Unit {
        let (name, size) = match largest_ns {
            1e9.. => ("s", 1e9),
            1e6.. => ("ms", 1e6),
            1e3.. => ("µs", 1e3),
            _ => ("ns", 1.0),
        };
        Unit { name, size }
    }

    /// The unit that suits an axis, where digits take room.
    pub fn on_axis(self, largest: f64) -> Unit {
        let (name, size) = match largest {
            _ if self != Unit::INSTRUCTIONS => return self,
            1e9.. => ("billion instructions", 1e9),
            1e6.. => ("million instructions", 1e6),
            1e3.. => ("thousand instructions", 1e3),
            _ => return self,
        };
        Unit { name, size }
    }

    /// A figure in this unit: instructions with all their digits, times with four.
    pub fn show(self, counted: f64) -> String {
        if self == Unit::INSTRUCTIONS {
            decimals(counted, usize::from(counted.fract() != 0.0))
        } else {
            significant(counted / self.size)
        }
    }
}

/// A size in bytes.
pub fn bytes(bytes: u64) -> String {
    match bytes as f64 {
        b @ 1_048_576.0.. => format!("{} MiB", decimals(b / 1_048_576.0, 2)),
        b @ 1024.0.. => format!("{} KiB", decimals(b / 1024.0, 1)),
        b => format!("{b} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_groups_of_three() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_490_111), "1,490,111");
        assert_eq!(decimals(-1234.5, 1), "-1,234.5");
        assert_eq!(decimals(-0.0004, 3), "0.000");
    }

    #[test]
    fn four_digits_count() {
        assert_eq!(significant(0.012_345), "0.01235");
        assert_eq!(significant(123.456), "123.5");
        assert_eq!(significant(98_765.4), "98,765");
        assert_eq!(short(0.5), "0.5");
        assert_eq!(short(1000.0), "1,000");
    }

    #[test]
    fn times_take_the_unit_of_the_largest() {
        assert_eq!(Unit::of_time(25_000.0).show(1_500.0), "1.500");
        assert_eq!(Unit::of_time(25_000.0).name, "µs");
        assert_eq!(Unit::INSTRUCTIONS.show(1_490_111.0), "1,490,111");
        assert_eq!(Unit::INSTRUCTIONS.show(10.5), "10.5");
        assert_eq!(bytes(2_621_440), "2.50 MiB");
    }
}
