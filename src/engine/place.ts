/** Where in memory the slots of new sections go. */

/**
 * Places for sections by rising number: each run of neighbours gets places in a row, the first that are free, else those
 * after all others.
 *
 * @param taken what stands at each place, undefined where it is free
 */
export function placeSections(numbers: readonly number[], taken: readonly (number | undefined)[]): number[] {
  const isTaken = Array.from(taken, (number) => number !== undefined);
  const places: number[] = [];
  for (let from = 0; from < numbers.length;) {
    let to = from + 1;
    while (to < numbers.length && numbers[to] === numbers[to - 1]! + 1) to++;
    const first = firstRoom(isTaken, to - from);
    for (let i = 0; i < to - from; i++) {
      isTaken[first + i] = true;
      places.push(first + i);
    }
    from = to;
  }
  return places;
}

/** The first place with room for `length` in a row; all places after the last are free. */
function firstRoom(isTaken: readonly boolean[], length: number): number {
  let run = 0;
  for (let place = 0; place < isTaken.length; place++) {
    run = isTaken[place] ? 0 : run + 1;
    if (run === length) return place - length + 1;
  }
  return isTaken.length - run;
}
