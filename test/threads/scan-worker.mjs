/* global WebAssembly */
/**
 * A thread that makes, splits and frees compound pages all the time, while another makes the head index of the same slots. It
 * stands still where the other asks it to.
 */
import { parentPort, workerData } from "node:worker_threads";

const { module, memory, area, slots, maxOrder, turn } = workerData;
const [RUN, STAND, END] = [0, 1, 2];
const core = new WebAssembly.Instance(module, { env: { memory } }).exports;
core.thread_area(area);

let state = 20251125;
function random(below) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) % below;
}

function step() {
  const head = core.compound_head(random(slots));
  const order = core.compound_order(head);
  if (order === 0) {
    const wished = 1 + random(maxOrder);
    core.prep_compound_page((head >>> wished) << wished, wished);
  } else if (random(2) === 0) {
    core.split_folio_to_order(head, random(order));
  } else if (core.free_pages_prepare(head, order) !== 0) {
    throw new Error(`free_pages_prepare is refused at ${head}, order ${order}`);
  }
}

/** Asked at [0], answered at [1]. */
for (let asked = RUN; asked !== END; asked = Atomics.load(turn, 0)) {
  Atomics.store(turn, 1, asked);
  Atomics.notify(turn, 1);
  if (asked === STAND) Atomics.wait(turn, 0, STAND);
  else for (let i = 0; i < 20; i++) step();
}
parentPort.postMessage("ended");
