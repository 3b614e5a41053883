// SPDX-License-Identifier: MIT OR Apache-2.0
//! The built-in criteria, of which a test keeps what it is about.

use serde_json::Value;

/// The criteria that hold where none are given.
pub fn built_in() -> Value {
    serde_json::from_str(include_str!("../../src/criteria/criteria.json")).unwrap()
}

/// Keeps the checks of these names, each of which must be there.
pub fn keep(criteria: &mut Value, ids: &[&str]) {
    let checks = criteria["checks"].as_array_mut().unwrap();
    checks.retain(|check| ids.iter().any(|id| check["id"] == *id));
    assert_eq!(checks.len(), ids.len(), "an unknown check among {ids:?}");
}
