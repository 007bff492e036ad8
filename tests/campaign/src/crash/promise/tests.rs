use super::*;

/// A file of which one line is looked at.
struct Told {
    promise: Promise,
    stores: usize,
}

impl Told {
    fn new() -> Self {
        let mut promise = Promise::default();
        promise.mark(&Mark::File {
            file: 0,
            name: "a".to_owned(),
            region: 0,
        });
        let stores = 0;
        Self { promise, stores }
    }

    /// A store that has not completed.
    fn storing(&mut self, offset: u64, data: &[u8]) -> usize {
        self.stores += 1;
        self.promise.mark(&Mark::Storing {
            store: self.stores,
            file: 0,
            offset,
            data: data.to_vec(),
        });
        self.stores
    }

    fn stored(&mut self, store: usize) {
        self.promise.mark(&Mark::Stored { store });
    }

    fn store(&mut self, value: u8) {
        let store = self.storing(0, &[value; LINE]);
        self.stored(store);
    }

    fn begin(&mut self, range: Option<Range<u64>>) {
        self.promise.mark(&Mark::Committing {
            commit: 1,
            scopes: vec![(0, range)],
            what: "a commit".to_owned(),
        });
    }

    fn end(&mut self, success: bool) {
        self.promise.mark(&Mark::Committed { commit: 1, success });
    }

    fn commit(&mut self) {
        self.begin(None);
        self.end(true);
    }

    /// The units that must not be found so.
    fn wrong(&self, found: Bytes) -> u8 {
        self.promise.wrong(&self.promise.files[&0], 0, &found)
    }

    /// Which of the lines full of one value may be found.
    fn allowed(&self) -> Vec<u8> {
        let is_allowed = |value: &u8| self.wrong([*value; LINE]) == 0;
        (0..10).filter(is_allowed).collect()
    }
}

#[test]
fn a_commit_promises_what_had_completed_when_it_began() {
    let mut told = Told::new();
    told.store(1);
    assert_eq!(told.allowed(), [0, 1]);
    told.begin(None);
    told.store(2);
    told.end(true);
    assert_eq!(told.allowed(), [1, 2]);
    told.commit();
    assert_eq!(told.allowed(), [2]);
}

#[test]
fn a_store_that_completes_during_the_commit_is_promised_by_the_next_one() {
    let mut told = Told::new();
    let late = told.storing(0, &[1; LINE]);
    told.begin(None);
    told.stored(late);
    told.end(true);
    assert_eq!(told.allowed(), [0, 1]);
    told.commit();
    assert_eq!(told.allowed(), [1]);
}

#[test]
fn a_commit_that_fails_promises_nothing_and_the_next_one_everything() {
    let mut told = Told::new();
    told.store(1);
    told.begin(None);
    told.end(false);
    assert_eq!(told.allowed(), [0, 1]);
    assert_eq!(told.promise.ended, (0, 1));
    told.commit();
    assert_eq!(told.allowed(), [1]);
}

#[test]
fn what_was_lost_is_told_from_what_is_torn() {
    let mut told = Told::new();
    told.store(1);
    told.commit();
    told.store(2);
    told.commit();
    let file = &told.promise.files[&0];
    assert_eq!(told.promise.explain(file, 0, &[1; 8]).0, Wrong::Lost);
    let torn = [1, 1, 1, 1, 2, 2, 2, 2];
    let (wrong, expected) = told.promise.explain(file, 0, &torn);
    assert_eq!((wrong, expected), (Wrong::Torn, vec![[2; 8]]));
}

#[test]
fn units_survive_each_by_itself_and_whole() {
    let mut told = Told::new();
    told.store(1);
    let mut found = [0; LINE];
    found[8..24].fill(1);
    assert_eq!(told.wrong(found), 0);
    found[20] = 0;
    assert_eq!(told.wrong(found), 1 << 2);
    found[63] = 1;
    assert_eq!(told.wrong(found), 1 << 2 | 1 << 7);
}

#[test]
fn a_commit_of_a_range_promises_the_units_within_it() {
    let mut told = Told::new();
    told.store(1);
    told.begin(Some(4..24));
    told.end(true);
    assert_eq!(told.wrong([0; LINE]), 0b110);
}

#[test]
fn what_is_cut_off_may_be_found_as_zeros() {
    let mut told = Told::new();
    told.store(1);
    told.commit();
    told.promise.mark(&Mark::Size { file: 0, size: 12 });
    let mut found = [0; LINE];
    assert_eq!(told.wrong(found), 0b11, "what is kept is promised");
    found[..12].fill(1);
    assert_eq!(told.wrong(found), 0);
    told.commit();
    assert_eq!(
        told.allowed(),
        [1],
        "zeros of the file system's are not promised"
    );
}

#[test]
fn a_write_through_is_promised_by_itself() {
    let mut told = Told::new();
    let before = told.storing(0, &[1; 8]);
    told.stored(before);
    let through = told.storing(8, &[2; 8]);
    told.promise.mark(&Mark::Through { store: through });
    assert_eq!(told.wrong([0; LINE]), 0b10);
}

#[test]
fn a_store_over_one_that_was_refused_may_have_it_below_or_not() {
    let mut told = Told::new();
    told.storing(0, &[1; 8]);
    let late = told.storing(4, &[2; 4]);
    told.stored(late);
    let line = |unit: [u8; 8]| {
        let mut line = [0; LINE];
        line[..8].copy_from_slice(&unit);
        line
    };
    let (with, without) = (
        line([1, 1, 1, 1, 2, 2, 2, 2]),
        line([0, 0, 0, 0, 2, 2, 2, 2]),
    );
    assert_eq!((told.wrong(with), told.wrong(without)), (0, 0));
    told.commit();
    assert_eq!((told.wrong(with), told.wrong(without)), (0, 0));
    assert_ne!(told.wrong(line([1; 8])), 0);
    assert_ne!(told.wrong(line([0; 8])), 0);
}

#[test]
fn a_store_over_one_that_has_completed_has_it_below() {
    let mut told = Told::new();
    let first = told.storing(0, &[1; 8]);
    told.stored(first);
    told.storing(4, &[2; 4]);
    let mut without = [0; LINE];
    without[4..8].copy_from_slice(&[2; 4]);
    assert_ne!(told.wrong(without), 0);
}
