// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lines and marks that are told apart without their colours.

use maud::{Markup, html};

/// A colour and a dash; both are classes of the style sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stroke(pub u8);

impl Stroke {
    /// How many strokes the style sheet has.
    pub const ALL: u8 = 8;

    pub fn class(self) -> String {
        format!("s{}", self.0 % Stroke::ALL)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Circle,
    Square,
    Up,
    Down,
    Diamond,
}

impl Shape {
    /// The outline around a point.
    fn path(self, x: f64, y: f64) -> String {
        let (left, right, top, bottom) = (x - 3.2, x + 3.2, y - 3.2, y + 3.2);
        match self {
            Shape::Circle => {
                format!("M{left:.1} {y:.1}a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0 -6.4 0z")
            }
            Shape::Square => {
                format!("M{left:.1} {top:.1}H{right:.1}V{bottom:.1}H{left:.1}z")
            }
            Shape::Up => format!(
                "M{x:.1} {:.1}L{:.1} {bottom:.1}H{:.1}z",
                y - 4.2,
                x + 4.0,
                x - 4.0
            ),
            Shape::Down => format!(
                "M{x:.1} {:.1}L{:.1} {top:.1}H{:.1}z",
                y + 4.2,
                x + 4.0,
                x - 4.0
            ),
            Shape::Diamond => format!(
                "M{x:.1} {:.1}L{:.1} {y:.1}L{x:.1} {:.1}L{:.1} {y:.1}z",
                y - 4.4,
                x + 4.4,
                y + 4.4,
                x - 4.4
            ),
        }
    }

    /// Draws the mark at a point of a drawing; what it says appears under a pointer.
    pub fn draw(self, stroke: Stroke, x: f64, y: f64, says: &str) -> Markup {
        html! {
            path class=(format!("mark {}", stroke.class())) d=(self.path(x, y)) {
                @if !says.is_empty() { title { (says) } }
            }
        }
    }
}
