// SPDX-License-Identifier: MIT OR Apache-2.0
//! The legend of a chart: what its lines and marks stand for. It is text beside the drawing and so wraps like text.

use maud::{Markup, html};

use super::{Shape, Stroke};

pub struct Entry {
    pub name: String,
    pub sign: Sign,
}

pub enum Sign {
    Line(Stroke),
    Mark(Shape),
}

pub fn legend(entries: &[Entry]) -> Markup {
    html! {
        ul class="legend" {
            @for entry in entries {
                li { (swatch(&entry.sign)) (entry.name) }
            }
        }
    }
}

fn swatch(sign: &Sign) -> Markup {
    html! {
        @match sign {
            Sign::Line(stroke) => {
                svg class="swatch" viewBox="0 0 30 12" aria-hidden="true" {
                    path class=(format!("line {}", stroke.class())) d="M1 6H29" {}
                }
            }
            Sign::Mark(shape) => {
                svg class="swatch point" viewBox="0 0 12 12" aria-hidden="true" {
                    g class="ink" { (shape.draw(Stroke(0), 6.0, 6.0, "")) }
                }
            }
        }
    }
}
