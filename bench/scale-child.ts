/** What the suite "scale" runs for each map: so that one map's memory is free when the next is built, and its peak its own. */
import { measureScale, type ScaleTask } from "./scale.js";

const task = JSON.parse(process.argv[2]!) as ScaleTask;
process.stdout.write(JSON.stringify(await measureScale(task)), () => process.exit());
