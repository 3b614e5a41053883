// SPDX-License-Identifier: MIT OR Apache-2.0
//! The size of a chart, its margins, and what surrounds the data: axes, grid, titles.

use maud::{Markup, html};

use super::About;
use super::axis::{Axis, Tick};

/// The size of a chart and its margins, in units of the drawing. The style sheet never shows a unit as much less than a
/// pixel, so that texts stay legible.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    pub width: f64,
    pub height: f64,
    /// The name by which the style sheet tells frames apart; it is also part of the ids of what is drawn twice.
    pub class: &'static str,
}

/// A frame that fits the narrowest screen, and beside others on a wide one.
pub const NARROW: Frame = Frame {
    width: 340.0,
    height: 232.0,
    class: "narrow",
};

/// A frame for what takes a whole line.
pub const WIDE: Frame = Frame {
    width: 760.0,
    height: 400.0,
    class: "wide",
};

/// The size of a text, in units of the drawing: the style sheet's size, and what a character takes at most on average.
pub const TEXT: f64 = 11.0;
pub const CHARACTER: f64 = 6.4;

pub fn width_of(text: &str) -> f64 {
    text.chars().count() as f64 * CHARACTER
}

/// A drawing with its own title and description.
pub fn svg(frame: Frame, about: &About, content: Markup) -> Markup {
    let id = format!("{}-{}", about.id, frame.class);
    let (title, description) = (format!("{id}-t"), format!("{id}-d"));
    html! {
        svg class=(format!("chart {}", frame.class)) role="img" viewBox=(format!("0 0 {} {}", frame.width, frame.height))
            aria-labelledby=(format!("{title} {description}")) {
            title id=(title) { (about.title) }
            desc id=(description) { (about.description) }
            (content)
        }
    }
}

/// Where data lie within a frame.
pub struct Area {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

/// A pair of axes in a frame.
pub struct Plane<'a> {
    pub frame: Frame,
    pub x: &'a Axis,
    pub y: &'a Axis,
    pub area: Area,
    y_ticks: Vec<Tick>,
}

impl<'a> Plane<'a> {
    pub fn new(frame: Frame, x: &'a Axis, y: &'a Axis) -> Plane<'a> {
        let (top, bottom) = (24.0, frame.height - 38.0);
        let y_ticks = y.ticks(|_| ((bottom - top) / (TEXT * 2.4)) as usize);
        let texts = y_ticks.iter().filter_map(|tick| tick.text.as_deref());
        let left = texts.map(width_of).fold(20.0, f64::max) + 8.0;
        let area = Area {
            left,
            right: frame.width - 14.0,
            top,
            bottom,
        };
        Plane {
            frame,
            x,
            y,
            area,
            y_ticks,
        }
    }

    /// A point in the drawing; none for what has no place on an axis.
    pub fn point(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        Some((self.across(self.x.at(x)?), self.up(self.y.at(y)?)))
    }

    fn across(&self, share: f64) -> f64 {
        self.area.left + share * (self.area.right - self.area.left)
    }

    fn up(&self, share: f64) -> f64 {
        self.area.bottom - share * (self.area.bottom - self.area.top)
    }

    /// Grid, texts and titles of both axes.
    pub fn axes(&self) -> Markup {
        let Area {
            left,
            right,
            top,
            bottom,
        } = self.area;
        let room = right - left;
        let x_ticks = self
            .x
            .ticks(|characters| (room / (characters as f64 * CHARACTER + 6.0)) as usize);
        let number = |value: f64| format!("{value:.1}");
        html! {
            text class="title" x="2" y="11" { (self.y.label) }
            @for tick in &self.y_ticks {
                @let y = self.up(tick.at);
                line class=(grid(tick)) x1=(number(left)) x2=(number(right)) y1=(number(y)) y2=(number(y)) {}
                @if let Some(text) = &tick.text {
                    text class="end" x=(number(left - 5.0)) y=(number(y + 3.8)) { (text) }
                }
            }
            @for tick in &x_ticks {
                @let x = self.across(tick.at);
                line class=(grid(tick)) x1=(number(x)) x2=(number(x)) y1=(number(top)) y2=(number(bottom)) {}
                @if let Some(text) = &tick.text {
                    // A text of the right end must not leave the drawing.
                    @let middle = x.min(self.frame.width - width_of(text) / 2.0);
                    text class="middle" x=(number(middle)) y=(number(bottom + 16.0)) { (text) }
                }
            }
            line class="axis" x1=(number(left)) x2=(number(right)) y1=(number(bottom)) y2=(number(bottom)) {}
            text class="title end" x=(number(right)) y=(number(self.frame.height - 5.0)) { (self.x.label) }
        }
    }
}

fn grid(tick: &Tick) -> &'static str {
    match tick.text {
        Some(_) => "grid",
        None => "grid minor",
    }
}
