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

# The cargo for programs that run here: the one on the PATH if it is new enough, else the
# distribution's.
host_cargo() {
    if rustc_is_new rustc; then
        cargo "$@"
    else
        PATH="/usr/bin:$PATH" /usr/bin/cargo "$@"
    fi
}
