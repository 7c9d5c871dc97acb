/* global WebAssembly */
/** A thread that changes the counts of a few folios as fast as it can, at the same time as another, and leaves each as it was. */
import { parentPort, workerData } from "node:worker_threads";

const { module, memory, area, heads, steps, flagBit, arrived, thread } = workerData;
const core = new WebAssembly.Instance(module, { env: { memory } }).exports;
core.thread_area(area);
const { value: ANY } = core["Policy.ANY"];

/** What each step adds and takes; the count is never 0, so all are to succeed. */
const kinds = {
  references: (head) => core.folio_try_get(head, 1) === 1 && core.folio_put_refs(head, 1) === 0,
  "references by a page": (head) => core.try_get_page(head) === 1 && core.folio_put_refs(head, 1) === 0,
  increments: (head) => core.folio_ref_inc(head) === 0 && core.folio_put_refs(head, 1) === 0,
  pins: (head) => core.folio_pin(head, 1, 0) === 0 && core.folio_unpin(head, 1) === 0,
  "pins of a large folio": () => core.folio_pin(heads[0], 1, 0) === 0 && core.folio_unpin(heads[0], 1) === 0,
  flags: (head) =>
    [1, 0].every(
      (value) =>
        core.page_change_flag(head, flagBit, ANY, value) === 0 && core.page_test_flag(head, flagBit, ANY) === value,
    ),
};

/** Nobody begins before both are there. */
function meet(round) {
  Atomics.add(arrived, round, 1);
  while (Atomics.load(arrived, round) < 2) continue;
}

const lost = Object.entries(kinds).map(([kind, step], round) => {
  let failed = 0;
  meet(round);
  for (let i = 0; i < steps; i++) failed += Number(!step(heads[i % heads.length]));
  return [kind, failed];
});
parentPort.postMessage({ thread, lost: Object.fromEntries(lost) });
