// SPDX-License-Identifier: MIT OR Apache-2.0
//! Small charts in SVG. Colours are classes of the style sheet, so that they follow its light and its dark side.
//! Whatever a colour tells, a dash or the shape of a mark tells too.

pub mod axis;
pub mod bars;
pub mod ecdf;
mod frame;
pub mod legend;
pub mod line;
mod mark;
pub mod sparkline;

pub use frame::{Frame, NARROW, WIDE};
pub use mark::{Shape, Stroke};

/// What a chart is, for one who cannot see it.
#[derive(Clone, Debug)]
pub struct About {
    /// The id of the chart, unlike that of any other chart of the page.
    pub id: String,
    pub title: String,
    pub description: String,
}
