// SPDX-License-Identifier: MIT OR Apache-2.0
//! What an image says about itself: in its initramfs, for itself, and on its data partition, for whoever reads it.

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::bundle::manifest::Manifest;
use crate::criteria::Criteria;
use crate::protocol::Plan;

/// The number of the format, raised whenever the layout of an image changes its meaning.
pub const FORMAT: u32 = 1;

/// Where an image that boots finds its contents, and where its data partition has them.
pub const IN_INITRAMFS: &str = "/image.json";
pub const ON_DATA_PARTITION: &str = "image.json";

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contents {
    pub format: u32,
    /// The GUID by which the image knows its disk.
    pub data_partition: Uuid,
    pub plan: Plan,
    /// The text of the criteria, whose BLAKE3 is in the verdict.
    pub criteria: String,
    /// The text of the bundle's manifest, whose BLAKE3 is the bundle's id.
    pub manifest: String,
}

impl Contents {
    pub fn parse(text: &[u8]) -> Result<Contents> {
        let contents: Contents =
            serde_json::from_slice(text).context("it does not describe an image")?;
        ensure!(
            contents.format == FORMAT,
            "it describes an image of format {}, this toolkit knows {FORMAT}: use the toolkit that made the image",
            contents.format
        );
        Ok(contents)
    }

    pub fn bundle_id(&self) -> String {
        blake3::hash(self.manifest.as_bytes()).to_string()
    }

    pub fn manifest(&self) -> Result<Manifest> {
        serde_json::from_str(&self.manifest).context("the image's manifest is not one")
    }

    pub fn criteria(&self) -> Result<Criteria> {
        Criteria::parse(&self.criteria).context("the image's criteria are not valid")
    }
}
