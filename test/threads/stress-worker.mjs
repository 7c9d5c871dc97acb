/* global WebAssembly */
/**
 * One thread of the stress test: random gets, puts, pins, freezes, splits and frees on folios that other threads work on at
 * the same time. It writes down what it holds and which folios it changed, and checks all that it may rely on.
 *
 * As in a kernel, a folio's base reference (the page cache's, say) is dropped, and a folio is split or taken apart, under the
 * folio lock, here one for each block; references and pins take no lock.
 */
import { parentPort, workerData } from "node:worker_threads";

const { module, memory, area, seed, steps, blocks, blockOrder, table, biases, flagBits, thread } = workerData;
const core = new WebAssembly.Instance(module, { env: { memory } }).exports;
core.thread_area(area);
const { value: RELEASED } = core["Event.RELEASED"];
const { value: TAIL } = core["Status.TAIL"];
const { value: ANY } = core["Policy.ANY"];
/** References of a pin: large folios count pins beside, small ones as so many references. */
const { smallPin } = biases;

/** One word each for: the lock of a block; whether a folio has its base reference; who owns a folio without references. */
const { locks, bases, owners, sequence, arrived, invited } = table;
const pages = 1 << blockOrder;

let state = seed;
function random(below) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}

/** References and pins this thread holds: { page, head, pins }, where pins is 0 for a reference. */
const held = [];
/** Changes of folios: [when, what, slot, order]. */
const log = [];
const done = {
  got: 0,
  missed: 0,
  put: 0,
  pinned: 0,
  released: 0,
  passed: 0,
  split: 0,
  froze: 0,
  merged: 0,
  dropped: 0,
};

function demand(holds, what, ...values) {
  if (!holds) throw new Error(`thread ${thread}: ${what} (${values.join(", ")})`);
}

function note(what, slot, order) {
  log.push([Atomics.add(sequence, 0, 1), what, slot, order]);
}

const weightOf = (entry) =>
  entry.pins === 0 ? 1 : core.compound_order(entry.head) > 0 ? entry.pins : entry.pins * smallPin;
/** References of this thread on a folio, of the pages that `counts` says. */
const mine = (head, counts = () => true) =>
  held.reduce((sum, entry) => (entry.head === head && counts(entry.page) ? sum + weightOf(entry) : sum), 0);

// ---- What a thread may do that nobody else has a folio with ---------------------------------------------------------

/** A folio without references, of which this thread had the last: it becomes free pages, and those new folios. */
function release(head) {
  demand(Atomics.compareExchange(owners, head, 0, 1) === 0, "a folio released twice", head);
  done.released++;
  renew(head, core.compound_order(head), random(core.compound_order(head) + 1));
}

function renew(head, order, newOrder) {
  demand(core.page_ref_count(head) === 0, "a released folio has references", head);
  demand(core.free_pages_prepare(head, order) === 0, "free_pages_prepare is refused", head, order);
  note("free", head, order);
  for (let part = head; part < head + (1 << order); part += 1 << newOrder) {
    demand(core.prep_compound_page(part, newOrder) === 0, "prep_compound_page is refused", part, newOrder);
    note("prep", part, newOrder);
    expose(part, 1);
  }
}

/** A new folio, with its base reference and those of this thread. */
function expose(head, count) {
  Atomics.store(bases, head, 1);
  Atomics.store(owners, head, 0);
  demand(core.folio_ref_unfreeze(head, count) === 0, "folio_ref_unfreeze is refused", head);
}

function settle(event, head) {
  demand(event >= 0, "a put is refused", head, event);
  if (event === RELEASED) release(head);
}

// ---- Steps ----------------------------------------------------------------------------------------------------------

function tryGet(page = random(blocks * pages)) {
  const answer = core.try_get_page(page);
  demand(answer >= 0, "try_get_page is refused", page, answer);
  if (answer === 1) {
    held.push({ page, head: core.compound_head(page), pins: 0 });
    done.got++;
  } else if (answer === 0) {
    done.missed++;
  } else {
    done.passed++;
    settle(answer - 1, core.last_passed());
  }
}

/** What a reference is for: while it is held, its page stays in its folio. */
function checkHeld({ page, head }) {
  demand(
    core.compound_head(page) === head,
    "a page left its folio while it was held",
    page,
    head,
    core.compound_head(page),
  );
  demand(core.page_ref_count(head) > 0, "a folio that is held has no references", head);
}

/** Many references in a row: what is lost when two threads count at once shows soonest here. */
function hammer() {
  const head = core.compound_head(random(blocks * pages));
  for (let i = 0; i < 100; i++) {
    const answer = core.folio_try_get(head, 1);
    if (answer === 0) continue;
    if (answer === -TAIL) return;
    demand(answer === 1, "folio_try_get is refused", head, answer);
    settle(core.folio_put_refs(head, 1), head);
  }
}

function put() {
  if (held.length === 0) return;
  const at = random(held.length);
  const [entry] = held.splice(at, 1);
  checkHeld(entry);
  done.put++;
  settle(entry.pins === 0 ? core.folio_put_refs(entry.head, 1) : core.folio_unpin(entry.head, entry.pins), entry.head);
}

function pin() {
  const entry = held[random(held.length)];
  if (entry === undefined) return;
  const pins = 1 + random(3);
  demand(core.folio_pin(entry.head, pins, 0) === 0, "folio_pin is refused", entry.head);
  held.push({ ...entry, pins });
  done.pinned++;
}

/** A flag that is this thread's alone, in a word that all threads write. */
function flag() {
  const entry = held[random(held.length)];
  if (entry === undefined) return;
  const bit = flagBits[thread];
  for (let i = 0; i < 4; i++) {
    for (const value of [1, 0]) {
      demand(core.page_change_flag(entry.head, bit, ANY, value) === 0, "page_change_flag is refused", entry.head);
      demand(core.page_test_flag(entry.head, bit, ANY) === value, "a flag is lost", entry.head);
    }
  }
}

/** A step under the lock of a block, at the folio of one of its pages that still has its base reference. */
function locked(step) {
  const block = random(blocks);
  if (Atomics.compareExchange(locks, block, 0, 1) !== 0) return;
  const head = core.compound_head(block * pages + random(pages));
  if (Atomics.load(bases, head) === 1) step(head, block);
  Atomics.store(locks, block, 0);
}

function freeze(head) {
  const count = 1 + mine(head);
  if (core.folio_ref_freeze(head, count) !== 1) return;
  done.froze++;
  demand(core.try_get_page(head) === 0, "a frozen folio gives references", head);
  demand(core.folio_ref_unfreeze(head, count) === 0, "folio_ref_unfreeze is refused", head);
}

function split(head) {
  if (held.some((entry) => entry.head === head && entry.pins > 0)) return;
  if (core.folio_ref_freeze(head, 1 + mine(head)) !== 1) return;
  const order = core.compound_order(head);
  if (order === 0) {
    demand(core.folio_ref_unfreeze(head, 1 + mine(head)) === 0, "folio_ref_unfreeze is refused", head);
    return;
  }
  const newOrder = random(order);
  demand(core.split_folio_to_order(head, newOrder) === 0, "split_folio_to_order is refused", head, newOrder);
  note("split", head, newOrder);
  done.split++;
  for (let part = head; part < head + (1 << order); part += 1 << newOrder) {
    const end = part + (1 << newOrder);
    const count = 1 + mine(head, (page) => page >= part && page < end);
    for (const entry of held) if (entry.page >= part && entry.page < end) entry.newHead = part;
    expose(part, count);
  }
  for (const entry of held) {
    entry.head = entry.newHead ?? entry.head;
    delete entry.newHead;
  }
}

function dropBase(head) {
  // A folio just released may be on its way back: it has its base reference once it gives others.
  if (core.folio_try_get(head, 1) !== 1) return;
  Atomics.store(bases, head, 0);
  settle(core.folio_put_refs(head, 1), head);
  done.dropped++;
  settle(core.folio_put_refs(head, 1), head);
}

/** Where nobody holds a folio of a block, all of it becomes one. */
function merge(_head, block) {
  const frozen = [];
  const end = (block + 1) * pages;
  let at = block * pages;
  while (at < end && Atomics.load(bases, at) === 1 && core.folio_ref_freeze(at, 1) === 1) {
    frozen.push(at);
    at += 1 << core.compound_order(at);
  }
  if (at < end) {
    for (const head of frozen) demand(core.folio_ref_unfreeze(head, 1) === 0, "folio_ref_unfreeze is refused", head);
    return;
  }
  done.merged++;
  for (const head of frozen) {
    const order = core.compound_order(head);
    demand(core.free_pages_prepare(head, order) === 0, "free_pages_prepare is refused", head, order);
    note("free", head, order);
    Atomics.store(bases, head, 0);
  }
  demand(core.prep_compound_page(block * pages, blockOrder) === 0, "prep_compound_page is refused", block);
  note("prep", block * pages, blockOrder);
  expose(block * pages, 1);
}

/** A pair of pages that is one folio, and two, and one again, while others may be on their way from the second page to its head. */
function flicker(_head, block) {
  merge(_head, block);
  const first = block * pages;
  const second = first + 1;
  if (Atomics.load(bases, first) !== 1 || core.compound_order(first) !== blockOrder) return;
  if (core.folio_ref_freeze(first, 1) !== 1) return;
  core.split_folio_to_order(first, 1);
  note("split", first, 1);
  for (let part = first; part < first + pages; part += 2) expose(part, 1);
  for (let i = 0; i < 1000; i++) {
    if (core.folio_ref_freeze(first, 1) !== 1) continue;
    core.split_folio_to_order(first, 0);
    note("split", first, 0);
    expose(second, 1);
    expose(first, 1);
    let frozen = 0;
    while (frozen < 2 && i++ < 1000) frozen += core.folio_ref_freeze(frozen === 0 ? first : second, 1);
    if (frozen === 1) core.folio_ref_unfreeze(first, 1);
    if (frozen < 2) return;
    for (const page of [first, second]) {
      core.free_pages_prepare(page, 0);
      note("free", page, 0);
    }
    Atomics.store(bases, second, 0);
    core.prep_compound_page(first, 1);
    note("prep", first, 1);
    expose(first, 1);
  }
}

/** References by a second page, one after another. */
function chase() {
  const page = random(blocks) * pages + 1;
  for (let i = 0; i < 1000; i++) {
    tryGet(page);
    if (held.length > 0) put();
  }
}

/** Few, or no folio is ever without references. */
const MOST_HELD = 2;

/** What a thread asks the others to do with it, so that both do it at the same time. */
const invitations = [() => {}, hammer, chase];
const HAMMER = 1;
const CHASE = 2;

function burst() {
  if (random(2) === 0) {
    Atomics.store(invited, 0, HAMMER);
    hammer();
  } else {
    Atomics.store(invited, 0, CHASE);
    locked(flicker);
  }
}

function step() {
  invitations[Atomics.exchange(invited, 0, 0)]();
  const kind = random(100);
  if (kind < 40) {
    if (held.length < MOST_HELD) tryGet();
    else put();
  } else if (kind < 70) put();
  else if (kind < 74) pin();
  else if (kind < 75) flag();
  else if (kind < 76) burst();
  else if (kind < 80) locked(freeze);
  else if (kind < 86) locked(split);
  else if (kind < 89) locked(dropBase);
  else locked(merge);
  const some = held[random(held.length)];
  if (some !== undefined) checkHeld(some);
}

/** Nobody begins before all are there: a thread takes longer to start than for thousands of steps. */
function meet() {
  Atomics.store(arrived, thread, 1);
  while (arrived.some((_, other) => Atomics.load(arrived, other) === 0)) continue;
}

parentPort.once("message", () => {
  try {
    meet();
    for (let i = 0; i < steps; i++) step();
    parentPort.postMessage({ held, log, done });
  } catch (error) {
    parentPort.postMessage({ error: error.message });
  }
});
parentPort.postMessage("ready");
