//! A simulated NT kernel that loads the shipped daxflush.sys into a Linux process.
