//! How a structure of the protocol is declared, and the header of every answer.

/// Declares structures of fixed little-endian layout without padding.
macro_rules! wire {
    ($($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$field_meta:meta])* pub $field:ident: $kind:ty,)*
    })*) => {
        $(
            $(#[$meta])*
            #[derive(
                Clone, Copy, Debug, Default, PartialEq, Eq,
                zerocopy::FromBytes, zerocopy::IntoBytes, zerocopy::Immutable, zerocopy::KnownLayout,
            )]
            #[repr(C)]
            pub struct $name {
                $($(#[$field_meta])* pub $field: $kind,)*
            }
        )*
    };
}
pub(crate) use wire;

wire! {
    /// Begins every answer; the structure that the operation names follows.
    ///
    /// If the output buffer is shorter than the answer and has room for this header, the request
    /// ends with STATUS_BUFFER_OVERFLOW (ERROR_MORE_DATA), nothing was done, and the header alone is
    /// there. A buffer shorter than the header gets STATUS_BUFFER_TOO_SMALL.
    pub struct ReplyHeader {
        /// Bytes of the whole answer, with this header. In a list: bytes that the next records need
        /// at least, if they did not all fit.
        pub size: u32,
        /// Records that follow, in a list; else 0.
        pub count: u32,
    }
}

/// Bytes of an answer that is a `T`.
pub const fn reply_bytes<T>() -> usize {
    size_of::<ReplyHeader>() + size_of::<T>()
}
