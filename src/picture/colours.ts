/** Colours of pages by what they are used for, and of folios and free blocks by their order. Common ones differ to colour-blind readers too. */
import type { UsageKind } from "../kinds.js";
import type { Colour } from "./canvas.js";

/** Device memory in purples, what the kernel keeps in warm colours, users' memory in blues and green, free memory light. */
export const KIND_COLOURS: Readonly<Record<UsageKind, Colour>> = {
  "device-private": [176, 128, 240],
  "device-coherent": [136, 92, 214],
  "device-fsdax": [204, 121, 167],
  "device-generic": [96, 52, 150],
  "device-p2pdma": [226, 160, 240],
  "device-altmap": [250, 190, 226],
  "device-unknown": [255, 0, 140],
  free: [232, 236, 241],
  offline: [74, 74, 82],
  pgtable: [240, 228, 66],
  guard: [255, 250, 196],
  hugetlb: [204, 78, 8],
  slab: [240, 162, 10],
  zsmalloc: [112, 60, 20],
  unaccepted: [172, 178, 152],
  "large-kmalloc": [250, 206, 130],
  ksm: [170, 228, 255],
  anon: [0, 98, 178],
  movable: [0, 92, 96],
  shmem: [96, 186, 240],
  file: [0, 150, 110],
  reserved: [116, 116, 124],
  "free-pcp": [200, 210, 224],
  other: [120, 90, 64],
  filtered: [20, 20, 26],
};

/** Memory of which nothing but that is known. */
export const FREE_COLOUR: Colour = KIND_COLOURS.free;

/** Folios in use: from light yellow for single pages over orange and red to the darkest purple for the largest. */
const USED_STOPS: readonly Colour[] = [
  [255, 240, 178],
  [253, 194, 96],
  [244, 128, 52],
  [212, 56, 46],
  [146, 16, 66],
  [66, 6, 60],
];
/** Free blocks: from the lightest blue to a dark one. */
const FREE_STOPS: readonly Colour[] = [
  [232, 242, 250],
  [168, 208, 236],
  [88, 158, 212],
  [20, 84, 156],
];
/** Orders up to MAX_PAGE_ORDER take most of the scale; those above are of gigantic pages, up to 1 GiB. */
const BUDDY_ORDERS = 10;
const LAST_SHADE = 18;
const BUDDY_SHARE = 0.8;

/** Of pages in folios of an order. */
export function orderColour(order: number): Colour {
  const above = (Math.min(order, LAST_SHADE) - BUDDY_ORDERS) / (LAST_SHADE - BUDDY_ORDERS);
  return shade(
    USED_STOPS,
    order <= BUDDY_ORDERS ? (order / BUDDY_ORDERS) * BUDDY_SHARE : BUDDY_SHARE + above * (1 - BUDDY_SHARE),
  );
}

/** Of pages in free blocks of an order. */
export function freeOrderColour(order: number): Colour {
  return shade(FREE_STOPS, Math.min(order, BUDDY_ORDERS) / BUDDY_ORDERS);
}

/** The colour at a place from 0 to 1 on a scale. */
function shade(stops: readonly Colour[], place: number): Colour {
  const at = place * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  const share = at - low;
  const mix = (i: 0 | 1 | 2) => Math.round(stops[low]![i] * (1 - share) + stops[low + 1]![i] * share);
  return [mix(0), mix(1), mix(2)];
}
