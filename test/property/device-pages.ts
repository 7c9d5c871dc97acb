/** The pages at which lookups are compared: where pgmaps begin, where their folios do, and what is beside them. */
import * as model from "../model/index.js";
import { RAM } from "./device-world.js";

const AROUND = 3;

export function pagesOfInterest(map: model.DeviceMap): number[] {
  const places = [RAM.start, RAM.end, RAM.end + 512];
  for (const pgmap of map.pgmaps) {
    for (const range of pgmap.ranges) {
      const first = model.usableSpan(pgmap, range).start;
      places.push(range.start, first, first + 2 ** pgmap.order, first + 64, first + 128, first + 130, range.end);
    }
  }
  const pages = new Set<number>();
  for (const place of places) for (let i = -AROUND; i < AROUND; i++) pages.add(place + i);
  return [...pages];
}
