//! A bundle: everything that a validation run boots, in one directory with a manifest.
