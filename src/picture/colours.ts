/** Colours of pages by what they are used for, and of folios by their order. */
import type { UsageKind } from "../kinds.js";
import type { Colour } from "./canvas.js";

/** Device memory in purples, what the kernel keeps in warm colours, users' memory in blue and green, free memory dark. */
export const KIND_COLOURS: Readonly<Record<UsageKind, Colour>> = {
  "device-private": [196, 120, 255],
  "device-coherent": [150, 90, 230],
  "device-fsdax": [214, 102, 214],
  "device-generic": [126, 74, 190],
  "device-p2pdma": [232, 156, 240],
  "device-altmap": [255, 190, 255],
  "device-unknown": [255, 60, 160],
  free: [44, 50, 66],
  offline: [84, 84, 92],
  pgtable: [255, 214, 64],
  guard: [255, 244, 170],
  hugetlb: [226, 68, 58],
  slab: [244, 142, 40],
  zsmalloc: [168, 112, 52],
  unaccepted: [110, 116, 96],
  "large-kmalloc": [255, 184, 112],
  ksm: [104, 222, 255],
  anon: [62, 132, 246],
  movable: [28, 174, 184],
  shmem: [134, 214, 90],
  file: [44, 164, 86],
  reserved: [150, 150, 158],
  "free-pcp": [70, 80, 108],
  other: [232, 226, 214],
  filtered: [30, 30, 36],
};

/** From dark blue for single pages over green to yellow and red for the largest. */
const ORDER_STOPS: readonly Colour[] = [
  [48, 42, 84],
  [66, 84, 190],
  [40, 156, 200],
  [44, 186, 120],
  [190, 214, 60],
  [250, 190, 60],
  [238, 96, 60],
];
/** Orders up to MAX_PAGE_ORDER take most of the scale; those above are of gigantic pages, up to 1 GiB. */
const BUDDY_ORDERS = 10;
const LAST_SHADE = 18;
const BUDDY_SHARE = 0.8;

export function orderColour(order: number): Colour {
  const above = (Math.min(order, LAST_SHADE) - BUDDY_ORDERS) / (LAST_SHADE - BUDDY_ORDERS);
  const place = order <= BUDDY_ORDERS ? (order / BUDDY_ORDERS) * BUDDY_SHARE : BUDDY_SHARE + above * (1 - BUDDY_SHARE);
  const at = place * (ORDER_STOPS.length - 1);
  const low = Math.min(Math.floor(at), ORDER_STOPS.length - 2);
  const share = at - low;
  const mix = (i: 0 | 1 | 2) => Math.round(ORDER_STOPS[low]![i] * (1 - share) + ORDER_STOPS[low + 1]![i] * share);
  return [mix(0), mix(1), mix(2)];
}
