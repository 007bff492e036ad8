//! Which machine a command acts on.

use super::{Common, Failure, failure::Outcome};
use crate::{
    client::{Coded, Device, Platform},
    events::Events,
};

/// A machine with the driver, as a command sees it.
pub struct Site<'a, P: Platform> {
    /// Programs' calls on it.
    pub platform: P,
    /// Whether answers are printed as JSON.
    pub json: bool,
    /// Whether times are a simulator's, whose every flush instruction traps.
    pub simulated: bool,
    listen: &'a dyn Fn() -> Result<Box<dyn Events>, Failure>,
}

/// A command that acts on a machine.
pub trait Visit {
    /// Does it.
    ///
    /// # Errors
    /// What cannot be done, and why.
    fn on<P: Platform>(self, site: &Site<'_, P>) -> Outcome
    where
        P::Error: Coded;
}

impl<P: Platform> Site<'_, P>
where
    P::Error: Coded,
{
    /// The control device, to do what every user may.
    pub fn device(&self) -> Result<Device<P>, Failure> {
        let opened = Device::open(self.platform.clone());
        opened.map_err(|error| Failure::of("the control device", &error))
    }

    /// The control device, to do what administrators may.
    pub fn administration(&self) -> Result<Device<P>, Failure> {
        let opened = Device::open_as_administrator(self.platform.clone());
        opened.map_err(|error| Failure::of("the control device, as administrator", &error))
    }

    /// The driver's events from now on.
    pub fn events(&self) -> Result<Box<dyn Events>, Failure> {
        (self.listen)()
    }
}

#[cfg(windows)]
pub fn visit(common: &Common, visitor: impl Visit) -> Outcome {
    use crate::client::{ClientError, Session, Windows};
    if common.sim.is_some() {
        return Err(Failure::new("--sim: the simulator runs on Linux on x86-64"));
    }
    visitor.on(&Site {
        platform: Windows,
        json: common.json,
        simulated: false,
        listen: &|| match Session::listen() {
            Ok(session) => Ok(Box::new(session)),
            Err(error) => Err(Failure::of(
                "the driver's events",
                &ClientError::Platform(error),
            )),
        },
    })
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub fn visit(common: &Common, visitor: impl Visit) -> Outcome {
    use crate::{
        client::Remote,
        remote::{Connection, RemoteError, RemoteEvents, default_path},
    };
    let path = match &common.sim {
        Some(path) if path.as_os_str() == "private" => return private(common, visitor),
        Some(path) => path.clone(),
        None => default_path(),
    };
    let connection = Connection::open(&path).map_err(|error| {
        let failure = Failure::new(format_args!("{}: {error}", path.display()));
        match error {
            RemoteError::Connection(_) => failure.advise(
                "there is no driver on Linux: start a machine with `daxctl simulate`, or add --sim private",
            ),
            _ => failure,
        }
    })?;
    let listener = connection.clone();
    visitor.on(&Site {
        platform: Remote(connection),
        json: common.json,
        simulated: true,
        listen: &move || {
            let events = RemoteEvents::listen(listener.clone());
            let events = events.map_err(Failure::new)?;
            Ok(Box::new(events))
        },
    })
}

/// Operations of the workload before a command acts on a private machine.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
const WARM_UP: usize = 2000;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn private(common: &Common, visitor: impl Visit) -> Outcome {
    use crate::{
        remote::Machine as _,
        simulator::{Booted, Workload},
    };
    let machine = std::sync::Arc::new(Booted::new(&common.driver, &['D'])?);
    let platform = machine.platform().clone();
    let working = |error| Failure::of("the workload", &error);
    let mut workload = Workload::new(platform.clone(), 'D', 1).map_err(working)?;
    for _ in 0..WARM_UP {
        workload.step().map_err(working)?;
    }
    let source = machine.clone();
    let outcome = visitor.on(&Site {
        platform,
        json: common.json,
        simulated: true,
        listen: &move || Ok(Box::new(source.listen())),
    });
    drop(workload);
    let Some(machine) = std::sync::Arc::into_inner(machine) else {
        return outcome;
    };
    let broken = machine.shut_down()?;
    if broken.is_empty() {
        return outcome;
    }
    broken
        .iter()
        .for_each(|rule| anstream::eprintln!("daxctl: broken rule: {rule}"));
    outcome.map(|_| std::process::ExitCode::FAILURE)
}

#[cfg(not(any(windows, all(target_os = "linux", target_arch = "x86_64"))))]
pub fn visit(_: &Common, _: impl Visit) -> Outcome {
    Err(Failure::new(
        "there is neither a driver nor a simulator here",
    ))
}
