//! Checks on the built driver: its imports and the structure layouts it relies on.

pub mod imports;
pub mod layouts;
