/** Those who wait for one thing to happen. */
export class Waiting {
  readonly #waiting: PromiseWithResolvers[] = [];

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Settles as {@link end} says. */
  async wait(): Promise<void> {
    await new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** It has happened; or it never will, for this reason. */
  end(reason?: Error): void {
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (reason === undefined) resolve();
      else reject(reason);
    }
  }
}

interface PromiseWithResolvers {
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}
