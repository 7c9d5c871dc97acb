/** Shares out the numbers from 0 on among the threads of a job: the first of the next `length`. */
export type Take = (length: number) => number;

/** All of them for one thread. */
export function takeAll(): Take {
  let next = 0;
  return (length) => {
    const first = next;
    next += length;
    return first;
  };
}
