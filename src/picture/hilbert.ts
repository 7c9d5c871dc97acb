/**
 * Where step `index` of the Hilbert curve through a square of `side` cells (a power of two) stands: `y * side + x`. Steps next to
 * each other are neighbours, and each aligned run of a power of four is a square of its own, as an aligned folio is.
 */
export function hilbertCell(side: number, index: number): number {
  let x = 0;
  let y = 0;
  for (let size = 1, rest = index; size < side; size *= 2, rest = Math.floor(rest / 4)) {
    const right = (rest >> 1) & 1;
    const up = (rest ^ right) & 1;
    if (up === 0) {
      if (right === 1) {
        x = size - 1 - x;
        y = size - 1 - y;
      }
      [x, y] = [y, x];
    }
    x += size * right;
    y += size * up;
  }
  return y * side + x;
}
