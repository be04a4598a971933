/**
 * `DeadlineHeap`: finds the first deadline of many owners.
 *
 * The heap is sorted by `heapKey`. Nearly every segment moves a deadline to a later time. So that
 * this costs little, the key of an owner may be earlier than its deadline; the key is corrected
 * when the owner reaches the top. The first deadline is exact.
 *
 * @module
 */

/** An object with a deadline. */
export interface DeadlineOwner {
  /**
   * Writes the deadline of this owner, in ms, to the first element of `out`; Infinity: none. The
   * deadline is not returned, because V8 may put a returned number into a new object, several times
   * for each segment.
   */
  writeDeadline(out: Float64Array): void;
  /** The index of this owner in the heap; -1: it is not in the heap. Changed by the heap only. */
  heapIndex: number;
  /**
   * While this owner is in the heap: a time that is not later than its deadline. Changed by the
   * heap only.
   */
  heapKey: number;
}

export class DeadlineHeap<Owner extends DeadlineOwner> {
  readonly #heap: Owner[] = [];
  readonly #deadline = new Float64Array(1);

  /** Must be called when the deadline of an owner may have changed. */
  update(owner: Owner): void {
    owner.writeDeadline(this.#deadline);
    const deadline = this.#deadline[0];
    if (owner.heapIndex === -1) {
      if (deadline === Infinity) return;
      owner.heapKey = deadline;
      owner.heapIndex = this.#heap.length;
      this.#heap.push(owner);
      this.#up(owner);
    } else if (deadline < owner.heapKey) {
      owner.heapKey = deadline;
      this.#up(owner);
    }
  }

  /** Removes an owner. */
  remove(owner: Owner): void {
    if (owner.heapIndex === -1) return;
    const last = this.#heap.pop()!;
    if (last !== owner) {
      last.heapIndex = owner.heapIndex;
      this.#heap[last.heapIndex] = last;
      this.#down(last);
      this.#up(last);
    }
    owner.heapIndex = -1;
  }

  /**
   * Returns the owner with the first deadline; undefined: none. The `heapKey` of this owner is then
   * exactly its deadline.
   */
  first(): Owner | undefined {
    for (;;) {
      const owner = this.#heap[0];
      if (!owner) return undefined;
      owner.writeDeadline(this.#deadline);
      const deadline = this.#deadline[0];
      if (deadline === owner.heapKey) return owner;
      if (deadline === Infinity) this.remove(owner);
      else {
        owner.heapKey = deadline;
        this.#down(owner);
      }
    }
  }

  #up(owner: Owner): void {
    const heap = this.#heap;
    let index = owner.heapIndex;
    while (index > 0) {
      const parent = (index - 1) >>> 1;
      if (heap[parent].heapKey <= owner.heapKey) break;
      heap[index] = heap[parent];
      heap[index].heapIndex = index;
      index = parent;
    }
    heap[index] = owner;
    owner.heapIndex = index;
  }

  #down(owner: Owner): void {
    const heap = this.#heap;
    let index = owner.heapIndex;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1].heapKey < heap[child].heapKey) child++;
      if (heap[child].heapKey >= owner.heapKey) break;
      heap[index] = heap[child];
      heap[index].heapIndex = index;
      index = child;
    }
    heap[index] = owner;
    owner.heapIndex = index;
  }
}
