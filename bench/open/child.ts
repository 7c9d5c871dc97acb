/** What the benchmark "open" runs for each dump: so that its peak of memory is its own, and its first round starts cold. */
import { VmemmapError } from "../../src/errors.js";
import { measureOpenings, type OpenTask } from "./stages.js";

const task = JSON.parse(process.argv[2]!) as OpenTask;
const answer = await measureOpenings(task).catch((error: unknown) => {
  if (!(error instanceof VmemmapError)) throw error;
  return { error: { code: error.code, message: error.message } };
});
process.stdout.write(JSON.stringify(answer), () => process.exit());
