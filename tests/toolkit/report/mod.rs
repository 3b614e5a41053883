// SPDX-License-Identifier: MIT OR Apache-2.0
//! What readers get of a run, the page, JUnit's XML and Markdown, and of many runs.

mod browser;
mod fixture;
mod history;
mod judged;
mod junit;
mod markdown;
mod page;
mod reproduced;
