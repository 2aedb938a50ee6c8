//! Images that somebody forged, with right checksums.

use crate::format::image::{Array, Full, Namespace, Slots};
use crate::index::hash::Slot;
use crate::tests::checkpoint::*;

/// The image with its metadata and header changed, checksums and all.
fn forge(image: &[u8], change: impl FnOnce(&mut Header, &mut u32, &mut Vec<Namespace>)) -> Vec<u8> {
    let mut header = Header::read(image).unwrap();
    let meta = &image[header.meta_at as usize..][..header.meta_len as usize];
    let (mut next_id, mut namespaces, sessions) = image::read_meta(meta).unwrap();
    let length = header.len;
    change(&mut header, &mut next_id, &mut namespaces);
    let mut out = Vec::new();
    namespaces.iter().for_each(|n| n.encode(&mut out));
    let meta = image::meta(next_id, namespaces.len() as u32, &out, &sessions);
    let mut forged = image[..header.meta_at.min(image.len() as u64) as usize].to_vec();
    forged.extend(&meta);
    header.meta_len = meta.len() as u64;
    if header.len == length {
        header.len = forged.len() as u64;
    }
    let place = image::place(header.note, header.below);
    header.meta_sum = image::sum(&meta, place, header.meta_at);
    forged[..4096].copy_from_slice(&header.encode());
    forged
}

#[test]
fn an_image_that_the_journal_behind_it_contradicts_is_given_up() {
    let disk = SimDisk::new(true);
    let engine = open(&disk, FlushPolicy::Group).unwrap();
    put(&engine, b"a", b"1");
    engine.checkpoint(CheckpointKind::Durable, || false).unwrap();
    engine.engine.open_namespace("later", Default::default()).unwrap();
    put(&engine, b"b", b"2");
    let expected = content(&engine);
    engine.close(true).unwrap();
    let forged = forge(&bytes(&disk, IMAGE), |_, next_id, _| *next_id = 1000);
    let engine = open(&with(&disk, IMAGE, &forged), FlushPolicy::Group).unwrap();
    assert_eq!((from(&engine), content(&engine)), (None, expected));
    assert_eq!(engine.list_namespaces(), ["later"]);
    engine.background.stop();
}

type Change = fn(&mut Header, &mut u32, &mut Vec<Namespace>);

fn full(n: &mut [Namespace]) -> &mut Vec<Full> {
    match &mut n[0].slots {
        Slots::Full(full) => full,
        Slots::Small { .. } => unreachable!("the database is large"),
    }
}

/// Changes for which an open refuses the image.
fn refused() -> [(&'static str, Change); 18] {
    [
        ("another file", |h, _, _| h.file_id[3] ^= 1),
        ("another generation", |h, _, _| h.generation += 1),
        ("another note", |h, _, _| h.note[7] ^= 1),
        ("another position", |h, _, _| h.below += 1),
        ("a note far out", |h, _, _| h.note_at = u64::MAX),
        ("a note in the header", |h, _, _| h.note_at = 0),
        ("another length", |h, _, _| h.len += 1),
        ("no id is left", |_, next, _| *next = 0),
        ("no namespace", |_, _, n| n.clear()),
        ("no default namespace", |_, _, n| n[0].name = "x".into()),
        ("two of a name", |_, next, n| {
            *next = 9;
            let slots = Slots::Small { bucket_bits: 1, slots: Vec::new() };
            n.push(Namespace {
                id: 5,
                slots,
                expiries: Array::default(),
                run: None,
                ..n[0].clone()
            });
        }),
        ("unknown options", |_, _, n| n[0].options = vec![77]),
        ("more records than there can be", |_, _, n| n[0].records = u64::MAX),
        ("more bytes than there are", |_, _, n| n[0].live_bytes = u64::MAX),
        ("a part is missing", |_, _, n| full(n)[0].depth += 1),
        ("a part too many", |_, _, n| {
            let more = full(n)[0].clone();
            full(n).push(more);
        }),
        ("a part outside", |_, _, n| full(n)[0].at = u64::MAX - 4095),
        ("expiries outside", |_, _, n| {
            n[0].expiries = Array { at: 8, count: u64::MAX / 8, sum: 0 };
        }),
    ]
}

/// Changes that an open does not see.
fn taken() -> [(&'static str, Change); 5] {
    [
        ("nothing", |_, _, _| {}),
        ("checksums of pages", |_, _, n| full(n)[0].sums.fill(7)),
        ("slots in use", |_, _, n| full(n)[0].used = 0),
        ("all slots in use", |_, _, n| full(n)[0].used = 32768),
        ("expiries that are none", |_, _, n| {
            n[0].expiries = Array { at: 4096 * 65, count: 2, sum: 0 };
        }),
    ]
}

#[test]
fn a_forged_image_with_right_checksums_is_refused() {
    let (disk, _) = large();
    let image = bytes(&disk, IMAGE);
    for (what, change) in refused() {
        let engine = open(&with(&disk, IMAGE, &forge(&image, change)), FlushPolicy::Group).unwrap();
        assert_eq!(from(&engine), None, "{what}");
        assert_eq!(get(&engine, &9999u32.to_be_bytes()).unwrap(), Some(vec![9; 3]), "{what}");
        engine.background.stop();
    }
}

#[test]
fn a_forged_image_with_right_checksums_that_is_taken_does_no_harm() {
    let (disk, model) = large();
    let image = bytes(&disk, IMAGE);
    for (what, change) in taken() {
        let engine = open(&with(&disk, IMAGE, &forge(&image, change)), FlushPolicy::Group).unwrap();
        let mut model = model.clone();
        assert_eq!(content(&engine), model, "{what}");
        for n in 0..3000u32 {
            let commit = [((n * 11).to_be_bytes().to_vec(), Some(vec![1; 2]))];
            write(&engine, &commit).unwrap();
            apply(&mut model, &commit);
        }
        assert_eq!(content(&engine), model, "{what}");
        engine.background.stop();
    }
}

#[test]
fn a_page_with_a_slot_that_leads_behind_the_image_is_as_good_as_damaged() {
    let (disk, mut model) = large();
    let engine = open(&disk, FlushPolicy::Group).unwrap();
    let key = 9999u32.to_be_bytes();
    let position = || {
        let view = engine.read_view();
        let incarnation = view.incarnation(&engine.default_namespace).unwrap();
        view.find(&incarnation, &key).unwrap().unwrap().position()
    };
    let before = position();
    put(&engine, &key, b"later");
    model.insert(key.to_vec(), b"later".to_vec());
    let later = position();
    engine.background.stop();
    let mut image = bytes(&disk, IMAGE);
    let header = Header::read(&image).unwrap();
    let place = image::place(header.note, header.below);
    // One segment or two: by chance so many keys don't all find a place in one.
    let mut begins = Vec::new();
    forge(&image, |_, _, n| begins.extend(full(n).iter().map(|segment| segment.at as usize)));
    let word = |at: usize| Slot(u64::from_le_bytes(image[at..at + 8].try_into().unwrap()));
    let slots = begins.iter().enumerate().flat_map(|(segment, begin)| {
        (0..64 * 512).map(move |slot| (segment, slot / 512, begin + slot * 8))
    });
    let found = slots.into_iter().find(|&(.., at)| word(at).position() == before);
    let (segment, page, at) = found.unwrap();
    let forged = word(at).pointing(later, false);
    image[at..at + 8].copy_from_slice(&forged.0.to_le_bytes());
    let page_at = at / 4096 * 4096;
    let sum = image::sum(&image[page_at..][..4096], place, page_at as u64);
    let image = forge(&image, |_, _, n| full(n)[segment].sums[page] = sum);
    let engine = open(&with(&disk, IMAGE, &image), FlushPolicy::Group).unwrap();
    assert_eq!(content(&engine), model);
    engine.background.stop();
}

#[test]
fn forged_slots_that_point_anywhere_lead_to_no_panic() {
    let (disk, _) = large();
    let image = bytes(&disk, IMAGE);
    // With the checksums of their pages.
    let mut random = Random(3);
    let header = Header::read(&image).unwrap();
    let place = image::place(header.note, header.below);
    for _ in 0..10 {
        let mut wild = image.clone();
        let page = random.below(64) as usize;
        for word in wild[4096 * (1 + page)..][..4096].chunks_mut(8) {
            word.copy_from_slice(&(random.next() >> random.below(64)).to_le_bytes());
        }
        let at = 4096 * (1 + page as u64);
        let sum = image::sum(&wild[at as usize..][..4096], place, at);
        let forged = forge(&wild, |_, _, n| full(n)[0].sums[page] = sum);
        let engine = open(&with(&disk, IMAGE, &forged), FlushPolicy::Group).unwrap();
        for n in 0..20_000u32 {
            let key = n.to_be_bytes().to_vec();
            // An error, or whatever the forger liked; no panic.
            let _ = get(&engine, &key);
            let _ = write(&engine, &[(key, (n % 5 != 0).then(|| vec![1]))]);
        }
        let _ = engine.checkpoint(CheckpointKind::Closing, || false);
        engine.background.stop();
    }
}
