//! The user-mode harness: the same commands over the simulator and over a real device.
