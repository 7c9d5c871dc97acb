/** What a worker thread runs: jobs, one after another, until it is ended. */
import { Core, type CoreShare } from "../engine/core.js";
import { VmemmapError } from "../errors.js";
import type { Profile } from "../profile/index.js";
import { batchNames, runBatch } from "./batches.js";
import { Job, JobBlock } from "./job-block.js";
import { openPort, runWorker } from "./port.js";
import { runTask, type Task } from "./tasks.js";
import { ThreadMap } from "./thread-map.js";
import { pagesOf, viewOf } from "./views.js";

/** A thread's first message. */
export interface Start {
  readonly share: CoreShare;
  readonly profile: Profile;
  /** Address of its job block. */
  readonly job: number;
}

/** What a thread says of a job. */
export type Reply =
  | { readonly gives: unknown }
  /** `code` is null where what was thrown is no VmemmapError. */
  | { readonly threw: { readonly code: VmemmapError["code"] | null; readonly message: string } };

async function run(): Promise<void> {
  const port = await openPort();
  const { share, profile, job } = (await port.next()) as Start;
  const map = new ThreadMap(Core.attach(share), profile);
  const block = new JobBlock(share.memory.buffer, job);
  const reply = (message: Reply) => port.post(message);
  reply({ gives: null });
  for (;;) {
    const kind = block.wait();
    map.core.lastSection = block.lastSection;
    try {
      if (kind === Job.BATCH) {
        const invalid = doBatch(map, block);
        block.end(invalid, false);
        if (block.repliesByMessage) reply({ gives: null });
      } else {
        const gives = await runTask(map, (length) => block.take(length), (await port.next()) as Task);
        block.end(0, false);
        reply({ gives });
      }
    } catch (error) {
      const code = error instanceof VmemmapError ? error.code : null;
      block.end(0, true);
      reply({ threw: { code, message: error instanceof Error ? error.message : String(error) } });
    }
  }
}

function doBatch(map: ThreadMap, block: JobBlock): number {
  const { buffer } = map.core.u8;
  const { batch, source, out, count, stretch } = block.batch;
  let invalid = 0;
  for (let at = block.take(stretch); at < count; at = block.take(stretch)) {
    const length = Math.min(stretch, count - at);
    const pages = pagesOf(buffer, source, at, length);
    invalid += runBatch(map, batchNames[batch]!, pages, viewOf(buffer, out, at, length));
  }
  return invalid;
}

runWorker(run);
