//! An operation's way back: its post-operation
//! (nc-fltkernel-pflt_post_operation_callback).

use crate::{
    Sim,
    dispatch::{CREATE, Outcome, WRITE, Watched},
    nt::flt_callback_data as cd,
    schedule::{self, Baton},
    thread::{self, DISPATCH_LEVEL, PASSIVE_LEVEL},
};

const POSTOP_FINISHED_PROCESSING: i32 = 0;
const POSTOP_MORE_PROCESSING_REQUIRED: i32 = 1;

/// The process of the arbitrary thread that post-operations may come in.
const SOME_PROCESS: u64 = 0xfff0;

impl Sim {
    /// The file system has acted. What the caller gets is what the post-operation leaves in
    /// IoStatus.
    pub(crate) fn complete(
        &self,
        watched: &Watched,
        context: usize,
        synchronized: bool,
        outcome: Outcome,
    ) -> Outcome {
        let data = &watched.data;
        if !self.kernel.operation_comes_back(data.address()) {
            // Drained: the instance is no more.
            return outcome;
        }
        data.set_outcome(&outcome);
        data.add_flags(cd::FLTFL_CALLBACK_DATA_POST_OPERATION);
        let finished = self.call_post(watched, context, synchronized);
        match finished {
            POSTOP_FINISHED_PROCESSING => {}
            POSTOP_MORE_PROCESSING_REQUIRED => {
                if !watched.request.kind.is_irp() {
                    let detail = "a post-operation of what is no IRP was pended";
                    self.kernel.violation("callback", detail);
                }
                self.kernel.wait_for_completion(data.address());
            }
            other => self
                .kernel
                .violation("callback", &format!("post-operation returned {other}")),
        }
        self.check_outcome(watched, &outcome);
        data.outcome()
    }

    fn call_post(&self, watched: &Watched, context: usize, synchronized: bool) -> i32 {
        let options = &self.kernel.options;
        let elsewhere = watched.request.major == WRITE && !synchronized;
        let level = if elsewhere && options.post_write_at_dispatch {
            DISPATCH_LEVEL
        } else {
            PASSIVE_LEVEL
        };
        let (at, related) = (watched.data.address(), watched.related.address());
        let post = watched.operation.post;
        self.kernel.count_callback();
        // SAFETY: the callback's four arguments.
        let call = || unsafe { ntsim_machine::call::call4(post, at, related, context, 0) };
        if !elsewhere || !options.post_write_in_other_thread {
            return self.kernel.driver_callback(level, call);
        }
        let baton = schedule::baton();
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let work = || self.kernel.driver_callback(level, call);
                Baton::lent(baton, || thread::in_process(SOME_PROCESS, work))
            });
            thread.join().expect("the thread of a post-operation")
        })
    }

    fn check_outcome(&self, watched: &Watched, before: &Outcome) {
        let (request, status) = (&watched.request, watched.data.status());
        let failed = before.is_ok() && !status.is_success();
        if failed {
            self.check_may_fail(request, status);
        }
        if failed && request.major == CREATE {
            // FltCancelFileOpen would have to be called, which is not simulated.
            let detail = "a post-create failed what stays open";
            self.kernel.violation("callback", detail);
        }
    }
}
