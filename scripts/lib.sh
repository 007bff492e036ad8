# Shared by the scripts beside it; source it with the project's root as working directory.

llvm_bin=/usr/lib/llvm-19/bin

step() { printf '\n== %s\n' "$*"; }

# The oldest compiler that the workspace takes.
rust_minimum=88

# Succeeds if the given rustc is new enough.
rustc_is_new() {
    local minor
    minor=$("$1" --version 2>/dev/null | sed -n 's/^rustc 1\.\([0-9]*\)\..*/\1/p')
    [ -n "$minor" ] && [ "$minor" -ge "$rust_minimum" ]
}

# Finds the distribution's newest compiler that has the library's source, which cross-building
# needs: Debian's rustc-web, or one of the versioned packages (rustc-1.89, cargo-1.89, ...). Sets
# dist_rustc and dist_cargo.
find_rust() {
    local rustc cargo
    for rustc in /usr/bin/rustc $(printf '%s\n' /usr/bin/rustc-1.* | sort -rV); do
        cargo=/usr/bin/cargo${rustc#/usr/bin/rustc}
        if [ -x "$cargo" ] && rustc_is_new "$rustc" &&
            [ -d "$("$rustc" --print sysroot)/lib/rustlib/src/rust/library/core" ]; then
            dist_rustc=$rustc
            dist_cargo=$cargo
            return 0
        fi
    done
    return 1
}

# The cargo for programs that run here: the one on the PATH if it is new enough, else the
# distribution's.
host_cargo() {
    if rustc_is_new rustc; then
        cargo "$@"
    else
        find_rust
        RUSTC=$dist_rustc "$dist_cargo" "$@"
    fi
}

# Sets remap to rustc's options that keep this machine's paths out of what is built; needs find_rust.
remap_paths() {
    remap=("--remap-path-prefix=$PWD=daxflush" "--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=cargo"
        "--remap-path-prefix=$("$dist_rustc" --print sysroot)/lib/rustlib/src/rust=rust")
}
